"""How far members are: per lesson, per course; and the append-only rows behind the learning metrics of the boards.

`learning_events` and what pays for them live in `models/credit.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import ProgressState
from models.accounts import Member
from models.courses import Course, CourseEdition, Lesson


class LessonProgress(Model):
    """One member in one lesson. Spans are flat: from, to, from, to, ... in seconds."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "lesson_progress", on_delete=fields.CASCADE
    )
    lesson: fields.ForeignKeyRelation[Lesson] = fields.ForeignKeyField(
        "models.Lesson", "progress", on_delete=fields.CASCADE
    )
    course_id = fields.UUIDField()
    creditable_seconds = fields.IntField()
    required_seconds = fields.IntField()
    reported = ArrayField(element_type="int", default=list)
    paid = ArrayField(element_type="int", default=list)
    watched_seconds = fields.IntField(default=0)
    furthest_seconds = fields.IntField(default=0)
    resume_at_seconds = fields.IntField(default=0)
    resume_event_at = fields.DatetimeField(null=True)
    resume_event_id = fields.UUIDField(null=True)
    started_at = fields.DatetimeField()
    last_activity_at = fields.DatetimeField()
    passed_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)
    credit_due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "lesson_progress"
        unique_together = (("member", "lesson"),)


class LessonCompletion(Model):
    """A lesson is done, since when, and where the member stood then."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "lesson_completions", on_delete=fields.CASCADE
    )
    lesson: fields.ForeignKeyRelation[Lesson] = fields.ForeignKeyField(
        "models.Lesson", "completions", on_delete=fields.CASCADE
    )
    course_id = fields.UUIDField()
    completed_at = fields.DatetimeField()
    booked_at = fields.DatetimeField()
    outlet_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField(null=True)
    tier = fields.CharField(10, null=True)

    class Meta:
        table = "lesson_completions"
        unique_together = (("member", "lesson"),)


class CourseEnrolment(Model):
    """One member in one course, from the first accepted event on, in the edition that was current then.

    `region_id`: where the member stood at `started_at`; null: nowhere.
    """

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "enrolments", on_delete=fields.CASCADE
    )
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "enrolments", on_delete=fields.CASCADE
    )
    edition: fields.ForeignKeyRelation[CourseEdition] = fields.ForeignKeyField(
        "models.CourseEdition", "enrolments", on_delete=fields.RESTRICT
    )
    started_at = fields.DatetimeField()
    last_activity_at = fields.DatetimeField()
    lessons_completed = fields.IntField(default=0)
    lesson_count = fields.IntField()
    percent = fields.SmallIntField(default=0)
    completed_at = fields.DatetimeField(null=True)
    region_id = fields.UUIDField(null=True)

    class Meta:
        table = "course_enrolments"
        unique_together = (("member", "course"),)


class LearningBudget(Model):
    """What the academy can still pay a member at `updated_at`; `due_at`: when the worker should pay what is pending."""

    member: fields.OneToOneRelation[Member] = fields.OneToOneField(
        "models.Member", "learning_budget", primary_key=True, on_delete=fields.CASCADE
    )
    available_ms = fields.BigIntField()
    updated_at = fields.DatetimeField()
    due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "learning_budgets"


class LearningSeconds(Model):
    """Rows behind LEARNING_SECONDS: seconds credited to an event; negative: taken back for an earlier, late one.

    Append-only. An event counts while its rows sum to more than zero.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    lesson_id = fields.UUIDField()
    event_id = fields.UUIDField()
    seconds = fields.IntField()
    occurred_at = fields.DatetimeField()
    booked_at = fields.DatetimeField()
    outlet_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField(null=True)
    tier = fields.CharField(10, null=True)

    class Meta:
        table = "learning_seconds"


class CourseCompletion(Model):
    """Rows behind COURSES_COMPLETED: +1 when completed; when that moment moves, -1 at the old one and +1 at the new.

    Append-only.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    course_id = fields.UUIDField()
    amount = fields.SmallIntField()
    occurred_at = fields.DatetimeField()
    booked_at = fields.DatetimeField()
    outlet_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField(null=True)
    tier = fields.CharField(10, null=True)

    class Meta:
        table = "course_completions"


@dataclass(frozen=True, slots=True)
class LessonProgressRow:
    """`passed_at`: what was reported, paid or not, reaches the goal; it opens the next lesson.

    `completed_at`: what is paid reaches it. `credit_due_at`: when it will, if it only waits to be paid.
    Spans are pairs in normal form. `watched_seconds` is the size of `paid`.
    """

    lesson_id: UUID
    course_id: UUID
    creditable_seconds: int
    required_seconds: int
    reported: tuple[tuple[int, int], ...]
    paid: tuple[tuple[int, int], ...]
    watched_seconds: int
    furthest_seconds: int
    resume_at_seconds: int
    resume_event_at: datetime | None
    resume_event_id: UUID | None
    started_at: datetime
    last_activity_at: datetime
    passed_at: datetime | None
    completed_at: datetime | None
    credit_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    id: UUID
    course_id: UUID
    edition_id: UUID
    started_at: datetime
    last_activity_at: datetime
    lessons_completed: int
    lesson_count: int
    percent: int
    completed_at: datetime | None
    region_id: UUID | None = None


_LESSON_COLUMNS = """lesson_id, course_id, creditable_seconds, required_seconds, reported, paid, watched_seconds,
    furthest_seconds, resume_at_seconds, resume_event_at, resume_event_id, started_at, last_activity_at, passed_at,
    completed_at, credit_due_at"""
ENROLMENT_COLUMNS = tuple(each.name for each in dataclass_fields(EnrolmentRow))
_ENROLMENT_COLUMNS = ", ".join(ENROLMENT_COLUMNS)


def pairs(flat: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Spans as stored, as pairs."""
    return tuple(pairwise(flat))[::2]


def flat(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Spans as they are stored."""
    return [second for span in spans for second in span]


def _lesson_row(row: dict[str, Any]) -> LessonProgressRow:
    return LessonProgressRow(**{**row, "reported": pairs(row["reported"]), "paid": pairs(row["paid"])})


async def lesson_progress_of(member_id: UUID, lesson_ids: Sequence[UUID]) -> dict[UUID, LessonProgressRow]:
    """How far the member is in these lessons; lessons never begun are left out."""
    found = await rows(
        f"SELECT {_LESSON_COLUMNS} FROM lesson_progress WHERE member_id = $1 AND lesson_id = ANY($2::uuid[])",  # noqa: S608
        member_id,
        list(lesson_ids),
    )
    return {row["lesson_id"]: _lesson_row(row) for row in found}


async def enrolments_of(member_id: UUID, course_ids: Sequence[UUID]) -> dict[UUID, EnrolmentRow]:
    """How far the member is in these courses; courses never begun are left out."""
    found = await rows(
        f"SELECT {_ENROLMENT_COLUMNS} FROM course_enrolments WHERE member_id = $1 AND course_id = ANY($2::uuid[])",  # noqa: S608
        member_id,
        list(course_ids),
    )
    return {row["course_id"]: EnrolmentRow(**row) for row in found}


async def progress_by_lesson(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[LessonProgressRow | None]:
    """How far the member is in each lesson, None where never begun; in the order of `lesson_ids`."""
    found = await lesson_progress_of(member_id, lesson_ids)
    return [found.get(each) for each in lesson_ids]


async def enrolment_by_course(member_id: UUID, course_ids: Sequence[UUID]) -> list[EnrolmentRow | None]:
    """How far the member is in each course, None where never begun; in the order of `course_ids`."""
    found = await enrolments_of(member_id, course_ids)
    return [found.get(each) for each in course_ids]


_STATES = {
    None: "TRUE",
    ProgressState.NOT_STARTED: "FALSE",
    ProgressState.IN_PROGRESS: "completed_at IS NULL",
    ProgressState.COMPLETED: "completed_at IS NOT NULL",
}


async def enrolments_page(member_id: UUID, state: ProgressState | None, ask: Ask) -> Page[EnrolmentRow]:
    """A member's courses, the one touched last first (then by id, descending). Cursor key: last_activity_at, id."""
    order = "ASC" if ask.backwards else "DESC"
    arguments: list[object] = [member_id, ask.limit + 1]
    beyond = ""
    for key, than in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            arguments += key
            beyond += (
                f" AND (last_activity_at, id) {than} (${len(arguments) - 1}::timestamptz, ${len(arguments)}::uuid)"
            )
    found = await rows(
        f"SELECT {_ENROLMENT_COLUMNS} FROM course_enrolments WHERE member_id = $1 AND {_STATES[state]}{beyond}"  # noqa: S608
        f" ORDER BY last_activity_at {order}, id {order} LIMIT $2",
        *arguments,
    )
    return page_of([EnrolmentRow(**row) for row in found], ask)


async def count_enrolments(member_id: UUID, state: ProgressState | None) -> int:
    [found] = await rows(
        f"SELECT count(*) AS courses FROM course_enrolments WHERE member_id = $1 AND {_STATES[state]}",  # noqa: S608
        member_id,
    )
    return int(found["courses"])


async def has_learned(member_id: UUID) -> bool:
    """Whether the member has begun any course."""
    return await CourseEnrolment.filter(member_id=member_id).exists()
