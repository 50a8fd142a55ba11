"""What is kept of streaks, and what they pay, however the learned days come and go."""

import asyncio
import importlib
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from gamification.facts import Recorded
from gamification.streaks import Streak
from kit.clock import FrozenClock, day_of
from kit.db import execute, rows, transaction
from models.streaks import streak_history
from services.ledger import ledger_verify
from services.points import follow_old_streaks
from services.ports import Ports
from services.streaks import streak_today
from tests.points.story import booked, lesson, plainly, say, streak_plainly
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
DAY = timedelta(days=1)


async def marks(member_id: UUID) -> list[date]:
    return [
        row["day"] for row in await rows("SELECT day FROM streak_marks WHERE member_id = $1 ORDER BY day", member_id)
    ]


async def milestones(member_id: UUID) -> list[tuple[str, date]]:
    """The milestones that are paid, each with the day it counts for."""
    found = await rows(
        "SELECT period_key, day FROM ledger_entries WHERE member_id = $1 AND account = 'LIFETIME'"
        " AND rule = 'streak.reached' GROUP BY period_key, day HAVING sum(amount) = 50 ORDER BY day",
        member_id,
    )
    return [(row["period_key"], row["day"]) for row in found]


def days_back(member_id: UUID, *back: int) -> list[Recorded]:
    """A lesson on each day that many days before Monday."""
    return [lesson(member_id, f"{each} back", NOON - each * DAY) for each in back]


@pytest.mark.parametrize("seed", range(6))
async def test_half_a_year_told_in_any_way_gives_the_streak_of_its_days(world: World, ports: Ports, seed: int) -> None:
    random, may = Random(seed), (await world.learner()).id
    missed = set(random.sample(range(180), 12))
    said = {f"{back} back": NOON - back * DAY for back in range(180) if back not in missed}
    names = random.sample(sorted(said), len(said))
    while names:
        batch, names = names[:20], names[20:]
        await say(ports, *(lesson(may, name, said[name]) for name in batch))
    for name in random.sample(sorted(said), 12):  # a late event shows that it was earlier, even on another day
        moved = said[name] - random.choice([timedelta(hours=2), DAY, 40 * DAY])
        await say(ports, moved=[(lesson(may, name, said[name]), lesson(may, name, moved))])
        said[name] = moved

    truth = {day_of(at) for at in said.values()}
    length, best, cards, _, frozen = streak_plainly(truth, MONDAY)
    found, shown = await streak_today(ports, may)
    assert found == Streak(length, best, MONDAY in truth, cards)
    assert {day.date for day in shown if day.frozen} == {day for day in frozen if day >= shown[0].date}
    assert {day.date for day in shown if day.learned} == {day for day in truth if day >= shown[0].date}
    assert await booked(may) == plainly([lesson(may, name, at) for name, at in said.items()])
    assert await ledger_verify() == []


async def test_a_late_day_that_joins_two_runs_pays_the_milestone_where_it_was_reached(
    world: World, ports: Ports
) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, 40, 39, 38, 37, 35, 34, 33, 0))
    before = await milestones(may)

    earned = await say(ports, *days_back(may, 36))

    assert before == []
    assert await milestones(may) == [("7 days", MONDAY - 34 * DAY)]
    assert [(award.rule, award.points) for award in earned.awards if award.rule == "streak.reached"] == [
        ("streak.reached", 50)
    ]
    assert await ledger_verify() == []


async def test_a_milestone_pays_once_however_often_it_is_reached(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(90, 83, -1)))

    await say(ports, *days_back(may, *range(60, 53, -1)))
    await say(ports, *days_back(may, *range(6, -1, -1)))

    assert await milestones(may) == [("7 days", MONDAY - 84 * DAY)]


async def test_an_earlier_milestone_takes_the_place_of_the_later_one_and_is_no_news(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(6, -1, -1)))

    earned = await say(ports, *days_back(may, 7))

    assert await milestones(may) == [("7 days", MONDAY - DAY)]
    assert [award.rule for award in earned.awards] == ["day.first_lesson", "lesson.completed", "week.full"]
    assert await ledger_verify() == []


async def test_a_day_that_moved_away_takes_its_milestone_along_and_nothing_older(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(99, 92, -1)))
    await say(ports, *days_back(may, *range(29, -1, -1)))
    before = await milestones(may)
    moving = lesson(may, "0 back", NOON)

    await say(ports, moved=[(moving, lesson(may, "0 back", NOON - DAY))])

    assert before == [("7 days", MONDAY - 93 * DAY), ("30 days", MONDAY)]
    assert await milestones(may) == [("7 days", MONDAY - 93 * DAY)]
    assert await ledger_verify() == []


async def test_a_report_that_changes_no_day_leaves_milestones_alone(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(6, -1, -1)))

    await say(ports, lesson(may, "more", NOON + timedelta(hours=1)))

    assert await milestones(may) == [("7 days", MONDAY)]


async def test_years_of_days_are_not_read_again(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(1200, 0, -1)))

    history = await streak_history(may, MONDAY)
    await say(ports, *days_back(may, 0))

    assert history.mark is not None
    assert len(history.learned) <= 31
    assert len(await marks(may)) == 40
    assert (await streak_today(ports, may))[0] == Streak(1201, 1201, True, 2)
    assert [key for key, _ in await milestones(may)] == [
        f"{days} days" for days in (7, 30, 100, 200, 365, 500, 730, 1000)
    ]


async def test_whoever_learned_before_there_were_marks_has_their_streak_all_the_same(
    world: World, ports: Ports
) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(70, 0, -1)))
    await execute("DELETE FROM streak_marks")
    before = (await streak_today(ports, may))[0]

    await say(ports, *days_back(may, 0))

    assert before == Streak(70, 70, False, 2)
    assert (await streak_today(ports, may))[0] == Streak(71, 71, True, 2)
    assert await ledger_verify() == []


async def test_a_phone_two_minutes_ahead_does_not_bring_tomorrow(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert isinstance(ports.clock, FrozenClock)
    ports.clock.at = midnight - timedelta(minutes=1)
    await say(ports, lesson(may, "yesterday", NOON - DAY), lesson(may, "fast clock", midnight))

    before = (await streak_today(ports, may))[0]
    ports.clock.advance(timedelta(minutes=1))

    assert before == Streak(1, 1, False, 0)
    assert (await streak_today(ports, may))[0] == Streak(1, 1, True, 0)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM streak_marks WHERE day = '2026-01-31'",
        "UPDATE streak_marks SET cards = 0 WHERE day = '2026-01-31'",
        "UPDATE streak_marks SET best_days = best_days + 1 WHERE day = '2026-01-31'",
        "INSERT INTO streak_marks SELECT member_id, '2026-02-10', 1, 1, 0, 30 FROM streak_marks LIMIT 1",
    ],
    ids=["gone", "cards", "best", "one too many"],
)
async def test_a_mark_that_was_tampered_with_is_named(world: World, ports: Ports, sql: str) -> None:
    may = (await world.learner()).id
    await say(ports, *days_back(may, *range(70, -1, -1)))
    sound = await ledger_verify()

    assert await transaction(lambda: execute(sql)) == 1

    assert sound == []
    assert [difference.what[:24] for difference in await ledger_verify()] == ["streak at the end of 202"]


async def test_days_that_are_told_all_at_once_reach_each_length_once(world: World, ports: Ports) -> None:
    may = (await world.learner()).id
    days = days_back(may, *range(40))

    await asyncio.gather(*(say(ports, *days[part::8]) for part in range(8)))

    assert await milestones(may) == [("7 days", MONDAY - 33 * DAY), ("30 days", MONDAY - 10 * DAY)]
    assert (await streak_today(ports, may))[0] == Streak(40, 40, True, 2)
    assert await ledger_verify() == []


async def test_streaks_of_a_time_when_nobody_kept_them_are_caught_up_with_once(
    world: World, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object) -> None:
        """As it was before streaks were kept."""

    may, bo, new = [(await world.learner()).id for _ in range(3)]
    with monkeypatch.context() as old:
        old.setattr("services.points.follow_learned_days", nobody)
        await say(ports, *days_back(may, *range(20, 60)))
        await say(ports, *days_back(bo, 10, 12))
    await say(ports, *days_back(new, 1))
    await execute(importlib.import_module("models.migrations.0026_old_streaks").DUE)
    assert await ledger_verify() != []

    await asyncio.gather(*(follow_old_streaks(ports) for _ in range(3)))

    assert await ledger_verify() == []
    assert await milestones(may) == [("7 days", MONDAY - 53 * DAY), ("30 days", MONDAY - 30 * DAY)]
    assert (await milestones(bo), await milestones(new)) == ([], [])
    assert await rows("SELECT FROM point_accounts WHERE streaks_due") == []
