"""Honour boards: counting what boards rank, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.clock import day_of
from kit.words import BoardMetric
from models import boards as rows
from models.outlets import Placement


@dataclass(frozen=True, slots=True)
class Counted:
    """An amount earned (or, negative, taken back) at a moment, by somebody who stood at `placement` then."""

    member_id: UUID
    metric: BoardMetric
    amount: int
    occurred_at: datetime
    placement: Placement | None


async def count(
    member_id: UUID, metric: BoardMetric, amount: int, occurred_at: datetime, placement: Placement | None
) -> None:
    """Count one amount for the boards; see `count_many`."""
    await count_many([Counted(member_id, metric, amount, occurred_at, placement)])


async def count_many(counted: Sequence[Counted]) -> None:
    """Add amounts to the members' days, in the transaction that wrote the rows behind them and after writing them.

    Who never stood anywhere is on no board. The boards move when topic "member" is announced.
    """
    await rows.add_to_days(
        [
            rows.Cell(
                each.member_id,
                each.metric,
                day_of(each.occurred_at),
                each.placement.outlet_id,
                each.placement.region_id,
                each.placement.tier,
                each.amount,
                each.occurred_at,
            )
            for each in counted
            if each.placement is not None and each.amount != 0
        ]
    )
