"""Prizes won: who won what with which place, and whether it was paid. Constraints are in the migration of the table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from models.accounts import Member


class Prize(Model):
    """What a member won with one source (a closed board, a story campaign), once per (member, kind, source).

    `place`: 1 is the winner. Paid once `paid_at` is set, by the entry of the member's balance under the same kind and
    source. Who is suspended is paid once that is lifted; who has deleted the account, never.
    """

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "prizes", on_delete=fields.RESTRICT
    )
    member_id: UUID
    kind = fields.CharField(40)
    source_type = fields.CharField(40)
    source_id = fields.UUIDField()
    place = fields.IntField()
    points = fields.IntField()
    decided_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "prizes"


async def add_prizes(
    kind: str, source_type: str, source_id: UUID, won: Sequence[tuple[UUID, UUID, int, int]], now: datetime
) -> None:
    """Write down what was won, as (id, member, place, points); what is known of the same source stays as it is."""
    require_transaction()
    if won:
        await execute(
            """INSERT INTO prizes (id, member_id, kind, source_type, source_id, place, points, decided_at)
               SELECT w.id, w.member_id, $1, $2, $3, w.place, w.points, $4
               FROM unnest($5::uuid[], $6::uuid[], $7::int[], $8::int[]) AS w (id, member_id, place, points)
               ORDER BY w.member_id ON CONFLICT (member_id, kind, source_id) DO NOTHING""",
            kind,
            source_type,
            source_id,
            now,
            *(list(column) for column in zip(*won, strict=True)),
        )


async def prizes_due(after: tuple[UUID, UUID] | None, limit: int) -> list[tuple[UUID, UUID]]:
    """Prizes to be paid now, as (member, id) in that order: unpaid, of members who are neither suspended nor gone."""
    member_id, prize_id = after or (None, None)
    found = await rows(
        """SELECT p.member_id, p.id FROM prizes p JOIN members m ON m.id = p.member_id
           WHERE p.paid_at IS NULL AND m.suspended_at IS NULL AND m.deleted_at IS NULL
             AND ($1::uuid IS NULL OR (p.member_id, p.id) > ($1, $2::uuid))
           ORDER BY p.member_id, p.id LIMIT $3""",
        member_id,
        prize_id,
        limit,
    )
    return [(row["member_id"], row["id"]) for row in found]


async def book_prizes(prize_ids: Sequence[UUID], booking_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """Pay those of these prizes that are not paid yet, onto balances alone; what was paid, as rows of `prizes`.

    The caller holds the accounts of the members (`models.ledger.lock_accounts`), so that of two payers the second
    finds them paid. An entry's place is where the member stands now.
    """
    require_transaction()
    return await rows(
        """WITH due AS (
               SELECT p.*, row_number() OVER before AS n, sum(p.points) OVER before AS so_far
               FROM prizes p WHERE p.id = ANY($1::uuid[]) AND p.paid_at IS NULL
               WINDOW before AS (PARTITION BY p.member_id ORDER BY p.decided_at, p.id)),
           paid AS (UPDATE prizes p SET paid_at = $3 FROM due WHERE p.id = due.id),
           booked AS (
               INSERT INTO ledger_entries (
                   booking_id, member_id, account, counter_account, amount, balance_after, account_version, rule,
                   tariff_version, object_type, object_id, period_key, part, occurred_at, day, booked_at, outlet_id,
                   region_id, tier)
               SELECT $2, due.member_id, 'BALANCE', due.kind, due.points, a.balance + due.so_far,
                      a.balance_version + due.n, due.kind, 0, due.source_type, due.source_id, '', 0, $3,
                      ($3::timestamptz AT TIME ZONE 'Asia/Shanghai')::date, $3, h.outlet_id, h.region_id, h.tier
               FROM due JOIN point_accounts a USING (member_id) LEFT JOIN LATERAL (
                   SELECT outlet_id, region_id, tier FROM placements p
                   WHERE p.member_id = due.member_id AND p.from_at <= $3 ORDER BY p.from_at DESC LIMIT 1) h ON true
               ORDER BY due.member_id, due.n),
           raised AS (
               UPDATE point_accounts a SET balance = a.balance + s.points, balance_version = a.balance_version + s.n
               FROM (SELECT member_id, sum(points)::int AS points, count(*)::int AS n FROM due GROUP BY 1) s
               WHERE a.member_id = s.member_id)
           SELECT id, member_id, kind, source_type, source_id, place, points FROM due ORDER BY member_id, n""",
        list(prize_ids),
        booking_id,
        now,
    )
