"""The turns of a task and the set of a week: pure, the same for everybody."""

from datetime import UTC, date, datetime, timedelta

import pytest

from gamification.tasks import (
    WEEKLY_SET,
    Turn,
    Window,
    claimable_turns,
    fits,
    is_offered,
    turn_by_key,
    turn_of,
    weekly_set,
)
from kit.words import OutletTier, TaskMeasure, TaskPeriod

DAILY, WEEKLY, ONCE = (Window(period, None, None) for period in TaskPeriod)
WEDNESDAY = date(2026, 3, 4)
MINUTE = timedelta(minutes=1)


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2026 by the clock in Shanghai."""
    return datetime(2026, 3, day, tzinfo=UTC) + timedelta(hours=hour - 8, minutes=minute)


def keys(turns: list[Turn]) -> list[str]:
    return [turn.key for turn in turns]


def test_a_day_ends_at_midnight_in_shanghai_and_a_week_on_sunday_night() -> None:
    day, week = turn_of(DAILY, WEDNESDAY), turn_of(WEEKLY, WEDNESDAY)

    assert (day.key, day.ends_at) == ("2026-03-04", shanghai(5, 0))
    assert (week.key, week.ends_at) == ("2026-03-02", shanghai(9, 0))


def test_a_turn_can_be_claimed_as_long_as_its_boards_take_late_events() -> None:
    day = turn_of(DAILY, WEDNESDAY)

    assert day.claimable_until == shanghai(8, 0)
    assert day.is_claimable(shanghai(8, 0) - MINUTE)
    assert not day.is_claimable(shanghai(8, 0))


def test_today_and_the_days_before_that_can_still_be_claimed() -> None:
    assert keys(claimable_turns(DAILY, shanghai(4, 12))) == ["2026-03-04", "2026-03-03", "2026-03-02", "2026-03-01"]
    assert keys(claimable_turns(WEEKLY, shanghai(4, 12))) == ["2026-03-02", "2026-02-23"]
    assert keys(claimable_turns(WEEKLY, shanghai(5, 0))) == ["2026-03-02"]


def test_a_task_runs_in_whole_turns_that_begin_in_its_window() -> None:
    window = Window(TaskPeriod.WEEKLY, date(2026, 3, 3), date(2026, 3, 17))

    offered = [is_offered(window, turn_of(window, date(2026, 3, day))) for day in (2, 9, 16, 23)]

    assert offered == [False, True, True, False]
    assert turn_of(window, date(2026, 3, 16)).ends_on == date(2026, 3, 23)


def test_what_is_done_once_has_one_turn_whatever_becomes_of_its_window() -> None:
    ending = Window(TaskPeriod.ONCE, None, date(2026, 3, 5))

    assert keys(claimable_turns(ONCE, shanghai(4, 12))) == ["once"]
    assert keys(claimable_turns(ending, shanghai(7, 23))) == ["once"]
    assert keys(claimable_turns(ending, shanghai(8, 0))) == []
    assert keys(claimable_turns(Window(TaskPeriod.ONCE, date(2026, 3, 5), None), shanghai(4, 12))) == []


@pytest.mark.parametrize(
    ("window", "key"),
    [
        (DAILY, ""), (DAILY, "today"), (DAILY, "once"), (DAILY, "20260304"), (DAILY, "2026-02-30"),
        (DAILY, "2019-12-31"), (DAILY, "0001-01-01"), (DAILY, "9999-12-31"), (DAILY, "2026-03-04 "),
        (DAILY, "2026-W10-3"), (WEEKLY, "2026-03-04"), (WEEKLY, "0001-01-01"), (ONCE, "2026-03-04"), (ONCE, ""),
    ],
)  # fmt: skip
def test_a_key_that_nobody_was_given_names_no_turn(window: Window, key: str) -> None:
    assert turn_by_key(window, key) is None


def test_a_key_leads_back_to_its_turn() -> None:
    for window in (DAILY, WEEKLY, ONCE):
        turn = turn_of(window, WEDNESDAY)
        assert turn_by_key(window, turn.key) == turn


POOL = {
    f"{measure.lower()}.{number}": measure
    for measure in (TaskMeasure.LESSONS_COMPLETED, TaskMeasure.DAYS_LEARNED, TaskMeasure.COURSES_RATED)
    for number in range(3)
}


def test_the_set_of_a_week_depends_on_the_week_and_the_tier_alone() -> None:
    mondays = [date(2026, 3, 2) + timedelta(weeks=week) for week in range(30)]

    sets = {(monday, tier): weekly_set(monday, tier, POOL) for monday in mondays for tier in OutletTier}

    turned_round = dict(reversed(POOL.items()))
    assert all(weekly_set(monday, tier, turned_round) == found for (monday, tier), found in sets.items())
    assert {len(found) for found in sets.values()} == {WEEKLY_SET}
    assert len(set(sets.values())) > 20
    assert set().union(*sets.values()) == set(POOL)


def test_a_set_asks_for_different_things_while_there_are_any() -> None:
    for week in range(30):
        found = weekly_set(date(2026, 3, 2) + timedelta(weeks=week), OutletTier.NEW, POOL)
        assert len({POOL[code] for code in found}) == WEEKLY_SET

    alike = dict.fromkeys(POOL, TaskMeasure.DAYS_LEARNED)
    assert len(weekly_set(WEDNESDAY, OutletTier.NEW, alike)) == WEEKLY_SET


def test_a_small_pool_is_the_set_and_a_withdrawn_task_moves_one_other_up() -> None:
    chosen = weekly_set(WEDNESDAY, None, POOL)
    gone = min(chosen)

    without = weekly_set(WEDNESDAY, None, {code: measure for code, measure in POOL.items() if code != gone})

    assert weekly_set(WEDNESDAY, None, {"only": TaskMeasure.DAYS_LEARNED}) == {"only"}
    assert chosen - {gone} <= without


def test_a_task_for_no_tier_in_particular_is_for_all_and_another_for_its_own() -> None:
    assert fits([], OutletTier.NEW)
    assert fits([], None)
    assert fits(["NEW", "MODERN"], OutletTier.MODERN)
    assert not fits(["NEW"], OutletTier.MODERN)
    assert not fits(["NEW"], None)
