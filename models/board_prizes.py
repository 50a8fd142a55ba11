"""Boards that admins made, with what they pay, and what was awarded with each closed board."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier, PrizeOrder
from models.boards import BoardPeriodRow
from models.outlets import Region


class MadeBoard(Model):
    """A board with a title and prizes of its own, once per (metric, period, subject, region, tier).

    `prizes`: lines {first, last, points}, the best first, for every period that had not ended when it was made.
    """

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(40)
    metric = fields.CharEnumField(BoardMetric, max_length=20)
    period = fields.CharEnumField(BoardPeriod, max_length=10)
    subject = fields.CharEnumField(BoardSubjectKind, max_length=10)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "made_boards", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    tier = fields.CharEnumField(OutletTier, max_length=10, null=True)
    prizes: list[dict[str, Any]] = fields.JSONField()
    prizes_by = fields.CharEnumField(PrizeOrder, max_length=10)
    created_at = fields.DatetimeField()

    class Meta:
        table = "made_boards"


class BoardAward(Model):
    """The prizes of one board of a closed period: the source that the prizes paid for it name.

    `board` is its key; `prizes` and `prizes_by` are what it paid by. `awarded_at`: everybody who can be paid is.
    """

    id = fields.UUIDField(primary_key=True)
    period: fields.ForeignKeyRelation[BoardPeriodRow] = fields.ForeignKeyField(
        "models.BoardPeriodRow", "awards", on_delete=fields.RESTRICT
    )
    period_id: UUID
    board = fields.CharField(160)
    prizes: list[dict[str, Any]] = fields.JSONField()
    prizes_by = fields.CharEnumField(PrizeOrder, max_length=10)
    decided_at = fields.DatetimeField()
    awarded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "board_awards"


async def add_board(
    row_id: UUID,
    title: str,
    metric: BoardMetric,
    period: BoardPeriod,
    subject: BoardSubjectKind,
    region_id: UUID | None,
    tier: OutletTier | None,
    prizes: Sequence[dict[str, Any]],
    prizes_by: PrizeOrder,
    now: datetime,
) -> bool:
    """False if this board was made before."""
    require_transaction()
    added = await execute(
        """INSERT INTO made_boards (id, title, metric, period, subject, region_id, tier, prizes, prizes_by, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING""",
        row_id, title, metric.value, period.value, subject.value, region_id, tier.value if tier else None,
        orjson.dumps(list(prizes)).decode(), prizes_by.value, now,
    )  # fmt: skip
    return added == 1


async def made_boards(kinds: Sequence[BoardPeriod]) -> list[MadeBoard]:
    """All that were made for these kinds of period, the first one first: a few dozen."""
    return await MadeBoard.filter(period__in=list(kinds)).order_by("created_at", "id")


async def undecided_periods() -> list[UUID]:
    """Closed periods whose prizes are not decided yet, oldest first."""
    found = await rows(
        "SELECT id FROM board_periods WHERE phase = 'FROZEN' AND decided_at IS NULL ORDER BY ends_on, starts_on"
    )
    return [row["id"] for row in found]


async def locked_period(period_id: UUID) -> BoardPeriodRow:
    """A noticed period, locked until the transaction ends."""
    require_transaction()
    return await BoardPeriodRow.select_for_update().get(id=period_id)


async def settle_awards(now: datetime) -> None:
    """Mark boards whose prizes are all paid to whoever can be paid, and closed periods all of whose boards are."""
    require_transaction()
    await execute(
        """UPDATE board_awards a SET awarded_at = $1 WHERE awarded_at IS NULL AND NOT EXISTS (
               SELECT FROM prizes p JOIN members m ON m.id = p.member_id
               WHERE p.source_id = a.id AND p.paid_at IS NULL AND m.suspended_at IS NULL AND m.deleted_at IS NULL)""",
        now,
    )
    await execute(
        """UPDATE board_periods b SET phase = 'AWARDED'
           WHERE phase = 'FROZEN' AND EXISTS (SELECT FROM board_awards a WHERE a.period_id = b.id)
             AND NOT EXISTS (SELECT FROM board_awards a WHERE a.period_id = b.id AND a.awarded_at IS NULL)"""
    )


async def is_awarded(period_id: UUID, board: str) -> bool:
    return await BoardAward.filter(period_id=period_id, board=board, awarded_at__isnull=False).exists()


async def awards_by_ids(ids: Sequence[UUID]) -> list[BoardAward | None]:
    """The awards of these ids, in the order of `ids`."""
    found = {row.id: row for row in await BoardAward.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def all_awards() -> list[tuple[BoardAward, BoardPeriodRow]]:
    """Every award with its period, the oldest first."""
    found = await BoardAward.all().prefetch_related("period").order_by("decided_at", "id")
    return [(award, award.period) for award in found]


async def prizes_of_source(source_id: UUID) -> dict[UUID, tuple[int, int]]:
    """member -> (place, points) of what was won with a source."""
    found = await rows("SELECT member_id, place, points FROM prizes WHERE source_id = $1", source_id)
    return {row["member_id"]: (row["place"], row["points"]) for row in found}


async def people_behind(
    period_id: UUID, metric: BoardMetric, outlet_ids: Sequence[UUID], region_id: UUID | None, tier: OutletTier | None
) -> dict[UUID, list[UUID]]:
    """outlet -> the learners who counted for it on a board of a closed period, by the snapshot."""
    found = await rows(
        """SELECT DISTINCT d.outlet_id, d.member_id FROM frozen_totals d
           WHERE d.period_id = $1 AND d.metric = $2 AND d.outlet_id = ANY($3::uuid[]) AND d.amount > 0
             AND ($4::uuid IS NULL OR d.region_id IN (
                 SELECT r.id FROM regions r JOIN regions top ON starts_with(r.path, top.path) WHERE top.id = $4))
             AND ($5::text IS NULL OR d.tier = $5) ORDER BY 1, 2""",
        period_id,
        metric.value,
        list(outlet_ids),
        region_id,
        tier.value if tier else None,
    )
    behind: dict[UUID, list[UUID]] = {}
    for row in found:
        behind.setdefault(row["outlet_id"], []).append(row["member_id"])
    return behind
