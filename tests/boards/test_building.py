"""Boards built beside those that are shown: of places, then of one another; whoever is placed meanwhile stays so."""

import asyncio
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from gamification.boards import BUILDING_SECONDS, BoardsBehind, Composed, HonourBoards, Placed, Placing, Settled
from gamification.periods import period_of
from gamification.standings import Family, Question, Scope
from kit.clock import day_of
from kit.db import execute
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from services.board_building import check_boards, composed_at_once, composition, rebuild
from services.board_verifying import verify_boards
from services.boards import past_day, read_board
from services.ports import Ports
from tests.boards.story import board, earn, learner, outlet, settle, tree

IN_NORTH, IN_SOUTH, IN_COUNTY = (f"{UUID(int=number)}.-" for number in (101, 102, 103))
NORTH, SOUTH = f"{UUID(int=101)}.NEW", f"{UUID(int=102)}.PARTNER"
WAYS_UP = {
    NORTH: [NORTH, IN_NORTH, IN_COUNTY, "-.NEW", "-.-"],
    SOUTH: [SOUTH, IN_SOUTH, IN_COUNTY, "-.PARTNER", "-.-"],
}
EARLY, MOVER, LATE, GONE = (UUID(int=number) for number in range(1, 5))
Shown = dict[str, dict[str, int]]


class Building:
    """The week's points, as they are being built by `fill` and `compose`."""

    def __init__(self, ports: Ports, build: str, family: Family, day: date) -> None:
        self.ports, self.build, self.family, self.day = ports, build, family, day

    @classmethod
    async def of(cls, ports: Ports) -> "Building":
        today = day_of(ports.clock.now())
        family = Family(BoardMetric.POINTS, period_of(BoardPeriod.WEEK, today, ()), BoardSubjectKind.MEMBER)
        day = past_day(family.period, today)
        assert day is not None
        return cls(ports, await ports.boards.begin(family), family, day)

    async def fill(self, place: str, scores: dict[UUID, int], past: list[int] | None = None, version: int = 1) -> bool:
        settled = Settled(
            place, WAYS_UP[place], [str(each) for each in scores], [version] * len(scores), list(scores.values()), past
        )
        return await self.ports.boards.fill(self.family, self.build, [settled])

    async def place(
        self, who: UUID, version: int, scopes: list[str], now: int, past: int, day: date | None = None
    ) -> None:
        """As a projection does, which knows nothing of the building."""
        placing = Placing(who, version, scopes, [now] * len(scopes), [past] * len(scopes))
        await self.ports.boards.place([Placed(self.family, placing, day or self.day, None)])

    async def compose(self) -> bool:
        return await self.ports.boards.compose(self.family, self.build, composition(WAYS_UP), self.day, None)

    @property
    def base(self) -> str:
        """What its keys begin with."""
        return f"board:{{{self.family} {self.family.period.ends_on or ''}}}:{self.build}"

    async def nearly_forgotten(self) -> None:
        """As if its builder had not been heard of for long."""
        async for key in self.ports.redis.scan_iter(f"*:{self.build}:*"):
            if await self.ports.redis.ttl(key) > 0:
                await self.ports.redis.expire(key, BUILDING_SECONDS // 4)

    async def seconds_left(self) -> int:
        """How long all of it is kept."""
        found = [await self.ports.redis.ttl(key) async for key in self.ports.redis.scan_iter(f"*:{self.build}:*")]
        return min(seconds for seconds in found if seconds >= 0)

    async def shown(self) -> tuple[Shown, Shown]:
        """What the boards say once they are shown, and their pasts of the boards that have one."""
        assert await self.ports.boards.finish(self.family, self.build, None)
        shown = await self.ports.boards.everything(self.family)
        base = f"board:{{{self.family}*:m:"
        keys = [key.decode() async for key in self.ports.redis.scan_iter(base + "*")]
        past = {key.rpartition(":m:")[2]: await self.ports.redis.zrange(key, 0, -1, withscores=True) for key in keys}
        left = [key async for key in self.ports.redis.scan_iter(f"*:{self.build}:[alft]*")]
        assert left == [], "nothing that only building needs is left"
        return (
            {scope: {who.decode(): score for who, score in lines.items()} for scope, lines in shown.items()},
            {scope: {who.decode(): int(score) for who, score in lines} for scope, lines in past.items()},
        )


@pytest.fixture
async def building(ports: Ports) -> Building:
    return await Building.of(ports)


def lines(**scores: int) -> dict[str, int]:
    return {str(globals()[name.upper()]): score for name, score in scores.items()}


def test_every_board_is_made_of_places_and_of_those_below_it() -> None:
    found = composition(WAYS_UP)

    assert [each.scope for each in found if each.below] == [IN_COUNTY, "-.-"]
    assert {each.scope: (list(each.places), list(each.below)) for each in found} == {
        NORTH: ([NORTH], []),
        SOUTH: ([SOUTH], []),
        IN_NORTH: ([NORTH], []),
        IN_SOUTH: ([SOUTH], []),
        "-.NEW": ([NORTH], []),
        "-.PARTNER": ([SOUTH], []),
        IN_COUNTY: ([], [IN_NORTH, IN_SOUTH]),
        "-.-": ([], [IN_COUNTY]),
    }
    order = [each.scope for each in found]
    assert all(order.index(lower) < order.index(each.scope) for each in found for lower in each.below)


def test_who_learns_right_at_a_county_is_on_its_board_beside_those_of_its_stations() -> None:
    found = composition(WAYS_UP | {"right there": [IN_COUNTY, "-.NEW", "-.-"]})

    county = next(each for each in found if each.scope == IN_COUNTY)
    assert county == Composed(IN_COUNTY, ["right there"], [IN_NORTH, IN_SOUTH])


async def test_boards_hold_who_learned_at_their_places(building: Building) -> None:
    assert await building.fill(NORTH, {EARLY: 300})
    assert await building.fill(SOUTH, {LATE: 200})
    assert await building.compose()

    shown, past = await building.shown()

    assert shown == {
        NORTH: lines(early=300), IN_NORTH: lines(early=300), "-.NEW": lines(early=300),
        SOUTH: lines(late=200), IN_SOUTH: lines(late=200), "-.PARTNER": lines(late=200),
        IN_COUNTY: lines(early=300, late=200), "-.-": lines(early=300, late=200),
    }  # fmt: skip
    assert past == {}, "nobody moved on this day: each board is its own past"


async def test_a_board_on_which_anybody_moved_today_has_the_past_of_everybody(building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300, MOVER: 500}, past=[300, 0])
    await building.fill(SOUTH, {LATE: 200})
    await building.compose()

    shown, past = await building.shown()

    assert shown["-.-"] == lines(early=300, mover=500, late=200)
    assert past["-.-"] == past[IN_COUNTY] == lines(early=300, late=200)
    assert past[IN_NORTH] == past[NORTH] == past["-.NEW"] == lines(early=300)
    assert past.keys().isdisjoint({IN_SOUTH, SOUTH, "-.PARTNER"})


@pytest.mark.parametrize("when", ["before it is filled", "before it is composed", "after it is composed"])
async def test_who_is_placed_meanwhile_stands_as_they_were_placed(building: Building, when: str) -> None:
    async def placed() -> None:
        await building.place(MOVER, 2, WAYS_UP[NORTH], now=700, past=100)
        await building.place(GONE, 2, WAYS_UP[SOUTH], now=0, past=0)

    if when == "before it is filled":
        await placed()
    await building.fill(NORTH, {EARLY: 300, MOVER: 100})
    await building.fill(SOUTH, {LATE: 200, GONE: 900})
    if when == "before it is composed":
        await placed()
    await building.compose()
    if when == "after it is composed":
        await placed()

    shown, past = await building.shown()

    assert shown["-.-"] == shown[IN_COUNTY] == lines(early=300, mover=700, late=200)
    assert shown[NORTH] == lines(early=300, mover=700)
    assert shown[SOUTH] == lines(late=200)
    assert past[IN_NORTH] == lines(early=300, mover=100)
    assert {who: score for who, score in past["-.-"].items() if who != str(GONE)} == lines(
        early=300, mover=100, late=200
    )


@pytest.mark.parametrize("when", ["before it is filled", "before it is composed", "after it is composed"])
async def test_older_news_changes_nothing(building: Building, when: str) -> None:
    async def late_news() -> None:
        await building.place(MOVER, 4, WAYS_UP[NORTH], now=100, past=50)

    if when == "before it is filled":
        await late_news()
    await building.fill(NORTH, {EARLY: 300, MOVER: 700}, version=5)
    if when == "before it is composed":
        await late_news()
    await building.compose()
    if when == "after it is composed":
        await late_news()

    shown, _ = await building.shown()

    assert shown["-.-"] == shown[IN_NORTH] == lines(early=300, mover=700)
    await building.place(MOVER, 6, WAYS_UP[NORTH], now=800, past=700)
    assert (await building.ports.boards.everything(building.family))["-.-"] == lines_of(early=300, mover=800)


def lines_of(**scores: int) -> dict[bytes, int]:
    return {who.encode(): score for who, score in lines(**scores).items()}


async def test_older_news_is_older_than_what_was_filled_though_they_were_placed_before(building: Building) -> None:
    await building.place(MOVER, 3, WAYS_UP[NORTH], now=50, past=50)
    await building.fill(NORTH, {EARLY: 300, MOVER: 700}, version=5)
    await building.compose()
    await building.place(MOVER, 4, WAYS_UP[NORTH], now=100, past=50)

    shown, _ = await building.shown()

    assert shown["-.-"] == lines(early=300, mover=700)


async def test_a_place_may_have_any_number_of_learners(building: Building) -> None:
    crowd = {UUID(int=number): 1 + number for number in range(1000, 10_000)}
    await building.fill(NORTH, crowd, past=[0] * len(crowd))
    await building.compose()

    shown, past = await building.shown()

    assert shown["-.-"] == shown[IN_NORTH] == {str(who): score for who, score in crowd.items()}
    assert past == {}


async def test_to_fill_compose_and_finish_twice_is_to_do_so_once(building: Building) -> None:
    for _ in range(2):
        await building.fill(NORTH, {EARLY: 300, MOVER: 500}, past=[300, 200])
    await building.place(MOVER, 2, WAYS_UP[NORTH], now=600, past=200)
    for _ in range(2):
        await building.compose()

    await building.shown()
    shown, past = await building.shown()

    assert shown["-.-"] == lines(early=300, mover=600)
    assert past["-.-"] == lines(early=300, mover=200)


async def test_who_differs_from_board_to_board_is_placed_on_what_was_composed(building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300})
    await building.fill(SOUTH, {LATE: 200})
    await building.compose()
    spread = Placing(MOVER, 1, [IN_NORTH, IN_SOUTH, IN_COUNTY, "-.-"], [100, 150, 250, 250], [100, 150, 250, 250])
    assert await building.ports.boards.fill_placings(building.family, building.build, [spread], building.day, None)

    shown, past = await building.shown()

    assert shown["-.-"] == past["-.-"] == lines(early=300, mover=250, late=200)
    assert shown[IN_SOUTH] == lines(mover=150, late=200)
    assert shown[SOUTH] == lines(late=200)


async def test_a_day_that_others_have_begun_is_told(building: Building) -> None:
    await building.place(MOVER, 2, WAYS_UP[NORTH], now=700, past=100, day=building.day + timedelta(days=1))
    await building.fill(NORTH, {EARLY: 300})

    with pytest.raises(BoardsBehind) as raised:
        await building.compose()
    assert raised.value.day == building.day + timedelta(days=1)


async def test_who_begins_anew_takes_over_and_leaves_nothing_of_the_other(ports: Ports, building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300})
    other = await Building.of(ports)

    assert not await building.fill(SOUTH, {LATE: 200})
    assert not await building.compose()
    assert not await ports.boards.finish(building.family, building.build, None)

    await other.fill(SOUTH, {LATE: 200})
    await other.compose()
    shown, _ = await other.shown()
    assert shown["-.-"] == lines(late=200)
    assert [key async for key in ports.redis.scan_iter(f"*{building.build}*")] == []


async def test_what_nobody_finishes_is_forgotten(ports: Ports, building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300, MOVER: 500}, past=[300, 200])

    keys = [key async for key in ports.redis.scan_iter(f"*{building.build}*")]

    assert len(keys) == 6
    assert all([0 < await ports.redis.ttl(key) <= BUILDING_SECONDS for key in keys])


async def test_what_is_kept_is_forgotten_no_sooner_than_what_is_new(ports: Ports, building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300, MOVER: 500}, past=[300, 200])
    await building.place(MOVER, 2, WAYS_UP[NORTH], now=700, past=100)
    await building.nearly_forgotten()

    kept = await ports.boards.keep(building.family, building.build)

    assert kept
    assert await building.seconds_left() > BUILDING_SECONDS // 2
    await building.fill(SOUTH, {LATE: 200})
    await building.compose()
    shown, _ = await building.shown()
    assert shown["-.-"] == lines(early=300, mover=700, late=200)


async def test_what_is_half_forgotten_is_never_shown(ports: Ports, building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300})
    await ports.redis.delete(f"{building.base}:a")  # as Valkey does, of all that only building needs first

    assert not await building.fill(SOUTH, {LATE: 200})
    assert not await building.compose()
    assert not await ports.boards.keep(building.family, building.build)
    assert not await ports.boards.finish(building.family, building.build, None)
    assert await ports.boards.missing([building.family]) == [building.family]


async def test_what_nobody_keeps_is_given_up(ports: Ports, building: Building) -> None:
    await building.fill(NORTH, {EARLY: 300})
    await building.place(MOVER, 2, WAYS_UP[NORTH], now=700, past=100)

    await ports.boards.give_up([building.family])
    while_it_is_kept = [key async for key in ports.redis.scan_iter(f"*{building.build}*")]
    await ports.redis.delete(f"{building.base}:a")
    await ports.boards.give_up([building.family])

    assert f"{building.base}:l:{NORTH}".encode() in while_it_is_kept
    assert [key async for key in ports.redis.scan_iter(f"*{building.build}*")] == []
    assert not await building.compose()


async def test_a_build_of_any_length_is_kept_until_it_is_shown(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await earn(ports, who, 10)
    compose, waited = HonourBoards.compose, list[str]()
    monkeypatch.setattr("services.board_building.KEEP_SECONDS", 0.01)

    async def long_after(self: HonourBoards, family: Family, build: str, *rest: Any) -> bool:
        """What was filled in is about to be forgotten; go on once it has been kept."""
        building = Building(ports, build, family, date.min)
        await building.nearly_forgotten()
        while await building.seconds_left() < BUILDING_SECONDS // 2:  # noqa: ASYNC110 - Valkey's state
            await asyncio.sleep(0.01)
        waited.append(build)
        return await compose(self, family, build, *rest)

    monkeypatch.setattr(HonourBoards, "compose", long_after)
    assert await rebuild(ports)

    assert waited
    assert [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")] == []


def test_boards_are_composed_a_bounded_number_of_lines_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.board_building.COMPOSED_AT_ONCE", 50)

    loads = list(composed_at_once(composition(WAYS_UP), {NORTH: 30, SOUTH: 20}))

    assert [each for load in loads for each in load] == composition(WAYS_UP)
    lines_of_each = {
        "-.-": 50,
        IN_COUNTY: 50,
        IN_NORTH: 30,
        IN_SOUTH: 20,
        NORTH: 30,
        SOUTH: 20,
        "-.NEW": 30,
        "-.PARTNER": 20,
    }
    assert all(sum(lines_of_each[each.scope] for each in load) <= 50 for load in loads)


async def test_who_is_on_the_way_to_a_board_is_no_difference(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)
    await earn(ports, who, 10)  # and nobody relays

    on_the_way = [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")]
    await execute("DELETE FROM outbox")
    lost = [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")]

    assert on_the_way == []
    assert {each.subject_id for each in lost} >= {who.id}


async def test_boards_are_right_however_many_learn_while_they_are_built(ports: Ports) -> None:
    land, random = await tree(), Random(11)
    people = [await learner(ports, await outlet(ports, station)) for station in land.stations for _ in range(5)]
    for who in people:
        await earn(ports, who, random.randint(1, 9), ports.clock.now() - timedelta(days=random.randint(0, 2)))
    built = asyncio.Event()

    async def learn() -> None:
        while not built.is_set():
            await earn(ports, random.choice(people), random.randint(1, 5))
            await settle(ports)

    learning = asyncio.create_task(learn())
    for _ in range(3):
        await rebuild(ports)
        assert not (await read_board(ports, board(ports, scope=Scope(land.city.id)), Question())).stale
    built.set()
    await learning
    await settle(ports)

    assert [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")] == []
