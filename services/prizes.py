"""Prizes: decided once, then paid onto the balance. Levels and boards never move, and neither does a later season."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from gamification.prizes import PrizeKind
from kit.db import require_transaction, transaction
from kit.ids import new_id
from models import prizes
from models.ledger import lock_accounts
from services.outbox import announce_each
from services.points import Award
from services.ports import Ports

PRIZES_AT_ONCE = 500
POINTS = range(1, 1_000_001)
"""What one prize may be worth."""


@dataclass(frozen=True, slots=True)
class Win:
    """`place`: 1 is the winner."""

    member_id: UUID
    place: int
    points: int


async def award_prizes(ports: Ports, kind: PrizeKind, source_id: UUID, wins: Sequence[Win]) -> None:
    """Write down who won what with this source, in the transaction that decides it; `pay_prizes` pays soon.

    A member wins once with a source: saying it again, with another place too, changes nothing.
    """
    require_transaction()
    if any(win.points not in POINTS or win.place < 1 for win in wins):
        raise ValueError("a prize out of range")
    won = [(new_id(), win.member_id, win.place, win.points) for win in wins]
    await prizes.add_prizes(kind.code, kind.source_type, source_id, won, ports.clock.now())


async def pay_prizes(ports: Ports) -> int:
    """A tick: pay what was won and not paid yet; how many. Ten at once pay each prize once, one that dies is resumed.

    Suspended members are paid when they are let in again, and nobody gets what was theirs meanwhile.
    """
    paid, after = 0, None
    while due := await prizes.prizes_due(after, PRIZES_AT_ONCE):
        paid += await transaction(partial(_pay, ports, due))
        after = due[-1]
    return paid


async def _pay(ports: Ports, due: Sequence[tuple[UUID, UUID]]) -> int:
    await lock_accounts({member_id for member_id, _ in due})
    paid = await prizes.book_prizes([prize_id for _, prize_id in due], new_id(), ports.clock.now())
    winners: defaultdict[Award, list[UUID]] = defaultdict(list)
    for row in paid:
        winners[Award(row["kind"], row["points"], row["source_type"], row["source_id"])].append(row["member_id"])
    for award, member_ids in winners.items():
        await announce_each("member", member_ids, {"awards": [award.message], "badges": []})
    return len(paid)
