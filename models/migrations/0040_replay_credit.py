# ruff: noqa: RUF012
"""What members watched of replays, and the attendance that comes of it: a replay in place of the lesson, never both."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

TABLES = """
CREATE TABLE live_replay_watches (
    member_id uuid NOT NULL CONSTRAINT live_replay_watches_member REFERENCES members (id) ON DELETE RESTRICT,
    lesson_id uuid NOT NULL CONSTRAINT live_replay_watches_lesson REFERENCES live_lessons (id) ON DELETE RESTRICT,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    replay_seconds integer NOT NULL,
    required_seconds integer NOT NULL,
    reported int4[] NOT NULL,
    paid int4[] NOT NULL,
    watched_seconds integer NOT NULL,
    watched_at timestamptz,
    due_at timestamptz,
    CONSTRAINT live_replay_watches_pkey PRIMARY KEY (member_id, lesson_id),
    CONSTRAINT live_replay_watches_goal CHECK (required_seconds BETWEEN 1 AND replay_seconds),
    CONSTRAINT live_replay_watches_times CHECK (first_at <= last_at),
    CONSTRAINT live_replay_watches_seconds CHECK (watched_seconds BETWEEN 0 AND replay_seconds),
    CONSTRAINT live_replay_watches_whole CHECK (watched_at IS NULL OR watched_seconds >= required_seconds),
    CONSTRAINT live_replay_watches_done CHECK (watched_at IS NULL OR due_at IS NULL)
);
CREATE INDEX live_replay_watches_of_lesson ON live_replay_watches (lesson_id);
CREATE INDEX live_replay_watches_due ON live_replay_watches (due_at) WHERE due_at IS NOT NULL;
ALTER TABLE live_attendances ADD COLUMN replayed_at timestamptz;
ALTER TABLE live_attendances
    ADD CONSTRAINT live_attendances_replayed CHECK
        ((outcome IS NOT DISTINCT FROM 'REPLAY') = (replayed_at IS NOT NULL)),
    ADD CONSTRAINT live_attendances_paid_once CHECK
        (replayed_at IS NULL OR (NOT credited AND rewarded_at IS NULL));
"""

UNDO = """
ALTER TABLE live_attendances DROP CONSTRAINT live_attendances_paid_once, DROP CONSTRAINT live_attendances_replayed,
    DROP COLUMN replayed_at;
DROP TABLE live_replay_watches;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0039_live_attendance")]
    operations = [RunSQL(TABLES, reverse_sql=UNDO)]
