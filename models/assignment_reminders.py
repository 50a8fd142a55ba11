"""What reminders ask of assignments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.db import rows
from kit.words import OutletTier
from models.conditions import Conditions


@dataclass(frozen=True, slots=True)
class DueAssignment:
    """An assignment of which people are to be reminded. `course_id` None: nobody can do it, the course is retired."""

    id: UUID
    course_id: UUID | None
    title: str
    due_at: datetime
    region_path: str | None
    tier: OutletTier | None
    outlet_id: UUID | None
    member_id: UUID | None


async def assignments_to_plan(after: datetime, before: datetime, limit: int) -> list[tuple[UUID, datetime]]:
    """(id, due_at) of up to `limit` assignments due in [after, before) that have no reminders of that time."""
    found = await rows(
        "SELECT a.id, a.due_at FROM assignments a"
        " WHERE a.due_at >= $1 AND a.due_at < $2 AND a.withdrawn_at IS NULL AND NOT EXISTS"
        " (SELECT FROM reminders r WHERE r.object_id = a.id AND r.version = floor(extract(epoch FROM a.due_at) / 60))"
        " ORDER BY a.due_at, a.id LIMIT $3",
        after, before, limit,
    )  # fmt: skip
    return [(row["id"], row["due_at"]) for row in found]


async def due_assignment(assignment_id: UUID) -> DueAssignment | None:
    """The assignment with what a reminder says and whom it reaches; None if it was taken back."""
    found = await rows(
        "SELECT a.id, c.id AS course_id, coalesce(c.title, '') AS title, a.due_at, r.path AS region_path, a.tier,"
        " a.outlet_id, a.member_id FROM assignments a LEFT JOIN regions r ON r.id = a.region_id"
        " LEFT JOIN courses c ON c.id = a.course_id AND c.status = 'PUBLISHED'"
        " WHERE a.id = $1 AND a.withdrawn_at IS NULL",
        assignment_id,
    )
    return DueAssignment(**{**found[0], "tier": _tier(found[0]["tier"])}) if found else None


async def yet_to_do(assignment: DueAssignment, after: UUID | None, limit: int) -> list[UUID]:
    """Up to `limit` of whom the assignment reaches today and who have not completed its course, in the order of ids."""
    where, joined = Conditions(), ""
    where.add(
        "NOT EXISTS (SELECT FROM course_enrolments e WHERE e.member_id = m.id AND e.course_id = {0}"
        " AND e.completed_at IS NOT NULL)",
        assignment.course_id,
    )
    where.add("m.deleted_at IS NULL AND m.suspended_at IS NULL")
    if after is not None:
        where.add("m.id > {0}", after)
    if assignment.member_id is not None:
        where.add("m.id = {0}", assignment.member_id)
    else:
        joined = "JOIN posts p ON p.member_id = m.id AND p.until_at IS NULL JOIN outlets o ON o.id = p.outlet_id"
        if assignment.outlet_id is not None:
            where.add("o.id = {0}", assignment.outlet_id)
        if assignment.tier is not None:
            where.add("o.tier = {0}", assignment.tier)
        if assignment.region_path is not None:
            joined += " JOIN regions r ON r.id = o.region_id"
            where.add_subtrees("r.path", [assignment.region_path])
    found = await rows(
        f"SELECT DISTINCT m.id FROM members m {joined} WHERE {where} ORDER BY m.id LIMIT {limit}",  # noqa: S608
        *where.args,
    )
    return [row["id"] for row in found]


def _tier(name: str | None) -> OutletTier | None:
    return OutletTier(name) if name is not None else None
