"""One member's notebook while a transaction runs: read at once, judged and settled in memory, written at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from gamification.credit import (
    Budget,
    Goal,
    Spans,
    Watched,
    clip,
    course_percent,
    forecast,
    goal_of,
    opening_budget,
    pay,
    refilled,
    settle,
    size,
    spent,
    union,
)
from gamification.reports import resume_at
from kit.ids import new_id
from kit.words import CourseStatus
from models import credit, progress
from models.credit import BudgetRow, CompletionRow, EventRow, SyllabusRow
from models.progress import EnrolmentRow, LessonProgressRow

Row = TypeVar("Row")

PAY_AT_LEAST_EVERY = timedelta(minutes=30)
"""A budget is full after an hour: what waits longer is paid in parts, before any of it is lost."""


@dataclass(slots=True)
class Study:
    """What one member reported and was credited in some lessons and their courses.

    The `kept_` fields are what the tables say; the others start as the same and are changed by `accept` and
    `settle_credit`. Whoever opens one holds the member's lock.
    """

    member_id: UUID
    now: datetime
    budget: Budget
    kept_budget: BudgetRow | None
    syllabus: dict[UUID, SyllabusRow] = field(default_factory=dict)
    """Lesson -> as the member has it: in the edition they are enrolled in, else in the current one."""
    gates: dict[UUID, UUID | None] = field(default_factory=dict)
    """Lesson -> the one before it in that edition."""
    editions: dict[UUID, list[SyllabusRow]] = field(default_factory=dict)
    """Course -> lessons of the edition the member is, or would be, enrolled in, by position."""
    kept_progress: dict[UUID, LessonProgressRow] = field(default_factory=dict)
    kept_events: dict[UUID, EventRow] = field(default_factory=dict)
    kept_completions: dict[UUID, CompletionRow] = field(default_factory=dict)
    kept_enrolments: dict[UUID, EnrolmentRow] = field(default_factory=dict)
    progress: dict[UUID, LessonProgressRow] = field(default_factory=dict)
    events: dict[UUID, EventRow] = field(default_factory=dict)
    completions: dict[UUID, CompletionRow] = field(default_factory=dict)
    enrolments: dict[UUID, EnrolmentRow] = field(default_factory=dict)
    fresh: list[EventRow] = field(default_factory=list)
    spent_seconds: int = 0
    due_at: datetime | None = None
    """When the worker should pay next."""

    def __post_init__(self) -> None:
        self.progress = dict(self.kept_progress)
        self.events = dict(self.kept_events)
        self.completions = dict(self.kept_completions)
        self.enrolments = dict(self.kept_enrolments)

    def goal(self, lesson_id: UUID) -> Goal:
        """What a lesson takes; one that was begun keeps the goal it began with."""
        begun = self.progress.get(lesson_id)
        if begun is not None:
            return Goal(begun.creditable_seconds, begun.required_seconds)
        row = self.syllabus[lesson_id]
        return goal_of(
            duration_seconds=row.duration_seconds,
            dwell_seconds=row.dwell_seconds,
            completion_percent=row.completion_percent,
        )

    def is_available(self, lesson_id: UUID | None) -> bool:
        """Whether there is such a lesson, in a published course; whoever began a retired one may finish it."""
        if lesson_id not in self.syllabus:
            return False
        row = self.syllabus[lesson_id]
        begun = row.course_id in self.kept_enrolments
        return row.course_status is CourseStatus.PUBLISHED or (row.course_status is CourseStatus.RETIRED and begun)

    def holds_adult_content(self) -> bool:
        """Whether any of its lessons is for adults alone."""
        return any(row.adults_only for row in self.syllabus.values())

    def is_open(self, lesson_id: UUID) -> bool:
        """Whether what was reported of the lesson before, paid or not, reaches its goal. Once begun, open for good."""
        gate = self.gates[lesson_id]
        if gate is None or lesson_id in self.progress:
            return True
        before = self.progress.get(gate)
        return before is not None and size(before.reported) >= before.required_seconds

    def accept(self, event: EventRow) -> None:
        """Take a new event in: what it reports, before anything of it is paid."""
        goal = self.goal(event.lesson_id)
        row = self.progress.get(event.lesson_id) or _not_begun(self.syllabus[event.lesson_id], goal, event.occurred_at)
        reported = union(row.reported, clip(union(event.spans), goal.creditable_seconds))
        resume = resume_at(event.kind, event.spans, goal)
        last = (row.resume_event_at, row.resume_event_id)
        if resume is not None and (last[0] is None or last < (event.occurred_at, event.event_id)):
            row = replace(
                row, resume_at_seconds=resume, resume_event_at=event.occurred_at, resume_event_id=event.event_id
            )
        self.progress[event.lesson_id] = replace(
            row,
            reported=reported,
            furthest_seconds=reported[-1][1] if reported else 0,
            started_at=min(row.started_at, event.occurred_at),
            last_activity_at=max(row.last_activity_at, event.occurred_at),
        )
        self.events[event.event_id] = event
        self.fresh.append(event)

    def settle_credit(self) -> None:
        """Pay what waits, oldest first; then say anew which event earned which second and what is complete."""
        watched = [self._watched(event) for event in self.events.values()]
        fresh_ids = {event.event_id for event in self.fresh}
        waiting = [each for each in watched if each.event_id in fresh_ids or self.waits(each.event_id)]
        paid = {lesson_id: row.paid for lesson_id, row in self.progress.items()}
        payment = pay(waiting, paid, self.budget.seconds)
        self.budget = spent(self.budget, payment.spent_seconds)
        self.spent_seconds = payment.spent_seconds
        touched = {event.lesson_id for event in self.fresh}
        touched |= {lesson_id for lesson_id, spans in payment.paid.items() if spans != paid[lesson_id]}
        by_lesson: defaultdict[UUID, list[Watched]] = defaultdict(list)
        for each in watched:
            by_lesson[each.lesson_id].append(each)
        for lesson_id in touched:
            self._settle_lesson(lesson_id, by_lesson[lesson_id], payment.paid[lesson_id], payment.pending)
        self._foresee(watched)
        for course_id in sorted({self.progress[lesson_id].course_id for lesson_id in touched}):
            self._settle_course(course_id)

    def waits(self, event_id: UUID) -> bool:
        """Whether a part of the event is still to be paid."""
        return self.events[event_id].pending_seconds > 0

    def _watched(self, event: EventRow) -> Watched:
        spans = clip(union(event.spans), self.progress[event.lesson_id].creditable_seconds)
        return Watched(event.event_id, event.lesson_id, event.occurred_at, spans)

    def _settle_lesson(
        self, lesson_id: UUID, watched: Sequence[Watched], paid: Spans, pending: dict[UUID, Spans]
    ) -> None:
        row = self.progress[lesson_id]
        earned = settle(watched, paid, row.required_seconds)
        passed = settle(watched, row.reported, row.required_seconds)
        for event_id, credited in earned.credited.items():
            self.events[event_id] = replace(
                self.events[event_id], credited_seconds=credited, pending_seconds=size(pending.get(event_id, ()))
            )
        self.progress[lesson_id] = replace(
            row, paid=paid, watched_seconds=size(paid), passed_at=passed.reached_at, completed_at=earned.reached_at
        )
        if earned.reached_by is not None and earned.reached_at is not None:
            kept = self.completions.get(lesson_id)
            if kept is None or kept.completed_at != earned.reached_at:
                self.completions[lesson_id] = CompletionRow(
                    lesson_id, row.course_id, earned.reached_at, self.events[earned.reached_by].placement
                )

    def _foresee(self, watched: Sequence[Watched]) -> None:
        """Say of every lesson whether, and when, it will be complete without anything new."""
        paid = {lesson_id: row.paid for lesson_id, row in self.progress.items()}
        required = {lesson_id: row.required_seconds for lesson_id, row in self.progress.items()}
        told = forecast([each for each in watched if self.waits(each.event_id)], paid, self.budget, required)
        for lesson_id, row in self.progress.items():
            self.progress[lesson_id] = replace(row, credit_due_at=told.done_at.get(lesson_id))
        if told.pending_seconds:
            self.due_at = min([*told.done_at.values(), told.all_paid_at, self.now + PAY_AT_LEAST_EVERY])

    def _settle_course(self, course_id: UUID) -> None:
        """Bring the enrolment up to date: begun with the first event, complete with the last lesson of its edition."""
        lessons = self.editions[course_id]
        begun = [row for row in self.progress.values() if row.course_id == course_id]
        done = [self.completions[row.lesson_id] for row in lessons if row.lesson_id in self.completions]
        kept = self.enrolments.get(course_id)
        starts, activities = [row.started_at for row in begun], [row.last_activity_at for row in begun]
        if kept is not None:
            starts, activities = [*starts, kept.started_at], [*activities, kept.last_activity_at]
        self.enrolments[course_id] = EnrolmentRow(
            id=kept.id if kept is not None else new_id(),
            course_id=course_id,
            edition_id=lessons[0].edition_id,
            started_at=min(starts),
            last_activity_at=max(activities),
            lessons_completed=len(done),
            lesson_count=len(lessons),
            percent=course_percent([self._share(row.lesson_id) for row in lessons]),
            completed_at=last_of(done).completed_at if len(done) == len(lessons) else None,
            region_id=self._begun_in(course_id, min(starts), kept),
        )

    def _begun_in(self, course_id: UUID, started_at: datetime, kept: EnrolmentRow | None) -> UUID | None:
        """The region the member stood in when they began the course."""
        if kept is not None and kept.started_at == started_at:
            return kept.region_id
        first = [event for event in self.fresh if event.occurred_at == started_at]
        own = [event for event in first if self.progress[event.lesson_id].course_id == course_id]
        return own[0].placement.region_id if own and own[0].placement is not None else None

    def _share(self, lesson_id: UUID) -> tuple[Goal, int, bool]:
        row = self.progress.get(lesson_id)
        if row is None:
            return self.goal(lesson_id), 0, False
        return self.goal(lesson_id), row.watched_seconds, row.completed_at is not None


def last_of(completions: Iterable[CompletionRow]) -> CompletionRow:
    """The completion that completed the whole."""
    return max(completions, key=lambda row: (row.completed_at, row.lesson_id))


async def open_study(member_id: UUID, joined_at: datetime, lesson_ids: Sequence[UUID], now: datetime) -> Study:
    """The notebook for these lessons, for those with credit still to be paid, and for all their courses."""
    kept_budget = await credit.budget_of(member_id)
    budget = Budget(kept_budget.available_ms, kept_budget.updated_at) if kept_budget else opening_budget(joined_at)
    study = Study(member_id, now, refilled(budget, now), kept_budget)
    if not lesson_ids and (kept_budget is None or kept_budget.due_at is None):
        return study
    rows = await credit.syllabus_of(member_id, lesson_ids)
    course_ids = list({row.course_id for row in rows})
    enrolments = await progress.enrolments_of(member_id, course_ids)
    events = await credit.counting_events(member_id, lesson_ids)
    known_ids = list({row.lesson_id for row in rows} | {event.lesson_id for event in events})
    _lay_out(study, rows, enrolments)
    return replace(
        study,
        kept_progress=await progress.lesson_progress_of(member_id, known_ids),
        kept_events={event.event_id: event for event in events},
        kept_completions=await credit.completions_of(member_id, known_ids),
        kept_enrolments=enrolments,
    )


def _lay_out(study: Study, rows: Sequence[SyllabusRow], enrolments: Mapping[UUID, EnrolmentRow]) -> None:
    """Say of each lesson in which edition the member has it, and which lesson comes before it there."""
    # The member's own edition comes last, so that it has the last word on a lesson that is in both.
    for own in (False, True):
        before: SyllabusRow | None = None
        for row in rows:
            enrolment = enrolments.get(row.course_id)
            is_own = row.edition_id == (enrolment.edition_id if enrolment is not None else row.current_edition_id)
            if is_own is not own:
                continue
            gate = before.lesson_id if before is not None and before.edition_id == row.edition_id else None
            study.gates[row.lesson_id] = gate
            study.syllabus[row.lesson_id] = before = row
            if own:
                study.editions.setdefault(row.course_id, []).append(row)


async def write_study(study: Study) -> None:
    """Write what changed, and only that; the metric rows behind it are booked by whoever settled it."""
    member_id = study.member_id
    await credit.store_events(member_id, changed(study.events, study.kept_events))
    await credit.store_lesson_progress(member_id, changed(study.progress, study.kept_progress))
    await credit.store_completions(member_id, changed(study.completions, study.kept_completions), study.now)
    await credit.store_enrolments(member_id, changed(study.enrolments, study.kept_enrolments))
    kept = study.kept_budget
    if study.spent_seconds or study.due_at != (kept.due_at if kept is not None else None):
        await credit.store_budget(member_id, BudgetRow(study.budget.available_ms, study.budget.at, study.due_at))


def changed(rows: Mapping[UUID, Row], kept: Mapping[UUID, Row]) -> list[Row]:
    """The rows that are not as they are kept."""
    return [row for key, row in rows.items() if kept.get(key) != row]


def _not_begun(row: SyllabusRow, goal: Goal, at: datetime) -> LessonProgressRow:
    return LessonProgressRow(
        lesson_id=row.lesson_id,
        course_id=row.course_id,
        creditable_seconds=goal.creditable_seconds,
        required_seconds=goal.required_seconds,
        reported=(),
        paid=(),
        watched_seconds=0,
        furthest_seconds=0,
        resume_at_seconds=0,
        resume_event_at=None,
        resume_event_id=None,
        started_at=at,
        last_activity_at=at,
        passed_at=None,
        completed_at=None,
        credit_due_at=None,
    )
