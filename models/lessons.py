"""Lessons with their media and their gates: as the current edition of their course has them, as the edition has them
that a learner is in the middle of, or as their makers have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kit.db import rows
from kit.words import CourseKind, CourseStatus


@dataclass(frozen=True, slots=True)
class MediaRow:
    id: UUID
    content_type: str
    size_bytes: int
    sha256: str
    duration_seconds: int | None


@dataclass(frozen=True, slots=True)
class LessonRow:
    """A lesson in an edition of its course, with what judges progress in it.

    `in_making`: only in the edition that is worked on. `previous_lesson_id` is the gate: this lesson opens when that
    one is complete (None: open from the start).
    `dwell_seconds` is set for articles alone, and then `duration_seconds` is the same.
    """

    id: UUID
    course_id: UUID
    course_kind: CourseKind
    course_status: CourseStatus
    adults_only: bool
    edition_id: UUID
    lesson_count: int
    completion_percent: int
    position: int
    previous_lesson_id: UUID | None
    previous_title: str | None
    title: str
    body: str | None
    duration_seconds: int
    dwell_seconds: int | None
    media: MediaRow | None
    in_making: bool

    @property
    def published(self) -> bool:
        return self.course_status is CourseStatus.PUBLISHED

    @property
    def required(self) -> bool:
        return self.course_kind is CourseKind.REQUIRED


# Neighbours and counts are taken over the whole edition before one lesson is picked out of it. $1: the member, or null.
# `place`: 0 in the edition the member is in the middle of, 1 in the current one, 2 in the one that is worked on.
_LESSONS = """
    SELECT * FROM (
        SELECT l.lesson_id AS id, c.id AS course_id, c.kind AS course_kind, c.status AS course_status, c.adults_only,
               l.edition_id,
               CASE WHEN l.edition_id = n.edition_id THEN 0 WHEN l.edition_id = c.edition_id THEN 1 ELSE 2 END AS place,
               l.edition_id = d.edition_id AS in_making,
               count(*) OVER whole AS lesson_count, c.completion_percent, l.position,
               lag(l.lesson_id) OVER w AS previous_lesson_id, lag(l.title) OVER w AS previous_title,
               l.title, l.body, l.duration_seconds, l.dwell_seconds, l.media_id,
               m.content_type AS media_content_type, m.size_bytes AS media_size_bytes, m.sha256 AS media_sha256,
               m.duration_seconds AS media_duration_seconds
        FROM courses c
        LEFT JOIN course_enrolments n ON n.course_id = c.id AND n.member_id = $1::uuid AND n.completed_at IS NULL
        LEFT JOIN course_drafts d ON d.course_id = c.id
        JOIN edition_lessons l ON {editions}
        LEFT JOIN media_assets m ON m.id = l.media_id
        WHERE c.id = ANY({courses})
        WINDOW whole AS (PARTITION BY l.edition_id), w AS (PARTITION BY l.edition_id ORDER BY l.position)
    ) lessons"""
_SEEN = "l.edition_id = coalesce(n.edition_id, c.edition_id)"
_WORKED_ON = "l.edition_id = coalesce(d.edition_id, c.edition_id)"
_ANY = "l.edition_id IN (n.edition_id, c.edition_id, d.edition_id)"


def _lesson_row(row: dict[str, Any]) -> LessonRow:
    plain = {name: value for name, value in row.items() if not name.startswith("media_") and name != "place"}
    media = {name.removeprefix("media_"): value for name, value in row.items() if name.startswith("media_")}
    return LessonRow(
        **{
            **plain,
            "course_kind": CourseKind(row["course_kind"]),
            "course_status": CourseStatus(row["course_status"]),
            "in_making": bool(row["in_making"]),
            "media": MediaRow(**media) if media["id"] is not None else None,
        }
    )


async def lessons_by_courses(member_id: UUID | None, course_ids: Sequence[UUID]) -> list[list[LessonRow]]:
    """Lessons of each course by position, in the order of `course_ids`; no edition: no lessons.

    Those of the edition the member is in the middle of; of the current one for everybody else.
    """
    return await _by_courses(_SEEN, member_id, course_ids)


async def lessons_in_making(course_ids: Sequence[UUID]) -> list[list[LessonRow]]:
    """Lessons of each course by position as its makers have them, in the order of `course_ids`."""
    return await _by_courses(_WORKED_ON, None, course_ids)


async def _by_courses(editions: str, member_id: UUID | None, course_ids: Sequence[UUID]) -> list[list[LessonRow]]:
    shelf: dict[UUID, list[LessonRow]] = {course_id: [] for course_id in course_ids}
    for row in await rows(
        _LESSONS.format(courses="$2", editions=editions) + " ORDER BY course_id, position", member_id, list(course_ids)
    ):
        shelf[row["course_id"]].append(_lesson_row(row))
    return [shelf[course_id] for course_id in course_ids]


async def lessons_by_ids(member_id: UUID | None, lesson_ids: Sequence[UUID]) -> list[LessonRow | None]:
    """The lessons of these ids, in their order; None for one that is in no edition that anybody sees.

    As the edition has them that the member is in the middle of, else the current one, else the one that is worked on;
    of courses of any status.
    """
    homes = "ARRAY(SELECT course_id FROM lessons WHERE id = ANY($2))"
    found = await rows(
        f"SELECT DISTINCT ON (id) * FROM ({_LESSONS.format(courses=homes, editions=_ANY)} WHERE id = ANY($2)) found"  # noqa: S608
        " ORDER BY id, place",
        member_id,
        list(lesson_ids),
    )
    shelf = {row["id"]: _lesson_row(row) for row in found}
    return [shelf.get(lesson_id) for lesson_id in lesson_ids]


async def working_lesson(course_id: UUID, lesson_id: UUID) -> LessonRow:
    """A lesson as the makers of its course have it."""
    [found] = await lessons_in_making([course_id])
    [lesson] = [row for row in found if row.id == lesson_id]
    return lesson


async def gates_before(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[str | None]:
    """The title of the lesson to be done before each of these, None where the lesson is open; in their order.

    A learner goes by the edition they are enrolled in, and by the current one for what is only there. A lesson is open
    when what was reported of the one before reaches its goal, paid or not; once begun it is open for good.
    """
    found = await rows(
        """WITH placed AS (
               SELECT l.lesson_id, l.edition_id = n.edition_id AS is_own, lag(l.lesson_id) OVER w AS before_id,
                      lag(l.title) OVER w AS before_title
               FROM courses c
               LEFT JOIN course_enrolments n ON n.course_id = c.id AND n.member_id = $1
               JOIN edition_lessons l ON l.edition_id IN (c.edition_id, n.edition_id)
               WHERE c.id = ANY(ARRAY(SELECT course_id FROM lessons WHERE id = ANY($2)))
               WINDOW w AS (PARTITION BY l.edition_id ORDER BY l.position)
           ), gates AS (
               SELECT DISTINCT ON (lesson_id) lesson_id, before_id, before_title
               FROM placed WHERE lesson_id = ANY($2) ORDER BY lesson_id, is_own DESC NULLS LAST
           )
           SELECT g.lesson_id, g.before_title FROM gates g
           LEFT JOIN lesson_progress before ON before.member_id = $1 AND before.lesson_id = g.before_id
           WHERE g.before_id IS NOT NULL AND before.passed_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM lesson_progress own WHERE own.member_id = $1 AND own.lesson_id = g.lesson_id)""",
        member_id,
        list(lesson_ids),
    )
    shelf = {row["lesson_id"]: row["before_title"] for row in found}
    return [shelf.get(lesson_id) for lesson_id in lesson_ids]


async def media_in_courses(
    statuses: Sequence[CourseStatus], member_id: UUID | None, media_ids: Sequence[UUID]
) -> list[MediaRow | None]:
    """Assets in a lesson of a course, None for the others, in the order of the ids.

    In the current edition of a course in one of `statuses`, and in what is worked on where these hold DRAFT; in the
    edition a member is enrolled in; and for makers in whatever their courses have.
    """
    found = await rows(
        """SELECT m.id, m.content_type, m.size_bytes, m.sha256, m.duration_seconds FROM media_assets m
           WHERE m.id = ANY($1) AND EXISTS (
               SELECT 1 FROM edition_lessons l JOIN course_editions e ON e.id = l.edition_id
               JOIN courses c ON c.id = e.course_id
               LEFT JOIN course_drafts d ON d.course_id = c.id
               WHERE l.media_id = m.id AND (
                   (c.edition_id = l.edition_id AND c.status = ANY($2))
                   OR (d.edition_id = l.edition_id AND d.status = ANY($2))
                   OR (c.status IN ('PUBLISHED', 'RETIRED') AND EXISTS (
                       SELECT 1 FROM course_enrolments n WHERE n.edition_id = l.edition_id AND n.member_id = $3::uuid))
                   OR (l.edition_id IN (c.edition_id, d.edition_id) AND (c.proposed_by = $3 OR EXISTS (
                       SELECT 1 FROM course_makers k
                       WHERE k.course_id = c.id AND k.member_id = $3 AND k.left_at IS NULL)))))""",
        list(media_ids),
        [status.value for status in statuses],
        member_id,
    )
    shelf = {row["id"]: MediaRow(**row) for row in found}
    return [shelf.get(media_id) for media_id in media_ids]
