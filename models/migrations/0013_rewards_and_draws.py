# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Rewards with their redemptions, prize draws, and the keys of money-like requests; and what these tables promise."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import RedemptionStatus

RULES = """
CREATE TABLE idempotency_keys (
    member_id uuid NOT NULL CONSTRAINT idempotency_keys_member REFERENCES members (id),
    key uuid NOT NULL,
    operation varchar(40) NOT NULL,
    input_hash char(64) NOT NULL,
    object_id uuid NOT NULL,
    used_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (member_id, key)
);

ALTER TABLE rewards
    ADD CONSTRAINT rewards_cost CHECK (cost >= 1),
    ADD CONSTRAINT rewards_stock CHECK (taken BETWEEN 0 AND stock),
    ADD CONSTRAINT rewards_limit CHECK (per_member_limit >= 1),
    ADD CONSTRAINT rewards_window CHECK (available_until > available_from);
CREATE INDEX rewards_by_cost ON rewards (cost, id);

ALTER TABLE redemptions
    ADD CONSTRAINT redemptions_cost CHECK (cost >= 1);
CREATE INDEX redemptions_of_member ON redemptions (member_id, created_at, id);
CREATE INDEX redemptions_of_reward ON redemptions (reward_id, member_id);
CREATE INDEX redemptions_newest ON redemptions (created_at, id);
ALTER TABLE redemption_steps
    ADD CONSTRAINT redemption_steps_once UNIQUE (redemption_id, status);

ALTER TABLE prize_draws
    ADD CONSTRAINT prize_draws_window CHECK (closes_at > opens_at),
    ADD CONSTRAINT prize_draws_cost CHECK (ticket_cost >= 1),
    ADD CONSTRAINT prize_draws_tickets CHECK (max_tickets >= 1 AND tickets_sold >= 0),
    ADD CONSTRAINT prize_draws_closed CHECK ((closed_at IS NULL) = (entrants_hash IS NULL)),
    ADD CONSTRAINT prize_draws_not_closed_early CHECK (closed_at >= closes_at),
    ADD CONSTRAINT prize_draws_drawn CHECK ((drawn_at IS NULL) = (seed IS NULL)),
    ADD CONSTRAINT prize_draws_drawn_after_closing CHECK (drawn_at IS NULL OR closed_at IS NOT NULL);
CREATE INDEX prize_draws_by_closing ON prize_draws (closes_at, id);
CREATE INDEX prize_draws_to_close ON prize_draws (closes_at) WHERE closed_at IS NULL;

ALTER TABLE draw_prizes
    ADD CONSTRAINT draw_prizes_position UNIQUE (draw_id, position),
    ADD CONSTRAINT draw_prizes_count CHECK (count >= 1 AND position >= 1);
ALTER TABLE draw_purchases
    ADD CONSTRAINT draw_purchases_first_ticket UNIQUE (draw_id, first_ticket),
    ADD CONSTRAINT draw_purchases_tickets CHECK (tickets >= 1 AND first_ticket >= 1);
CREATE INDEX draw_purchases_of_member ON draw_purchases (member_id, draw_id);
ALTER TABLE draw_winners
    ADD CONSTRAINT draw_winners_ticket UNIQUE (draw_id, ticket_number),
    ADD CONSTRAINT draw_winners_place UNIQUE (draw_id, place),
    ADD CONSTRAINT draw_winners_member UNIQUE (draw_id, member_id);

CREATE FUNCTION draw_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM prize_draws WHERE id = coalesce(NEW.draw_id, OLD.draw_id) AND closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the list of entrants is fixed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER draw_purchases_fixed BEFORE INSERT OR UPDATE OR DELETE ON draw_purchases
    FOR EACH ROW EXECUTE FUNCTION draw_is_fixed();

CREATE FUNCTION draw_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seed_hash <> NEW.seed_hash OR OLD.seed_sealed <> NEW.seed_sealed
        OR OLD.entrants_hash <> NEW.entrants_hash OR OLD.seed <> NEW.seed THEN
        RAISE EXCEPTION 'a draw keeps what it has shown' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prize_draws_keep_their_word BEFORE UPDATE ON prize_draws
    FOR EACH ROW EXECUTE FUNCTION draw_keeps_its_word();
"""

UNDO = """
DROP TRIGGER prize_draws_keep_their_word ON prize_draws;
DROP TRIGGER draw_purchases_fixed ON draw_purchases;
DROP FUNCTION draw_keeps_its_word, draw_is_fixed;
DROP TABLE idempotency_keys;
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0012_sign_in_budgets")]

    operations = [
        ops.CreateModel(
            name="PrizeDraw",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=80)),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="draws",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("opens_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closes_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ticket_cost", fields.IntField()),
                ("max_tickets", fields.SmallIntField()),
                ("tickets_sold", fields.IntField(default=0)),
                ("seed_sealed", fields.BinaryField()),
                ("seed_hash", fields.CharField(max_length=64)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("entrants_hash", fields.CharField(null=True, max_length=64)),
                ("drawn_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("seed", fields.CharField(null=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "prize_draws", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DrawPrize",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.PrizeDraw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="prizes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("position", fields.SmallIntField()),
                ("title", fields.CharField(max_length=80)),
                ("count", fields.IntField()),
            ],
            options={"table": "draw_prizes", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DrawPurchase",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.PrizeDraw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="purchases",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="draw_purchases",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("entrant", fields.CharField(max_length=32)),
                ("first_ticket", fields.IntField()),
                ("tickets", fields.IntField()),
                ("bought_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "draw_purchases", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DrawWinner",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "models.PrizeDraw",
                        source_field="draw_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="winners",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("place", fields.IntField()),
                (
                    "prize",
                    fields.ForeignKeyField(
                        "models.DrawPrize",
                        source_field="prize_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="winners",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("ticket_number", fields.IntField()),
                ("member_id", fields.UUIDField()),
            ],
            options={"table": "draw_winners", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Reward",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=80)),
                ("description", fields.CharField(max_length=1000)),
                (
                    "image_media",
                    fields.ForeignKeyField(
                        "models.MediaAsset",
                        source_field="image_media_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="rewards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="rewards",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("cost", fields.IntField()),
                ("stock", fields.IntField()),
                ("taken", fields.IntField(default=0)),
                ("per_member_limit", fields.IntField(null=True)),
                ("available_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("available_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "rewards", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Redemption",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "reward",
                    fields.ForeignKeyField(
                        "models.Reward",
                        source_field="reward_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="redemptions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="redemptions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="redemptions",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="REQUESTED: REQUESTED\nAPPROVED: APPROVED\nSHIPPED: SHIPPED\nDELIVERED: DELIVERED\nCANCELLED: CANCELLED",
                        enum_type=RedemptionStatus,
                        max_length=10,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=8)),
                ("cost", fields.IntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "redemptions", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RedemptionStep",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "redemption",
                    fields.ForeignKeyField(
                        "models.Redemption",
                        source_field="redemption_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="steps",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="REQUESTED: REQUESTED\nAPPROVED: APPROVED\nSHIPPED: SHIPPED\nDELIVERED: DELIVERED\nCANCELLED: CANCELLED",
                        enum_type=RedemptionStatus,
                        max_length=10,
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("by", fields.UUIDField()),
                ("note", fields.CharField(max_length=200)),
            ],
            options={"table": "redemption_steps", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
