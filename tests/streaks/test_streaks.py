"""Streaks, freeze cards and full weeks from the set of learned days."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.facts import CourseCompleted, LessonCompleted, StreakReached, WeekLearned
from gamification.streaks import (
    DAY,
    Run,
    Streak,
    calendar,
    calendar_start,
    first_learning,
    full_weeks,
    marks_of,
    streak,
    streaks_reached,
    walk,
)
from tests.points.story import streak_plainly

MONDAY = date(2026, 3, 2)
MEMBER, LESSON, COURSE = UUID(int=1), UUID(int=2), UUID(int=3)

SOME_DAYS = st.sets(st.integers(0, 199).map(lambda back: MONDAY - back * DAY), max_size=200)
MANY_DAYS = SOME_DAYS.map(lambda missed: {MONDAY - back * DAY for back in range(200)} - missed)
"""With a gap here and there, so that there are cards to use."""
LEARNED = st.one_of(SOME_DAYS, MANY_DAYS)


def days(*offsets: int) -> set[date]:
    return {MONDAY + timedelta(days=offset) for offset in offsets}


def as_of(learned: Collection[date], today: date) -> Streak:
    runs = list(walk(sorted(learned)))
    return streak(runs[-1] if runs else None, today)


WEEK = range(-7, 0)


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        (days(), Streak(0, 0, False, 0)),
        (days(0), Streak(1, 1, True, 0)),
        (days(-1), Streak(1, 1, False, 0)),
        (days(-2), Streak(0, 1, False, 0)),
        (days(-2, -1, 0), Streak(3, 3, True, 0)),
        (days(-9, -8, -7, -6, -1, 0), Streak(2, 4, True, 0)),
        (days(*WEEK), Streak(7, 7, False, 1)),
        (days(*range(-14, 0)), Streak(14, 14, False, 2)),
        (days(*range(-40, 1)), Streak(41, 41, True, 2)),
        (days(*range(-8, -1)), Streak(7, 7, False, 0)),
        (days(*range(-9, -2)), Streak(0, 7, False, 0)),
        (days(*range(-8, -1), 0), Streak(8, 8, True, 0)),
        (days(*range(-17, -3), 0), Streak(1, 14, True, 0)),
        (days(*range(-17, -3), -1, 0), Streak(16, 16, True, 0)),
        (days(*range(-13, -7), *range(-6, 0)), Streak(6, 6, False, 0)),
    ],
    ids=[
        "never",
        "today",
        "only yesterday",
        "broken",
        "running",
        "best was before",
        "a week earns a card",
        "two weeks earn two",
        "and six weeks no more than two",
        "a card holds a day",
        "but not two",
        "a frozen day does not make it longer",
        "three days are too many for two cards",
        "two are not",
        "six and six with a gap between them earn nothing",
    ],
)
def test_a_streak_holds_as_long_as_there_are_cards(learned: set[date], expected: Streak) -> None:
    assert as_of(learned, MONDAY) == expected


@settings(deadline=None)
@given(LEARNED, st.integers(0, 5))
def test_streaks_are_what_going_from_day_to_day_gives(learned: set[date], later: int) -> None:
    today = MONDAY + later * DAY
    length, best, cards, reached, frozen = streak_plainly(learned, today)
    moments = {day: datetime(day.year, day.month, day.day, 4, tzinfo=UTC) for day in learned}

    assert as_of(learned, today) == Streak(length, best, today in learned, cards)
    assert {fact.days: fact.occurred_at for fact in streaks_reached(MEMBER, moments)} == {
        days: moments[reached[days]] for days in (7, 30, 100, 200) if days in reached
    }
    shown = calendar(list(walk(sorted(learned))), today)
    assert [(day.date, day.learned, day.frozen) for day in shown] == [
        (day, day in learned, day in frozen)
        for day in (calendar_start(today) + step * DAY for step in range((today - calendar_start(today)).days + 1))
    ]


@settings(deadline=None)
@given(LEARNED)
def test_two_cards_can_be_held_and_none_owed(learned: set[date]) -> None:
    for run in walk(sorted(learned)):
        assert 0 <= run.cards <= 2
        assert 1 <= run.in_row <= run.days <= run.best_days


@settings(deadline=None)
@given(LEARNED, st.integers(0, 199))
def test_one_more_learned_day_never_shortens_anything(learned: set[date], back: int) -> None:
    day = MONDAY - back * DAY

    before, after = as_of(learned, MONDAY), as_of(learned | {day}, MONDAY)

    assert after.best_days >= before.best_days
    assert after.days >= before.days
    assert after.freezes_left >= before.freezes_left


@settings(deadline=None)
@given(LEARNED)
def test_a_frozen_day_that_was_learned_after_all_gives_its_card_back(learned: set[date]) -> None:
    shown = calendar(list(walk(sorted(learned))), MONDAY)

    for day in (each.date for each in shown if each.frozen):
        until = {each for each in learned if each <= day}
        evening = day + DAY
        assert as_of(until | {day}, evening).freezes_left >= as_of(until, evening).freezes_left + 1


@settings(deadline=None)
@given(LEARNED)
def test_it_can_be_gone_on_from_any_mark(learned: set[date]) -> None:
    runs = list(walk(sorted(learned)))
    marks = marks_of(runs)

    for mark in marks:
        later = sorted(day for day in learned if day > mark.day)
        assert list(walk(later, mark)) == [run for run in runs if run.day > mark.day]
    assert [mark.day for mark in marks] == [
        max(day for day in learned if (day.year, day.month) == month)
        for month in sorted({(day.year, day.month) for day in learned})[:-1]
    ]


def test_late_days_join_two_streaks_and_bring_what_they_reach_with_them() -> None:
    noon = datetime(2026, 3, 2, 4, tzinfo=UTC)
    parts = {day: noon + timedelta(days=(day - MONDAY).days) for day in days(*range(0, 5), *range(6, 12))}
    late = {MONDAY + 5 * DAY: noon + timedelta(days=5)}

    assert streaks_reached(MEMBER, parts) == []
    assert streaks_reached(MEMBER, parts | late) == [StreakReached(MEMBER, 7, noon + timedelta(days=6))]


def test_the_calendar_begins_on_a_monday_and_ends_today() -> None:
    wednesday = MONDAY + 2 * DAY

    shown = calendar([Run(MONDAY, 9, 9, 1, 9)], wednesday)

    assert (shown[0].date, shown[-1].date) == (MONDAY - timedelta(weeks=11), wednesday)
    assert [(day.learned, day.frozen) for day in shown[-4:]] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def lesson_at(at: datetime) -> LessonCompleted:
    return LessonCompleted(MEMBER, LESSON, COURSE, False, at)


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    before, after = datetime(2026, 3, 1, 15, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC)

    found = first_learning([lesson_at(before), lesson_at(after)])

    assert found == {date(2026, 3, 1): before, MONDAY: after}


def test_a_week_is_full_with_its_sunday_however_late_another_day_comes() -> None:
    noon = datetime(2026, 3, 2, 4, tzinfo=UTC)
    facts = [lesson_at(noon + timedelta(days=day)) for day in (6, 5, 4, 3, 1, 0, 2)]

    assert full_weeks(MEMBER, first_learning(facts)) == [WeekLearned(MEMBER, MONDAY, noon + timedelta(days=6))]
    assert full_weeks(MEMBER, first_learning(facts[:-1])) == []


def test_a_course_alone_makes_no_learned_day() -> None:
    assert first_learning([CourseCompleted(MEMBER, COURSE, True, datetime(2026, 3, 2, 4, tzinfo=UTC))]) == {}
