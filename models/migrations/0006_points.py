"""What the points tables promise beyond their columns: keys, checks, and an append-only ledger without gaps."""

from tortoise import migrations
from tortoise.migrations.operations import RunSQL

FORWARD = """
ALTER TABLE point_accounts
    ADD CONSTRAINT point_accounts_member FOREIGN KEY (member_id) REFERENCES members (id),
    ADD CONSTRAINT point_accounts_lifetime_not_negative CHECK (lifetime >= 0),
    ADD CONSTRAINT point_accounts_balance_not_negative CHECK (balance >= 0),
    ADD CONSTRAINT point_accounts_versions_not_negative CHECK (lifetime_version >= 0 AND balance_version >= 0),
    ADD CONSTRAINT point_accounts_top_level CHECK (top_level >= 1);

ALTER TABLE facts
    ADD CONSTRAINT facts_once UNIQUE (member_id, kind, object_id),
    ADD CONSTRAINT facts_day CHECK (day = (occurred_at AT TIME ZONE 'Asia/Shanghai')::date);
CREATE INDEX facts_by_day ON facts (member_id, day);

ALTER TABLE ledger_entries
    ADD CONSTRAINT ledger_entries_version UNIQUE (member_id, account, account_version),
    ADD CONSTRAINT ledger_entries_reversed_once UNIQUE (reverses_id),
    ADD CONSTRAINT ledger_entries_reverses FOREIGN KEY (reverses_id) REFERENCES ledger_entries (id),
    ADD CONSTRAINT ledger_entries_amount CHECK (amount <> 0),
    ADD CONSTRAINT ledger_entries_balance_not_negative CHECK (balance_after >= 0),
    ADD CONSTRAINT ledger_entries_day CHECK (day = (occurred_at AT TIME ZONE 'Asia/Shanghai')::date),
    ADD CONSTRAINT ledger_entries_place CHECK (num_nulls(outlet_id, region_id, tier) IN (0, 3));
CREATE UNIQUE INDEX ledger_entries_award ON ledger_entries
    (member_id, account, rule, object_id, period_key, part) WHERE reverses_id IS NULL;
CREATE INDEX ledger_entries_by_day ON ledger_entries (member_id, account, day);

ALTER TABLE refused_awards
    ADD CONSTRAINT refused_awards_once UNIQUE (member_id, rule, object_id, period_key),
    ADD CONSTRAINT refused_awards_points CHECK (points_missing > 0);
CREATE INDEX refused_awards_newest ON refused_awards (member_id, occurred_at, id);
CREATE INDEX refused_awards_oldest ON refused_awards (occurred_at);

ALTER TABLE learned_days
    ADD CONSTRAINT learned_days_amount CHECK (amount IN (1, -1)),
    ADD CONSTRAINT learned_days_day CHECK (day = (occurred_at AT TIME ZONE 'Asia/Shanghai')::date),
    ADD CONSTRAINT learned_days_place CHECK (num_nulls(outlet_id, region_id, tier) IN (0, 3));
CREATE INDEX learned_days_by_day ON learned_days (member_id, day, id);

CREATE FUNCTION points_only_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: book a correction', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_entries_only_append BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION points_only_append();
CREATE TRIGGER learned_days_only_append BEFORE UPDATE OR DELETE OR TRUNCATE ON learned_days
    FOR EACH STATEMENT EXECUTE FUNCTION points_only_append();

CREATE FUNCTION ledger_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a LEFT JOIN ledger_entries before
            ON before.member_id = a.member_id AND before.account = a.account
            AND before.account_version = a.account_version - 1
        WHERE a.account_version < 1
            OR (a.account_version > 1 AND before.id IS NULL)
            OR a.balance_after <> coalesce(before.balance_after, 0) + a.amount
    ) THEN
        RAISE EXCEPTION 'a ledger entry does not follow the one before it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_follow AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_follow();
"""

UNDO = """
DROP TRIGGER ledger_entries_follow ON ledger_entries;
DROP TRIGGER ledger_entries_only_append ON ledger_entries;
DROP TRIGGER learned_days_only_append ON learned_days;
DROP FUNCTION ledger_entries_follow, points_only_append;
DROP INDEX facts_by_day, ledger_entries_award, ledger_entries_by_day, refused_awards_newest, refused_awards_oldest,
    learned_days_by_day;
ALTER TABLE learned_days
    DROP CONSTRAINT learned_days_amount, DROP CONSTRAINT learned_days_day, DROP CONSTRAINT learned_days_place;
ALTER TABLE refused_awards DROP CONSTRAINT refused_awards_once, DROP CONSTRAINT refused_awards_points;
ALTER TABLE ledger_entries
    DROP CONSTRAINT ledger_entries_version, DROP CONSTRAINT ledger_entries_reversed_once,
    DROP CONSTRAINT ledger_entries_reverses, DROP CONSTRAINT ledger_entries_amount,
    DROP CONSTRAINT ledger_entries_balance_not_negative, DROP CONSTRAINT ledger_entries_day,
    DROP CONSTRAINT ledger_entries_place;
ALTER TABLE facts DROP CONSTRAINT facts_once, DROP CONSTRAINT facts_day;
ALTER TABLE point_accounts
    DROP CONSTRAINT point_accounts_member, DROP CONSTRAINT point_accounts_lifetime_not_negative,
    DROP CONSTRAINT point_accounts_balance_not_negative, DROP CONSTRAINT point_accounts_versions_not_negative,
    DROP CONSTRAINT point_accounts_top_level;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0005_progress")]  # noqa: RUF012 - Tortoise's shape
    operations = [RunSQL(FORWARD, reverse_sql=UNDO)]  # noqa: RUF012 - Tortoise's shape
