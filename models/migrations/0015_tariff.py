"""What the rules pay, as rows. Version 1 is what was paid before there were rows, as entries of that time name it.

What a course is worth follows from that, and is no column any more.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

PROMISES = """
ALTER TABLE point_rates
    ADD CONSTRAINT point_rates_version CHECK (version >= 1),
    ADD CONSTRAINT point_rates_points CHECK (points > 0),
    ADD CONSTRAINT point_rates_daily_cap CHECK (daily_cap > 0),
    ADD CONSTRAINT point_rates_never_backwards CHECK (version = 1 OR effective_from >= made_at),
    ADD CONSTRAINT point_rates_made_by CHECK ((version = 1) = (made_by IS NULL));
CREATE INDEX point_rates_in_force ON point_rates (rule, effective_from, version);

INSERT INTO point_rates (rule, version, points, daily_cap, enabled, effective_from, made_at)
SELECT rule, 1, points, daily_cap, true, '2020-01-01T00:00:00+08:00', now()
FROM (VALUES
    ('lesson.completed', 10, 100),
    ('course.completed', 30, NULL),
    ('course.required', 50, NULL),
    ('course.in_time', 20, NULL),
    ('day.first_lesson', 5, NULL),
    ('week.full', 50, NULL),
    ('streak.reached', 50, NULL),
    ('task.claimed', NULL, NULL),
    ('stage.passed', NULL, NULL),
    ('quiz.passed', 20, 100),
    ('quiz.first_try', 10, 50),
    ('live.attended', 30, 90),
    ('replay.watched', 15, 45),
    ('class.checked_in', 50, NULL),
    ('course.rated', 2, 10),
    ('duel.won', 10, 50),
    ('contest.placed', 100, NULL),
    ('story.published', 30, NULL),
    ('outlet.upgraded', 200, NULL)
) AS first (rule, points, daily_cap);

-- went with the column
ALTER TABLE courses ADD CONSTRAINT courses_counters_range CHECK (duration_seconds >= 0 AND view_count >= 0
    AND completion_count >= 0 AND rating_count >= 0 AND rating_sum BETWEEN rating_count AND 5 * rating_count);

CREATE TRIGGER point_rates_only_append BEFORE UPDATE OR DELETE OR TRUNCATE ON point_rates
    FOR EACH STATEMENT EXECUTE FUNCTION points_only_append();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0014_prizes")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="PointRateRow",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("rule", fields.CharField(max_length=40)),
                ("version", fields.IntField()),
                ("points", fields.IntField(null=True)),
                ("daily_cap", fields.IntField(null=True)),
                ("enabled", fields.BooleanField()),
                ("effective_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("made_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "point_rates",
                "app": "models",
                "unique_together": (("rule", "version"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.RemoveField(model_name="Course", name="points"),
        RunSQL(PROMISES, reverse_sql="DROP TRIGGER point_rates_only_append ON point_rates"),
    ]
