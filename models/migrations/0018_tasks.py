# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Tasks and their claims, what these tables promise, and the tasks that an academy begins with."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import TaskMeasure, TaskPeriod

RULES = """
ALTER TABLE tasks
    ADD CONSTRAINT tasks_period_known CHECK (period IN ('DAILY', 'WEEKLY', 'ONCE')),
    ADD CONSTRAINT tasks_target CHECK (target >= 1),
    ADD CONSTRAINT tasks_reward CHECK (reward_points >= 1),
    ADD CONSTRAINT tasks_tiers_known CHECK (tiers <@ ARRAY['NEW', 'ORDINARY', 'MODERN', 'PARTNER']),
    ADD CONSTRAINT tasks_window CHECK (ends_on > starts_on);
ALTER TABLE task_claims
    ADD CONSTRAINT task_claims_once UNIQUE (member_id, task_id, turn);

CREATE FUNCTION task_keeps_its_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.code, OLD.period, OLD.measure, OLD.target, OLD.reward_points, OLD.tiers, OLD.claims_itself)
        IS DISTINCT FROM (NEW.code, NEW.period, NEW.measure, NEW.target, NEW.reward_points, NEW.tiers, NEW.claims_itself) THEN
        RAISE EXCEPTION 'a task keeps what it has promised' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tasks_keep_their_promise BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION task_keeps_its_promise();

CREATE FUNCTION task_claims_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task_claims is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER task_claims_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task_claims
    FOR EACH STATEMENT EXECUTE FUNCTION task_claims_are_final();
"""

# In this order they are shown. What was done before the academy had tasks counts for those that are done once.
SEED = """
INSERT INTO tasks (id, code, period, measure, target, reward_points, tiers, title_zh, title_en, enabled, claims_itself, created_at)
SELECT md5('growth-academy task ' || code)::uuid, code, period, measure, target, reward_points, tiers::text[], title_zh, title_en,
       true, false, timestamptz '2026-01-01 00:00+08' + place * interval '1 minute'
FROM (VALUES
    (1, 'daily.lesson', 'DAILY', 'LESSONS_COMPLETED', 1, 5, '{}', '今天学完1课', 'Finish a lesson today'),
    (2, 'daily.minutes', 'DAILY', 'LEARNING_MINUTES', 5, 10, '{}', '今天学满5分钟', 'Learn for 5 minutes today'),
    (3, 'weekly.days3', 'WEEKLY', 'DAYS_LEARNED', 3, 20, '{}', '本周有3天在学习', 'Learn on 3 days this week'),
    (4, 'weekly.days5', 'WEEKLY', 'DAYS_LEARNED', 5, 30, '{}', '本周有5天在学习', 'Learn on 5 days this week'),
    (5, 'weekly.lessons', 'WEEKLY', 'LESSONS_COMPLETED', 10, 30, '{ORDINARY,MODERN,PARTNER}', '本周学完10课', 'Finish 10 lessons this week'),
    (6, 'weekly.lessons.new', 'WEEKLY', 'LESSONS_COMPLETED', 5, 20, '{NEW}', '本周学完5课', 'Finish 5 lessons this week'),
    (7, 'weekly.minutes', 'WEEKLY', 'LEARNING_MINUTES', 30, 30, '{}', '本周学满30分钟', 'Learn for 30 minutes this week'),
    (8, 'weekly.course', 'WEEKLY', 'COURSES_COMPLETED', 1, 20, '{}', '本周学完1门课', 'Finish a course this week'),
    (9, 'weekly.required', 'WEEKLY', 'REQUIRED_COURSES_COMPLETED', 1, 30, '{}', '本周学完1门必修课', 'Finish a required course this week'),
    (10, 'weekly.rating', 'WEEKLY', 'COURSES_RATED', 1, 10, '{}', '本周给1门课打分', 'Rate a course this week'),
    (11, 'once.course', 'ONCE', 'COURSES_COMPLETED', 1, 30, '{}', '学完第一门课', 'Finish your first course'),
    (12, 'once.rating', 'ONCE', 'COURSES_RATED', 1, 10, '{}', '第一次给课程打分', 'Rate a course for the first time'),
    (13, 'once.required.new', 'ONCE', 'REQUIRED_COURSES_COMPLETED', 3, 60, '{NEW}', '新店起步：学完3门必修课', 'New shop: finish 3 required courses'),
    (14, 'once.lessons', 'ONCE', 'LESSONS_COMPLETED', 50, 50, '{}', '累计学完50课', 'Finish 50 lessons in all')
) AS t (place, code, period, measure, target, reward_points, tiers, title_zh, title_en);
"""

UNDO = """
DROP TRIGGER task_claims_append_only ON task_claims;
DROP TRIGGER tasks_keep_their_promise ON tasks;
DROP FUNCTION task_claims_are_final, task_keeps_its_promise;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0017_notices")]

    operations = [
        ops.CreateModel(
            name="Task",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("code", fields.CharField(unique=True, max_length=40)),
                ("title_zh", fields.CharField(max_length=40)),
                ("title_en", fields.CharField(max_length=80)),
                (
                    "period",
                    fields.CharEnumField(
                        description="DAILY: DAILY\nWEEKLY: WEEKLY\nONCE: ONCE", enum_type=TaskPeriod, max_length=10
                    ),
                ),
                (
                    "measure",
                    fields.CharEnumField(
                        description="LESSONS_COMPLETED: LESSONS_COMPLETED\nCOURSES_COMPLETED: COURSES_COMPLETED\nREQUIRED_COURSES_COMPLETED: REQUIRED_COURSES_COMPLETED\nLEARNING_MINUTES: LEARNING_MINUTES\nDAYS_LEARNED: DAYS_LEARNED\nCOURSES_RATED: COURSES_RATED\nQUIZZES_PASSED: QUIZZES_PASSED\nLIVE_LESSONS_ATTENDED: LIVE_LESSONS_ATTENDED\nCLASSES_ATTENDED: CLASSES_ATTENDED\nSTORIES_PUBLISHED: STORIES_PUBLISHED\nSTAGES_PASSED: STAGES_PASSED",
                        enum_type=TaskMeasure,
                        max_length=30,
                    ),
                ),
                ("target", fields.IntField()),
                ("reward_points", fields.IntField()),
                ("tiers", ArrayField(default=list, element_type="TEXT")),
                ("starts_on", fields.DateField(null=True)),
                ("ends_on", fields.DateField(null=True)),
                ("enabled", fields.BooleanField(default=True)),
                ("claims_itself", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "tasks", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TaskClaim",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="task_claims",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "task",
                    fields.ForeignKeyField(
                        "models.Task",
                        source_field="task_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="claims",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("turn", fields.CharField(max_length=10)),
                ("completed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("claimed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "task_claims", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES + SEED, reverse_sql=UNDO),
    ]
