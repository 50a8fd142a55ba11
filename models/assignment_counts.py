"""How far those are of whom a course is asked: per outlet and person at the moment, and in totals that a tick keeps.

An assignment reaches whoever holds a post where it says, also who comes later; one that was withdrawn reaches nobody.
Each person is counted once for a course: by the assignment due first, at the outlet through which it reaches them
(their current one before others). So outlets add up to regions, and regions to what lies above them.

assignment_totals   (course, region, due_at) -> assigned, done; of published courses.
assigned_courses    course -> counted_at: when its totals were counted last; null: something changed since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of


@dataclass(frozen=True, slots=True)
class AssignmentCounts:
    """`assigned` people are `done`, `running` (there is time left) or `overdue`."""

    assigned: int
    done: int
    running: int
    overdue: int


@dataclass(frozen=True, slots=True)
class OutletCounts:
    """`due_at`: the first date that somebody there has not kept yet; where all are done, the first there was."""

    outlet_id: UUID
    assigned: int
    done: int
    overdue: int
    due_at: datetime


# $1 the course.
REACHED = """
    given AS (
        SELECT a.member_id, a.outlet_id, a.tier, a.due_at, r.path
        FROM assignments a LEFT JOIN regions r ON r.id = a.region_id
        WHERE a.course_id = $1 AND a.withdrawn_at IS NULL),
    held AS NOT MATERIALIZED (
        SELECT p.member_id, p.outlet_id, p.is_current, o.region_id, o.tier, r.path
        FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
        WHERE p.until_at IS NULL),
    meant AS (
        SELECT h.*, g.due_at FROM given g JOIN held h ON h.member_id = g.member_id AND h.is_current
        UNION ALL
        SELECT h.*, g.due_at FROM given g JOIN held h ON h.outlet_id = g.outlet_id
        UNION ALL
        SELECT h.*, g.due_at
        FROM given g JOIN held h ON (g.tier IS NULL OR g.tier = h.tier) AND (g.path IS NULL OR starts_with(h.path, g.path))
        WHERE g.member_id IS NULL AND g.outlet_id IS NULL),
    reached AS (
        SELECT DISTINCT ON (member_id) member_id, outlet_id, region_id, path, due_at
        FROM meant ORDER BY member_id, due_at, is_current DESC, outlet_id),
    standing AS (
        SELECT reached.*, e.started_at, e.completed_at
        FROM reached LEFT JOIN course_enrolments e ON e.course_id = $1 AND e.member_id = reached.member_id)"""  # noqa: E501

# $2 the subtrees, $3 now.
_HERE = "EXISTS (SELECT FROM unnest($2::text[]) AS top WHERE starts_with(path, top))"
_OVERDUE = "count(*) FILTER (WHERE completed_at IS NULL AND due_at <= $3)::int"


async def assignment_counts(course_id: UUID, tops: Sequence[str], now: datetime) -> AssignmentCounts:
    """Of whom the course is asked in these subtrees, and how far they are."""
    [row] = await rows(
        f"""WITH {REACHED}
            SELECT count(*)::int AS assigned, count(completed_at)::int AS done, {_OVERDUE} AS overdue,
                   count(*) FILTER (WHERE completed_at IS NULL AND due_at > $3)::int AS running
            FROM standing WHERE {_HERE}""",  # noqa: S608 - the texts above
        course_id, list(tops), now,
    )  # fmt: skip
    return AssignmentCounts(**row)


async def outlet_counts(course_id: UUID, tops: Sequence[str], now: datetime, ask: Ask) -> Page[OutletCounts]:
    """The outlets through which the course is asked, most people overdue first, then due first. Key: `outlet_key`."""
    order = "DESC" if ask.backwards else "ASC"
    beyond = ""
    values: list[Any] = [course_id, list(tops), now, ask.limit + 1]
    for key, than in ((ask.after, ">"), (ask.before, "<")):
        if key is not None:
            place = len(values)
            values += key
            beyond += (
                f" AND (-overdue, due_at, outlet_id) {than}"
                f" (${place + 1}::int, ${place + 2}::timestamptz, ${place + 3}::uuid)"
            )
    found = await rows(
        f"""WITH {REACHED},
            lines AS (
                SELECT outlet_id, count(*)::int AS assigned, count(completed_at)::int AS done, {_OVERDUE} AS overdue,
                       coalesce(min(due_at) FILTER (WHERE completed_at IS NULL), min(due_at)) AS due_at
                FROM standing WHERE {_HERE} GROUP BY outlet_id)
            SELECT * FROM lines WHERE true{beyond}
            ORDER BY -overdue {order}, due_at {order}, outlet_id {order} LIMIT $4""",  # noqa: S608 - the texts above
        *values,
    )
    return page_of([OutletCounts(**row) for row in found], ask)


def outlet_key(line: OutletCounts) -> Sequence[object]:
    return [-line.overdue, line.due_at, line.outlet_id]


async def count_reached_outlets(course_id: UUID, tops: Sequence[str]) -> int:
    [row] = await rows(
        f"WITH {REACHED} SELECT count(DISTINCT outlet_id)::int AS outlets FROM standing WHERE {_HERE}",  # noqa: S608
        course_id, list(tops),
    )  # fmt: skip
    return int(row["outlets"])


async def note_assigned_courses() -> None:
    """Have every course that was ever assigned counted."""
    await execute(
        "INSERT INTO assigned_courses (course_id) SELECT DISTINCT course_id FROM assignments ON CONFLICT DO NOTHING"
    )


async def learners_changed(course_ids: Sequence[UUID]) -> None:
    """Somebody began or completed these courses, or it was taken back."""
    await execute(
        "UPDATE assigned_courses SET counted_at = NULL WHERE course_id = ANY($1::uuid[]) AND counted_at IS NOT NULL",
        list(course_ids),
    )


async def courses_to_count(before: datetime, due_since: datetime, limit: int) -> list[UUID]:
    """Courses whose totals changed, or were counted last before then: people move without telling. Longest ago first;
    those that were due before `due_since` are left as they are."""
    found = await rows(
        """SELECT c.course_id FROM assigned_courses c
           WHERE (c.counted_at IS NULL OR c.counted_at <= $1
                  OR EXISTS (SELECT FROM assignments a WHERE a.course_id = c.course_id
                             AND greatest(a.assigned_at, a.withdrawn_at) >= c.counted_at))
             AND EXISTS (SELECT FROM assignments a WHERE a.course_id = c.course_id AND a.due_at >= $2)
           ORDER BY c.counted_at NULLS FIRST, c.course_id LIMIT $3""",
        before, due_since, limit,
    )  # fmt: skip
    return [row["course_id"] for row in found]


async def count_assigned_course(course_id: UUID, now: datetime) -> None:
    """Count the totals of one course anew. Its row is locked first: of two at once the later one has read later."""
    require_transaction()
    await execute("UPDATE assigned_courses SET counted_at = $2 WHERE course_id = $1", course_id, now)
    await execute("DELETE FROM assignment_totals WHERE course_id = $1", course_id)
    await execute(
        f"""WITH {REACHED}
            INSERT INTO assignment_totals (course_id, region_id, due_at, assigned, done)
            SELECT $1, region_id, due_at, count(*), count(completed_at) FROM standing
            WHERE EXISTS (SELECT FROM courses WHERE id = $1 AND status = 'PUBLISHED') GROUP BY region_id, due_at""",  # noqa: S608
        course_id,
    )
