"""Learning credit: what was really watched, who paid for it and when a lesson was done. Pure.

Three ideas carry it. *Reported* is the union of the spans of all accepted events of a lesson. *Paid* is the part of it
that the learning budget has covered; only paid seconds count. Each paid second belongs to the first event that reports
it, in order of (occurred_at, event_id); so the totals of a lesson depend on the set of its events and on what is paid,
never on the order, the splitting or the repetition in which the events came.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

Spans = tuple[tuple[int, int], ...]
"""Half-open seconds [from, to). Normal form: ascending, not empty, neither overlapping nor touching."""

MILLISECONDS_PER_SECOND = 1000
BUDGET_RATE = 2
"""Media seconds that one second of the server's clock pays for."""
BUDGET_LIMIT_MS = 2 * 3600 * MILLISECONDS_PER_SECOND
BUDGET_START_MS = 10 * 60 * MILLISECONDS_PER_SECOND


def union(*parts: Iterable[tuple[int, int]]) -> Spans:
    """Everything in any of the parts, in normal form. The parts may be in any order and overlap."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for part in parts for span in part):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def minus(whole: Spans, part: Spans) -> Spans:
    """What of `whole` is not in `part`; both in normal form, as is the answer."""
    left: list[tuple[int, int]] = []
    for start, end in whole:
        for cut_start, cut_end in part:
            if cut_end <= start:
                continue
            if cut_start >= end:
                break
            if cut_start > start:
                left.append((start, cut_start))
            start = cut_end
        if start < end:
            left.append((start, end))
    return tuple(left)


def common(one: Spans, other: Spans) -> Spans:
    """What is in both."""
    return minus(one, minus(one, other))


def clip(spans: Spans, seconds: int) -> Spans:
    """What of `spans` lies within the first `seconds`."""
    return tuple((start, min(end, seconds)) for start, end in spans if start < seconds)


def first_seconds(spans: Spans, seconds: int) -> Spans:
    """The earliest part of `spans` that is `seconds` long, or all of it."""
    taken: list[tuple[int, int]] = []
    for start, end in spans:
        if seconds <= 0:
            break
        taken.append((start, min(end, start + seconds)))
        seconds -= end - start
    return tuple(taken)


def size(spans: Spans) -> int:
    """Seconds covered by spans in normal form."""
    return sum(end - start for start, end in spans)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a lesson takes: `creditable_seconds` can be earned at most, `required_seconds` of them complete it.

    Media: its duration, and the course's per cent of it. An article: its dwell time, all of it.
    """

    creditable_seconds: int
    required_seconds: int


def goal_of(*, duration_seconds: int, dwell_seconds: int | None, completion_percent: int) -> Goal:
    """The goal of a lesson. Seconds are rounded up, and one second is the least."""
    if dwell_seconds is not None:
        seconds = max(dwell_seconds, 1)
        return Goal(seconds, seconds)
    seconds = max(duration_seconds, 1)
    return Goal(seconds, max(1, -(-seconds * completion_percent // 100)))


@dataclass(frozen=True, slots=True)
class Watched:
    """What one accepted event says was watched of one lesson; `spans` in normal form, within the creditable seconds."""

    event_id: UUID
    lesson_id: UUID
    occurred_at: datetime
    spans: Spans

    @property
    def place(self) -> tuple[datetime, UUID]:
        """The event's place in the one order in which everything is credited and paid."""
        return (self.occurred_at, self.event_id)


@dataclass(frozen=True, slots=True)
class Settlement:
    credited: dict[UUID, int]
    """Seconds credited to each event, zeros included."""
    reached_by: UUID | None
    """The event whose seconds reached the goal."""
    reached_at: datetime | None
    """When that was: its occurred_at."""


def settle(events: Iterable[Watched], paid: Spans, required_seconds: int) -> Settlement:
    """Give each paid second of one lesson to the first event that reports it.

    More events or more paid seconds can only move `reached_at` earlier.
    """
    credited: dict[UUID, int] = {}
    given: Spans = ()
    total = 0
    reached: Watched | None = None
    for event in sorted(events, key=lambda one: one.place):
        earned = minus(common(event.spans, paid), given)
        credited[event.event_id] = size(earned)
        given = union(given, earned)
        total += size(earned)
        if reached is None and total >= required_seconds:
            reached = event
    if reached is None:
        return Settlement(credited, None, None)
    return Settlement(credited, reached.event_id, reached.occurred_at)


@dataclass(frozen=True, slots=True)
class Budget:
    """A member's right to be paid: `available_ms` media milliseconds at the moment `at` of the server's clock."""

    available_ms: int
    at: datetime

    @property
    def seconds(self) -> int:
        """Whole media seconds that can be paid at once."""
        return self.available_ms // MILLISECONDS_PER_SECOND


def opening_budget(joined_at: datetime) -> Budget:
    return Budget(BUDGET_START_MS, joined_at)


def refilled(budget: Budget, now: datetime) -> Budget:
    """The budget at `now`. A server clock that stepped back gives nothing twice."""
    if now <= budget.at:
        return budget
    gained = (now - budget.at) // timedelta(milliseconds=1) * BUDGET_RATE
    return Budget(min(BUDGET_LIMIT_MS, budget.available_ms + gained), now)


def spent(budget: Budget, seconds: int) -> Budget:
    assert 0 <= seconds <= budget.seconds, (seconds, budget)
    return Budget(budget.available_ms - seconds * MILLISECONDS_PER_SECOND, budget.at)


def affordable_at(budget: Budget, seconds: int) -> datetime:
    """When `seconds` in all will have been paid, if everything due is paid as soon as the budget allows."""
    short_ms = max(0, seconds * MILLISECONDS_PER_SECOND - budget.available_ms)
    return budget.at + timedelta(milliseconds=-(-short_ms // BUDGET_RATE))


@dataclass(frozen=True, slots=True)
class Payment:
    paid: dict[UUID, Spans]
    """Lesson -> what is paid of it now."""
    spent_seconds: int
    pending: dict[UUID, Spans]
    """Event -> what of it is still unpaid, for events that have such."""


def pay(events: Iterable[Watched], paid: Mapping[UUID, Spans], seconds: int) -> Payment:
    """Pay at most `seconds` of what the events report and nobody paid, oldest event first, over all lessons."""
    now_paid = dict(paid)
    left = seconds
    unpaid_events: list[Watched] = []
    for event in sorted(events, key=lambda one: one.place):
        before = now_paid.get(event.lesson_id, ())
        payable = first_seconds(minus(event.spans, before), left)
        left -= size(payable)
        now_paid[event.lesson_id] = union(before, payable)
        unpaid_events.append(event)
    pending = {event.event_id: minus(event.spans, now_paid[event.lesson_id]) for event in unpaid_events}
    return Payment(now_paid, seconds - left, {event_id: spans for event_id, spans in pending.items() if spans})


@dataclass(frozen=True, slots=True)
class Forecast:
    done_at: dict[UUID, datetime]
    """Lesson -> when its goal will be reached by what is pending; only lessons that will reach it."""
    all_paid_at: datetime
    pending_seconds: int


def forecast(
    events: Iterable[Watched], paid: Mapping[UUID, Spans], budget: Budget, required_seconds: Mapping[UUID, int]
) -> Forecast:
    """When pending credit will be paid, if nothing new is reported."""
    now_paid = dict(paid)
    pending_seconds = 0
    done_at: dict[UUID, datetime] = {}
    for event in sorted(events, key=lambda one: one.place):
        before = now_paid.get(event.lesson_id, ())
        unpaid = minus(event.spans, before)
        short = required_seconds[event.lesson_id] - size(before)
        if 0 < short <= size(unpaid):
            done_at[event.lesson_id] = affordable_at(budget, pending_seconds + short)
        pending_seconds += size(unpaid)
        now_paid[event.lesson_id] = union(before, unpaid)
    return Forecast(done_at, affordable_at(budget, pending_seconds), pending_seconds)


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a lesson is not complete: `gaps` to watch, or, with no gaps, `wait_until` for what is reported to be paid."""

    gaps: Spans
    wait_until: datetime | None


def missing(reported: Spans, goal: Goal, *, completed: bool, done_at: datetime | None) -> Missing | None:
    """What stands between a lesson and its completion; None once it is complete.

    `done_at` as `forecast` gives it. Gaps are all seconds never reported, though not all of them may be needed.
    """
    if completed:
        return None
    if done_at is not None:
        return Missing((), done_at)
    return Missing(minus(((0, goal.creditable_seconds),), reported), None)


def percent(watched_seconds: int, goal: Goal, *, completed: bool) -> int:
    """Whole per cent of a lesson, 0-100: 100 once complete, at most 99 before."""
    return 100 if completed else min(99, watched_seconds * 100 // goal.creditable_seconds)


def course_percent(lessons: Sequence[tuple[Goal, int, bool]]) -> int:
    """Whole per cent of a course, 0-100, from (goal, watched seconds, completed) of each lesson, weighed by length."""
    if all(completed for _, _, completed in lessons):
        return 100
    total = sum(goal.creditable_seconds for goal, _, _ in lessons)
    done = sum(goal.creditable_seconds if completed else watched for goal, watched, completed in lessons)
    return min(99, done * 100 // total)
