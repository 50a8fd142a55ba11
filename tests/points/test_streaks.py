"""Streaks and full weeks from the set of learned days."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.facts import CourseCompleted, LessonCompleted, WeekLearned
from gamification.streaks import Streak, first_learning, full_weeks, streak

MONDAY = date(2026, 3, 2)
MEMBER, LESSON, COURSE = UUID(int=1), UUID(int=2), UUID(int=3)


def days(*offsets: int) -> set[date]:
    return {MONDAY + timedelta(days=offset) for offset in offsets}


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        (days(), Streak(0, 0, False)),
        (days(0), Streak(1, 1, True)),
        (days(-1), Streak(1, 1, False)),
        (days(-2), Streak(0, 1, False)),
        (days(-2, -1, 0), Streak(3, 3, True)),
        (days(-9, -8, -7, -6, -1, 0), Streak(2, 4, True)),
        (days(-1, 1), Streak(1, 1, False)),
    ],
    ids=["never", "today", "only yesterday", "broken", "running", "best was before", "tomorrow is ignored"],
)
def test_a_streak_ends_today_or_yesterday(learned: set[date], expected: Streak) -> None:
    assert streak(learned, MONDAY) == expected


@settings(deadline=None)
@given(st.sets(st.integers(-40, 0)))
def test_a_streak_is_what_counting_back_day_by_day_gives(offsets: set[int]) -> None:
    last = 0 if 0 in offsets else -1
    length = 0
    while last - length in offsets:
        length += 1

    found = streak(days(*offsets), MONDAY)

    assert found.days == length
    assert found.best_days >= length
    assert found.learned_today == (0 in offsets)


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
