"""Totals of the regions' days, who was active when, and how far those are of whom courses are asked."""

# ruff: noqa: RUF012

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

TABLES = """
CREATE TABLE region_days (
    region_id uuid NOT NULL CONSTRAINT region_days_region_fk REFERENCES regions (id) ON DELETE CASCADE,
    day date NOT NULL,
    active_learners int NOT NULL CONSTRAINT region_days_active_range CHECK (active_learners >= 0),
    lessons_completed int NOT NULL CONSTRAINT region_days_lessons_range CHECK (lessons_completed >= 0),
    courses_completed int NOT NULL,
    learning_seconds bigint NOT NULL,
    points_earned bigint NOT NULL,
    assignments_done int NOT NULL,
    CONSTRAINT region_days_pkey PRIMARY KEY (region_id, day) INCLUDE
        (active_learners, lessons_completed, courses_completed, learning_seconds, points_earned, assignments_done)
);
CREATE TABLE course_days (
    region_id uuid NOT NULL CONSTRAINT course_days_region_fk REFERENCES regions (id) ON DELETE CASCADE,
    day date NOT NULL,
    course_id uuid NOT NULL CONSTRAINT course_days_course_fk REFERENCES courses (id) ON DELETE CASCADE,
    views int NOT NULL CONSTRAINT course_days_views_range CHECK (views >= 0),
    completions int NOT NULL,
    CONSTRAINT course_days_pkey PRIMARY KEY (region_id, day, course_id) INCLUDE (views, completions)
);
CREATE TABLE active_years (
    region_id uuid NOT NULL CONSTRAINT active_years_region_fk REFERENCES regions (id) ON DELETE CASCADE,
    year int NOT NULL,
    member_id uuid NOT NULL,
    days bit(366) NOT NULL,
    CONSTRAINT active_years_pkey PRIMARY KEY (region_id, year, member_id) INCLUDE (days)
);
CREATE INDEX active_years_member ON active_years (member_id, year) INCLUDE (region_id, days);
CREATE TABLE day_marks (
    region_id uuid NOT NULL CONSTRAINT day_marks_region_fk REFERENCES regions (id) ON DELETE CASCADE,
    day date NOT NULL,
    marks bigint NOT NULL,
    CONSTRAINT day_marks_pkey PRIMARY KEY (region_id, day)
);
CREATE TABLE assignment_totals (
    course_id uuid NOT NULL CONSTRAINT assignment_totals_course_fk REFERENCES courses (id) ON DELETE CASCADE,
    region_id uuid NOT NULL CONSTRAINT assignment_totals_region_fk REFERENCES regions (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    assigned int NOT NULL,
    done int NOT NULL,
    CONSTRAINT assignment_totals_range CHECK (done BETWEEN 0 AND assigned),
    CONSTRAINT assignment_totals_pkey PRIMARY KEY (course_id, region_id, due_at)
);
CREATE INDEX assignment_totals_due ON assignment_totals (region_id, due_at) INCLUDE (assigned, done);
CREATE TABLE assigned_courses (
    course_id uuid NOT NULL CONSTRAINT assigned_courses_pkey PRIMARY KEY
        CONSTRAINT assigned_courses_course_fk REFERENCES courses (id) ON DELETE CASCADE,
    counted_at timestamptz
);
CREATE INDEX lesson_completions_of_day ON lesson_completions (region_id, completed_at);
CREATE INDEX course_completions_of_day ON course_completions (region_id, occurred_at);
CREATE INDEX course_enrolments_of_day ON course_enrolments (region_id, started_at);
"""

# Where members stood when they began what is there already; then everything there is to count is marked for the worker.
FILL = """
UPDATE course_enrolments e SET region_id = (
    SELECT p.region_id FROM placements p WHERE p.member_id = e.member_id
    ORDER BY p.from_at <= e.started_at DESC, CASE WHEN p.from_at <= e.started_at THEN p.from_at END DESC, p.from_at
    LIMIT 1);
INSERT INTO day_marks (region_id, day, marks)
SELECT region_id, day, 1 FROM (
    SELECT region_id, day FROM metric_days
    UNION SELECT region_id, (completed_at AT TIME ZONE 'Asia/Shanghai')::date FROM lesson_completions
    UNION SELECT region_id, (started_at AT TIME ZONE 'Asia/Shanghai')::date FROM course_enrolments) AS everything
WHERE region_id IS NOT NULL;
"""

UNDO = """
DROP INDEX course_enrolments_of_day;
DROP INDEX course_completions_of_day;
DROP INDEX lesson_completions_of_day;
DROP TABLE assigned_courses, assignment_totals, day_marks, active_years, course_days, region_days;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0029_search_terms")]
    operations = [
        ops.AddField("CourseEnrolment", "region_id", fields.UUIDField(null=True)),
        RunSQL(TABLES, reverse_sql=UNDO),
        RunSQL(FILL, reverse_sql=""),
    ]
