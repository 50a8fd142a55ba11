"""The room of a live lesson: its numbered events, messages with up-votes, mutes, polls, check-ins and the shelf."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

KINDS = (
    "('STATUS_CHANGED', 'MESSAGE_POSTED', 'MESSAGE_REMOVED', 'POLL_OPENED', 'POLL_CLOSED', 'CHECK_IN_ASKED',"
    " 'AUDIENCE_CHANGED', 'PRODUCT_PINNED')"
)

TABLES = f"""
CREATE TABLE live_rooms (
    lesson_id uuid NOT NULL CONSTRAINT live_rooms_pkey PRIMARY KEY
        CONSTRAINT live_rooms_lesson_fk REFERENCES live_lessons (id) ON DELETE RESTRICT,
    last_seq integer NOT NULL DEFAULT 0 CONSTRAINT live_rooms_last_seq CHECK (last_seq >= 0),
    last_at timestamptz NOT NULL DEFAULT '-infinity',
    slow_seconds integer NOT NULL DEFAULT 0 CONSTRAINT live_rooms_slow CHECK (slow_seconds BETWEEN 0 AND 600),
    pinned_id uuid,
    watching integer NOT NULL DEFAULT 0 CONSTRAINT live_rooms_watching CHECK (watching >= 0)
) WITH (fillfactor = 50);

CREATE TABLE live_room_events (
    lesson_id uuid NOT NULL CONSTRAINT live_room_events_room_fk REFERENCES live_rooms (lesson_id) ON DELETE RESTRICT,
    seq integer NOT NULL CONSTRAINT live_room_events_seq CHECK (seq > 0),
    kind varchar(20) NOT NULL CONSTRAINT live_room_events_kind CHECK (kind IN {KINDS}),
    at timestamptz NOT NULL,
    offset_seconds integer NOT NULL CONSTRAINT live_room_events_offset CHECK (offset_seconds >= 0),
    about_id uuid,
    details jsonb NOT NULL,
    CONSTRAINT live_room_events_pkey PRIMARY KEY (lesson_id, seq)
);
CREATE INDEX live_room_events_state ON live_room_events (lesson_id, kind, seq)
    WHERE kind NOT IN ('MESSAGE_POSTED', 'MESSAGE_REMOVED');

CREATE TABLE live_messages (
    id uuid NOT NULL CONSTRAINT live_messages_pkey PRIMARY KEY,
    lesson_id uuid NOT NULL,
    seq integer NOT NULL,
    member_id uuid NOT NULL CONSTRAINT live_messages_member_fk REFERENCES members (id) ON DELETE RESTRICT,
    client_id uuid NOT NULL,
    kind varchar(10) NOT NULL CONSTRAINT live_messages_kind CHECK (kind IN ('CHAT', 'QUESTION')),
    text varchar(200) NOT NULL,
    posted_at timestamptz NOT NULL,
    offset_seconds integer NOT NULL,
    upvotes integer NOT NULL DEFAULT 0 CONSTRAINT live_messages_upvotes CHECK (upvotes >= 0),
    removed_at timestamptz,
    removed_by uuid,
    CONSTRAINT live_messages_event_fk FOREIGN KEY (lesson_id, seq) REFERENCES live_room_events (lesson_id, seq),
    CONSTRAINT live_messages_seq UNIQUE (lesson_id, seq),
    CONSTRAINT live_messages_once UNIQUE (lesson_id, member_id, client_id),
    CONSTRAINT live_messages_text_or_removed CHECK (text <> '' OR removed_at IS NOT NULL)
);
CREATE INDEX live_messages_of_member ON live_messages (member_id, lesson_id, posted_at);
CREATE INDEX live_messages_replay ON live_messages (lesson_id, offset_seconds, seq) WHERE removed_at IS NULL;

CREATE TABLE live_upvotes (
    message_id uuid NOT NULL CONSTRAINT live_upvotes_message_fk REFERENCES live_messages (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_upvotes_member_fk REFERENCES members (id) ON DELETE RESTRICT,
    voted_at timestamptz NOT NULL,
    CONSTRAINT live_upvotes_pkey PRIMARY KEY (message_id, member_id)
);
CREATE INDEX live_upvotes_of_member ON live_upvotes (member_id);

CREATE TABLE live_mutes (
    lesson_id uuid NOT NULL CONSTRAINT live_mutes_lesson_fk REFERENCES live_lessons (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_mutes_member_fk REFERENCES members (id) ON DELETE RESTRICT,
    muted_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    CONSTRAINT live_mutes_pkey PRIMARY KEY (lesson_id, member_id)
);
CREATE INDEX live_mutes_of_member ON live_mutes (member_id);

CREATE TABLE live_polls (
    id uuid NOT NULL CONSTRAINT live_polls_pkey PRIMARY KEY,
    lesson_id uuid NOT NULL CONSTRAINT live_polls_lesson_fk REFERENCES live_lessons (id) ON DELETE RESTRICT,
    question varchar(200) NOT NULL,
    multiple boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT live_polls_window CHECK (closes_at > opened_at)
);
CREATE UNIQUE INDEX live_polls_one_open ON live_polls (lesson_id) WHERE closed_at IS NULL;
CREATE INDEX live_polls_due ON live_polls (closes_at) WHERE closed_at IS NULL;

CREATE TABLE live_poll_options (
    id uuid NOT NULL CONSTRAINT live_poll_options_pkey PRIMARY KEY,
    poll_id uuid NOT NULL CONSTRAINT live_poll_options_poll_fk REFERENCES live_polls (id) ON DELETE RESTRICT,
    place smallint NOT NULL CONSTRAINT live_poll_options_place CHECK (place BETWEEN 1 AND 10),
    text varchar(80) NOT NULL,
    CONSTRAINT live_poll_options_once UNIQUE (poll_id, place)
);

CREATE TABLE live_votes (
    poll_id uuid NOT NULL CONSTRAINT live_votes_poll_fk REFERENCES live_polls (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_votes_member_fk REFERENCES members (id) ON DELETE RESTRICT,
    option_ids uuid[] NOT NULL CONSTRAINT live_votes_options CHECK (cardinality(option_ids) BETWEEN 1 AND 10),
    voted_at timestamptz NOT NULL,
    CONSTRAINT live_votes_pkey PRIMARY KEY (poll_id, member_id)
);
CREATE INDEX live_votes_of_member ON live_votes (member_id);

CREATE TABLE live_check_ins (
    id uuid NOT NULL CONSTRAINT live_check_ins_pkey PRIMARY KEY,
    lesson_id uuid NOT NULL CONSTRAINT live_check_ins_lesson_fk REFERENCES live_lessons (id) ON DELETE RESTRICT,
    asked_at timestamptz NOT NULL,
    answer_by timestamptz NOT NULL,
    CONSTRAINT live_check_ins_window CHECK (answer_by > asked_at)
);
CREATE INDEX live_check_ins_of_lesson ON live_check_ins (lesson_id, asked_at);

CREATE TABLE live_check_in_answers (
    check_in_id uuid NOT NULL CONSTRAINT live_check_in_answers_fk REFERENCES live_check_ins (id) ON DELETE RESTRICT,
    member_id uuid NOT NULL CONSTRAINT live_check_in_answers_member_fk REFERENCES members (id) ON DELETE RESTRICT,
    answered_at timestamptz NOT NULL,
    CONSTRAINT live_check_in_answers_pkey PRIMARY KEY (check_in_id, member_id)
);
CREATE INDEX live_check_in_answers_of_member ON live_check_in_answers (member_id);

CREATE TABLE live_products (
    id uuid NOT NULL CONSTRAINT live_products_pkey PRIMARY KEY,
    lesson_id uuid NOT NULL CONSTRAINT live_products_lesson_fk REFERENCES live_lessons (id) ON DELETE RESTRICT,
    place smallint NOT NULL,
    title varchar(80) NOT NULL,
    image_media_id uuid CONSTRAINT live_products_image_fk REFERENCES media_assets (id) ON DELETE RESTRICT,
    price_text varchar(40) NOT NULL,
    url varchar(500),
    shelved boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX live_products_order ON live_products (lesson_id, place) WHERE shelved;
CREATE INDEX live_products_image ON live_products (image_media_id) WHERE image_media_id IS NOT NULL;
ALTER TABLE live_rooms ADD CONSTRAINT live_rooms_pinned_fk FOREIGN KEY (pinned_id) REFERENCES live_products (id);

CREATE TABLE live_word_lists (
    id uuid NOT NULL CONSTRAINT live_word_lists_pkey PRIMARY KEY,
    checksum varchar(64) NOT NULL,
    words integer NOT NULL,
    seen_at timestamptz NOT NULL
);
"""

# What was said and when it was said does not change; that something was removed does.
FINAL = """
CREATE FUNCTION live_room_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what happened in a room is not written anew' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER live_room_events_final BEFORE UPDATE OR DELETE ON live_room_events
    FOR EACH ROW EXECUTE FUNCTION live_room_events_stay();
"""

UNDO = """
ALTER TABLE live_rooms DROP CONSTRAINT live_rooms_pinned_fk;
DROP TABLE live_word_lists, live_products, live_check_in_answers, live_check_ins, live_votes, live_poll_options,
    live_polls, live_mutes, live_upvotes, live_messages, live_room_events, live_rooms;
DROP FUNCTION live_room_events_stay;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0030_day_totals")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(TABLES + FINAL, reverse_sql=UNDO)]  # noqa: RUF012 - Tortoise's shape
