"""A season closes once, with every award in exactly one season, and pays its prizes once."""

import asyncio
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from auth.actor import Actor
from gamification.prize_lines import PrizeLine, PrizeList
from gamification.standings import Question, Scope
from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.settings import Settings
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, PostRole, PrizeOrder, Role
from models.accounts import Member
from models.board_prizes import BoardAward
from models.boards import BoardPeriodRow
from models.deletions import erase
from services import board_prizes
from services.board_closing import close_periods
from services.board_verifying import verify_boards
from services.boards import find_board, read_board
from services.ledger import ledger_verify
from services.points import reward
from services.ports import Ports
from services.prizes import pay_prizes
from services.seasons import SeasonPlan, start_season
from tests.gql import Gql
from tests.points.story import course, lesson, say
from tests.process import ROOT, environment
from tests.world import World

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 15)
IN_SEASON = datetime(2026, 3, 15, 15, 0, tzinfo=UTC)
"""An hour before the season ends."""
CLOSES = datetime(2026, 3, 18, 16, 0, tzinfo=UTC)
PRIZES = PrizeList((PrizeLine(1, 1, 500), PrizeLine(2, 10, 100)), PrizeOrder.POSITION)
A_COURSE, A_FIRST_LESSON = 30, 15


@pytest.fixture
async def people(ports: Ports, world: World) -> list[UUID]:
    """A hundred learners of one shop, who join before the season."""
    shop = await world.outlet()
    return [(await world.learner(f"学员{n}", outlet=shop, role=PostRole.CLERK)).id for n in range(100)]


async def season(ports: Ports, world: World, prizes: PrizeList = PRIZES) -> None:
    admin: Actor = await world.actor(await world.staff(Role.ADMIN))
    await start_season(ports, admin, SeasonPlan("春季赛", FIRST, LAST, prizes))


async def balances() -> dict[UUID, int]:
    found = await rows("SELECT member_id, balance - lifetime AS won FROM point_accounts WHERE balance <> lifetime")
    return {row["member_id"]: row["won"] for row in found}


async def in_snapshot(metric: str = "POINTS") -> dict[UUID, int]:
    found = await rows(
        "SELECT f.member_id, f.amount FROM frozen_totals f JOIN board_periods p ON p.id = f.period_id"
        " WHERE p.period = 'SEASON' AND p.starts_on = $1 AND f.metric = $2",
        FIRST,
        metric,
    )
    return {row["member_id"]: row["amount"] for row in found}


async def phase(ports: Ports) -> BoardPhase:
    found = await find_board(ports, BoardMetric.POINTS, BoardPeriod.SEASON, FIRST, Scope(), BoardSubjectKind.MEMBER)
    return (await read_board(ports, found.board, Question())).phase


async def nothing_differs(ports: Ports) -> None:
    assert await ledger_verify() == []
    assert [each for each in await verify_boards(ports) if each.shown != "away"] == []


async def test_ten_processes_close_a_season_once_while_a_hundred_awards_land(
    ports: Ports, world: World, settings: Settings, clock: FrozenClock, people: list[UUID]
) -> None:
    early = (await world.learner("早鸟")).id
    await season(ports, world)
    await say(ports, course(early, 1, IN_SEASON - timedelta(days=9)))
    clock.at = CLOSES
    late, on_time = people[:60], people[60:]
    commit = asyncio.Event()

    async def in_flight(member_ids: list[UUID], booked: asyncio.Event) -> None:
        async def work() -> None:
            for member_id in member_ids:
                await reward(ports, member_id, [course(member_id, 1, IN_SEASON)])
            booked.set()
            await commit.wait()

        await transaction(work)

    async def closers_wait() -> None:
        while not await rows("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    closers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.seasons.closers", str(settings.data_dir), clock.at.isoformat(), "10", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env=environment(ACADEMY_DATABASE_URL=settings.database_url or "", ACADEMY_REDIS_URL=settings.redis_url or ""),
    )  # fmt: skip
    assert closers.stdin is not None
    assert closers.stdout is not None
    assert await closers.stdout.readline() == b"ready\n"
    booked = [asyncio.Event() for _ in range(6)]
    flights = [asyncio.create_task(in_flight(late[n * 10 : n * 10 + 10], event)) for n, event in enumerate(booked)]
    await asyncio.gather(*(event.wait() for event in booked))
    closers.stdin.write(b"go\n")
    async with asyncio.timeout(60):
        await closers_wait()
        await asyncio.gather(*(say(ports, course(member_id, 1, clock.at)) for member_id in on_time))
    commit.set()
    await asyncio.gather(*flights)
    closed = int((await closers.stdout.read()).split()[-1])
    assert await closers.wait() == 0

    frozen = await BoardPeriodRow.exclude(phase=BoardPhase.GRACE)
    seasons = [row for row in frozen if (row.period, row.starts_on) == (BoardPeriod.SEASON, FIRST)]
    running = await find_board(ports, BoardMetric.POINTS, BoardPeriod.SEASON, None, Scope(), BoardSubjectKind.MEMBER)
    now = (await read_board(ports, running.board, Question(asked=tuple(people)))).answer.asked
    snapshot = await in_snapshot()
    assert closed == len(frozen)
    assert [row.phase for row in seasons] == [BoardPhase.AWARDED]
    assert snapshot == dict.fromkeys([early, *late], A_COURSE)
    assert {member_id: line.points for member_id, line in now.items()} == dict.fromkeys(on_time, A_COURSE)
    assert await BoardAward.all().count() == 1
    assert Counter((await balances()).values()) == {500: 1, 100: 9}
    assert set(await balances()) < {early, *late}
    await nothing_differs(ports)


async def test_an_award_that_races_the_closing_is_in_the_snapshot_whole_or_not_at_all(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    clock.at = CLOSES

    await asyncio.gather(
        *(close_periods(ports) for _ in range(3)),
        *(say(ports, lesson(member_id, 1, IN_SEASON)) for member_id in people),
    )
    await close_periods(ports)

    points, streaks = await in_snapshot(), await in_snapshot("STREAK_DAYS")
    assert set(points.values()) <= {A_FIRST_LESSON}
    assert points.keys() == streaks.keys()
    [row] = await rows("SELECT sum(amount)::int AS all_of_them FROM metric_days WHERE metric = 'POINTS'")
    assert row["all_of_them"] == 100 * A_FIRST_LESSON
    await nothing_differs(ports)


async def ranked(ports: Ports, member_ids: list[UUID], points: list[int]) -> None:
    """Courses of 30 points each, later for each further member."""
    for place, (member_id, amount) in enumerate(zip(member_ids, points, strict=True)):
        at = IN_SEASON + timedelta(minutes=place)
        await say(ports, *(course(member_id, number, at) for number in range(amount // A_COURSE)))


@pytest.mark.parametrize(
    ("by", "won"),
    [
        (PrizeOrder.POSITION, [500, 300, 300, 0, 0]),
        (PrizeOrder.RANK, [500, 300, 300, 300, 0]),
    ],
)
async def test_prizes_by_position_and_by_rank(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID], by: PrizeOrder, won: list[int]
) -> None:
    await season(ports, world, PrizeList((PrizeLine(1, 1, 500), PrizeLine(2, 3, 300)), by))
    await ranked(ports, people[:5], [90, 60, 60, 60, 30])
    clock.at = CLOSES

    await close_periods(ports)

    found = await balances()
    assert [found.get(member_id, 0) for member_id in people[:5]] == won
    assert await phase(ports) is BoardPhase.AWARDED
    await nothing_differs(ports)


async def test_closing_after_days_of_standstill_catches_up_and_pays(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    await ranked(ports, people[:2], [60, 30])
    clock.at = CLOSES + timedelta(days=40)

    await close_periods(ports)
    paid = await balances()
    again = await close_periods(ports)

    told = await rows("SELECT details ->> 'board' AS board FROM notices WHERE kind = 'SEASON_PRIZE'")
    assert paid == {people[0]: 500, people[1]: 100}
    assert [each["board"] for each in told] == ["春季赛"] * 2
    assert (again, await balances()) == (0, paid)
    assert await phase(ports) is BoardPhase.AWARDED


async def test_a_season_nobody_learned_in_and_one_without_prizes_pay_nothing(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world, board_prizes.NO_PRIZES)
    await ranked(ports, people[:1], [30])
    clock.at = CLOSES

    await close_periods(ports)

    assert await phase(ports) is BoardPhase.FROZEN
    assert await BoardAward.all().count() == 0
    assert await balances() == {}


async def test_who_is_suspended_in_the_season_is_not_ranked_and_the_next_one_wins(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    await ranked(ports, people[:3], [90, 60, 30])
    await Member.filter(id=people[0]).update(suspended_at=clock.at)
    clock.at = CLOSES

    await close_periods(ports)

    assert await balances() == {people[1]: 500, people[2]: 100}
    await nothing_differs(ports)


async def test_who_is_suspended_or_gone_after_the_snapshot_keeps_the_place(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    await ranked(ports, people[:3], [90, 60, 30])
    clock.at = CLOSES
    await _freeze_only(ports)
    await Member.filter(id=people[0]).update(suspended_at=clock.at)
    gone = await Member.get(id=people[1])
    await transaction(lambda: erase(gone.id, gone.phone_index or "", clock.at))

    await close_periods(ports)
    before, phase_before = await balances(), await phase(ports)
    await Member.filter(id=people[0]).update(suspended_at=None)
    await pay_prizes(ports)

    assert before == {people[2]: 100}
    assert phase_before is BoardPhase.AWARDED
    assert await balances() == {people[0]: 500, people[2]: 100}
    await nothing_differs(ports)


async def _freeze_only(ports: Ports) -> None:
    """What a closing has done that dies right after the snapshots."""
    with pytest.MonkeyPatch.context() as dying:
        dying.setattr("services.board_closing.give_prizes", _dies)
        with pytest.raises(RuntimeError, match="struck by lightning"):
            await close_periods(ports)


async def _dies(_: Ports) -> None:
    raise RuntimeError("struck by lightning")


async def test_a_prize_that_was_tampered_with_is_named(
    ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    await ranked(ports, people[:2], [60, 30])
    clock.at = CLOSES
    await close_periods(ports)

    async def work() -> None:
        await execute("SET LOCAL session_replication_role = replica")
        await execute("UPDATE prizes SET place = 3, points = 900 WHERE place = 1")

    await transaction(work)

    found = [each for each in await verify_boards(ports) if each.where.startswith("prizes")]
    assert [(each.where, each.subject_id, each.shown, each.true) for each in found] == [
        ("prizes POINTS.SEASON.2026-03-02.MEMBER.-.-", people[0], "(3, 900)", "(1, 500)")
    ]


async def test_a_prize_says_which_board_it_is_for(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock, people: list[UUID]
) -> None:
    await season(ports, world)
    await ranked(ports, people[:1], [30])
    clock.at = CLOSES
    await close_periods(ports)

    found = await gql.ask(
        "{ viewer { pointEntries(first: 1) { nodes { amount title subject { __typename ... on HonourBoard { title phase"
        " viewerStanding { position } } } } } } }",
        by=people[0],
    )

    assert found["data"]["viewer"]["pointEntries"]["nodes"] == [
        {
            "amount": 500,
            "title": "Season prize",
            "subject": {
                "__typename": "HonourBoard",
                "title": "春季赛·积分赛季榜",
                "phase": "AWARDED",
                "viewerStanding": {"position": 1},
            },
        }
    ]
