"""Corrections by hand, each undoing an entry once.

By them the lifetime total may fall below nothing; the balance never does.
"""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

PROMISES = """
ALTER TABLE corrections
    ADD CONSTRAINT corrections_member FOREIGN KEY (member_id) REFERENCES members (id),
    ADD CONSTRAINT corrections_reverses FOREIGN KEY (reverses_id) REFERENCES ledger_entries (id),
    ADD CONSTRAINT corrections_reversed_once UNIQUE (reverses_id),
    ADD CONSTRAINT corrections_amount CHECK (amount <> 0),
    ADD CONSTRAINT corrections_written_off CHECK (written_off BETWEEN 0 AND greatest(0, -amount));
CREATE INDEX corrections_of_member ON corrections (member_id, made_at);

-- What was earned may go, in part or whole, after points were taken freely: the lifetime total falls in full.
ALTER TABLE point_accounts DROP CONSTRAINT point_accounts_lifetime_not_negative;
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_balance_not_negative;
ALTER TABLE ledger_entries
    ADD CONSTRAINT ledger_entries_balance_not_negative CHECK (balance_after >= 0 OR account = 'LIFETIME');

CREATE FUNCTION corrections_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.reason = '' AND to_jsonb(NEW) - 'reason' = to_jsonb(OLD) - 'reason' THEN
        RETURN NEW;  -- the words go with the account they are about
    END IF;
    RAISE EXCEPTION 'a correction stays: make another one' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER corrections_stay BEFORE UPDATE OR DELETE ON corrections
    FOR EACH ROW EXECUTE FUNCTION corrections_stay();
CREATE TRIGGER corrections_are_not_emptied BEFORE TRUNCATE ON corrections
    FOR EACH STATEMENT EXECUTE FUNCTION points_only_append();
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0018_tasks")]  # noqa: RUF012 - Tortoise's shape
    operations = [  # noqa: RUF012 - Tortoise's shape
        ops.CreateModel(
            name="Correction",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("member_id", fields.UUIDField()),
                ("amount", fields.IntField()),
                ("written_off", fields.IntField()),
                ("reason", fields.CharField(max_length=200)),
                ("reverses_id", fields.BigIntField(null=True)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("made_by", fields.UUIDField(null=True)),
            ],
            options={"table": "corrections", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(PROMISES, reverse_sql="DROP FUNCTION corrections_stay CASCADE"),
    ]
