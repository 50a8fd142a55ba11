# ruff: noqa: RUF012
"""The notice inbox and the phones to push to, with what these tables promise."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import PushProvider

RULES = """
ALTER TABLE notices
    ADD CONSTRAINT notices_once UNIQUE (member_id, kind, key),
    ADD CONSTRAINT notices_about_whole CHECK (num_nulls(object_type, object_id) IN (0, 2));
CREATE INDEX notices_newest ON notices (member_id, created_at, id);
CREATE INDEX notices_unread ON notices (member_id) WHERE read_at IS NULL;
CREATE INDEX notices_read ON notices (read_at) WHERE read_at IS NOT NULL;

ALTER TABLE push_devices
    ADD CONSTRAINT push_devices_token_once UNIQUE (provider, token);
CREATE INDEX push_devices_of_session ON push_devices (session_id);
CREATE INDEX push_devices_of_member ON push_devices (member_id);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0016_streak_marks")]

    operations = [
        ops.CreateModel(
            name="Notice",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="notices",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharField(max_length=30)),
                ("key", fields.CharField(max_length=100)),
                ("details", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("object_type", fields.CharField(null=True, max_length=40)),
                ("object_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "notices", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PushDevice",
            fields=[
                ("device_id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                (
                    "session",
                    fields.ForeignKeyField(
                        "models.Session",
                        source_field="session_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="push_devices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="push_devices",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "provider",
                    fields.CharEnumField(
                        description="JPUSH: JPUSH\nAPNS: APNS\nFCM: FCM", enum_type=PushProvider, max_length=10
                    ),
                ),
                ("token", fields.CharField(max_length=512)),
                ("registered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "push_devices", "app": "models", "pk_attr": "device_id"},
            bases=["Model"],
        ),
        RunSQL(RULES),
    ]
