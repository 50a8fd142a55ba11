"""Learning: take in what phones report, pay for what was really watched, and say what came of it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

import structlog

from auth.actor import Actor
from gamification.facts import CourseCompleted, LessonCompleted, Recorded
from gamification.levels import Level
from gamification.reports import ReportedEvent, age_of, digest, span_fault, time_fault
from kit.clock import day_of
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, not_found
from kit.tasks import Turns
from kit.words import BadgeMeasure, BoardMetric, CourseKind, EventStatus
from models import credit
from models.accounts import is_adult
from models.assignments import due_dates
from models.credit import CompletionRow, CourseCountRow, EventRow, SecondsRow
from models.ledger import locked_account
from models.outlets import Placement, placements_at
from services.badges import earn_badges
from services.boards import Counted, count_many, hold_open
from services.outbox import announce, announce_each
from services.paths import passed_now
from services.points import Award, Reward, reward
from services.ports import Ports
from services.study import Study, changed, last_of, open_study, write_study

MOST_EVENTS = 100
MEMBERS_PAID_AT_ONCE = 500

T = TypeVar("T")

_turns = Turns()
_log = structlog.get_logger("progress")


@dataclass(frozen=True, slots=True)
class Batch:
    """What a phone sends at once, in any order; `sent_at` by the phone's clock."""

    sent_at: datetime
    events: tuple[ReportedEvent, ...]


@dataclass(frozen=True, slots=True)
class EventResult:
    """`code`: why it was REJECTED; TOO_FAST on ACCEPTED: a part of it is credited later, by itself."""

    event_id: UUID
    status: EventStatus
    code: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """`results` in the order of the batch's events; `lesson_ids` of the lessons that changed."""

    results: tuple[EventResult, ...]
    awards: tuple[Award, ...]
    level_ups: tuple[Level, ...]
    lesson_ids: tuple[UUID, ...]


async def report_progress(ports: Ports, actor: Actor, batch: Batch) -> BatchOutcome:
    """Judge the events in order of occurrence, credit what they report, and reward what they complete.

    One wrong event does not spoil the others; a rejected one leaves no trace. Credit that is pending is paid as well,
    as far as the learning budget goes. BATCH_TOO_LARGE above 100 events.
    """
    if len(batch.events) > MOST_EVENTS:
        raise DomainError(ErrorCode.BATCH_TOO_LARGE, field=["events"])

    async def work() -> BatchOutcome:
        joined_at = await locked_learner(actor.member_id)
        now = ports.clock.now()
        known = await credit.digests_of(actor.member_id, [event.event_id for event in batch.events])
        fresh = [event for event in batch.events if event.event_id not in known]
        lesson_ids = list({event.lesson_id for event in fresh if event.lesson_id is not None})
        study = await open_study(actor.member_id, joined_at, lesson_ids, now)
        results = await _judge(study, batch, known, joined_at, actor.session_id)
        rewarded = await credit_study(ports, study)
        return BatchOutcome(
            results=tuple(_told(study, result) for result in results),
            awards=rewarded.awards if rewarded is not None else (),
            level_ups=rewarded.level_ups if rewarded is not None else (),
            lesson_ids=tuple(row.lesson_id for row in changed(study.progress, study.kept_progress)),
        )

    return await in_turn(actor.member_id, work)


async def pay_pending(ports: Ports, member_id: UUID) -> None:
    """Pay a member's pending credit, oldest first, as far as the learning budget goes."""

    async def work() -> None:
        joined_at = await locked_learner(member_id)
        await credit_study(ports, await open_study(member_id, joined_at, [], ports.clock.now()))

    await in_turn(member_id, work)


async def pay_if_due(ports: Ports, member_id: UUID, due_at: datetime | None) -> None:
    """Pay before the member is shown how far they are, if the worker has not come round yet. A failure waits for it."""
    if due_at is not None and due_at <= ports.clock.now():
        await _pay_or_log(ports, member_id)


async def pay_all_due(ports: Ports) -> None:
    """A tick: pay the pending credit of everyone for whom the time has come. One failure holds up nobody else."""
    for member_id in await credit.members_due(ports.clock.now(), MEMBERS_PAID_AT_ONCE):
        await _pay_or_log(ports, member_id)


async def _pay_or_log(ports: Ports, member_id: UUID) -> None:
    try:
        await pay_pending(ports, member_id)
    except Exception as error:
        _log.error("pending credit not paid", member_id=str(member_id), error=type(error).__name__, exc_info=True)


async def in_turn(member_id: UUID, work: Callable[[], Awaitable[T]]) -> T:
    """A transaction for one member: an impatient phone waits for itself, and leaves the others their connections."""
    async with _turns.take(member_id):
        return await transaction(work)


async def locked_learner(member_id: UUID) -> datetime:
    """Lock the member before anything is read; when they joined."""
    joined_at = await credit.lock_learner(member_id)
    if joined_at is None:
        raise not_found()
    return joined_at


async def _judge(
    study: Study, batch: Batch, known: dict[UUID, bytes], joined_at: datetime, session_id: UUID
) -> list[EventResult]:
    """Accept or refuse each event, oldest first, each in the light of those before it; results in the batch's order."""
    ages = [age_of(event.occurred_at, sent_at=batch.sent_at, received_at=study.now) for event in batch.events]
    order = sorted(range(len(ages)), key=lambda at: -ages[at])  # what happened at one moment: as the phone sent it
    timely = [at for at in order if time_fault(ages[at], received_at=study.now, joined_at=joined_at) is None]
    new = [at for at in timely if batch.events[at].event_id not in known]
    moments = [study.now - ages[at] for at in new]
    places = dict(zip(new, await placements_at(study.member_id, moments), strict=True)) if new else {}
    adult = not study.holds_adult_content() or await is_adult(study.member_id)
    digests = dict(known)
    results: dict[int, EventResult] = {}
    for at in order:
        event, mark = batch.events[at], digest(batch.events[at])
        if event.event_id in digests:
            same = digests[event.event_id] == mark
            results[at] = EventResult(
                event.event_id,
                EventStatus.DUPLICATE if same else EventStatus.REJECTED,
                None if same else ErrorCode.EVENT_ID_REUSED,
            )
            continue
        fault = time_fault(ages[at], received_at=study.now, joined_at=joined_at)
        fault = fault or _lesson_fault(study, event, adult=adult)
        if fault is not None:
            results[at] = EventResult(event.event_id, EventStatus.REJECTED, fault)
            continue
        digests[event.event_id] = mark
        study.accept(_event_row(event, study.now - ages[at], study.now, mark, places[at], session_id))
        results[at] = EventResult(event.event_id, EventStatus.ACCEPTED)
    return [results[at] for at in range(len(ages))]


def _lesson_fault(study: Study, event: ReportedEvent, *, adult: bool) -> ErrorCode | None:
    """What this lesson has against the event, at this point of the batch."""
    if event.lesson_id is None or not study.is_available(event.lesson_id):
        return ErrorCode.LESSON_UNAVAILABLE
    if study.syllabus[event.lesson_id].adults_only and not adult:
        return ErrorCode.ADULTS_ONLY
    if not study.is_open(event.lesson_id):
        return ErrorCode.LESSON_LOCKED
    article = study.syllabus[event.lesson_id].dwell_seconds is not None
    return span_fault(event, study.goal(event.lesson_id), article=article)


def _event_row(
    event: ReportedEvent,
    occurred_at: datetime,
    received_at: datetime,
    mark: bytes,
    placement: Placement | None,
    session_id: UUID,
) -> EventRow:
    assert event.lesson_id is not None, event
    return EventRow(
        event_id=event.event_id,
        lesson_id=event.lesson_id,
        kind=event.kind,
        occurred_at=occurred_at,
        received_at=received_at,
        spans=event.spans,
        digest=mark,
        placement=placement,
        session_id=session_id,
    )


def _told(study: Study, result: EventResult) -> EventResult:
    """The result with TOO_FAST, if a part of the event could not be paid yet."""
    if result.status is EventStatus.ACCEPTED and study.waits(result.event_id):
        return replace(result, code=ErrorCode.TOO_FAST)
    return result


async def credit_study(ports: Ports, study: Study) -> Reward | None:
    """Settle, write, reward, count, announce; what was rewarded, None if there was nothing to reward."""
    study.settle_credit()
    await write_study(study)
    seconds, courses = _seconds(study), _course_counts(study)
    moments = [row.occurred_at for row in seconds] + [row.occurred_at for row in courses]
    await hold_open(ports, [day_of(moment) for moment in moments])
    await credit.book_seconds(study.member_id, seconds, study.now)
    await credit.book_courses(study.member_id, courses, study.now)
    facts, moved = _facts(study, await _due_dates(study))
    if any(isinstance(fact, CourseCompleted) for fact in [*facts, *(after for _, after in moved)]):
        passed, passed_earlier = await passed_now(study.member_id)
        facts, moved = [*facts, *passed], [*moved, *passed_earlier]
    rewarded = await reward(ports, study.member_id, facts, moved) if facts or moved else None
    await count_many(
        [
            Counted(study.member_id, BoardMetric.LEARNING_SECONDS, row.seconds, row.occurred_at, row.placement)
            for row in seconds
        ]
        + [
            Counted(study.member_id, BoardMetric.COURSES_COMPLETED, row.amount, row.occurred_at, row.placement)
            for row in courses
        ],
        also=_touched(study),
    )
    badges = await _earn_by_seconds(ports, study.member_id) if seconds and rewarded is None else []
    if seconds or courses:
        await announce("member", str(study.member_id), {"badges": badges} if badges else None)
    await announce_each("course", [course_id for course_id in study.enrolments if _counts_anew(study, course_id)])
    return rewarded


async def _earn_by_seconds(ports: Ports, member_id: UUID) -> list[str]:
    await locked_account(member_id)
    return [str(badge_id) for badge_id in await earn_badges(ports, member_id, [BadgeMeasure.LEARNING_SECONDS])]


def _counts_anew(study: Study, course_id: UUID) -> bool:
    """Whether the course has a learner, or somebody who completed it, more or less than before."""
    kept = study.kept_enrolments.get(course_id)
    return kept is None or (kept.completed_at is None) != (study.enrolments[course_id].completed_at is None)


def _touched(study: Study) -> Iterator[tuple[UUID, UUID | None, date]]:
    """Where and when courses were begun and lessons completed; where that moved, also where it was before."""
    for enrolments, others in _both_ways(study.enrolments, study.kept_enrolments):
        for begun in enrolments.values():
            other = others.get(begun.course_id)
            if other is None or (other.started_at, other.region_id) != (begun.started_at, begun.region_id):
                yield study.member_id, begun.region_id, day_of(begun.started_at)
    for completions, kept in _both_ways(study.completions, study.kept_completions):
        for lesson_id, done in completions.items():
            if kept.get(lesson_id) != done and done.placement is not None:
                yield study.member_id, done.placement.region_id, day_of(done.completed_at)


def _both_ways(
    now: Mapping[UUID, T], before: Mapping[UUID, T]
) -> tuple[tuple[Mapping[UUID, T], Mapping[UUID, T]], ...]:
    return (now, before), (before, now)


def _seconds(study: Study) -> list[SecondsRow]:
    """What each event was credited, or had to give back to one that came late and happened earlier."""
    booked: list[SecondsRow] = []
    for event in study.events.values():
        kept = study.kept_events.get(event.event_id)
        gained = event.credited_seconds - (kept.credited_seconds if kept is not None else 0)
        if gained:
            booked.append(SecondsRow(event.lesson_id, event.event_id, gained, event.occurred_at, event.placement))
    return booked


def _course_counts(study: Study) -> list[CourseCountRow]:
    """Courses completed, and those whose completion moved: taken back where it was, added where it is."""
    booked: list[CourseCountRow] = []
    for course_id, enrolment in study.enrolments.items():
        kept = study.kept_enrolments.get(course_id)
        if enrolment.completed_at == (kept.completed_at if kept is not None else None):
            continue
        for amount, held in ((-1, study.kept_completions), (1, study.completions)):
            if amount == 1 or (kept is not None and kept.completed_at is not None):
                last = _last_completion(study, course_id, held)
                booked.append(CourseCountRow(course_id, amount, last.completed_at, last.placement))
    return booked


def _last_completion(study: Study, course_id: UUID, held: dict[UUID, CompletionRow]) -> CompletionRow:
    return last_of(held[row.lesson_id] for row in study.editions[course_id])


async def _due_dates(study: Study) -> dict[UUID, datetime]:
    """By when somebody had asked for the courses that are complete now and were not."""
    completed = {
        course_id: enrolment.completed_at
        for course_id, enrolment in study.enrolments.items()
        if enrolment.completed_at is not None and not _was_complete(study, course_id)
    }
    return await due_dates(study.member_id, completed) if completed else {}


def _was_complete(study: Study, course_id: UUID) -> bool:
    kept = study.kept_enrolments.get(course_id)
    return kept is not None and kept.completed_at is not None


def _facts(study: Study, due: Mapping[UUID, datetime]) -> tuple[list[Recorded], list[tuple[Recorded, Recorded]]]:
    """What was completed, and what moved, as pairs (before, after); in order of occurrence, lessons before courses."""
    facts: list[Recorded] = []
    moved: list[tuple[Recorded, Recorded]] = []

    def say(fact: Recorded, before: datetime | None) -> None:
        if before is None:
            facts.append(fact)
        elif before != fact.occurred_at:
            moved.append((replace(fact, occurred_at=before), fact))

    for lesson in study.completions.values():
        kept = study.kept_completions.get(lesson.lesson_id)
        required = _is_required(study, lesson.course_id)
        say(
            LessonCompleted(study.member_id, lesson.lesson_id, lesson.course_id, required, lesson.completed_at),
            kept.completed_at if kept is not None else None,
        )
    for course in study.enrolments.values():
        if course.completed_at is not None:
            before = study.kept_enrolments.get(course.course_id)
            required = _is_required(study, course.course_id)
            say(
                CourseCompleted(
                    study.member_id, course.course_id, required, course.completed_at, due.get(course.course_id)
                ),
                before.completed_at if before is not None else None,
            )
    return sorted(facts, key=_when), sorted(moved, key=lambda pair: _when(pair[1]))


def _when(fact: Recorded) -> datetime:
    return fact.occurred_at


def _is_required(study: Study, course_id: UUID) -> bool:
    return study.editions[course_id][0].course_kind is CourseKind.REQUIRED
