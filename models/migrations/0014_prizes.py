# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Prizes won, and what the table promises: one for each member and source, and nothing of it changes but its payment."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

RULES = """
ALTER TABLE prizes
    ADD CONSTRAINT prizes_once UNIQUE (member_id, kind, source_id),
    ADD CONSTRAINT prizes_place CHECK (place >= 1),
    ADD CONSTRAINT prizes_points CHECK (points BETWEEN 1 AND 1000000),
    ADD CONSTRAINT prizes_paid_after CHECK (paid_at >= decided_at);
CREATE INDEX prizes_due ON prizes (member_id, id) WHERE paid_at IS NULL;
CREATE INDEX prizes_of_source ON prizes (source_id, place);

CREATE FUNCTION prizes_only_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.paid_at IS NULL
       AND to_jsonb(NEW) - 'paid_at' = to_jsonb(OLD) - 'paid_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'prizes is append-only: a prize can be paid, nothing else' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER prizes_only_paid BEFORE UPDATE OR DELETE ON prizes FOR EACH ROW EXECUTE FUNCTION prizes_only_paid();
CREATE TRIGGER prizes_kept BEFORE TRUNCATE ON prizes FOR EACH STATEMENT EXECUTE FUNCTION prizes_only_paid();
"""

UNDO = """
DROP TRIGGER prizes_only_paid ON prizes;
DROP TRIGGER prizes_kept ON prizes;
DROP FUNCTION prizes_only_paid;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0013_rewards_and_draws")]

    operations = [
        ops.CreateModel(
            name="Prize",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="prizes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharField(max_length=40)),
                ("source_type", fields.CharField(max_length=40)),
                ("source_id", fields.UUIDField()),
                ("place", fields.IntField()),
                ("points", fields.IntField()),
                ("decided_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("paid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "prizes", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
