"""Reading everything kept about the learning of many members at once, to work it out again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.db import Line, lines, rows
from models.books import Marks, by_member, marks_among


@dataclass(frozen=True, slots=True)
class Record:
    """One member's learning, as lines of the tables without the columns that nothing follows from.

    The places of their columns count: `services.records_glance` reads by them. Events are in order of lesson, moment
    and id, lessons and enrolments in order of id.

    `credited`: event -> its rows in learning_seconds added up; `courses_counted`: (course, moment) -> the same of
    course_completions; neither has zeros. `facts`: (kind, object) -> occurred_at, of completed lessons and courses.
    `editions`: the lessons of each edition the member is enrolled in.
    """

    member_id: UUID
    events: list[Line]
    lessons: list[Line]
    completions: dict[UUID, datetime]
    enrolments: list[Line]
    credited: dict[UUID, int]
    courses_counted: dict[tuple[UUID, datetime], int]
    facts: dict[tuple[str, UUID], datetime]
    editions: dict[UUID, list[Line]]


async def learner_marks(every: int) -> Marks:
    """Among the members who ever began a lesson."""
    return await marks_among("SELECT DISTINCT member_id FROM lesson_progress", every)


async def next_learners(after: UUID | None, limit: int, until: UUID | None = None) -> list[UUID]:
    """Members who ever began a lesson, by id, after one and up to another, both where they are named."""
    found = await rows(
        "SELECT id FROM members m WHERE ($1::uuid IS NULL OR id > $1) AND ($3::uuid IS NULL OR id <= $3)"
        " AND EXISTS (SELECT FROM lesson_progress p WHERE p.member_id = m.id) ORDER BY id LIMIT $2",
        after,
        limit,
        until,
    )
    return [row["id"] for row in found]


async def stray_events() -> list[dict[str, Any]]:
    """{member_id, lesson_id, events} of lessons with events and without progress."""
    return await rows(
        """SELECT e.member_id, e.lesson_id, count(*) AS events FROM learning_events e
           LEFT JOIN lesson_progress p USING (member_id, lesson_id) WHERE p.member_id IS NULL GROUP BY 1, 2"""
    )


async def records_of(member_ids: Sequence[UUID]) -> list[Record]:
    """The records of these members, in the order of `member_ids`; read them in one snapshot."""

    async def shelf(sql: str) -> dict[UUID, list[Line]]:
        return await by_member(sql, member_ids)

    events = await shelf(
        """SELECT member_id, lesson_id, event_id, kind, occurred_at, spans, credited_seconds, pending_seconds
           FROM learning_events WHERE member_id = ANY($1::uuid[]) ORDER BY lesson_id, occurred_at, event_id"""
    )
    lessons = await shelf(
        """SELECT member_id, lesson_id, course_id, creditable_seconds, required_seconds, reported, paid,
                  watched_seconds, furthest_seconds, resume_at_seconds, passed_at, completed_at, started_at,
                  last_activity_at
           FROM lesson_progress WHERE member_id = ANY($1::uuid[]) ORDER BY lesson_id"""
    )
    completions = await shelf(
        "SELECT member_id, lesson_id, completed_at FROM lesson_completions WHERE member_id = ANY($1::uuid[])"
    )
    enrolments = await shelf(
        """SELECT member_id, course_id, edition_id, lesson_count, lessons_completed, percent, completed_at, started_at,
                  last_activity_at FROM course_enrolments WHERE member_id = ANY($1::uuid[]) ORDER BY course_id"""
    )
    credited = await shelf(
        """SELECT member_id, event_id, sum(seconds)::int AS seconds FROM learning_seconds
           WHERE member_id = ANY($1::uuid[]) GROUP BY 1, 2 HAVING sum(seconds) <> 0"""
    )
    counted = await shelf(
        """SELECT member_id, course_id, occurred_at, sum(amount)::int AS amount FROM course_completions
           WHERE member_id = ANY($1::uuid[]) GROUP BY 1, 2, 3 HAVING sum(amount) <> 0"""
    )
    facts = await shelf(
        """SELECT member_id, kind, object_id, occurred_at FROM facts
           WHERE member_id = ANY($1::uuid[]) AND kind IN ('lesson.completed', 'course.completed')"""
    )
    editions: dict[UUID, list[Line]] = {}
    for row in await lines(
        """SELECT el.edition_id, el.lesson_id, el.duration_seconds, el.dwell_seconds, c.completion_percent
           FROM edition_lessons el JOIN course_editions e ON e.id = el.edition_id JOIN courses c ON c.id = e.course_id
           WHERE el.edition_id IN (SELECT edition_id FROM course_enrolments WHERE member_id = ANY($1::uuid[]))
           ORDER BY el.edition_id, el.position""",
        list(member_ids),
    ):
        editions.setdefault(row["edition_id"], []).append(row)
    return [
        Record(
            member_id=each,
            events=events[each],
            lessons=lessons[each],
            completions={lesson_id: at for _, lesson_id, at in completions[each]},
            enrolments=enrolments[each],
            credited={event_id: seconds for _, event_id, seconds in credited[each]},
            courses_counted={(course_id, at): amount for _, course_id, at, amount in counted[each]},
            facts={(kind, object_id): at for _, kind, object_id, at in facts[each]},
            editions=editions,
        )
        for each in member_ids
    ]
