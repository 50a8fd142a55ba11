# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""The paths of the tiers with their stages, and what these tables promise."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import OutletTier

RULES = """
ALTER TABLE paths
    ADD CONSTRAINT paths_counts CHECK (version >= 0 AND settling_run >= 0 AND settled_members >= 0 AND members_to_settle >= 0);
ALTER TABLE path_stages
    ADD CONSTRAINT path_stages_position CHECK (position >= 1),
    ADD CONSTRAINT path_stages_points CHECK (points >= 1),
    ADD CONSTRAINT path_stages_courses CHECK (cardinality(course_ids) >= 1);
"""

UNDO = """
ALTER TABLE path_stages
    DROP CONSTRAINT path_stages_position, DROP CONSTRAINT path_stages_points, DROP CONSTRAINT path_stages_courses;
ALTER TABLE paths DROP CONSTRAINT paths_counts;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0021_leagues")]

    operations = [
        ops.CreateModel(
            name="Path",
            fields=[
                (
                    "tier",
                    fields.CharEnumField(
                        primary_key=True,
                        unique=True,
                        db_index=True,
                        description="NEW: NEW\nORDINARY: ORDINARY\nMODERN: MODERN\nPARTNER: PARTNER",
                        enum_type=OutletTier,
                        max_length=10,
                    ),
                ),
                ("version", fields.IntField()),
                ("arranged_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_course_ids", ArrayField(default=list, element_type="UUID")),
                ("settling_since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("settling_run", fields.IntField()),
                ("settled_up_to", fields.UUIDField(null=True)),
                ("settled_members", fields.IntField(default=0)),
                ("members_to_settle", fields.IntField(default=0)),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "paths", "app": "models", "pk_attr": "tier"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PathStage",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "tier",
                    fields.CharEnumField(
                        description="NEW: NEW\nORDINARY: ORDINARY\nMODERN: MODERN\nPARTNER: PARTNER",
                        enum_type=OutletTier,
                        max_length=10,
                    ),
                ),
                ("code", fields.CharField(max_length=40)),
                ("position", fields.SmallIntField()),
                ("title", fields.CharField(max_length=40)),
                ("points", fields.IntField()),
                ("course_ids", ArrayField(element_type="UUID")),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "path_stages",
                "app": "models",
                "unique_together": (("tier", "position"), ("tier", "code")),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
