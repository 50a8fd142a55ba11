"""Streaks and full weeks, from the set of learned days. Pure, so lateness and order of events cannot matter."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from gamification.facts import Recorded, WeekLearned, makes_a_learned_day
from kit.clock import day_of, week_of

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Streak:
    """`days`: the run of learned days that ends today, or yesterday while today may still be learned."""

    days: int
    best_days: int
    learned_today: bool


def streak(learned: Collection[date], today: date) -> Streak:
    """The streak of a member as of a Shanghai day; learned days after it are ignored."""
    days = {day for day in learned if day <= today}
    runs = dict(runs_of(days))
    current = runs.get(today) or runs.get(today - DAY) or 0
    return Streak(current, max(runs.values(), default=0), today in days)


def runs_of(days: Collection[date]) -> list[tuple[date, int]]:
    """(last day, length) of every run of days without a gap, oldest first."""
    runs: list[tuple[date, int]] = []
    for day in sorted(days):
        if runs and runs[-1][0] == day - DAY:
            runs[-1] = (day, runs[-1][1] + 1)
        else:
            runs.append((day, 1))
    return runs


def first_learning(facts: Iterable[Recorded]) -> dict[date, datetime]:
    """The learned days among the facts, each with the moment of its first learning."""
    first: dict[date, datetime] = {}
    for fact in facts:
        if makes_a_learned_day(fact):
            day = day_of(fact.occurred_at)
            first[day] = min(first.get(day, fact.occurred_at), fact.occurred_at)
    return first


def full_weeks(member_id: UUID, first: dict[date, datetime]) -> list[WeekLearned]:
    """The weeks all of whose seven days are in `first_learning`, oldest first."""
    mondays = sorted({week_of(day) for day in first})
    return [
        WeekLearned(member_id, monday, first[monday + 6 * DAY])
        for monday in mondays
        if all(monday + step * DAY in first for step in range(7))
    ]
