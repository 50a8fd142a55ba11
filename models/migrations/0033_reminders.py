# ruff: noqa: RUF012 - the operations are written by `make migrations`
"""Reminders, planned and told once; and what this table promises."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import ReminderOutcome

RULES = """
ALTER TABLE reminders
    ADD CONSTRAINT reminders_once UNIQUE (object_id, kind, version),
    ADD CONSTRAINT reminders_finished CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    ADD CONSTRAINT reminders_told CHECK (told >= 0),
    ADD CONSTRAINT reminders_look_again CHECK (look_again_seconds >= 60);
CREATE INDEX reminders_due ON reminders (due_at) WHERE finished_at IS NULL;
CREATE INDEX assignments_due ON assignments (due_at);
"""
UNDO = "DROP INDEX assignments_due;"


class Migration(migrations.Migration):
    dependencies = [("models", "0032_making")]

    operations = [
        ops.CreateModel(
            name="Reminder",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("kind", fields.CharField(max_length=30)),
                ("object_type", fields.CharField(max_length=40)),
                ("object_id", fields.UUIDField()),
                ("version", fields.IntField()),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("void_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("look_again_seconds", fields.IntField(null=True)),
                ("planned_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("looked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("told_up_to", fields.UUIDField(null=True)),
                ("told", fields.IntField(default=0)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "outcome",
                    fields.CharEnumField(
                        null=True,
                        description="TOLD: TOLD\nWITHDRAWN: WITHDRAWN\nTOO_LATE: TOO_LATE",
                        enum_type=ReminderOutcome,
                        max_length=10,
                    ),
                ),
            ],
            options={"table": "reminders", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
