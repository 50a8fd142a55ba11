"""Learning credit: what was really watched, who paid for it and when a lesson was done. Pure.

Three ideas carry it. *Reported* is the union of the spans of all accepted events of a lesson. *Paid* is the part of it
that the learning budget has covered; only paid seconds count. Each paid second belongs to the first event that reports
it, in order of (occurred_at, event_id); so the totals of a lesson depend on the set of its events and on what is paid,
never on the order, the splitting or the repetition in which the events came.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
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


def minus(whole: Spans, part: Sequence[tuple[int, int]]) -> Spans:
    """What of `whole` is not in `part`; both in normal form, as is the answer."""
    left: list[tuple[int, int]] = []
    for start, end in whole:
        for at in range(_first_after(part, start), bisect_left(part, (end, 0))):
            cut_start, cut_end = part[at]
            if cut_start > start:
                left.append((start, cut_start))
            start = cut_end
        if start < end:
            left.append((start, end))
    return tuple(left)


def common(one: Spans, other: Sequence[tuple[int, int]]) -> Spans:
    """What is in both."""
    return minus(one, minus(one, other))


def take(store: list[tuple[int, int]], wanted: Spans) -> Spans:
    """Take what there is of `wanted` out of `store`, which stays in normal form; give what was taken.

    Costs what is taken, not what is there: a long lesson reported second by second has thousands of spans.
    """
    taken: list[tuple[int, int]] = []
    for start, end in wanted:
        first, beyond = _first_after(store, start), bisect_left(store, (end, 0))
        found = store[first:beyond]
        if found:
            kept = ((found[0][0], start), (end, found[-1][1]))
            store[first:beyond] = [span for span in kept if span[0] < span[1]]
            taken += [(max(start, there), min(end, until)) for there, until in found]
    return tuple(taken)


def _first_after(spans: Sequence[tuple[int, int]], second: int) -> int:
    """Where the first span stands that ends after `second`."""
    at = bisect_right(spans, (second, second))
    return at - 1 if at and spans[at - 1][1] > second else at


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
    left = list(paid)
    total = 0
    reached: Watched | None = None
    for event in sorted(events, key=lambda one: one.place):
        credited[event.event_id] = size(take(left, event.spans))
        total += credited[event.event_id]
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
    in_order = sorted(events, key=lambda one: one.place)
    unpaid = _unpaid(in_order, paid)
    now_paid: defaultdict[UUID, list[Spans]] = defaultdict(list, {lesson: [spans] for lesson, spans in paid.items()})
    left = seconds
    for event in in_order:
        payable = first_seconds(common(event.spans, unpaid[event.lesson_id]), left)
        left -= size(payable)
        now_paid[event.lesson_id].append(take(unpaid[event.lesson_id], payable))
    pending = {event.event_id: common(event.spans, unpaid[event.lesson_id]) for event in in_order}
    return Payment(
        {lesson_id: union(*parts) for lesson_id, parts in now_paid.items()},
        seconds - left,
        {event_id: spans for event_id, spans in pending.items() if spans},
    )


def _unpaid(events: Iterable[Watched], paid: Mapping[UUID, Spans]) -> dict[UUID, list[tuple[int, int]]]:
    """Lesson -> what its events report and nobody paid, for `take`."""
    reported: defaultdict[UUID, list[Spans]] = defaultdict(list)
    for event in events:
        reported[event.lesson_id].append(event.spans)
    return {lesson_id: list(minus(union(*parts), paid.get(lesson_id, ()))) for lesson_id, parts in reported.items()}


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
    in_order = sorted(events, key=lambda one: one.place)
    unpaid = _unpaid(in_order, paid)
    short = {each: required_seconds[each] - size(paid.get(each, ())) for each in unpaid}
    pending_seconds = 0
    done_at: dict[UUID, datetime] = {}
    for event in in_order:
        seconds = size(take(unpaid[event.lesson_id], event.spans))
        if 0 < short[event.lesson_id] <= seconds:
            done_at[event.lesson_id] = affordable_at(budget, pending_seconds + short[event.lesson_id])
        short[event.lesson_id] -= seconds
        pending_seconds += seconds
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
