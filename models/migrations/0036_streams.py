# ruff: noqa: RUF012
"""The streams of live lessons: keys, feeds, recordings told of, and tries at replays."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

PROMISES = """
ALTER TABLE stream_keys
    ADD CONSTRAINT stream_keys_name CHECK (name ~ '^[a-z0-9]{16,64}$'),
    ADD CONSTRAINT stream_keys_hash CHECK (secret_hash ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT stream_keys_window CHECK (valid_from < expires_at);
CREATE UNIQUE INDEX stream_keys_one_good ON stream_keys (lesson_id) WHERE revoked_at IS NULL;
CREATE INDEX stream_keys_of_lesson ON stream_keys (lesson_id, issued_at);

ALTER TABLE stream_feeds ADD CONSTRAINT stream_feeds_ends_after_start CHECK (until_at >= from_at);
CREATE UNIQUE INDEX stream_feeds_one_open ON stream_feeds (lesson_id) WHERE until_at IS NULL;
CREATE INDEX stream_feeds_of_lesson ON stream_feeds (lesson_id, until_at);
CREATE INDEX stream_feeds_of_key ON stream_feeds (key_id);
CREATE INDEX stream_recordings_of_key ON stream_recordings (key_id);
ALTER TABLE live_replay_tries ADD CONSTRAINT live_replay_tries_count CHECK (tries > 0);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0035_reports")]

    operations = [
        ops.CreateModel(
            name="ReplayTry",
            fields=[
                (
                    "lesson",
                    fields.OneToOneField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        primary_key=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="replay_try",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("tries", fields.IntField()),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("failure", fields.CharField(max_length=300)),
            ],
            options={"table": "live_replay_tries", "app": "models", "pk_attr": "lesson_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StreamKey",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "lesson",
                    fields.ForeignKeyField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stream_keys",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("secret_hash", fields.CharField(max_length=64)),
                ("issued_by", fields.UUIDField()),
                ("issued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("valid_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "stream_keys", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StreamFeed",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "lesson",
                    fields.ForeignKeyField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="feeds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "key",
                    fields.ForeignKeyField(
                        "models.StreamKey",
                        source_field="key_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="feeds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("client", fields.CharField(null=True, max_length=80)),
                ("from_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("until_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "stream_feeds", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StreamRecording",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "key",
                    fields.ForeignKeyField(
                        "models.StreamKey",
                        source_field="key_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="recordings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("location", fields.CharField(unique=True, max_length=1000)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("heard_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "stream_recordings", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(PROMISES, reverse_sql="SELECT 1"),
    ]
