"""The replay of a live lesson: take in what phones report of it, and pay who missed the lesson and watched it now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from auth.actor import Actor
from gamification.attendance import base_of, needed_seconds
from gamification.credit import (
    Budget,
    Spans,
    affordable_at,
    clip,
    first_seconds,
    minus,
    opening_budget,
    refilled,
    size,
    spent,
    union,
)
from gamification.facts import ReplayWatched
from gamification.reports import MOST_SPANS, age_of, time_fault
from kit.errors import DomainError, ErrorCode, not_found
from models import credit
from models.credit import BudgetRow
from models.live_attendance import is_settled
from models.live_lists import LiveLessonRow, is_invited, lessons_by_ids
from models.live_room import is_in_audience
from models.replay_credit import ReplayWatch, mark_replayed, replay_ready_at, store_watch, watches_due, watches_of
from services.live import audience_of, visible_lessons
from services.live_attendance import credit_rule, planned_seconds
from services.live_states import Deed, require_state
from services.live_stream import Replay, replays_of
from services.points import Award, reward
from services.ports import Ports
from services.progress import in_turn, locked_learner

CREDITED_AT_ONCE = 500

_log = structlog.get_logger("replay credit")


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What a phone says was watched, by its own clock; spans [from, to) in seconds of the replay, unchecked."""

    sent_at: datetime
    occurred_at: datetime
    spans: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class WatchOutcome:
    watch: ReplayWatch
    awards: tuple[Award, ...]


async def report_replay(ports: Ports, actor: Actor, lesson_id: UUID, report: WatchReport) -> WatchOutcome:
    """Count what was watched of a replay, as far as the learning budget goes, and reward who has watched enough of it.

    The same again changes nothing, so a report may be repeated and come in any order. For whom the lesson was made, who
    had a seat or was there; FORBIDDEN for everybody else, and for its host. STATE_FORBIDS while there is no replay,
    SPAN_IMPOSSIBLE for what it cannot have, TOO_LATE for what is older than a week, or than the replay.
    """
    lesson, replay = await _watched_by(ports, actor, lesson_id)
    spans = _checked(report.spans, replay.duration_seconds)

    async def work() -> WatchOutcome:
        joined_at = await locked_learner(actor.member_id)
        now = ports.clock.now()
        since = await replay_ready_at(lesson_id) or lesson.ended_at or lesson.ends_at
        age = age_of(report.occurred_at, sent_at=report.sent_at, received_at=now)
        if fault := time_fault(age, received_at=now, joined_at=max(joined_at, since)):
            raise DomainError(fault, field=["occurredAt"])
        [kept] = await watches_of(actor.member_id, [lesson_id])
        watch = _reported(kept, lesson, replay, spans, min(now, now - age))
        return await _credit(ports, lesson, actor.member_id, joined_at, kept, watch)

    return await in_turn(actor.member_id, work)


def not_watched(lesson: LiveLessonRow, replay: Replay, at: datetime) -> ReplayWatch:
    """Of who has watched nothing of it yet. It asks as much as the lesson did, of what is there: a replay that is
    longer than the lesson was planned asks no more than was announced. Check-ins are for who was there."""
    base = base_of(planned_seconds(lesson), replay.duration_seconds, over=True)
    required = needed_seconds(credit_rule(lesson), base)
    return ReplayWatch(lesson.id, at, at, replay.duration_seconds, required, (), (), 0, None, None)


async def credit_replays(ports: Ports) -> None:
    """A tick: credit what is reported of replays and can be paid by now. One failure holds up nobody else."""
    for member_id, lesson_id in await watches_due(ports.clock.now(), CREDITED_AT_ONCE):
        try:
            await in_turn(member_id, partial(_credit_due, ports, lesson_id, member_id))
        except Exception as error:
            _log.error("replay not credited", member_id=str(member_id), error=type(error).__name__, exc_info=True)


async def _credit_due(ports: Ports, lesson_id: UUID, member_id: UUID) -> None:
    joined_at = await locked_learner(member_id)
    [lesson] = await lessons_by_ids([lesson_id])
    [kept] = await watches_of(member_id, [lesson_id])
    if lesson is not None and kept is not None:
        await _credit(ports, lesson, member_id, joined_at, kept, kept)


async def _watched_by(ports: Ports, actor: Actor, lesson_id: UUID) -> tuple[LiveLessonRow, Replay]:
    """The lesson and its replay, if the actor is one of its audience."""
    [lesson] = await visible_lessons(actor, [lesson_id])
    if lesson is None:
        raise not_found("liveLessonId")
    if actor.member_id == lesson.host_id or not (
        await is_invited(audience_of(actor), lesson_id) or await is_in_audience(lesson_id, actor.member_id)
    ):
        raise DomainError(ErrorCode.FORBIDDEN)
    require_state(lesson.status, Deed.WATCH_REPLAY, "liveLessonId")
    [found] = await replays_of(ports, [lesson])
    if found is None:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["liveLessonId"])
    return lesson, found


def _checked(spans: Sequence[tuple[int, int]], replay_seconds: int) -> Spans:
    """The spans in normal form; SPAN_IMPOSSIBLE for those that the replay cannot have."""
    if len(spans) > MOST_SPANS or not all(0 <= start <= end <= replay_seconds for start, end in spans):
        raise DomainError(ErrorCode.SPAN_IMPOSSIBLE, field=["spans"])
    return union(spans)


def _reported(
    kept: ReplayWatch | None, lesson: LiveLessonRow, replay: Replay, spans: Spans, occurred_at: datetime
) -> ReplayWatch:
    """The watch with what is new in it; one that was enough stays as it is. Its goal is that of the first report."""
    known = kept or not_watched(lesson, replay, occurred_at)
    new = minus(clip(spans, known.replay_seconds), known.reported)
    if known.watched_at is not None or not new:
        return known
    return replace(known, reported=union(known.reported, new), last_at=max(known.last_at, occurred_at))


async def _credit(
    ports: Ports,
    lesson: LiveLessonRow,
    member_id: UUID,
    joined_at: datetime,
    kept: ReplayWatch | None,
    watch: ReplayWatch,
) -> WatchOutcome:
    """Pay from the learning budget what is reported, and reward who has enough; the caller holds the member.

    Before the lesson is settled nobody knows who was there, so its replay is credited after that, by the tick.
    """
    awards: tuple[Award, ...] = ()
    if watch.watched_at is None:
        now = ports.clock.now()
        watch = await _paid(watch, member_id, joined_at, now)
        if watch.watched_seconds >= watch.required_seconds and await is_settled(lesson.id):
            watch = replace(watch, watched_at=watch.last_at, due_at=None)
    if watch != kept:
        await store_watch(member_id, watch)
    if watch.watched_at is not None and (kept is None or kept.watched_at is None):
        missed = await mark_replayed(lesson.id, member_id, ports.clock.now(), watch.watched_at)
        fact = ReplayWatched(member_id, lesson.id, not missed, watch.watched_at, lesson.replay_points)
        awards = (await reward(ports, member_id, [fact])).awards
    return WatchOutcome(watch, awards)


async def _paid(watch: ReplayWatch, member_id: UUID, joined_at: datetime, now: datetime) -> ReplayWatch:
    """The watch with as much paid as the budget allows, and when to look at it again."""
    kept = await credit.budget_of(member_id)
    budget = refilled(Budget(kept.available_ms, kept.updated_at) if kept else opening_budget(joined_at), now)
    taken = first_seconds(minus(watch.reported, watch.paid), budget.seconds)
    if taken:
        budget = spent(budget, size(taken))
        due_at = kept.due_at if kept is not None else None
        await credit.store_budget(member_id, BudgetRow(budget.available_ms, budget.at, due_at))
    paid = union(watch.paid, taken)
    short = watch.required_seconds - size(paid)
    return replace(
        watch,
        paid=paid,
        watched_seconds=size(paid),
        due_at=affordable_at(budget, max(0, short)) if size(watch.reported) >= watch.required_seconds else None,
    )
