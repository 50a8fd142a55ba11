"""Whether one member's learning is in order, seen at a glance.

Most of a year's events go on where the one before left off, and are paid at once: then one walk along them says all
there is to say about a lesson. Any other lesson is left to the plain checks, and whoever is not found in order as well
(`services/records_checks.py`): this one may be too strict, but never overlook what they name.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from gamification.credit import Goal, course_percent
from kit.db import Line
from models.records import Record
from services import records_checks as plain
from services.ledger_checks import Comparison


def record_in_order(record: Record) -> bool:
    """True only if `verify_record` finds no difference."""
    credited: dict[UUID, int] = {}
    return (
        all(_lesson(line, events, credited) for line, events in plain.with_events(record))
        and record.credited == credited
        and _hold(plain.completions(record))
        and _enrolments(record)
    )


def _lesson(line: Line, events: Sequence[Line], credited: dict[UUID, int]) -> bool:
    _, _, _, most, required, reported, paid, watched, furthest, resume, passed, completed, started, last = line
    walked: list[int] = []
    end = total = 0
    reached: datetime | None = None
    fresh: dict[UUID, int] = {}
    for _, _, event_id, _, at, spans, seconds, pending in events:
        gained = 0
        if spans:
            start, until = spans[0], min(spans[-1], most)
            if len(spans) != 2 or (start < end and not (walked and walked[-2] <= start)):
                return _hold(plain.lesson(line, events, credited))
            if start < until and end < until:
                gained = until - max(start, end)
                if walked and start <= end:
                    walked[-1] = until
                else:
                    walked += (start, until)
                fresh[event_id], end = gained, until
        if seconds != gained or pending:
            return _hold(plain.lesson(line, events, credited))
        total += gained
        if reached is None and total >= required:
            reached = at
    if not events or paid != walked:
        return _hold(plain.lesson(line, events, credited))
    credited |= fresh
    in_order: bool = (
        reported == walked
        and watched == total
        and furthest == end
        and passed == reached
        and completed == reached
        and started == events[0][4]
        and last == events[-1][4]
        and resume == plain.resume_of(events, Goal(most, required))
    )
    return in_order


def _enrolments(record: Record) -> bool:
    lessons = {line[1]: line for line in record.lessons}
    begun: defaultdict[UUID, list[Line]] = defaultdict(list)
    for line in record.lessons:
        begun[line[2]].append(line)
    if {line[1] for line in record.enrolments} != begun.keys():
        return False
    for _, course_id, edition_id, count, completed, percent, completed_at, started, last in record.enrolments:
        edition, mine = record.editions.get(edition_id, []), begun[course_id]
        done = [record.completions[row[1]] for row in edition if row[1] in record.completions]
        whole = len(done) == len(edition)
        share = 100 if whole else course_percent([plain.share_of(row, lessons) for row in edition])
        if (count, completed, percent) != (len(edition), len(done), share):
            return False
        if completed_at != (max(done, default=None) if whole else None):
            return False
        if started != min(line[12] for line in mine) or last != max(line[13] for line in mine):
            return False
    return True


def _hold(comparisons: Iterable[Comparison]) -> bool:
    return all(kept == found for _, kept, found in comparisons)
