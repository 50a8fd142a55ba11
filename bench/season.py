"""A season of everybody closed and paid: the snapshot, who won, and a prize for every learner.

.venv/bin/python -m bench.season --learners 32000
"""

from dataclasses import replace
from datetime import timedelta

from bench.ground import Figure, city, main
from kit.clock import FrozenClock, day_of, monotonic
from kit.db import rows
from kit.ids import new_id
from kit.words import PrizeOrder
from models.seasons import NamedSeason
from services.board_closing import close_periods
from services.ports import Ports

LIMIT_SECONDS = 60
DAYS = 30


async def figures(ports: Ports, learners: int) -> list[Figure]:
    await city(learners)
    now = ports.clock.now()
    await NamedSeason.create(
        id=new_id(), title="Season", starts_on=day_of(now) - timedelta(days=DAYS), ends_on=day_of(now),
        prizes=[{"first": 1, "last": 100_000, "points": 10}], prizes_by=PrizeOrder.POSITION, created_at=now,
    )  # fmt: skip
    closing = replace(ports, clock=FrozenClock(now + timedelta(days=4)))
    start = monotonic()
    closed = await close_periods(closing)
    seconds = monotonic() - start
    [paid] = await rows("SELECT count(*) AS n FROM prizes WHERE paid_at IS NOT NULL")
    [season] = await rows("SELECT phase FROM board_periods WHERE period = 'SEASON' AND starts_on = $1",
                          day_of(now) - timedelta(days=DAYS))  # fmt: skip
    assert (paid["n"], season["phase"]) == (learners, "AWARDED")
    what = f"a season and {closed - 1} shorter periods closed, {learners:,} prizes paid"
    return [Figure(what, f"{seconds:.1f} s", f"{LIMIT_SECONDS} s")]


if __name__ == "__main__":
    main(__doc__, figures)
