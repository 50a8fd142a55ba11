"""What keeps the boards true: projections in any order, rebuilding while people learn, and naming what differs."""

import asyncio
from datetime import timedelta
from random import Random
from uuid import uuid4

from gamification.boards import Placed, Placing
from gamification.standings import Question, Scope
from kit.clock import FrozenClock, day_of
from kit.db import execute, rows, transaction
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind
from models.accounts import Member
from models.outlets import Region
from services.board_building import check_boards, rebuild, rebuild_families
from services.board_projection import project
from services.board_verifying import Difference, verify_boards
from services.boards import Counted, answer_from_days, count_many, past_day, read_board
from services.ports import Ports
from tests.boards.story import answer, board, changed, earn, learner, outlet, settle, shown, tree

ALL = Question(Ask(100))


async def differences(ports: Ports) -> list[Difference]:
    """Of boards; the counted days of these stories have no rows behind them."""
    return [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")]


async def test_older_news_is_ignored(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)
    await earn(ports, who, 10)
    await settle(ports)
    week = board(ports)
    line = (await answer(ports, week)).page.rows[0]

    late = Placing(who.id, 1, ["-.-"], [line.packed - 2**25], [0])
    moved = await ports.boards.place(
        [Placed(week.family, late, past_day(week.period, day_of(ports.clock.now())), None)]
    )

    assert moved == set()
    assert shown(await answer(ports, week)) == [(who.id, 10)]


async def test_many_projections_of_one_learner_at_once_leave_the_latest(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)

    async def step(number: int) -> None:
        await earn(ports, who, number)
        await project(ports, BoardSubjectKind.MEMBER, [who.id])

    await asyncio.gather(*(step(number) for number in range(1, 21)))

    assert shown(await answer(ports, board(ports))) == [(who.id, 210)]


async def test_nothing_earned_during_a_rebuild_is_lost(ports: Ports) -> None:
    land = await tree()
    shops = [await outlet(ports, station) for station in land.stations]
    people = [await learner(ports, shop) for shop in shops for _ in range(6)]
    random = Random(5)
    await check_boards(ports)
    done = asyncio.Event()

    async def learn() -> None:
        while not done.is_set():
            await earn(ports, random.choice(people), random.randint(1, 5))
            await settle(ports)
            assert not (await read_board(ports, board(ports), ALL)).stale

    learning = asyncio.create_task(learn())
    for _ in range(2):
        await rebuild(ports)
    done.set()
    await learning
    await settle(ports)

    assert await differences(ports) == []


async def test_two_rebuilds_at_once_agree_on_who_shows(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)
    await earn(ports, who, 10)
    family = board(ports).family

    finished = await asyncio.gather(*(rebuild_families(ports, [family]) for _ in range(4)))

    assert any(finished)
    assert shown(await answer(ports, board(ports))) == [(who.id, 10)]
    assert len(await ports.redis.keys(f"board:{{{family} *}}:*:v")) == 1


async def test_a_restarted_valkey_is_not_trusted_with_its_last_second(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)
    await earn(ports, who, 10)
    lost = (await ports.redis.get("boards:trust")).replace(b"/", b"0/", 1)
    await ports.redis.set("boards:trust", lost)

    await check_boards(ports)

    assert shown(await answer(ports, board(ports))) == [(who.id, 10)]


async def test_a_region_that_moves_takes_its_boards_along(ports: Ports) -> None:
    land = await tree()
    shop = await outlet(ports, land.stations[1])
    who = await learner(ports, shop)
    await check_boards(ports)
    await earn(ports, who, 10)
    await settle(ports)

    west = land.counties[1]
    await Region.filter(id=shop.region_id).update(parent_id=west.id, path=f"{west.path}E2/")
    await check_boards(ports)

    assert shown(await answer(ports, board(ports, scope=Scope(west.id)))) == [(who.id, 10)]
    assert shown(await answer(ports, board(ports, scope=Scope(land.counties[0].id)))) == []


async def test_boards_of_tomorrow_stand_before_midnight(ports: Ports, clock: FrozenClock) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    clock.advance(timedelta(hours=11, minutes=59))  # a minute to midnight
    await check_boards(ports)
    await earn(ports, who, 10, clock.at + timedelta(minutes=1, seconds=30))
    await settle(ports)

    clock.advance(timedelta(minutes=2))

    tomorrow = await answer(ports, board(ports, period=BoardPeriod.DAY))
    assert shown(tomorrow) == [(who.id, 10)]


async def test_a_projection_of_yesterday_is_placed_as_of_today(ports: Ports, clock: FrozenClock) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    ahead, behind = await learner(ports, shop), await learner(ports, shop)
    await check_boards(ports)
    await earn(ports, behind, 10)
    await settle(ports)
    clock.advance(timedelta(days=1))
    await check_boards(ports)
    await earn(ports, ahead, 20)
    await settle(ports)

    clock.advance(timedelta(hours=-13))  # a process whose clock is slow: it still sees the day before
    await earn(ports, behind, 5, clock.at - timedelta(hours=1))
    await settle(ports)
    clock.advance(timedelta(hours=13))

    found = await answer(ports, board(ports))
    assert [(line.subject_id, line.points, line.movement) for line in found.page.rows] == [
        (ahead.id, 20, None),
        (behind.id, 15, -1),
    ]
    assert found == await answer_from_days(board(ports), ALL, day_of(clock.at))


async def test_who_is_suspended_leaves_every_board_and_returns(ports: Ports) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    who, other = await learner(ports, shop), await learner(ports, shop)
    await check_boards(ports)
    await earn(ports, who, 10)
    await earn(ports, other, 5)
    await settle(ports)
    outlets = board(ports, of=BoardSubjectKind.OUTLET)

    await Member.filter(id=who.id).update(suspended_at=ports.clock.now())
    await changed(ports, who)
    await settle(ports)
    without = (shown(await answer(ports, board(ports))), shown(await answer(ports, outlets)))
    await Member.filter(id=who.id).update(suspended_at=None)
    await changed(ports, who)
    await settle(ports)

    assert without == ([(other.id, 5)], [(shop.id, 5)])
    assert shown(await answer(ports, board(ports))) == [(who.id, 10), (other.id, 5)]
    assert await differences(ports) == []


async def test_what_is_taken_back_takes_its_moment_along(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    noon, held = ports.clock.now(), who.placement
    events = [(uuid4(), 60, noon - timedelta(hours=2)), (uuid4(), 40, noon - timedelta(hours=1))]

    async def book(event: object, seconds: int, at: object) -> None:
        await execute(
            "INSERT INTO learning_seconds (member_id, lesson_id, event_id, seconds, occurred_at, booked_at, outlet_id,"
            " region_id, tier) VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8)",
            who.id, event, seconds, at, noon, held.outlet_id, held.region_id, held.tier.value,
        )  # fmt: skip

    async def learn() -> None:
        for event, seconds, at in events:
            await book(event, seconds, at)
        await count_many(
            [Counted(who.id, BoardMetric.LEARNING_SECONDS, seconds, at, held) for _, seconds, at in events]
        )

    async def take_back() -> None:
        event, seconds, at = events[1]
        await book(event, -seconds, at)
        await count_many([Counted(who.id, BoardMetric.LEARNING_SECONDS, -seconds, at, held)])

    await transaction(learn)
    await transaction(take_back)

    [day] = await rows("SELECT amount, reached_at FROM metric_days")
    assert (day["amount"], day["reached_at"]) == (60, events[0][2])
    await check_boards(ports)
    assert await verify_boards(ports) == []


async def test_every_difference_is_named(ports: Ports) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await check_boards(ports)
    await earn(ports, who, 10)
    await settle(ports)
    await execute("UPDATE metric_days SET amount = 12")

    found = await verify_boards(ports)

    where = {each.where for each in found if each.subject_id == who.id}
    assert "metric_days POINTS 2026-03-02" in where
    assert "POINTS.WEEK.2026-03-02.MEMBER.-.-" in where


async def test_a_past_that_is_wrong_is_no_difference_and_gone_with_a_rebuild(ports: Ports, clock: FrozenClock) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    ahead, behind = await learner(ports, shop), await learner(ports, shop)
    await check_boards(ports)
    await earn(ports, ahead, 20)
    await earn(ports, behind, 10)
    await settle(ports)
    clock.advance(timedelta(days=1))
    await check_boards(ports)
    await earn(ports, behind, 5)
    await settle(ports)
    [past] = [key async for key in ports.redis.scan_iter(f"board:{{{board(ports).family} *:m:-.-")]
    await ports.redis.zadd(past, {str(behind.id): 2**40})

    found = await differences(ports)
    wrong = await answer(ports, board(ports))
    await rebuild(ports)

    assert found == []
    assert [line.movement for line in wrong.page.rows] == [1, -1]
    assert await answer(ports, board(ports)) == await answer_from_days(board(ports), ALL, day_of(clock.at))
    assert [line.movement for line in (await answer(ports, board(ports))).page.rows] == [0, 0]
