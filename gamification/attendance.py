"""Attendance of a live lesson: from signs of life to seconds, and from seconds to an outcome. Pure.

A ticket gives runs, stretches in which its device was there without a break; a lesson gives airings. Attended is what
lies in any run of the member's, on whatever device, and in an airing; so an interruption costs nobody anything, and two
devices count once. Sums are exact to the microsecond and rounded once, to whole seconds, half up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gamification.credit import Spans, common, size, union
from kit.words import AttendanceOutcome

HEARTBEAT_SECONDS = 25
MOST_BETWEEN_BEATS = timedelta(seconds=60)
"""What one beat covers at most, back from its own moment."""
LATE_AFTER = timedelta(minutes=10)
"""Who comes later than this after the lesson was first on air was late."""

Stretch = tuple[datetime, datetime]
"""[from, until)"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class CreditRule:
    min_percent: int
    min_seconds: int
    check_ins_required: int


@dataclass(frozen=True, slots=True)
class Presence:
    """`first_at` and `last_at`: the beginning and the end of what was attended, None if nothing was."""

    attended_seconds: int
    aired_seconds: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def percent(self) -> int:
        """Whole per cent of the aired time, rounded down."""
        return min(100, self.attended_seconds * 100 // self.aired_seconds) if self.aired_seconds else 0


def presence(runs: Iterable[Stretch], airings: Iterable[Stretch]) -> Presence:
    """What one member saw of a lesson; runs of all devices, in any order."""
    aired = _spans(airings)
    attended = common(_spans(runs), aired)
    first, last = (_moment(attended[0][0]), _moment(attended[-1][1])) if attended else (None, None)
    return Presence(_seconds(attended), _seconds(aired), first, last)


def needed_seconds(rule: CreditRule, base_seconds: int) -> int:
    """How much must be seen of what counts as `base_seconds` long; one second is the least. What is shorter than
    `min_seconds` asks for all of it."""
    return max(-(-rule.min_percent * base_seconds // 100), min(rule.min_seconds, base_seconds), 1)


def is_met(rule: CreditRule, attended_seconds: int, base_seconds: int, answered: int, asked: int) -> bool:
    """Whether the rule is met of a lesson that counts as `base_seconds` long (`base_of`); somebody was there at all.

    No more check-ins are needed than `asked`.
    """
    return attended_seconds >= needed_seconds(rule, base_seconds) and answered >= min(rule.check_ins_required, asked)


def base_of(planned_seconds: int, aired_seconds: int, *, over: bool) -> int:
    """What a lesson's per cents are of: as long as it runs its planned length; then what was aired, if that is less.

    A lesson that runs over asks no more than it announced. So what is met once stays met.
    """
    return min(planned_seconds, aired_seconds) if over else planned_seconds


def outcome_of(seen: Presence, first_aired_at: datetime | None, *, met: bool) -> AttendanceOutcome:
    """Of a lesson that is over."""
    if seen.attended_seconds == 0 or seen.first_at is None or first_aired_at is None:
        return AttendanceOutcome.ABSENT
    if not met:
        return AttendanceOutcome.PARTIAL
    late = seen.first_at > first_aired_at + LATE_AFTER
    return AttendanceOutcome.LATE if late else AttendanceOutcome.PRESENT


def peak(runs: Mapping[UUID, Iterable[Stretch]], airings: Iterable[Stretch]) -> int:
    """The most members that were there at one moment on air."""
    aired = _spans(airings)
    turns = [
        turn
        for stretches in runs.values()
        for start, end in common(_spans(stretches), aired)
        for turn in ((start, 1), (end, -1))
    ]
    most = there = 0
    for _, change in sorted(turns):  # who leaves at a moment is gone before who comes at it
        there += change
        most = max(most, there)
    return most


def _spans(stretches: Iterable[Stretch]) -> Spans:
    return union(((start - _EPOCH) // _MICROSECOND, (end - _EPOCH) // _MICROSECOND) for start, end in stretches)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _seconds(spans: Spans) -> int:
    return (size(spans) + 500_000) // 1_000_000
