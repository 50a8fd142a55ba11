"""Weekly leagues: a Monday of a whole city, and a look at one's own league.

    .venv/bin/python -m bench.leagues --learners 32000

A Monday settles the week that is over and deals everybody out anew. The plain ways beside it: the
same rows written one at a time, and the points of a league asked member by member.
"""

import random
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from bench.ground import Figure, city, main, percentiles
from gamification.leagues import Entrant, Field, groups_of
from kit.clock import FrozenClock, day_of, day_start, monotonic, week_of
from kit.db import execute, rows, transaction
from kit.ids import new_bytes, new_id
from kit.words import LeagueDivision, OutletTier
from models.leagues import seats_of_week
from services.board_closing import close_periods
from services.leagues import close_weeks, form_week, leagues_of, settle_weeks, tell_results, verify_leagues
from services.ports import Ports

ROUNDS = 100
LIMIT = "10 s"


async def figures(ports: Ports, learners: int) -> list[Figure]:
    members = await city(learners)
    clock = FrozenClock(ports.clock.now())
    ports = replace(ports, clock=clock)
    monday = week_of(day_of(clock.now()))
    clock.at = day_start(monday)
    found = [dealt(learners)]
    forming = await seconds(form_week(ports))
    plainly = await seconds(written_plainly(monday))
    found.append(
        Figure(
            "leagues of a first week formed", f"{forming:.1f} s", LIMIT,
            f"the rows alone, one at a time: {plainly:.1f} s; {plainly / forming:.0f}x",
        )
    )  # fmt: skip
    found.append(await looked_at(ports, monday, members))
    clock.at = day_start(monday + timedelta(days=7))
    found.append(Figure("on the next Monday: the week settled", f"{await seconds(settle_weeks(ports)):.1f} s"))
    found.append(Figure("on the next Monday: leagues formed", f"{await seconds(form_week(ports)):.1f} s", LIMIT))
    found.append(Figure("everybody told how the week ended", f"{await seconds(tell_results(ports)):.1f} s"))
    clock.advance(timedelta(hours=72))
    await close_periods(ports)
    found.append(Figure("results made final from the frozen points", f"{await seconds(close_weeks(ports)):.1f} s"))
    start = monotonic()
    assert await verify_leagues() == []
    found.append(Figure("both weeks formed and settled again by `leagues verify`", f"{monotonic() - start:.1f} s"))
    return found


async def seconds(work: Awaitable[object]) -> float:
    start = monotonic()
    await work
    return monotonic() - start


def dealt(learners: int) -> Figure:
    """The pure part: everybody into groups, by a seed."""
    city_id, dice = new_id(), random.Random(1)  # noqa: S311
    fields = [Field(tier, city_id) for tier in OutletTier]
    entrants = [Entrant(new_id(), dice.choice(fields), dice.choice(list(LeagueDivision))) for _ in range(learners)]
    start = monotonic()
    groups = groups_of(new_bytes(32), entrants, {})
    assert len(groups) == learners
    return Figure("members dealt out by the seed (pure)", f"{(monotonic() - start) * 1000:.0f} ms")


async def written_plainly(monday: date) -> None:
    """The members of a week into a table like theirs, a statement each."""
    seats = await seats_of_week(monday)

    async def work() -> None:
        await execute("CREATE TEMPORARY TABLE plain (LIKE league_members INCLUDING ALL) ON COMMIT DROP")
        for seat in seats:
            await execute(
                "INSERT INTO plain VALUES ($1, $2, $3, $4, $5, $5, now())",
                seat.member_id, monday, seat.league_id, seat.turn, seat.held.value,
            )  # fmt: skip

    await transaction(work)


async def looked_at(ports: Ports, monday: date, members: list[UUID]) -> Figure:
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(ROUNDS):
        member = random.choice(members)  # noqa: S311
        start = monotonic()
        [league] = await leagues_of(ports, [member])
        middle = monotonic()
        assert league is not None
        for other, result in league.lines:
            [row] = await rows(
                "SELECT coalesce(sum(amount), 0)::int AS points FROM metric_days"
                " WHERE member_id = $1 AND metric = 'POINTS' AND day >= $2 AND day < $2 + 7",
                other, monday,
            )  # fmt: skip
            assert row["points"] == result.points
        ours.append(middle - start)
        plain.append(monotonic() - middle)
    (fast, fast_99), (slow, slow_99) = percentiles(ours), percentiles(plain)
    return Figure(
        "one's own league: p50, p99", f"{fast:.1f} ms, {fast_99:.1f} ms",
        beside=f"member by member: {slow:.0f} ms, {slow_99:.0f} ms; {slow / fast:.0f}x, {slow_99 / fast_99:.0f}x",
    )  # fmt: skip


if __name__ == "__main__":
    main(__doc__, figures)
