"""Boards from counting to reading."""

from datetime import timedelta
from uuid import UUID

from gamification.standings import Board, Question, Scope
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier
from services.board_building import check_boards
from services.boards import read_board
from services.ports import Ports
from tests.boards.story import answer, board, earn, learner, outlet, settle, shown, tree


async def test_who_earns_more_leads_and_who_was_first_leads_among_equals(ports: Ports) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    first, second, third = [await learner(ports, shop) for _ in range(3)]
    noon = ports.clock.now()
    await check_boards(ports)

    await earn(ports, first, 10, noon - timedelta(minutes=2))
    await earn(ports, second, 10, noon - timedelta(minutes=3))
    await earn(ports, third, 30, noon)
    await settle(ports)

    found = await answer(ports, board(ports), viewer=first.id)
    assert shown(found) == [(third.id, 30), (second.id, 10), (first.id, 10)]
    assert [(line.rank, line.position, line.tied_with) for line in found.page.rows] == [(1, 1, 0), (2, 2, 1), (2, 3, 1)]
    assert found.total == 3
    assert found.viewer is not None
    assert (found.viewer.position, found.ahead) == (3, 30)


async def test_a_learner_stands_on_every_board_of_the_place_and_on_no_other(ports: Ports) -> None:
    land = await tree()
    shop = await outlet(ports, land.stations[0], OutletTier.MODERN)
    who = await learner(ports, shop)
    await check_boards(ports)

    await earn(ports, who, 10)
    await settle(ports)

    inside = [
        Scope(),
        Scope(land.city.id),
        Scope(land.counties[0].id),
        Scope(land.stations[0].id),
        Scope(None, OutletTier.MODERN),
        Scope(land.stations[0].id, OutletTier.MODERN),
        Scope(land.city.id, OutletTier.MODERN),
    ]
    outside = [
        Scope(land.counties[1].id),
        Scope(land.stations[1].id),
        Scope(None, OutletTier.NEW),
        Scope(land.city.id, OutletTier.NEW),
    ]
    for period in BoardPeriod:
        for scope in inside:
            assert shown(await answer(ports, board(ports, period=period, scope=scope))) == [(who.id, 10)], scope
        for scope in outside:
            assert shown(await answer(ports, board(ports, period=period, scope=scope))) == [], scope


async def test_an_outlet_has_the_sum_of_its_learners(ports: Ports) -> None:
    land = await tree()
    busy, calm = await outlet(ports, land.stations[0]), await outlet(ports, land.stations[2])
    people = [await learner(ports, busy), await learner(ports, busy), await learner(ports, calm)]
    await check_boards(ports)

    for who, points in zip(people, (10, 15, 20), strict=True):
        await earn(ports, who, points)
    await settle(ports)

    assert shown(await answer(ports, board(ports, of=BoardSubjectKind.OUTLET))) == [(busy.id, 25), (calm.id, 20)]
    east = board(ports, of=BoardSubjectKind.OUTLET, scope=Scope(land.counties[0].id))
    assert shown(await answer(ports, east)) == [(busy.id, 25)]


async def test_a_region_has_the_average_of_its_active_learners_rounded_half_up(ports: Ports) -> None:
    land = await tree()
    east, west = await outlet(ports, land.stations[0]), await outlet(ports, land.stations[2])
    await check_boards(ports)

    people = [await learner(ports, east) for _ in range(6)]
    for who, points in zip(people[:5], (10, 10, 10, 10, 11), strict=True):
        await earn(ports, who, points)
    await earn(ports, people[5], 60, metric=BoardMetric.LEARNING_SECONDS)
    for _ in range(4):
        await earn(ports, await learner(ports, west), 1000)
    await settle(ports)

    # 51 points of 6 active learners are 8.5; four active learners are too few.
    found = await answer(ports, board(ports, of=BoardSubjectKind.REGION))
    assert shown(found) == [(land.counties[0].id, 9)]
    of_the_county = board(ports, of=BoardSubjectKind.REGION, scope=Scope(land.counties[0].id))
    assert shown(await answer(ports, of_the_county)) == [(land.stations[0].id, 9)]
    of_a_tier = board(ports, of=BoardSubjectKind.REGION, scope=Scope(land.city.id, OutletTier.NEW))
    assert shown(await answer(ports, of_a_tier)) == [(land.counties[0].id, 9)]


async def test_a_streak_is_the_longest_run_inside_the_period(ports: Ports) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    who, rival = await learner(ports, shop), await learner(ports, shop)
    noon = ports.clock.now()
    await check_boards(ports)

    for days_ago in (0, 2, 3, 4, 6):
        await earn(ports, who, 1, noon - timedelta(days=days_ago), BoardMetric.STREAK_DAYS)
    for days_ago in (0, 1):
        await earn(ports, rival, 1, noon - timedelta(days=days_ago), BoardMetric.STREAK_DAYS)
    await settle(ports)

    def of(period: BoardPeriod) -> Board:
        return board(ports, BoardMetric.STREAK_DAYS, period)

    # Monday, 2 March: the month began yesterday, last week's board is in grace.
    assert shown(await answer(ports, of(BoardPeriod.QUARTER))) == [(who.id, 3), (rival.id, 2)]
    assert shown(await answer(ports, of(BoardPeriod.MONTH))) == [(rival.id, 2), (who.id, 1)]
    found = await answer(ports, of(BoardPeriod.ALL_TIME))
    assert found.page.rows[0].packed & (2**25 - 1)


async def test_pages_follow_one_another_both_ways(ports: Ports) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    people = [await learner(ports, shop, UUID(int=number)) for number in range(1, 8)]
    await check_boards(ports)
    for who in people:
        await earn(ports, who, 5)
    await settle(ports)

    the_board = board(ports)
    forwards: list[UUID] = []
    after = None
    while True:
        page = (await read_board(ports, the_board, Question(Ask(3, after=after)))).answer.page
        forwards += [line.subject_id for line in page.rows]
        assert page.has_previous == (after is not None)
        if not page.has_next:
            break
        after = [page.rows[-1].packed, page.rows[-1].subject_id]
    backwards: list[UUID] = []
    before = None
    while True:
        page = (await read_board(ports, the_board, Question(Ask(2, before=before, backwards=True)))).answer.page
        backwards = [line.subject_id for line in page.rows] + backwards
        if not page.has_previous:
            break
        before = [page.rows[0].packed, page.rows[0].subject_id]

    # All equal: the key decides, bytewise descending.
    assert forwards == [who.id for who in reversed(people)]
    assert backwards == forwards


async def test_movement_compares_with_the_last_shanghai_midnight(ports: Ports) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    steady, climber, newcomer = [await learner(ports, shop) for _ in range(3)]
    await check_boards(ports)
    await earn(ports, steady, 20)
    await earn(ports, climber, 10)
    await settle(ports)
    ports.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    await check_boards(ports)
    before = await answer(ports, board(ports))

    await earn(ports, climber, 15)
    await earn(ports, newcomer, 1)
    await settle(ports)

    assert [line.movement for line in before.page.rows] == [0, 0]
    after = await answer(ports, board(ports))
    assert [(line.subject_id, line.movement) for line in after.page.rows] == [
        (climber.id, 1),
        (steady.id, -1),
        (newcomer.id, None),
    ]
    today = await answer(ports, board(ports, period=BoardPeriod.DAY))
    assert [line.movement for line in today.page.rows] == [None, None]
