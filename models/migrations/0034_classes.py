# ruff: noqa: E501, RUF012
"""Offline classes: the classes, their seats, who was there; and what these tables promise."""

from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import AttendanceOutcome, SeatState

PROMISES = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE offline_classes
    ADD CONSTRAINT offline_classes_times CHECK (starts_at < ends_at AND ends_at <= starts_at + interval '8 hours'),
    ADD CONSTRAINT offline_classes_capacity CHECK (capacity >= 1),
    ADD CONSTRAINT offline_classes_counts CHECK (arrivals >= 0 AND moves >= 0),
    ADD CONSTRAINT offline_classes_location CHECK ((latitude IS NULL) = (longitude IS NULL)
        AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180),
    ADD CONSTRAINT offline_classes_trainer_in_one_place EXCLUDE USING gist
        (trainer_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (cancelled_at IS NULL);
CREATE INDEX offline_classes_by_time ON offline_classes (starts_at, id);
CREATE INDEX offline_classes_to_settle ON offline_classes (ends_at) WHERE settled_at IS NULL AND cancelled_at IS NULL;

ALTER TABLE class_seats
    ADD CONSTRAINT class_seats_one_each UNIQUE (offline_class_id, member_id),
    ADD CONSTRAINT class_seats_arrival_once UNIQUE (offline_class_id, arrival),
    ADD CONSTRAINT class_seats_arrival CHECK (arrival >= 1),
    ADD CONSTRAINT class_seats_state_known CHECK (state IN ('SEATED', 'WAITLISTED', 'CANCELLED')),
    ADD CONSTRAINT class_seats_seated CHECK (state <> 'SEATED' OR seated_at IS NOT NULL),
    ADD CONSTRAINT class_seats_cancelled CHECK ((state = 'CANCELLED') = (cancelled_at IS NOT NULL));
CREATE INDEX class_seats_of_member ON class_seats (member_id, offline_class_id);
CREATE INDEX class_seats_waiting ON class_seats (offline_class_id, arrival) WHERE state = 'WAITLISTED';

ALTER TABLE class_attendances
    ADD CONSTRAINT class_attendances_one_each UNIQUE (offline_class_id, member_id),
    ADD CONSTRAINT class_attendances_outcome CHECK (outcome IN ('PRESENT', 'LATE', 'ABSENT')),
    ADD CONSTRAINT class_attendances_checked_in CHECK ((outcome = 'ABSENT') = (checked_in_at IS NULL)),
    ADD CONSTRAINT class_attendances_stars CHECK (stars BETWEEN 1 AND 5),
    ADD CONSTRAINT class_attendances_rated CHECK ((stars IS NULL) = (rated_at IS NULL)
        AND (stars IS NULL OR outcome <> 'ABSENT'));
CREATE INDEX class_attendances_in_order ON class_attendances (offline_class_id, recorded_at, id);
CREATE INDEX class_attendances_of_member ON class_attendances (member_id, offline_class_id);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0033_reminders")]

    operations = [
        ops.CreateModel(
            name="OfflineClass",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=80)),
                (
                    "course",
                    fields.ForeignKeyField(
                        "models.Course",
                        source_field="course_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="classes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "trainer",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="trainer_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="trained_classes",
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
                        related_name="classes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("place", fields.CharField(max_length=80)),
                ("address", fields.CharField(default="", max_length=200)),
                ("latitude", fields.FloatField(null=True)),
                ("longitude", fields.FloatField(null=True)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("capacity", fields.SmallIntField()),
                ("arrivals", fields.IntField(default=0)),
                ("moves", fields.IntField(default=0)),
                ("cancelled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("cancel_reason", fields.CharField(default="", max_length=200)),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "offline_classes", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ClassAttendance",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "offline_class",
                    fields.ForeignKeyField(
                        "models.OfflineClass",
                        source_field="offline_class_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attendances",
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
                        related_name="class_attendances",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "outcome",
                    fields.CharEnumField(
                        description="PRESENT: PRESENT\nLATE: LATE\nPARTIAL: PARTIAL\nABSENT: ABSENT\nEXCUSED: EXCUSED\nREPLAY: REPLAY",
                        enum_type=AttendanceOutcome,
                        max_length=10,
                    ),
                ),
                ("recorded_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("checked_in_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("by", fields.UUIDField(null=True)),
                ("reason", fields.CharField(default="", max_length=200)),
                ("awards", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("stars", fields.SmallIntField(null=True)),
                ("comment", fields.CharField(default="", max_length=500)),
                ("rated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "class_attendances", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ClassSeat",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "offline_class",
                    fields.ForeignKeyField(
                        "models.OfflineClass",
                        source_field="offline_class_id",
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
                        related_name="class_seats",
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
                ("signed_up_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("seated_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("cancelled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "class_seats", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(PROMISES, reverse_sql=""),
    ]
