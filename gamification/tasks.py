"""Tasks (任务): what they measure, the turns in which they run, and the few that a week has. Pure.

A turn is one day or week of a task, or all time for one that is done once. What occurred within the turn counts,
however late it arrives; a turn that was done may be claimed for as long as the boards of its days take late reports.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from gamification.facts import (
    ClassCheckedIn,
    CourseCompleted,
    CourseRated,
    LessonCompleted,
    LiveLessonAttended,
    QuizPassed,
    StagePassed,
    StoryPublished,
)
from gamification.periods import BEGINNING, GRACE
from kit.clock import day_of, day_start, week_of
from kit.ids import derived_id
from kit.words import OutletTier, TaskMeasure, TaskPeriod

WEEKLY_SET = 3
"""How many weekly tasks a tier has in a week."""
TARGETS = range(1, 1_001)
REWARDS = range(1, 201)
"""Points for one task. A full week of learning pays 50."""
MOST_TASKS = 40
"""Tasks that run or will run: what one member is shown stays a list to read."""
ONCE_KEY = "once"
DAY = timedelta(days=1)


class Counted(NamedTuple):
    """Facts of this kind count, one each. `required`: only of required courses."""

    kind: str
    required: bool = False


COUNTED: Mapping[TaskMeasure, Counted] = {
    TaskMeasure.LESSONS_COMPLETED: Counted(LessonCompleted.KIND),
    TaskMeasure.COURSES_COMPLETED: Counted(CourseCompleted.KIND),
    TaskMeasure.REQUIRED_COURSES_COMPLETED: Counted(CourseCompleted.KIND, required=True),
    TaskMeasure.COURSES_RATED: Counted(CourseRated.KIND),
    TaskMeasure.QUIZZES_PASSED: Counted(QuizPassed.KIND),
    TaskMeasure.LIVE_LESSONS_ATTENDED: Counted(LiveLessonAttended.KIND),
    TaskMeasure.CLASSES_ATTENDED: Counted(ClassCheckedIn.KIND),
    TaskMeasure.STORIES_PUBLISHED: Counted(StoryPublished.KIND),
    TaskMeasure.STAGES_PASSED: Counted(StagePassed.KIND),
}
"""The measures that count facts; LEARNING_MINUTES and DAYS_LEARNED add up credited seconds and learned days."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The Shanghai days [starts_on, ends_on) of a task; None: without a bound on that side."""

    key: str
    starts_on: date | None
    ends_on: date | None

    @property
    def ends_at(self) -> datetime | None:
        """The first moment that no longer counts."""
        return day_start(self.ends_on) if self.ends_on is not None else None

    @property
    def claimable_until(self) -> datetime | None:
        """The first moment at which it can no longer be claimed."""
        return self.ends_at + GRACE if self.ends_at is not None else None

    @property
    def is_the_only_one(self) -> bool:
        return self.key == ONCE_KEY

    def has_begun(self, now: datetime) -> bool:
        return self.starts_on is None or self.starts_on <= day_of(now)

    def is_running(self, now: datetime) -> bool:
        return self.has_begun(now) and (self.ends_at is None or now < self.ends_at)

    def is_claimable(self, now: datetime) -> bool:
        return self.has_begun(now) and (self.claimable_until is None or now < self.claimable_until)


@dataclass(frozen=True, slots=True)
class Window:
    """When a task is offered: turns that begin on the days [starts_on, ends_on). What has begun is never cut short."""

    period: TaskPeriod
    starts_on: date | None
    ends_on: date | None


def turn_of(window: Window, day: date) -> Turn:
    """The turn that holds a Shanghai day, offered or not."""
    if window.period is TaskPeriod.ONCE:
        return Turn(ONCE_KEY, window.starts_on, window.ends_on)
    starts_on = day if window.period is TaskPeriod.DAILY else week_of(day)
    length = 1 if window.period is TaskPeriod.DAILY else 7
    return Turn(starts_on.isoformat(), starts_on, starts_on + length * DAY)


def turn_by_key(window: Window, key: str) -> Turn | None:
    """The turn that has this key; None if there is none, as for a week that begins on a Tuesday."""
    if window.period is TaskPeriod.ONCE:
        return turn_of(window, date.min) if key == ONCE_KEY else None
    try:
        turn = turn_of(window, date.fromisoformat(key))
    except (ValueError, OverflowError):
        return None
    return turn if turn.key == key and turn.starts_on is not None and turn.starts_on >= BEGINNING else None


def is_offered(window: Window, turn: Turn) -> bool:
    """Whether the turn begins while the task is offered."""
    if window.period is TaskPeriod.ONCE:
        return True
    assert turn.starts_on is not None, turn
    return (window.starts_on is None or window.starts_on <= turn.starts_on) and (
        window.ends_on is None or turn.starts_on < window.ends_on
    )


def claimable_turns(window: Window, now: datetime) -> list[Turn]:
    """The turns that run or may still be claimed, the running one first."""
    found: list[Turn] = []
    turn = turn_of(window, day_of(now))
    while turn.is_claimable(now):
        if is_offered(window, turn):
            found.append(turn)
        if turn.is_the_only_one or turn.starts_on is None:
            break
        turn = turn_of(window, turn.starts_on - DAY)
    return found


def fits(tiers: Collection[str], tier: OutletTier | None) -> bool:
    """Whether a task for these tiers (none: for all) is for one of them; None: for somebody who never held a post."""
    return not tiers or tier in tiers


def weekly_set(monday: date, tier: OutletTier | None, offered: Mapping[str, TaskMeasure]) -> frozenset[str]:
    """The weekly tasks of a tier in a week, of those that fit it; the same for everybody, on every machine.

    `offered`: code -> measure. Each code draws a lot for the week and the tier, and the lowest lots are taken, one of
    each measure while there are others: three tasks that ask for the same are one.
    """
    lots = sorted(offered, key=lambda code: sha256(f"{monday} {tier or ''} {code}".encode()).digest())
    first_of_each = list({offered[code]: code for code in reversed(lots)}.values())
    order = sorted(lots, key=lambda code: (code not in first_of_each, lots.index(code)))
    return frozenset(order[:WEEKLY_SET])


def paid_as(task_id: UUID, turn: Turn) -> UUID:
    """The object of the fact TaskClaimed: the task in this turn."""
    return derived_id("task", task_id, turn.key)
