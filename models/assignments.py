"""Courses assigned to people, and what the recommendation asks about a learner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import OutletTier
from models.accounts import Member
from models.courses import Course
from models.outlets import Outlet, Region


class Assignment(Model):
    """A course to be done by `due_at` by one member, by the people of one outlet, or by a region x tier.

    A region without a tier means everyone in it and below; a tier without a region means that tier everywhere.
    """

    id = fields.UUIDField(primary_key=True)
    course: fields.ForeignKeyRelation[Course] = fields.ForeignKeyField(
        "models.Course", "assignments", on_delete=fields.CASCADE
    )
    course_id: UUID
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "assignments", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    tier = fields.CharEnumField(OutletTier, max_length=10, null=True)
    outlet: fields.ForeignKeyNullableRelation[Outlet] = fields.ForeignKeyField(
        "models.Outlet", "assignments", null=True, on_delete=fields.RESTRICT
    )
    outlet_id: UUID | None
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", "assignments", null=True, on_delete=fields.CASCADE
    )
    member_id: UUID | None
    due_at = fields.DatetimeField()
    reason = fields.CharField(200, default="")
    assigned_at = fields.DatetimeField()
    assigned_by = fields.UUIDField(null=True)

    class Meta:
        table = "assignments"


@dataclass(frozen=True, slots=True)
class AssignedRow:
    course_id: UUID
    due_at: datetime
    reason: str


# $1 the member. Of several assignments of one course the one due first counts; what is done is no longer assigned.
_MEANT = """
    WITH places AS (
        SELECT o.id AS outlet_id, o.tier, r.path
        FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
        WHERE p.member_id = $1 AND p.until_at IS NULL
    ), meant AS (
        SELECT id, course_id, due_at, reason FROM assignments WHERE member_id = $1
        UNION ALL
        SELECT a.id, a.course_id, a.due_at, a.reason FROM assignments a JOIN places USING (outlet_id)
        UNION ALL
        SELECT a.id, a.course_id, a.due_at, a.reason FROM assignments a LEFT JOIN regions r ON r.id = a.region_id
        WHERE a.member_id IS NULL AND a.outlet_id IS NULL AND EXISTS (
            SELECT 1 FROM places
            WHERE (a.tier IS NULL OR a.tier = places.tier) AND (r.path IS NULL OR starts_with(places.path, r.path)))
    )"""
_OPEN_ASSIGNMENTS = f"""{_MEANT}, open_ones AS (
        SELECT DISTINCT ON (meant.course_id) meant.course_id, meant.due_at, meant.reason
        FROM meant JOIN courses c ON c.id = meant.course_id AND c.status = 'PUBLISHED'
        WHERE NOT EXISTS (SELECT 1 FROM course_enrolments e
                          WHERE e.member_id = $1 AND e.course_id = c.id AND e.completed_at IS NOT NULL)
        ORDER BY meant.course_id, meant.due_at, meant.id
    )"""  # noqa: S608 - the text above


_TIER = """SELECT o.tier FROM posts p JOIN outlets o ON o.id = p.outlet_id
           WHERE p.member_id = $1 AND p.is_current AND p.until_at IS NULL"""


async def assigned_courses(member_id: UUID, ask: Ask) -> Page[AssignedRow]:
    """Published courses the member still has to do, due first first. Key: due_at, course_id."""
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"""{_OPEN_ASSIGNMENTS} SELECT course_id, due_at, reason FROM open_ones
            WHERE ($2::timestamptz IS NULL OR (due_at, course_id) > ($2, $3::uuid))
              AND ($4::timestamptz IS NULL OR (due_at, course_id) < ($4, $5::uuid))
            ORDER BY due_at {order}, course_id {order} LIMIT $6""",  # noqa: S608
        member_id,
        *(ask.after or (None, None)),
        *(ask.before or (None, None)),
        ask.limit + 1,
    )
    return page_of([AssignedRow(**row) for row in found], ask)


async def due_dates(member_id: UUID, completed: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
    """By when each of these courses had been asked of the member before they completed it, the earliest of several."""
    found = await rows(
        f"""{_MEANT} SELECT meant.course_id, min(meant.due_at) AS due_at FROM meant
            JOIN assignments a ON a.id = meant.id
            JOIN unnest($2::uuid[], $3::timestamptz[]) AS done (course_id, completed_at)
                ON done.course_id = meant.course_id AND a.assigned_at <= done.completed_at
            GROUP BY meant.course_id""",  # noqa: S608
        member_id,
        list(completed),
        list(completed.values()),
    )
    return {row["course_id"]: row["due_at"] for row in found}


async def count_assigned(member_id: UUID) -> int:
    [row] = await rows(f"{_OPEN_ASSIGNMENTS} SELECT count(*) AS open FROM open_ones", member_id)  # noqa: S608
    return int(row["open"])


async def candidate_courses(member_id: UUID) -> list[dict[str, Any]]:
    """Every published course the member has not completed, with what tells whether to recommend it. One statement.

    id, module_id, kind, audience_tiers, published_at; due_at (null unless assigned); lessons_completed and lesson_count
    (0 unless begun); tier_completions: completions by people of outlets of the member's tier.
    """
    return await rows(
        f"""{_OPEN_ASSIGNMENTS}
            SELECT c.id, c.module_id, c.kind, c.audience_tiers, c.published_at, a.due_at,
                   coalesce(e.lessons_completed, 0) AS lessons_completed, coalesce(e.lesson_count, 0) AS lesson_count,
                   coalesce(t.completions, 0) AS tier_completions
            FROM courses c
            LEFT JOIN open_ones a ON a.course_id = c.id
            LEFT JOIN course_enrolments e ON e.course_id = c.id AND e.member_id = $1
            LEFT JOIN tier_completions t ON t.course_id = c.id AND t.tier = ({_TIER})
            WHERE c.status = 'PUBLISHED' AND e.completed_at IS NULL""",  # noqa: S608
        member_id,
    )


async def tier_of(member_id: UUID) -> OutletTier | None:
    """The tier of the member's current outlet; None without one."""
    found = await rows(_TIER, member_id)
    return OutletTier(found[0]["tier"]) if found else None


async def taken_up_by_module(member_id: UUID) -> dict[UUID, int]:
    """How many courses of each module the member has begun, those completed among them."""
    found = await rows(
        "SELECT c.module_id, count(*) AS begun FROM course_enrolments e JOIN courses c ON c.id = e.course_id"
        " WHERE e.member_id = $1 GROUP BY c.module_id",
        member_id,
    )
    return {row["module_id"]: row["begun"] for row in found}
