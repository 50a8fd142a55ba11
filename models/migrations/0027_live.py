# ruff: noqa: E501, RUF012
"""Live lessons: series, lessons, their states, when they were on air, and their seats.

That nobody hosts two lessons at once needs `btree_gist`, which comes with PostgreSQL and which the owner of a database
may install since version 13.
"""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import LiveStatus, SeatState

HOSTING = "('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED')"
STATUSES = "('DRAFT', 'SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED', 'ENDED', 'REPLAY_READY', 'ARCHIVED', 'CANCELLED', 'EXPIRED')"
TIERS = "ARRAY['NEW', 'ORDINARY', 'MODERN', 'PARTNER']"

PROMISES = f"""
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE live_series
    ADD CONSTRAINT live_series_duration CHECK (duration_seconds BETWEEN 1 AND 14400),
    ADD CONSTRAINT live_series_tiers CHECK (audience_tiers <@ {TIERS}),
    ADD CONSTRAINT live_series_capacity CHECK (capacity >= 1),
    ADD CONSTRAINT live_series_credit CHECK (min_percent BETWEEN 0 AND 100 AND min_seconds >= 0 AND points >= 0
        AND replay_points >= 0 AND check_ins_required >= 0);
CREATE INDEX live_series_to_roll ON live_series (made_until);

ALTER TABLE live_lessons
    ADD CONSTRAINT live_lessons_status_known CHECK (status IN {STATUSES}),
    ADD CONSTRAINT live_lessons_ends_after_start CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '4 hours'),
    ADD CONSTRAINT live_lessons_doors CHECK (doors_open_at <= starts_at AND doors_close_at > doors_open_at),
    ADD CONSTRAINT live_lessons_tiers CHECK (audience_tiers <@ {TIERS}),
    ADD CONSTRAINT live_lessons_capacity CHECK (capacity >= 1),
    ADD CONSTRAINT live_lessons_never_over_capacity CHECK (seats_taken BETWEEN 0 AND coalesce(capacity, seats_taken)),
    ADD CONSTRAINT live_lessons_arrivals CHECK (arrivals >= seats_taken),
    ADD CONSTRAINT live_lessons_credit CHECK (min_percent BETWEEN 0 AND 100 AND min_seconds >= 0 AND points >= 0
        AND replay_points >= 0 AND check_ins_required >= 0),
    ADD CONSTRAINT live_lessons_of_series CHECK ((series_id IS NULL) = (occurs_at IS NULL)),
    ADD CONSTRAINT live_lessons_once_in_series UNIQUE (series_id, occurs_at),
    ADD CONSTRAINT live_lessons_host_in_one_place EXCLUDE USING gist
        (host_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status IN {HOSTING})
        DEFERRABLE INITIALLY IMMEDIATE;
CREATE INDEX live_lessons_by_time ON live_lessons (starts_at, id);
CREATE INDEX live_lessons_of_host ON live_lessons (host_id, starts_at);
CREATE INDEX live_lessons_open ON live_lessons (starts_at)
    WHERE status IN ('DRAFT', 'SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED');

ALTER TABLE live_steps ADD CONSTRAINT live_steps_status_known CHECK (status IN {STATUSES});
CREATE INDEX live_steps_of_lesson ON live_steps (lesson_id, id);

ALTER TABLE live_airings
    ADD CONSTRAINT live_airings_ends_after_start CHECK (until_at >= from_at),
    ADD CONSTRAINT live_airings_apart EXCLUDE USING gist
        (lesson_id WITH =, tstzrange(from_at, until_at) WITH &&);
CREATE INDEX live_airings_of_lesson ON live_airings (lesson_id, from_at);

ALTER TABLE live_seats
    ADD CONSTRAINT live_seats_one_each UNIQUE (lesson_id, member_id),
    ADD CONSTRAINT live_seats_arrival_once UNIQUE (lesson_id, arrival),
    ADD CONSTRAINT live_seats_arrival CHECK (arrival >= 1),
    ADD CONSTRAINT live_seats_state_known CHECK (state IN ('SEATED', 'WAITLISTED', 'CANCELLED')),
    ADD CONSTRAINT live_seats_seated CHECK (state <> 'SEATED' OR seated_at IS NOT NULL),
    ADD CONSTRAINT live_seats_cancelled CHECK ((state = 'CANCELLED') = (cancelled_at IS NOT NULL));
CREATE INDEX live_seats_of_member ON live_seats (member_id, lesson_id);
CREATE INDEX live_seats_waiting ON live_seats (lesson_id, arrival) WHERE state = 'WAITLISTED';
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0026_old_streaks")]

    operations = [
        ops.CreateModel(
            name="LiveSeries",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("recurrence", fields.CharField(max_length=500)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("duration_seconds", fields.IntField()),
                ("made_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_before", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("title", fields.CharField(max_length=80)),
                ("description", fields.CharField(default="", max_length=2000)),
                (
                    "cover_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="cover_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_series",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "host",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="host_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="live_series",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "module",
                    fields.ForeignKeyField(
                        "models.Module",
                        source_field="module_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_series",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "course",
                    fields.ForeignKeyField(
                        "models.Course",
                        source_field="course_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_series",
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
                        related_name="live_series",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("audience_tiers", ArrayField(default=list, element_type="TEXT")),
                ("capacity", fields.IntField(null=True)),
                ("min_percent", fields.SmallIntField()),
                ("min_seconds", fields.IntField()),
                ("points", fields.SmallIntField(null=True)),
                ("replay_points", fields.SmallIntField(null=True)),
                ("check_ins_required", fields.SmallIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "live_series", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LiveLesson",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "series",
                    fields.ForeignKeyField(
                        "models.LiveSeries",
                        source_field="series_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="lessons",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("occurs_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("edited", ArrayField(default=list, element_type="TEXT")),
                (
                    "status",
                    fields.CharEnumField(
                        description="DRAFT: DRAFT\nSCHEDULED: SCHEDULED\nREHEARSAL: REHEARSAL\nLIVE: LIVE\nINTERRUPTED: INTERRUPTED\nENDED: ENDED\nREPLAY_READY: REPLAY_READY\nARCHIVED: ARCHIVED\nCANCELLED: CANCELLED\nEXPIRED: EXPIRED",
                        enum_type=LiveStatus,
                        max_length=12,
                    ),
                ),
                ("title", fields.CharField(max_length=80)),
                ("description", fields.CharField(default="", max_length=2000)),
                (
                    "cover_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="cover_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_lessons",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "host",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="host_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="hosted_lessons",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "module",
                    fields.ForeignKeyField(
                        "models.Module",
                        source_field="module_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_lessons",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "course",
                    fields.ForeignKeyField(
                        "models.Course",
                        source_field="course_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="live_lessons",
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
                        related_name="live_lessons",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("audience_tiers", ArrayField(default=list, element_type="TEXT")),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("doors_open_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("doors_close_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("capacity", fields.IntField(null=True)),
                ("seats_taken", fields.IntField(default=0)),
                ("arrivals", fields.IntField(default=0)),
                ("min_percent", fields.SmallIntField()),
                ("min_seconds", fields.IntField()),
                ("points", fields.SmallIntField(null=True)),
                ("replay_points", fields.SmallIntField(null=True)),
                ("check_ins_required", fields.SmallIntField(default=0)),
                (
                    "replay_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="replay_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="replays",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("schedule_version", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "live_lessons", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LiveAiring",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "lesson",
                    fields.ForeignKeyField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="airings",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("from_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("until_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "live_airings", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LiveSeat",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "lesson",
                    fields.ForeignKeyField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="seats",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="live_seats",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        description="SEATED: SEATED\nWAITLISTED: WAITLISTED\nCANCELLED: CANCELLED",
                        enum_type=SeatState,
                        max_length=10,
                    ),
                ),
                ("arrival", fields.IntField()),
                ("reserved_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("seated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("cancelled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "live_seats", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LiveStep",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "lesson",
                    fields.ForeignKeyField(
                        "models.LiveLesson",
                        source_field="lesson_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="steps",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="DRAFT: DRAFT\nSCHEDULED: SCHEDULED\nREHEARSAL: REHEARSAL\nLIVE: LIVE\nINTERRUPTED: INTERRUPTED\nENDED: ENDED\nREPLAY_READY: REPLAY_READY\nARCHIVED: ARCHIVED\nCANCELLED: CANCELLED\nEXPIRED: EXPIRED",
                        enum_type=LiveStatus,
                        max_length=12,
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("by", fields.UUIDField(null=True)),
                ("cause", fields.CharField(max_length=200)),
            ],
            options={"table": "live_steps", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(PROMISES, reverse_sql="SELECT 1"),
    ]
