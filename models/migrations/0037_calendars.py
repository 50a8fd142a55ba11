# ruff: noqa: RUF012 - the operations are written by `make migrations`
"""Private addresses of calendars."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

RULES = """
ALTER TABLE calendar_feeds
    ADD CONSTRAINT calendar_feeds_one_each UNIQUE (member_id),
    ADD CONSTRAINT calendar_feeds_token_once UNIQUE (token_hash),
    ADD CONSTRAINT calendar_feeds_nonce CHECK (length(nonce) = 16);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0036_streams")]

    operations = [
        ops.CreateModel(
            name="CalendarFeed",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="calendar_feeds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("nonce", fields.BinaryField()),
                ("token_hash", fields.CharField(max_length=64)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "calendar_feeds", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=""),
    ]
