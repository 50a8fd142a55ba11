"""The store of learning events, the learning budget, and what one report reads and writes, each in one statement.

`learning_events` is partitioned by hash of the member, made by the progress migration and written by SQL alone.
Bulk statements take their rows as one JSON text. What they write is absolute: the caller holds the member's lock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, rows
from kit.words import CourseKind, CourseStatus, OutletTier, ProgressKind
from models.outlets import Placement
from models.progress import EnrolmentRow, LessonProgressRow, flat, pairs

_PENDING_LESSONS = "SELECT lesson_id FROM learning_events WHERE member_id = $1 AND pending_seconds > 0"


@dataclass(frozen=True, slots=True)
class EventRow:
    """An accepted event. `credited_seconds` belong to it now; `pending_seconds` of its spans are not paid yet.

    Spans are as the phone sent them. `digest` tells the same event from another one under its id. `placement` is where
    the member stood at `occurred_at`, as known when the event came; everything it is credited stays there.
    """

    event_id: UUID
    lesson_id: UUID
    kind: ProgressKind
    occurred_at: datetime
    received_at: datetime
    spans: tuple[tuple[int, int], ...]
    digest: bytes
    placement: Placement | None
    credited_seconds: int = 0
    pending_seconds: int = 0
    session_id: UUID | None = None
    """By which sign-in it was reported; only written."""


@dataclass(frozen=True, slots=True)
class SyllabusRow:
    """A lesson in an edition that matters to the member: the course's current one and the one they are enrolled in."""

    lesson_id: UUID
    course_id: UUID
    edition_id: UUID
    current_edition_id: UUID | None
    position: int
    duration_seconds: int
    dwell_seconds: int | None
    completion_percent: int
    course_status: CourseStatus
    course_kind: CourseKind
    adults_only: bool


@dataclass(frozen=True, slots=True)
class BudgetRow:
    available_ms: int
    updated_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CompletionRow:
    lesson_id: UUID
    course_id: UUID
    completed_at: datetime
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class SecondsRow:
    lesson_id: UUID
    event_id: UUID
    seconds: int
    occurred_at: datetime
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class CourseCountRow:
    course_id: UUID
    amount: int
    occurred_at: datetime
    placement: Placement | None


async def lock_learner(member_id: UUID) -> datetime | None:
    """Lock the member's row until the transaction ends; when they joined, or None if there is no such member.

    Everything that changes a member's progress takes this lock first. References to the member stay possible.
    """
    found = await rows("SELECT joined_at FROM members WHERE id = $1 FOR NO KEY UPDATE", member_id)
    return found[0]["joined_at"] if found else None


async def budget_of(member_id: UUID) -> BudgetRow | None:
    found = await rows("SELECT available_ms, updated_at, due_at FROM learning_budgets WHERE member_id = $1", member_id)
    return BudgetRow(**found[0]) if found else None


async def members_due(now: datetime, limit: int) -> list[UUID]:
    """Members whose pending credit should be paid by now, the longest waiting first."""
    found = await rows(
        "SELECT member_id FROM learning_budgets WHERE due_at <= $1 ORDER BY due_at, member_id LIMIT $2", now, limit
    )
    return [row["member_id"] for row in found]


async def digests_of(member_id: UUID, event_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Digests of those events that are stored."""
    found = await rows(
        "SELECT event_id, digest FROM learning_events WHERE member_id = $1 AND event_id = ANY($2::uuid[])",
        member_id,
        list(event_ids),
    )
    return {row["event_id"]: row["digest"] for row in found}


async def syllabus_of(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[SyllabusRow]:
    """The courses of these lessons, and of lessons with pending credit, lesson by lesson.

    By course, edition, position. Unknown lessons and courses without an edition give nothing.
    """
    found = await rows(
        f"""SELECT el.lesson_id, c.id AS course_id, el.edition_id, c.edition_id AS current_edition_id, el.position,
                   el.duration_seconds, el.dwell_seconds, c.completion_percent, c.status AS course_status,
                   c.kind AS course_kind, c.adults_only
            FROM courses c
            LEFT JOIN course_enrolments e ON e.course_id = c.id AND e.member_id = $1
            JOIN edition_lessons el ON el.edition_id IN (c.edition_id, e.edition_id)
            WHERE c.id IN (SELECT course_id FROM lessons WHERE id = ANY($2::uuid[]) OR id IN ({_PENDING_LESSONS}))
            ORDER BY c.id, el.edition_id, el.position""",  # noqa: S608
        member_id,
        list(lesson_ids),
    )
    return [
        SyllabusRow(
            **{
                **row,
                "course_status": CourseStatus(row["course_status"]),
                "course_kind": CourseKind(row["course_kind"]),
            }
        )
        for row in found
    ]


async def counting_events(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[EventRow]:
    """Events that hold credit or wait for it, of these lessons and of lessons with pending credit.

    The others report nothing that an earlier event does not report too, and never will hold credit.
    """
    return await _events(
        f"""(credited_seconds > 0 OR pending_seconds > 0)
            AND (lesson_id = ANY($2::uuid[]) OR lesson_id IN ({_PENDING_LESSONS}))""",
        member_id,
        list(lesson_ids),
    )


async def all_events(member_id: UUID) -> list[EventRow]:
    """Every accepted event of a member."""
    return await _events("TRUE", member_id)


async def _events(where: str, *arguments: object) -> list[EventRow]:
    found = await rows(
        f"""SELECT event_id, lesson_id, kind, occurred_at, received_at, spans, digest, credited_seconds,
                   pending_seconds, outlet_id, region_id, tier, path
            FROM learning_events LEFT JOIN (SELECT id AS region_id, path FROM regions) r USING (region_id)
            WHERE member_id = $1 AND {where} ORDER BY occurred_at, event_id""",  # noqa: S608
        *arguments,
    )
    return [
        EventRow(**{**_placed(row), "kind": ProgressKind(row["kind"]), "spans": pairs(row["spans"])}) for row in found
    ]


async def completions_of(member_id: UUID, lesson_ids: Sequence[UUID]) -> dict[UUID, CompletionRow]:
    """Those of the lessons that are done."""
    found = await rows(
        """SELECT lesson_id, course_id, completed_at, outlet_id, region_id, tier, path
           FROM lesson_completions LEFT JOIN (SELECT id AS region_id, path FROM regions) r USING (region_id)
           WHERE member_id = $1 AND lesson_id = ANY($2::uuid[])""",
        member_id,
        list(lesson_ids),
    )
    return {row["lesson_id"]: CompletionRow(**_placed(row)) for row in found}


def _placed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its place as one value."""
    plain = {name: value for name, value in row.items() if name not in ("outlet_id", "region_id", "tier", "path")}
    if row["outlet_id"] is None:
        return {**plain, "placement": None}
    return {
        **plain,
        "placement": Placement(row["outlet_id"], row["region_id"], row["path"], OutletTier(row["tier"])),
    }


def _packed(given: Sequence[Any], **changes: Callable[[Any], object]) -> str:
    """Rows as one JSON text, `changes` naming the fields to be written in another form."""
    records = [_fields(row) | {name: form(row) for name, form in changes.items()} for row in given]
    return orjson.dumps(records, default=str).decode()  # asyncpg's UUIDs are a class of their own


def _fields(row: Any) -> dict[str, Any]:
    found = {field.name: getattr(row, field.name) for field in fields(row)}
    place: Placement | None = found.pop("placement", None)
    if place is not None:
        found |= {"outlet_id": place.outlet_id, "region_id": place.region_id, "tier": place.tier}
    return found


async def store_events(member_id: UUID, events: Sequence[EventRow]) -> None:
    """Store new events, or set what stored ones hold and wait for."""
    if not events:
        return
    await execute(
        """INSERT INTO learning_events (member_id, event_id, lesson_id, kind, occurred_at, received_at, spans, digest,
                                        credited_seconds, pending_seconds, outlet_id, region_id, tier, session_id)
           SELECT $1, event_id, lesson_id, kind, occurred_at, received_at, spans, decode(digest, 'hex'),
                  credited_seconds, pending_seconds, outlet_id, region_id, tier, session_id
           FROM jsonb_to_recordset($2::text::jsonb) AS given(
               event_id uuid, lesson_id uuid, kind text, occurred_at timestamptz, received_at timestamptz, spans int4[],
               digest text, credited_seconds int4, pending_seconds int4, outlet_id uuid, region_id uuid, tier text,
               session_id uuid)
           ON CONFLICT (member_id, event_id) DO UPDATE
           SET credited_seconds = excluded.credited_seconds, pending_seconds = excluded.pending_seconds""",
        member_id,
        _packed(events, spans=lambda event: flat(event.spans), digest=lambda event: event.digest.hex()),
    )


async def store_lesson_progress(member_id: UUID, progress: Sequence[LessonProgressRow]) -> None:
    if not progress:
        return
    await execute(
        """INSERT INTO lesson_progress (member_id, lesson_id, course_id, creditable_seconds, required_seconds, reported,
               paid, watched_seconds, furthest_seconds, resume_at_seconds, resume_event_at, resume_event_id, started_at,
               last_activity_at, passed_at, completed_at, credit_due_at)
           SELECT $1, * FROM jsonb_to_recordset($2::text::jsonb) AS given(
               lesson_id uuid, course_id uuid, creditable_seconds int4, required_seconds int4, reported int4[],
               paid int4[], watched_seconds int4, furthest_seconds int4, resume_at_seconds int4,
               resume_event_at timestamptz, resume_event_id uuid, started_at timestamptz, last_activity_at timestamptz,
               passed_at timestamptz, completed_at timestamptz, credit_due_at timestamptz)
           ON CONFLICT (member_id, lesson_id) DO UPDATE SET
               reported = excluded.reported, paid = excluded.paid, watched_seconds = excluded.watched_seconds,
               furthest_seconds = excluded.furthest_seconds, resume_at_seconds = excluded.resume_at_seconds,
               resume_event_at = excluded.resume_event_at, resume_event_id = excluded.resume_event_id,
               started_at = excluded.started_at, last_activity_at = excluded.last_activity_at,
               passed_at = excluded.passed_at, completed_at = excluded.completed_at,
               credit_due_at = excluded.credit_due_at""",
        member_id,
        _packed(progress, reported=lambda row: flat(row.reported), paid=lambda row: flat(row.paid)),
    )


async def store_completions(member_id: UUID, completions: Sequence[CompletionRow], booked_at: datetime) -> None:
    """Record lessons as done, or move the moment at which they were."""
    if not completions:
        return
    await execute(
        """INSERT INTO lesson_completions (member_id, booked_at, lesson_id, course_id, completed_at, outlet_id,
               region_id, tier)
           SELECT $1, $3, * FROM jsonb_to_recordset($2::text::jsonb) AS given(
               lesson_id uuid, course_id uuid, completed_at timestamptz, outlet_id uuid, region_id uuid, tier text)
           ON CONFLICT (member_id, lesson_id) DO UPDATE SET
               completed_at = excluded.completed_at, booked_at = excluded.booked_at, outlet_id = excluded.outlet_id,
               region_id = excluded.region_id, tier = excluded.tier""",
        member_id,
        _packed(completions),
        booked_at,
    )


async def store_enrolments(member_id: UUID, enrolments: Sequence[EnrolmentRow]) -> None:
    if not enrolments:
        return
    await execute(
        """INSERT INTO course_enrolments (member_id, id, course_id, edition_id, started_at, last_activity_at,
               lessons_completed, lesson_count, percent, completed_at, region_id)
           SELECT $1, * FROM jsonb_to_recordset($2::text::jsonb) AS given(
               id uuid, course_id uuid, edition_id uuid, started_at timestamptz, last_activity_at timestamptz,
               lessons_completed int4, lesson_count int4, percent int2, completed_at timestamptz, region_id uuid)
           ON CONFLICT (member_id, course_id) DO UPDATE SET
               started_at = excluded.started_at, last_activity_at = excluded.last_activity_at,
               lessons_completed = excluded.lessons_completed, lesson_count = excluded.lesson_count,
               percent = excluded.percent, completed_at = excluded.completed_at,
               region_id = excluded.region_id""",
        member_id,
        _packed(enrolments),
    )


async def store_budget(member_id: UUID, budget: BudgetRow) -> None:
    await execute(
        """INSERT INTO learning_budgets (member_id, available_ms, updated_at, due_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (member_id) DO UPDATE SET
               available_ms = excluded.available_ms, updated_at = excluded.updated_at, due_at = excluded.due_at""",
        member_id,
        budget.available_ms,
        budget.updated_at,
        budget.due_at,
    )


async def book_seconds(member_id: UUID, booked: Sequence[SecondsRow], booked_at: datetime) -> None:
    """Append rows behind LEARNING_SECONDS."""
    if not booked:
        return
    await execute(
        """INSERT INTO learning_seconds (member_id, booked_at, lesson_id, event_id, seconds, occurred_at, outlet_id,
               region_id, tier)
           SELECT $1, $3, * FROM jsonb_to_recordset($2::text::jsonb) AS given(
               lesson_id uuid, event_id uuid, seconds int4, occurred_at timestamptz, outlet_id uuid, region_id uuid,
               tier text)""",
        member_id,
        _packed(booked),
        booked_at,
    )


async def book_courses(member_id: UUID, booked: Sequence[CourseCountRow], booked_at: datetime) -> None:
    """Append rows behind COURSES_COMPLETED."""
    if not booked:
        return
    await execute(
        """INSERT INTO course_completions (member_id, booked_at, course_id, amount, occurred_at, outlet_id, region_id,
               tier)
           SELECT $1, $3, * FROM jsonb_to_recordset($2::text::jsonb) AS given(
               course_id uuid, amount int2, occurred_at timestamptz, outlet_id uuid, region_id uuid, tier text)""",
        member_id,
        _packed(booked),
        booked_at,
    )
