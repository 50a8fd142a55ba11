"""Streaks, freeze cards and full weeks, from the set of learned days alone, so that lateness and order cannot matter.

A streak is a run of learned days. Seven of them in a row earn a freeze card, of which two can be held; a day without
learning takes one as soon as it is over, and without one the streak is broken. A frozen day holds the streak and is no
learned day: it makes nothing longer. Nothing about the cards is stored as a deed: a learned day that comes late was
never missed, and its card never used.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from gamification.facts import Recorded, StreakReached, WeekLearned, makes_a_learned_day
from kit.clock import day_of, week_of

DAY = timedelta(days=1)

DAYS_FOR_A_CARD = 7
MOST_CARDS = 2
CALENDAR_WEEKS = 12

MILESTONES = (7, 30, 100, 200, 365, 500, 730, 1000)
"""Lengths worth celebrating, ascending. One may be added; whoever is past it is paid with their next learned day."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a member's streak stands at the end of the learned day `day`.

    `days`: its learned days. `in_row`: how many of them, up to this one, have no gap between them, frozen or not.
    `cards`: freeze cards held. `best_days`: the longest streak up to now, this one included.
    """

    day: date
    days: int
    in_row: int
    cards: int
    best_days: int


@dataclass(frozen=True, slots=True)
class Streak:
    """`days`: the learned days of the streak that still holds today; today itself may still be learned."""

    days: int
    best_days: int
    learned_today: bool
    freezes_left: int


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """`frozen`: a day without learning that took a card."""

    date: date
    learned: bool
    frozen: bool


def walk(learned: Iterable[date], before: Run | None = None) -> Iterator[Run]:
    """The run at each learned day. They ascend, all after `before`, which is where to go on from; None: the start."""
    for day in learned:
        missed = (day - before.day).days - 1 if before is not None else 0
        if before is None or missed > before.cards:  # a new streak: every card went into the gap
            days, in_row, cards = 1, 1, 0
        else:
            days, in_row, cards = before.days + 1, 1 if missed else before.in_row + 1, before.cards - missed
        if in_row % DAYS_FOR_A_CARD == 0:
            cards = min(MOST_CARDS, cards + 1)
        before = Run(day, days, in_row, cards, max(days, before.best_days if before is not None else 0))
        yield before


def streak(last: Run | None, today: date) -> Streak:
    """The streak as of a Shanghai day; `last` is the run at the last learned day up to it."""
    if last is None:
        return Streak(0, 0, False, 0)
    missed = max(0, (today - last.day).days - 1)
    if missed > last.cards:
        return Streak(0, last.best_days, False, 0)
    return Streak(last.days, last.best_days, last.day == today, last.cards - missed)


def calendar_start(today: date) -> date:
    """The Monday with which the calendar of a day begins; it ends with the day itself."""
    return week_of(today) - timedelta(weeks=CALENDAR_WEEKS - 1)


def calendar(runs: Sequence[Run], today: date) -> list[CalendarDay]:
    """The days from `calendar_start` to today. `runs`: all of them in it, and the one before."""
    learned = {run.day for run in runs}
    frozen: set[date] = set()
    for run, following in zip(runs, [*(run.day for run in runs[1:]), today], strict=False):
        missed = (following - run.day).days - 1
        frozen |= {run.day + step * DAY for step in range(1, 1 + min(missed, run.cards))}
    start = calendar_start(today)
    days = [start + step * DAY for step in range((today - start).days + 1)]
    return [CalendarDay(day, day in learned, day in frozen) for day in days]


def marks_of(runs: Sequence[Run]) -> list[Run]:
    """What of `runs` is kept: the last one of each month but the last month, from where all that follows is found."""
    return [run for run, following in pairwise(runs) if run.day.replace(day=1) != following.day.replace(day=1)]


def streaks_reached(member_id: UUID, first: Mapping[date, datetime], before: Run | None = None) -> list[StreakReached]:
    """The milestones reached on the days of `first` (`first_learning`), all of them after `before`; oldest first."""
    found: list[StreakReached] = []
    best = before.best_days if before is not None else 0
    for run in walk(sorted(first), before):
        if run.best_days > best and run.best_days in MILESTONES:
            found.append(StreakReached(member_id, run.best_days, first[run.day]))
        best = run.best_days
    return found


def first_learning(facts: Iterable[Recorded]) -> dict[date, datetime]:
    """The learned days among the facts, each with the moment of its first learning."""
    first: dict[date, datetime] = {}
    for fact in facts:
        if makes_a_learned_day(fact):
            day = day_of(fact.occurred_at)
            first[day] = min(first.get(day, fact.occurred_at), fact.occurred_at)
    return first


def full_weeks(member_id: UUID, first: Mapping[date, datetime]) -> list[WeekLearned]:
    """The weeks all of whose seven days are in `first_learning`, oldest first."""
    mondays = sorted({week_of(day) for day in first})
    return [
        WeekLearned(member_id, monday, first[monday + 6 * DAY])
        for monday in mondays
        if all(monday + step * DAY in first for step in range(7))
    ]
