# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Suspicions, the days looked at for them, and by which sign-in an event of learning was reported."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import SuspicionKind, SuspicionState

RULES = """
ALTER TABLE suspicions
    ADD CONSTRAINT suspicions_kind_known CHECK (
        kind IN ('FASTER_THAN_THE_CLOCK', 'SAME_TRACE', 'NIGHT_LONG', 'SHARED_DEVICE', 'ANSWERS_TOO_FAST')),
    ADD CONSTRAINT suspicions_state_known CHECK (state IN ('OPEN', 'CLEARED', 'CONFIRMED')),
    ADD CONSTRAINT suspicions_judged_wholly CHECK (
        CASE state WHEN 'OPEN' THEN num_nonnulls(judged_at, judged_by) = 0
                   ELSE num_nulls(judged_at, judged_by) = 0 END),
    ADD CONSTRAINT suspicions_not_judged_by_oneself CHECK (judged_by <> member_id);
CREATE INDEX suspicions_newest ON suspicions (detected_at, id);
ALTER TABLE learning_events ADD COLUMN session_id uuid;
CREATE INDEX learning_events_moment ON learning_events USING brin (occurred_at);
"""
# BRIN: events come about in order of occurrence, so a few bytes for each 128 pages find those of a day.

UNDO = """
DROP INDEX learning_events_moment;
ALTER TABLE learning_events DROP COLUMN session_id;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0022_paths")]

    operations = [
        ops.CreateModel(
            name="Suspicion",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="suspicions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="suspicions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="FASTER_THAN_THE_CLOCK: FASTER_THAN_THE_CLOCK\nSAME_TRACE: SAME_TRACE\nNIGHT_LONG: NIGHT_LONG\nSHARED_DEVICE: SHARED_DEVICE\nANSWERS_TOO_FAST: ANSWERS_TOO_FAST",
                        enum_type=SuspicionKind,
                        max_length=30,
                    ),
                ),
                ("key", fields.CharField(max_length=60)),
                ("day", fields.DateField()),
                ("evidence", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("detected_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "state",
                    fields.CharEnumField(
                        default=SuspicionState.OPEN,
                        description="OPEN: OPEN\nCLEARED: CLEARED\nCONFIRMED: CONFIRMED",
                        enum_type=SuspicionState,
                        max_length=10,
                    ),
                ),
                ("judged_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("judged_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "suspicions",
                "app": "models",
                "unique_together": (("member", "kind", "key"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SuspicionLook",
            fields=[
                ("day", fields.DateField(primary_key=True, unique=True, db_index=True)),
                ("looked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("final", fields.BooleanField()),
            ],
            options={"table": "suspicion_looks", "app": "models", "pk_attr": "day"},
            bases=["Model"],
        ),
        RunSQL(RULES, UNDO),
    ]
