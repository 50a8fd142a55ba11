"""Progress's own rules: the partitioned store of events, append-only metric rows, what a row may hold, indexes."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

# By hash of the member, so that (member, event) can be unique over all partitions.
EVENTS = """
CREATE TABLE learning_events (
    member_id uuid NOT NULL,
    event_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    kind varchar(10) NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    spans int4[] NOT NULL,
    digest bytea NOT NULL,
    credited_seconds int4 NOT NULL,
    pending_seconds int4 NOT NULL,
    outlet_id uuid,
    region_id uuid,
    tier varchar(10),
    CONSTRAINT learning_events_pkey PRIMARY KEY (member_id, event_id),
    CONSTRAINT learning_events_kind_known CHECK (kind IN ('STARTED', 'WATCHED', 'READ', 'FINISHED')),
    CONSTRAINT learning_events_spans_paired CHECK (cardinality(spans) % 2 = 0),
    CONSTRAINT learning_events_digest_sha256 CHECK (octet_length(digest) = 32),
    CONSTRAINT learning_events_seconds_range CHECK (credited_seconds >= 0 AND pending_seconds >= 0),
    CONSTRAINT learning_events_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),
    CONSTRAINT learning_events_placed_wholly CHECK (num_nulls(outlet_id, region_id, tier) IN (0, 3))
) PARTITION BY HASH (member_id);
CREATE INDEX learning_events_counting ON learning_events (member_id, lesson_id)
    WHERE credited_seconds > 0 OR pending_seconds > 0;
CREATE INDEX learning_events_pending ON learning_events (member_id) WHERE pending_seconds > 0;
""" + "".join(
    f"CREATE TABLE learning_events_{part:02} PARTITION OF learning_events"
    f" FOR VALUES WITH (MODULUS 16, REMAINDER {part});\n"
    for part in range(16)
)

APPEND_ONLY = """
CREATE FUNCTION refuse_rewriting_metrics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
""" + "".join(
    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_metrics();\n"
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),"
    f" ADD CONSTRAINT {table}_placed_wholly CHECK (num_nulls(outlet_id, region_id, tier) IN (0, 3));\n"
    for table in ("learning_seconds", "course_completions")
)

CONSTRAINTS = """
ALTER TABLE lesson_progress
    ADD CONSTRAINT lesson_progress_goal_range CHECK (required_seconds BETWEEN 1 AND creditable_seconds),
    ADD CONSTRAINT lesson_progress_spans_paired CHECK (cardinality(reported) % 2 = 0 AND cardinality(paid) % 2 = 0),
    ADD CONSTRAINT lesson_progress_seconds_range CHECK (watched_seconds BETWEEN 0 AND creditable_seconds
        AND furthest_seconds >= 0 AND resume_at_seconds >= 0),
    ADD CONSTRAINT lesson_progress_complete_when_paid
        CHECK ((completed_at IS NOT NULL) = (watched_seconds >= required_seconds)),
    ADD CONSTRAINT lesson_progress_times_in_order CHECK (started_at <= last_activity_at AND passed_at <= completed_at);
ALTER TABLE lesson_completions
    ADD CONSTRAINT lesson_completions_tier_known CHECK (tier IN ('NEW', 'ORDINARY', 'MODERN', 'PARTNER')),
    ADD CONSTRAINT lesson_completions_placed_wholly CHECK (num_nulls(outlet_id, region_id, tier) IN (0, 3));
ALTER TABLE course_enrolments
    ADD CONSTRAINT course_enrolments_lessons_range CHECK (lessons_completed BETWEEN 0 AND lesson_count),
    ADD CONSTRAINT course_enrolments_percent_range CHECK (percent BETWEEN 0 AND 100),
    ADD CONSTRAINT course_enrolments_complete_when_done
        CHECK ((completed_at IS NOT NULL) = (lessons_completed = lesson_count)),
    ADD CONSTRAINT course_enrolments_times_in_order CHECK (started_at <= last_activity_at);
ALTER TABLE learning_budgets
    ADD CONSTRAINT learning_budgets_available_range CHECK (available_ms BETWEEN 0 AND 7200000);
ALTER TABLE learning_seconds ADD CONSTRAINT learning_seconds_not_zero CHECK (seconds <> 0);
ALTER TABLE course_completions ADD CONSTRAINT course_completions_amount_known CHECK (amount IN (-1, 1));
"""

INDEXES = """
CREATE INDEX course_enrolments_newest ON course_enrolments (member_id, last_activity_at DESC, id DESC);
CREATE INDEX course_enrolments_course ON course_enrolments (course_id, completed_at);
CREATE INDEX lesson_completions_newest ON lesson_completions (member_id, completed_at DESC);
CREATE INDEX lesson_completions_lesson ON lesson_completions (lesson_id);
CREATE INDEX learning_budgets_due ON learning_budgets (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX learning_seconds_member ON learning_seconds (member_id, occurred_at);
CREATE INDEX course_completions_member ON course_completions (member_id, occurred_at);
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0004_courses")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(EVENTS + APPEND_ONLY + CONSTRAINTS + INDEXES)]  # noqa: RUF012 - Tortoise's shape
