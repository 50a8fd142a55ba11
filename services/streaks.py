"""Streaks: kept up with the learned days, and shown as of today."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from gamification.facts import StreakReached
from gamification.streaks import (
    CalendarDay,
    Run,
    Streak,
    calendar,
    calendar_start,
    marks_of,
    streak,
    streaks_reached,
    walk,
)
from kit.clock import day_of
from kit.db import require_transaction
from models.streaks import MarkRow, change_marks, streak_history
from services.ports import Ports


@dataclass(frozen=True, slots=True)
class Milestones:
    """`reached`: all milestones longer than `settled_days`; up to there a change of learned days has no say."""

    settled_days: int
    reached: Sequence[StreakReached]


async def follow_learned_days(member_id: UUID, changed: Mapping[date, datetime | None]) -> Milestones:
    """Bring the marks in line with what becomes of learned days: their first learning, or None where there is none.

    Call it under the lock of the member's account, before the learned days themselves are written. It reads the days
    since the last mark before the first that changes, so that late events may join runs, or part them, anywhere.
    """
    require_transaction()
    history = await streak_history(member_id, min(changed))
    learned = {day: changed.get(day, at) for day, at in history.learned.items()} | dict(changed)
    first = {day: at for day, at in learned.items() if at is not None}
    before = _run(history.mark)
    runs = list(walk(sorted(first), before))
    marks = {run.day: run for run in marks_of([before, *runs] if before is not None else runs)}
    kept = {mark.day: _run(mark) for mark in (history.mark, *history.later) if mark is not None}
    if marks != kept:
        gone = [day for day in kept if day not in marks]
        await change_marks(member_id, gone, [asdict(run) for day, run in marks.items() if kept.get(day) != run])
    return Milestones(before.best_days if before is not None else 0, streaks_reached(member_id, first, before))


async def streak_today(ports: Ports, member_id: UUID) -> tuple[Streak, list[CalendarDay]]:
    """The member's streak as of today, and the calendar that leads up to it."""
    today = day_of(ports.clock.now())
    history = await streak_history(member_id, calendar_start(today))
    before = _run(history.mark)
    # A phone's clock may be two minutes fast: near midnight that is tomorrow.
    runs = list(walk((day for day in history.learned if day <= today), before))
    if before is not None:
        runs.insert(0, before)
    return streak(runs[-1] if runs else None, today), calendar(runs, today)


async def best_streak(member_id: UUID) -> int:
    """The longest streak the member ever had, in days."""
    history = await streak_history(member_id, date.max)
    runs = list(walk(history.learned, _run(history.mark)))
    return runs[-1].best_days if runs else history.mark.best_days if history.mark is not None else 0


def _run(mark: MarkRow | None) -> Run | None:
    return Run(mark.day, mark.days, mark.in_row, mark.cards, mark.best_days) if mark is not None else None
