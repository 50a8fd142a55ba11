# ruff: noqa: RUF012
"""Courses in the making: drafts, teams and moves, versions; and assignments that are withdrawn."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import CourseKind, CoursePart, CourseStatus

# What was never published is no publication; and whoever works on a course finds an edition to work on.
UNPUBLISHED = """
UPDATE course_editions e SET published_at = NULL FROM courses c
    WHERE c.id = e.course_id AND c.published_at IS NULL AND c.status IN ('DRAFT', 'IN_REVIEW');
INSERT INTO course_editions (id, course_id, number)
    SELECT gen_random_uuid(), id, 1 FROM courses c
    WHERE NOT EXISTS (SELECT 1 FROM course_editions e WHERE e.course_id = c.id);
UPDATE courses c SET edition_id = e.id FROM course_editions e
    WHERE c.edition_id IS NULL AND e.course_id = c.id
    AND e.number = (SELECT max(number) FROM course_editions WHERE course_id = c.id);
"""

RULES = """
ALTER TABLE courses ADD CONSTRAINT courses_version_range CHECK (version >= 1);
ALTER TABLE courses ADD CONSTRAINT courses_points_range CHECK (points_proposed >= 0);
ALTER TABLE course_drafts
    ADD CONSTRAINT course_drafts_status_known CHECK (status IN ('DRAFT', 'IN_REVIEW')),
    ADD CONSTRAINT course_drafts_kind_known CHECK (kind IN ('REQUIRED', 'ELECTIVE', 'PUBLIC', 'PRACTICAL')),
    ADD CONSTRAINT course_drafts_tiers_known CHECK (audience_tiers <@ ARRAY['NEW', 'ORDINARY', 'MODERN', 'PARTNER']),
    ADD CONSTRAINT course_drafts_points_range CHECK (points_proposed >= 0);
ALTER TABLE course_makers
    ADD CONSTRAINT course_makers_part_known CHECK (part IN ('SCRIPT', 'FOOTAGE', 'EDIT')),
    ADD CONSTRAINT course_makers_time CHECK (left_at >= joined_at);
CREATE UNIQUE INDEX course_makers_once ON course_makers (course_id, member_id, part) WHERE left_at IS NULL;
CREATE INDEX course_makers_member ON course_makers (member_id);
CREATE INDEX courses_proposed_by ON courses (proposed_by) WHERE proposed_by IS NOT NULL;
CREATE INDEX course_drafts_queue ON course_drafts (status);
CREATE INDEX course_moves_course ON course_moves (course_id, id);
ALTER TABLE course_moves ADD CONSTRAINT course_moves_goes_somewhere CHECK (from_status IS DISTINCT FROM to_status);
DELETE FROM assignments a USING assignments b
    WHERE a.id > b.id AND a.course_id = b.course_id AND a.due_at = b.due_at AND a.tier IS NOT DISTINCT FROM b.tier
    AND a.region_id IS NOT DISTINCT FROM b.region_id AND a.outlet_id IS NOT DISTINCT FROM b.outlet_id
    AND a.member_id IS NOT DISTINCT FROM b.member_id;
CREATE UNIQUE INDEX assignments_once ON assignments (course_id, due_at, (coalesce(region_id::text, '')),
    (coalesce(tier, '')), (coalesce(outlet_id::text, '')), (coalesce(member_id::text, ''))) WHERE withdrawn_at IS NULL;
"""

UNDO = """
DROP INDEX assignments_once;
DROP INDEX courses_proposed_by;
ALTER TABLE courses DROP CONSTRAINT courses_version_range, DROP CONSTRAINT courses_points_range;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0031_live_room")]

    operations = [
        ops.CreateModel(
            name="CourseDraft",
            fields=[
                (
                    "course",
                    fields.OneToOneField(
                        "models.Course",
                        source_field="course_id",
                        primary_key=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="draft",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "edition",
                    fields.OneToOneField(
                        "models.CourseEdition",
                        source_field="edition_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="draft",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="DRAFT: DRAFT\nIN_REVIEW: IN_REVIEW\nPUBLISHED: PUBLISHED\nRETIRED: RETIRED",
                        enum_type=CourseStatus,
                        max_length=20,
                    ),
                ),
                (
                    "module",
                    fields.ForeignKeyField(
                        "models.Module",
                        source_field="module_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="drafts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="REQUIRED: REQUIRED\nELECTIVE: ELECTIVE\nPUBLIC: PUBLIC\nPRACTICAL: PRACTICAL",
                        enum_type=CourseKind,
                        max_length=20,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("summary", fields.CharField(max_length=1000)),
                ("tags", ArrayField(default=list, element_type="TEXT")),
                (
                    "cover_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="cover_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="draft_covers",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("audience_tiers", ArrayField(default=list, element_type="TEXT")),
                ("adults_only", fields.BooleanField()),
                ("points_proposed", fields.IntField(null=True)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("opened_by", fields.UUIDField()),
            ],
            options={"table": "course_drafts", "app": "models", "pk_attr": "course_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CourseMaker",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "course",
                    fields.ForeignKeyField(
                        "models.Course",
                        source_field="course_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="makers",
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
                        related_name="courses_made",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "part",
                    fields.CharEnumField(
                        description="SCRIPT: SCRIPT\nFOOTAGE: FOOTAGE\nEDIT: EDIT", enum_type=CoursePart, max_length=10
                    ),
                ),
                ("joined_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("left_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "course_makers", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CourseMove",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "course",
                    fields.ForeignKeyField(
                        "models.Course",
                        source_field="course_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="moves",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("edition", fields.IntField()),
                (
                    "from_status",
                    fields.CharEnumField(
                        null=True,
                        description="DRAFT: DRAFT\nIN_REVIEW: IN_REVIEW\nPUBLISHED: PUBLISHED\nRETIRED: RETIRED",
                        enum_type=CourseStatus,
                        max_length=20,
                    ),
                ),
                (
                    "to_status",
                    fields.CharEnumField(
                        description="DRAFT: DRAFT\nIN_REVIEW: IN_REVIEW\nPUBLISHED: PUBLISHED\nRETIRED: RETIRED",
                        enum_type=CourseStatus,
                        max_length=20,
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("by", fields.UUIDField(null=True)),
                ("note", fields.CharField(default="", max_length=500)),
            ],
            options={"table": "course_moves", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Assignment",
            name="withdrawn_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Assignment",
            name="withdrawn_by",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Course",
            name="points_proposed",
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name="Course",
            name="proposed_by",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Course",
            name="region",
            field=fields.ForeignKeyField(
                "models.Region",
                source_field="region_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="courses",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.AddField(
            model_name="Course",
            name="version",
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AlterField(
            model_name="CourseEdition",
            name="published_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        RunSQL(UNPUBLISHED),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
