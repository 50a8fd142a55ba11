"""What a phone says, and what can be wrong with it before anything is looked up. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from gamification.credit import Goal
from kit.errors import ErrorCode
from kit.words import ProgressKind

LATEST = timedelta(days=7)
"""How long after it happened an event still counts."""
AHEAD = timedelta(minutes=2)
"""How far in the future an event may lie, once the phone's clock is corrected."""
TRAVEL = timedelta(seconds=10)
"""A `sentAt` this close to the receipt is a slow network, not a wrong clock: such a clock is not corrected, so that a
retry that took a little longer says the same."""
MOST_SPANS = 200
LONGEST_READING_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """One event as sent. `lesson_id` is None where the id is no lesson's; spans are in the phone's order, unchecked."""

    event_id: UUID
    lesson_id: UUID | None
    kind: ProgressKind
    occurred_at: datetime
    spans: tuple[tuple[int, int], ...] = ()
    playback_rate: float = 1.0


def digest(event: ReportedEvent) -> bytes:
    """32 bytes that tell this event from any other under the same id; when and how often it was sent leaves no mark."""
    content = [
        event.lesson_id,
        event.kind,
        event.occurred_at.astimezone(UTC).isoformat(),
        event.spans,
        event.playback_rate,
    ]
    return hashlib.sha256(orjson.dumps(content)).digest()


def age_of(occurred_at: datetime, *, sent_at: datetime, received_at: datetime) -> timedelta:
    """How long before the receipt the event happened, by the server's clock. Negative: after it.

    A phone whose clock is wrong is wrong in both its times, so their difference is right.
    """
    clock_is_right = abs(received_at - sent_at) <= TRAVEL
    return (received_at if clock_is_right else sent_at) - occurred_at


def time_fault(age: timedelta, *, received_at: datetime, joined_at: datetime) -> ErrorCode | None:
    """What is wrong with the time of an event, if anything. Nothing counts from before the member joined."""
    if age > LATEST:
        return ErrorCode.TOO_LATE
    if age < -AHEAD:
        return ErrorCode.TIME_IN_FUTURE
    if received_at - age < joined_at:
        return ErrorCode.TOO_LATE
    return None


def span_fault(event: ReportedEvent, goal: Goal, *, article: bool) -> ErrorCode | None:
    """SPAN_IMPOSSIBLE for spans that this lesson cannot have; overlapping ones and empty ones are fine.

    Of an article spans are seconds since it was opened, and reading may take longer than it must.
    """
    ends = LONGEST_READING_SECONDS if article else goal.creditable_seconds
    fits = event.kind is not (ProgressKind.WATCHED if article else ProgressKind.READ) or not event.spans
    possible = all(0 <= start <= end <= ends for start, end in event.spans)
    if fits and possible and len(event.spans) <= MOST_SPANS:
        return None
    return ErrorCode.SPAN_IMPOSSIBLE


def resume_at(kind: ProgressKind, spans: Sequence[tuple[int, int]], goal: Goal) -> int | None:
    """Where to go on after this event, in seconds; 0 once the end was reached; None if the event does not say."""
    if kind is ProgressKind.FINISHED:
        return 0
    if not spans:
        return None
    end = spans[-1][1]
    return end if end < goal.creditable_seconds else 0
