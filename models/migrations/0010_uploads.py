"""Uploads: what may be put, what has arrived."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

PROMISES = """
ALTER TABLE uploads
    ADD CONSTRAINT uploads_member FOREIGN KEY (member_id) REFERENCES members (id),
    ADD CONSTRAINT uploads_name_present CHECK (file_name <> ''),
    ADD CONSTRAINT uploads_size_range CHECK (size_bytes > 0),
    ADD CONSTRAINT uploads_sha256_hex CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT uploads_expiry_later CHECK (expires_at > created_at),
    ADD CONSTRAINT uploads_attempts_range CHECK (attempts >= 0 AND received_attempt BETWEEN 1 AND attempts),
    ADD CONSTRAINT uploads_completed_received CHECK (completed_at IS NULL OR received_attempt IS NOT NULL);
CREATE INDEX uploads_open ON uploads (member_id, expires_at) WHERE completed_at IS NULL;
CREATE INDEX uploads_over ON uploads (expires_at, id) WHERE swept_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0009_member_lists")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="Upload",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("member_id", fields.UUIDField()),
                ("file_name", fields.CharField(max_length=200)),
                ("content_type", fields.CharField(max_length=100)),
                ("size_bytes", fields.BigIntField()),
                ("sha256", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("attempts", fields.SmallIntField(default=0)),
                ("received_attempt", fields.SmallIntField(null=True)),
                ("completed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("swept_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "uploads", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(PROMISES),
    ]
