# ruff: noqa: RUF012
"""Attendance of live lessons: a ticket for each device, the runs in which it was there, and what became of each member.

Beats change one row of `live_tickets` in place, and none of its indexed columns, so that pages have room for them.
"""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

TABLES = """
CREATE TABLE live_tickets (
    id uuid CONSTRAINT live_tickets_pkey PRIMARY KEY,
    lesson_id uuid NOT NULL CONSTRAINT live_tickets_lesson REFERENCES live_lessons (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_tickets_member REFERENCES members (id) ON DELETE RESTRICT,
    device_id varchar(64) NOT NULL,
    joined_at timestamptz NOT NULL,
    run_from timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT live_tickets_one_each UNIQUE (lesson_id, member_id, device_id),
    CONSTRAINT live_tickets_run CHECK (run_from <= seen_at)
) WITH (fillfactor = 70);
CREATE INDEX live_tickets_of_member ON live_tickets (member_id);
CREATE TABLE live_runs (
    ticket_id uuid NOT NULL CONSTRAINT live_runs_ticket REFERENCES live_tickets (id) ON DELETE RESTRICT,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    CONSTRAINT live_runs_pkey PRIMARY KEY (ticket_id, from_at),
    CONSTRAINT live_runs_length CHECK (from_at < until_at)
);
CREATE TABLE live_attendances (
    lesson_id uuid NOT NULL CONSTRAINT live_attendances_lesson REFERENCES live_lessons (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_attendances_member REFERENCES members (id) ON DELETE RESTRICT,
    recorded_at timestamptz NOT NULL,
    outcome varchar(10),
    attended_seconds integer NOT NULL DEFAULT 0,
    percent smallint NOT NULL DEFAULT 0,
    first_joined_at timestamptz,
    last_left_at timestamptz,
    check_ins_answered integer NOT NULL DEFAULT 0,
    credited boolean NOT NULL DEFAULT false,
    rewarded_at timestamptz,
    excused_at timestamptz,
    excused_by uuid,
    excuse varchar(200) NOT NULL DEFAULT '',
    occurred_at timestamptz,
    outlet_id uuid,
    region_id uuid,
    tier varchar(10),
    CONSTRAINT live_attendances_pkey PRIMARY KEY (lesson_id, member_id),
    CONSTRAINT live_attendances_outcome CHECK
        (outcome IN ('PRESENT', 'LATE', 'PARTIAL', 'ABSENT', 'EXCUSED', 'REPLAY')),
    CONSTRAINT live_attendances_credited CHECK (NOT credited OR outcome IN ('PRESENT', 'LATE')),
    CONSTRAINT live_attendances_figures CHECK (attended_seconds >= 0 AND percent BETWEEN 0 AND 100)
);
CREATE INDEX live_attendances_in_order ON live_attendances (lesson_id, recorded_at, member_id);
CREATE INDEX live_attendances_of_member ON live_attendances (member_id);
CREATE INDEX live_attendances_to_reward ON live_attendances (lesson_id) WHERE credited AND rewarded_at IS NULL;
CREATE TABLE live_settlements (
    lesson_id uuid CONSTRAINT live_settlements_pkey PRIMARY KEY
        CONSTRAINT live_settlements_lesson REFERENCES live_lessons (id) ON DELETE RESTRICT,
    settled_at timestamptz NOT NULL,
    aired_seconds integer NOT NULL,
    peak_watching integer NOT NULL
);
"""

UNDO = "DROP TABLE live_settlements, live_attendances, live_runs, live_tickets;"


class Migration(migrations.Migration):
    dependencies = [("models", "0038_live_shift")]
    operations = [RunSQL(TABLES, reverse_sql=UNDO)]
