"""A board of six million members, for real: what it weighs, how long it takes to build, and how fast it answers.

    .venv/bin/python -m bench.millions --learners 6000000

The board is an ALL_TIME board of everyone, with its past and its versions, kept by the code that keeps the academy's
boards; the totals are made up, so PostgreSQL takes no part.
"""

import random
from collections.abc import Iterator
from uuid import UUID

from bench.ground import Figure, main, percentiles
from gamification.boards import Composed, HonourBoards, Placed, Placing, Settled
from gamification.periods import period_of
from gamification.standings import Board, Family, Question, Scope
from kit.clock import day_of, monotonic
from kit.paging import Ask
from kit.redis import open_redis
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from services.ports import Ports

SHOPS_AT_ONCE, SHOP_LEARNERS, CITY_LEARNERS = 10, 50, 32_000
QUESTIONS = 1_000
MOST = 10_000
"""Points; many members have the same."""


async def figures(ports: Ports, learners: int) -> list[Figure]:
    dice = random.Random(1)  # noqa: S311 - a board, not a secret
    today = day_of(ports.clock.now())
    family = Family(BoardMetric.POINTS, period_of(BoardPeriod.ALL_TIME, today, ()), BoardSubjectKind.MEMBER)
    assert ports.settings.redis_url is not None
    patient = open_redis(ports.settings.redis_url, blocking=True)  # a busy machine is not a Valkey that is away
    boards = HonourBoards(patient)
    start = monotonic()
    build = await boards.begin(family)
    cities: dict[str, list[str]] = {}
    for batch in _batches(learners, dice):
        await boards.fill(family, build, batch)
        for place in batch:
            cities.setdefault(place.scopes[0], []).append(place.place)
    for city, places in cities.items():
        await boards.compose(family, build, [Composed(city, places)], today, None)
    composing = monotonic()
    await boards.compose(family, build, [Composed("-.-", (), list(cities))], today, None)
    composed = monotonic() - composing
    await boards.finish(family, build, None)
    seconds = monotonic() - start
    [key] = [key async for key in ports.redis.scan_iter(match="board:*:s:-.-", count=1000)]
    [versions] = [key async for key in ports.redis.scan_iter(match="board:*:v", count=1000)]
    sizes = [await patient.memory_usage(each, samples=0) or 0 for each in (key, versions)]
    found = [
        Figure(
            f"a board of {learners:,} built of {len(cities)} cities and these of their shops",
            f"{seconds:.0f} s",
            beside=f"{seconds / learners * 1e6:.0f} us each",
        ),
        Figure("of which made of its cities, while nobody else is answered", f"{composed:.1f} s", "0.5 s"),
        Figure("its memory", f"{sizes[0] / 2**20:,.0f} MiB", beside=f"{sizes[0] / learners:.0f} B each"),
        Figure("of its versions", f"{sizes[1] / 2**20:,.0f} MiB", beside=f"{sizes[1] / learners:.0f} B each"),
    ]

    async def timed(what: str, times: list[float]) -> None:
        middle, worst = percentiles(times)
        found.append(Figure(f"{what}: p50, p99", f"{middle:.2f} ms, {worst:.2f} ms"))

    pages, places, ranks, adds = [], [], [], []
    for _ in range(QUESTIONS):
        somebody = _member(dice.randrange(learners))
        start = monotonic()
        await boards.read(Board(family, Scope()), Question(Ask(20), somebody, 5), today)
        pages.append(monotonic() - start)
        placing = Placing(somebody, 2, ("-.-",), (_score(dice),), (_score(dice),))
        start = monotonic()
        await boards.place([Placed(family, placing, today, None)])
        places.append(monotonic() - start)
        start = monotonic()
        await patient.zrevrank(key, str(somebody))
        ranks.append(monotonic() - start)
        start = monotonic()
        await patient.zadd(key, {str(somebody): _score(dice)})
        adds.append(monotonic() - start)
    await timed("a page with one's own line and 10 neighbours", pages)
    await timed("a member placed anew", places)
    await timed("ZREVRANK alone", ranks)
    await timed("ZADD alone", adds)

    start = monotonic()
    await patient.copy(key, b"bench:past", replace=True)
    found.append(
        Figure("the first write of a day copies the board to its past", f"{monotonic() - start:.1f} s", "0.5 s")
    )
    await patient.aclose()
    return found


def _batches(learners: int, dice: random.Random) -> Iterator[list[Settled]]:
    for first in range(0, learners, SHOPS_AT_ONCE * SHOP_LEARNERS):
        batch: list[Settled] = []
        for start in range(first, min(first + SHOPS_AT_ONCE * SHOP_LEARNERS, learners), SHOP_LEARNERS):
            who = [str(_member(number)) for number in range(start, min(start + SHOP_LEARNERS, learners))]
            city = f"city {start // CITY_LEARNERS}"
            now, past = ([_score(dice) for _ in who] for _ in range(2))
            batch.append(Settled(f"{start}", (city, "-.-"), who, [1] * len(who), now, past))
        yield batch


def _member(number: int) -> UUID:
    """Ids as scattered as real ones."""
    return UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


def _score(dice: random.Random) -> int:
    return dice.randrange(1, MOST) << 25 | dice.randrange(2**25)


if __name__ == "__main__":
    main(__doc__, figures)
