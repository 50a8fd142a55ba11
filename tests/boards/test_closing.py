"""Periods end, take late reports for 72 hours, and close for good."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.standings import Board, Question
from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind
from models.accounts import Member
from models.boards import BoardPeriodRow
from services.board_building import check_boards
from services.board_closing import close_periods
from services.board_verifying import verify_boards
from services.boards import Reading, read_board
from services.ports import Ports
from tests.boards.story import board, earn, learner, outlet, settle, shown, tree

SUNDAY = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)
END = datetime(2026, 3, 8, 16, 0, tzinfo=UTC)
"""The Shanghai midnight with which the week of 2 March ends."""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(SUNDAY)


async def read(ports: Ports, of: Board) -> Reading:
    return await read_board(ports, of, Question(Ask(100)))


async def test_a_late_report_counts_until_the_week_is_closed_and_nowhere_else(ports: Ports, clock: FrozenClock) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    week = board(ports)
    await check_boards(ports)
    await earn(ports, who, 10)
    await settle(ports)

    clock.at = END + timedelta(hours=71)
    await close_periods(ports)
    await check_boards(ports)
    await earn(ports, who, 5, SUNDAY)
    await settle(ports)
    in_grace = await read(ports, week)

    clock.at = END + timedelta(hours=72)
    await close_periods(ports)
    await earn(ports, who, 7, SUNDAY)
    await settle(ports)
    closed = await read(ports, week)
    month = await read(ports, board(ports, period=BoardPeriod.MONTH))
    next_week = await read(ports, board(ports))

    assert (in_grace.phase, in_grace.stale, shown(in_grace.answer)) == (BoardPhase.GRACE, False, [(who.id, 15)])
    assert (closed.phase, closed.stale, shown(closed.answer)) == (BoardPhase.FROZEN, False, [(who.id, 15)])
    assert closed.as_of == clock.at
    assert shown(month.answer) == [(who.id, 22)]
    assert shown(next_week.answer) == []


async def test_a_closed_board_answers_as_it_did_when_it_was_live(ports: Ports, clock: FrozenClock) -> None:
    land = await tree()
    shops = [await outlet(ports, station) for station in land.stations for _ in (1, 2)]
    people = [await learner(ports, shop) for shop in shops for _ in range(3)]
    await check_boards(ports)
    for number, who in enumerate(people):
        for metric in (BoardMetric.POINTS, BoardMetric.STREAK_DAYS, BoardMetric.LEARNING_SECONDS):
            for day in range(number % 4):
                at = SUNDAY - timedelta(days=day + number % 2, minutes=number % 3)
                await earn(ports, who, 1 if metric is BoardMetric.STREAK_DAYS else number % 5 + 1, at, metric)
    await settle(ports)
    weeks = [board(ports, metric, of=kind) for metric in BoardMetric for kind in BoardSubjectKind]
    question = Question(Ask(4), people[3].id, 2, (people[1].id, people[5].id))

    clock.at = END + timedelta(hours=71)
    await check_boards(ports)
    live = [(await read_board(ports, week, question)).answer for week in weeks]
    clock.at = END + timedelta(days=30)
    await close_periods(ports)
    closed = [await read_board(ports, week, question) for week in weeks]

    assert sum(answer.total for answer in live) > 30
    assert [reading.answer for reading in closed] == live
    assert {reading.phase for reading in closed} == {BoardPhase.FROZEN}


async def test_who_is_suspended_afterwards_stays_where_they_stood(ports: Ports, clock: FrozenClock) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    early, late = await learner(ports, shop), await learner(ports, shop)
    week = board(ports)
    await earn(ports, early, 10)
    await earn(ports, late, 5)
    await Member.filter(id=early.id).update(suspended_at=clock.at)

    clock.at = END + timedelta(hours=73)
    await close_periods(ports)
    await Member.filter(id=late.id).update(suspended_at=clock.at)

    assert shown((await read(ports, week)).answer) == [(late.id, 5)]


async def test_every_missed_period_is_closed_once_however_many_try(ports: Ports, clock: FrozenClock) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await earn(ports, who, 10, SUNDAY - timedelta(days=40))
    clock.at = END + timedelta(hours=72)

    counts = await asyncio.gather(*(close_periods(ports) for _ in range(10)))
    again = await close_periods(ports)

    frozen = await BoardPeriodRow.filter(phase=BoardPhase.FROZEN).values_list("period", "starts_on")
    # 27 January to 8 March: 41 days; weeks from 26 January to 2 March; January and February.
    assert sum(counts) == len(frozen) == 41 + 6 + 2
    assert again == 0
    assert (BoardPeriod.DAY, date(2026, 1, 27)) in frozen
    assert (BoardPeriod.WEEK, date(2026, 3, 2)) in frozen
    [total] = await rows("SELECT count(*) AS lines FROM frozen_totals")
    assert total["lines"] == 3


async def test_an_ended_period_is_noticed_before_it_closes(ports: Ports, clock: FrozenClock) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await earn(ports, who, 10)
    clock.at = END + timedelta(minutes=1)

    await close_periods(ports)

    found = await BoardPeriodRow.filter(starts_on=date(2026, 3, 2), period=BoardPeriod.WEEK)
    assert [(row.phase, row.checksum) for row in found] == [(BoardPhase.GRACE, None)]


async def test_a_snapshot_that_was_tampered_with_is_named(ports: Ports, clock: FrozenClock) -> None:
    who = await learner(ports, await outlet(ports, (await tree()).stations[0]))
    await earn(ports, who, 10)
    clock.at = END + timedelta(hours=72)
    await close_periods(ports)
    await check_boards(ports)

    with pytest.raises(Exception, match="append-only"):
        await execute("UPDATE frozen_totals SET amount = 99")
    await execute("ALTER TABLE frozen_totals DISABLE TRIGGER frozen_totals_final")
    try:
        await execute("UPDATE frozen_totals SET amount = 99 WHERE metric = 'POINTS'")
    finally:
        await execute("ALTER TABLE frozen_totals ENABLE TRIGGER frozen_totals_final")

    found = {each.where for each in await verify_boards(ports)}
    assert {"snapshot WEEK.2026-03-02", "snapshot DAY.2026-03-08"} <= found
