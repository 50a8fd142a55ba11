"""Weekly leagues: their weeks, the leagues, who plays where, and what came of it."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

TIERS = "('NEW', 'ORDINARY', 'MODERN', 'PARTNER')"
DIVISIONS = "('BRONZE', 'SILVER', 'GOLD', 'PLATINUM', 'DIAMOND')"
ZONES = "('PROMOTE', 'STAY', 'DEMOTE')"

# No reference to members: forming a week would hold every one of them until it is done. Room is left on each page: a
# result, and that it was told, are written to rows that are there.
TABLES = f"""
CREATE TABLE league_weeks (
    starts_on date NOT NULL CONSTRAINT league_weeks_pkey PRIMARY KEY,
    seed bytea NOT NULL CONSTRAINT league_weeks_seed_length CHECK (octet_length(seed) = 32),
    formed_at timestamptz NOT NULL,
    turns integer NOT NULL DEFAULT 0 CONSTRAINT league_weeks_turns CHECK (turns >= 0),
    untold boolean NOT NULL DEFAULT false,
    settled_at timestamptz,
    closed_at timestamptz,
    CONSTRAINT league_weeks_monday CHECK (extract(isodow FROM starts_on) = 1),
    CONSTRAINT league_weeks_closed_after_settled CHECK (closed_at IS NULL OR settled_at IS NOT NULL)
);

CREATE TABLE leagues (
    id uuid NOT NULL CONSTRAINT leagues_pkey PRIMARY KEY,
    starts_on date NOT NULL CONSTRAINT leagues_week_fk REFERENCES league_weeks (starts_on) ON DELETE RESTRICT,
    tier varchar(10) NOT NULL CONSTRAINT leagues_tier_known CHECK (tier IN {TIERS}),
    city_id uuid NOT NULL CONSTRAINT leagues_city_fk REFERENCES regions (id) ON DELETE RESTRICT,
    division varchar(10) NOT NULL CONSTRAINT leagues_division_known CHECK (division IN {DIVISIONS}),
    number integer NOT NULL CONSTRAINT leagues_number CHECK (number >= 1),
    CONSTRAINT leagues_once UNIQUE (starts_on, tier, city_id, division, number),
    CONSTRAINT leagues_with_week UNIQUE (id, starts_on)
);

CREATE TABLE league_members (
    member_id uuid NOT NULL,
    starts_on date NOT NULL,
    league_id uuid NOT NULL,
    turn integer NOT NULL CONSTRAINT league_members_turn CHECK (turn >= 0),
    entered_division varchar(10) NOT NULL
        CONSTRAINT league_members_entered_known CHECK (entered_division IN {DIVISIONS}),
    held_division varchar(10) NOT NULL CONSTRAINT league_members_held_known CHECK (held_division IN {DIVISIONS}),
    joined_at timestamptz NOT NULL,
    position integer CONSTRAINT league_members_position CHECK (position >= 1),
    points bigint CONSTRAINT league_members_points CHECK (points >= 0),
    zone varchar(10) CONSTRAINT league_members_zone_known CHECK (zone IN {ZONES}),
    told_zone varchar(10) CONSTRAINT league_members_told_known CHECK (told_zone IN {ZONES}),
    CONSTRAINT league_members_pkey PRIMARY KEY (member_id, starts_on),
    CONSTRAINT league_members_league_fk FOREIGN KEY (league_id, starts_on) REFERENCES leagues (id, starts_on)
        ON DELETE RESTRICT,
    CONSTRAINT league_members_result_whole
        CHECK ((position IS NULL) = (zone IS NULL) AND (points IS NULL) = (zone IS NULL)),
    CONSTRAINT league_members_nobody_rises_without_points CHECK (zone IS DISTINCT FROM 'PROMOTE' OR points > 0)
) WITH (fillfactor = 60);
CREATE INDEX league_members_league ON league_members (league_id);
"""

# The seed was there before the leagues were: it explains them only as long as it stays what it was.
FINAL = """
CREATE FUNCTION league_weeks_keep_their_seed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.seed <> OLD.seed OR NEW.starts_on <> OLD.starts_on OR NEW.formed_at <> OLD.formed_at
        OR OLD.closed_at <> NEW.closed_at OR OLD.settled_at <> NEW.settled_at THEN
        RAISE EXCEPTION 'a week of leagues is not formed anew' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER league_weeks_final BEFORE UPDATE OR DELETE ON league_weeks
    FOR EACH ROW EXECUTE FUNCTION league_weeks_keep_their_seed();
"""

UNDO = """
DROP TABLE league_members, leagues, league_weeks;
DROP FUNCTION league_weeks_keep_their_seed;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0020_stories")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(TABLES + FINAL, reverse_sql=UNDO)]  # noqa: RUF012 - Tortoise's shape
