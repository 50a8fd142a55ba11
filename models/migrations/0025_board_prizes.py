# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Boards that admins made with prizes of their own, and what was awarded with each closed board."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier, PrizeOrder

RULES = """
ALTER TABLE made_boards
    ADD CONSTRAINT made_boards_metric_known
        CHECK (metric IN ('POINTS', 'COURSES_COMPLETED', 'LEARNING_SECONDS', 'STREAK_DAYS', 'LIVE_ATTENDANCES')),
    ADD CONSTRAINT made_boards_period_known
        CHECK (period IN ('DAY', 'WEEK', 'MONTH', 'QUARTER', 'SEASON', 'ALL_TIME')),
    ADD CONSTRAINT made_boards_subject_known CHECK (subject IN ('MEMBER', 'OUTLET', 'REGION')),
    ADD CONSTRAINT made_boards_prizes_by_known CHECK (prizes_by IN ('POSITION', 'RANK'));
CREATE UNIQUE INDEX made_boards_once ON made_boards
    (metric, period, subject, coalesce(region_id, '00000000-0000-0000-0000-000000000000'), coalesce(tier, ''));
CREATE INDEX made_boards_newest ON made_boards (created_at, id);

ALTER TABLE board_awards
    ADD CONSTRAINT board_awards_once UNIQUE (period_id, board),
    ADD CONSTRAINT board_awards_prizes_by_known CHECK (prizes_by IN ('POSITION', 'RANK')),
    ADD CONSTRAINT board_awards_in_order CHECK (awarded_at >= decided_at);

UPDATE board_periods SET decided_at = frozen_at;
ALTER TABLE board_periods
    ADD CONSTRAINT board_periods_decided_after CHECK (decided_at IS NULL OR decided_at >= frozen_at),
    ADD CONSTRAINT board_periods_awarded_after CHECK (phase <> 'AWARDED' OR decided_at IS NOT NULL);
"""

UNDO = """
ALTER TABLE board_periods
    DROP CONSTRAINT board_periods_decided_after, DROP CONSTRAINT board_periods_awarded_after;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0024_badges"), ("models", "0023_suspicions")]

    operations = [
        ops.CreateModel(
            name="BoardAward",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "period",
                    fields.ForeignKeyField(
                        "models.BoardPeriodRow",
                        source_field="period_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="awards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("board", fields.CharField(max_length=160)),
                ("prizes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "prizes_by",
                    fields.CharEnumField(
                        description="POSITION: POSITION\nRANK: RANK", enum_type=PrizeOrder, max_length=10
                    ),
                ),
                ("decided_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("awarded_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "board_awards",
                "app": "models",
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MadeBoard",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=40)),
                (
                    "metric",
                    fields.CharEnumField(
                        description="POINTS: POINTS\nCOURSES_COMPLETED: COURSES_COMPLETED\nLEARNING_SECONDS: LEARNING_SECONDS\nSTREAK_DAYS: STREAK_DAYS\nLIVE_ATTENDANCES: LIVE_ATTENDANCES",
                        enum_type=BoardMetric,
                        max_length=20,
                    ),
                ),
                (
                    "period",
                    fields.CharEnumField(
                        description="DAY: DAY\nWEEK: WEEK\nMONTH: MONTH\nQUARTER: QUARTER\nSEASON: SEASON\nALL_TIME: ALL_TIME",
                        enum_type=BoardPeriod,
                        max_length=10,
                    ),
                ),
                (
                    "subject",
                    fields.CharEnumField(
                        description="MEMBER: MEMBER\nOUTLET: OUTLET\nREGION: REGION",
                        enum_type=BoardSubjectKind,
                        max_length=10,
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
                        related_name="made_boards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "tier",
                    fields.CharEnumField(
                        null=True,
                        description="NEW: NEW\nORDINARY: ORDINARY\nMODERN: MODERN\nPARTNER: PARTNER",
                        enum_type=OutletTier,
                        max_length=10,
                    ),
                ),
                ("prizes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "prizes_by",
                    fields.CharEnumField(
                        description="POSITION: POSITION\nRANK: RANK", enum_type=PrizeOrder, max_length=10
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "made_boards", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField(
            model_name="BoardPeriodRow",
            name="decided_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
