"""Courses assigned to people, and what the recommendation asks about a learner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import require_transaction, rows
from kit.ids import new_id
from kit.paging import Ask, Page, page_of
from kit.words import OutletTier
from models.accounts import Member
from models.conditions import Conditions
from models.course_cards import CARD_COLUMNS, CourseCard, card_of, enrolment_of
from models.courses import COURSE_TABLES, Course
from models.outlets import Outlet, Region


class Assignment(Model):
    """A course to be done by `due_at` by one member, by the people of one outlet, or by a region x tier.

    A region without a tier means everyone in it and below; a tier without a region means that tier everywhere.
    Whoever comes to stand there later is meant too. One that was withdrawn asks nothing of anybody any more.
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
    withdrawn_at = fields.DatetimeField(null=True)
    withdrawn_by = fields.UUIDField(null=True)

    class Meta:
        table = "assignments"


@dataclass(frozen=True, slots=True)
class AssignedRow:
    """A course that the member still has to do."""

    card: CourseCard
    due_at: datetime
    reason: str


# $1 the member. Of several assignments of one course the one due first counts; what is done is no longer assigned.
_MEANT = """
    WITH places AS (
        SELECT o.id AS outlet_id, o.tier, r.path
        FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
        WHERE p.member_id = $1 AND p.until_at IS NULL
    ), meant AS (
        SELECT id, course_id, due_at, reason, withdrawn_at FROM assignments WHERE member_id = $1
        UNION ALL
        SELECT a.id, a.course_id, a.due_at, a.reason, a.withdrawn_at FROM assignments a JOIN places USING (outlet_id)
        UNION ALL
        SELECT a.id, a.course_id, a.due_at, a.reason, a.withdrawn_at
        FROM assignments a LEFT JOIN regions r ON r.id = a.region_id
        WHERE a.member_id IS NULL AND a.outlet_id IS NULL AND EXISTS (
            SELECT 1 FROM places
            WHERE (a.tier IS NULL OR a.tier = places.tier) AND (r.path IS NULL OR starts_with(places.path, r.path)))
    )"""
_OPEN_ASSIGNMENTS = f"""{_MEANT}, open_ones AS (
        SELECT DISTINCT ON (meant.course_id) meant.course_id, meant.due_at, meant.reason
        FROM meant JOIN courses c ON c.id = meant.course_id AND c.status = 'PUBLISHED'
        WHERE meant.withdrawn_at IS NULL AND NOT EXISTS (SELECT 1 FROM course_enrolments e
                          WHERE e.member_id = $1 AND e.course_id = c.id AND e.completed_at IS NOT NULL)
        ORDER BY meant.course_id, meant.due_at, meant.id
    )"""  # noqa: S608 - the text above


async def assigned_courses(member_id: UUID, ask: Ask) -> Page[AssignedRow]:
    """Published courses the member still has to do, due first first. Key: due_at, course_id."""
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"""{_OPEN_ASSIGNMENTS} SELECT {CARD_COLUMNS}, a.due_at, a.reason
            FROM open_ones a JOIN {COURSE_TABLES} ON c.id = a.course_id {enrolment_of("$1")}
            WHERE ($2::timestamptz IS NULL OR (a.due_at, a.course_id) > ($2, $3::uuid))
              AND ($4::timestamptz IS NULL OR (a.due_at, a.course_id) < ($4, $5::uuid))
            ORDER BY a.due_at {order}, a.course_id {order} LIMIT $6""",  # noqa: S608 - names
        member_id,
        *(ask.after or (None, None)),
        *(ask.before or (None, None)),
        ask.limit + 1,
    )
    return page_of([AssignedRow(card_of(row), row["due_at"], row["reason"]) for row in found], ask)


async def due_dates(member_id: UUID, completed: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
    """By when each of these courses had been asked of the member before they completed it, the earliest of several."""
    found = await rows(
        f"""{_MEANT} SELECT meant.course_id, min(meant.due_at) AS due_at FROM meant
            JOIN assignments a ON a.id = meant.id
            JOIN unnest($2::uuid[], $3::timestamptz[]) AS done (course_id, completed_at)
                ON done.course_id = meant.course_id AND a.assigned_at <= done.completed_at
                AND (a.withdrawn_at IS NULL OR a.withdrawn_at > done.completed_at)
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

    id, kind, audience_tiers, published_at; due_at (null unless assigned); lessons_completed and lesson_count
    (0 unless begun); tier_completions: completions by people of outlets of the member's tier. In each row the same of
    the member: tier (null without a current outlet), most_taken_up: how many courses of one module they have begun at
    most, those completed among them; taken_up: that of the course's own module.
    """
    return await rows(
        f"""{_OPEN_ASSIGNMENTS}, here AS (
                SELECT o.tier FROM posts p JOIN outlets o ON o.id = p.outlet_id
                WHERE p.member_id = $1 AND p.is_current AND p.until_at IS NULL
            ), begun AS (
                SELECT c.module_id, count(*)::int AS courses
                FROM course_enrolments e JOIN courses c ON c.id = e.course_id
                WHERE e.member_id = $1 GROUP BY c.module_id
            )
            SELECT c.id, c.kind, c.audience_tiers, c.published_at, a.due_at,
                   coalesce(e.lessons_completed, 0) AS lessons_completed, coalesce(e.lesson_count, 0) AS lesson_count,
                   coalesce(t.completions, 0) AS tier_completions, (SELECT tier FROM here) AS tier,
                   coalesce(b.courses, 0) AS taken_up, coalesce((SELECT max(courses) FROM begun), 0) AS most_taken_up
            FROM courses c
            LEFT JOIN open_ones a ON a.course_id = c.id
            LEFT JOIN course_enrolments e ON e.course_id = c.id AND e.member_id = $1
            LEFT JOIN tier_completions t ON t.course_id = c.id AND t.tier = (SELECT tier FROM here)
            LEFT JOIN begun b ON b.module_id = c.module_id
            WHERE c.status = 'PUBLISHED' AND e.completed_at IS NULL""",  # noqa: S608
        member_id,
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Whom one assignment is for: one member, or one outlet, or a region and a tier of which one may be None."""

    region_id: UUID | None = None
    tier: OutletTier | None = None
    outlet_id: UUID | None = None
    member_id: UUID | None = None


async def add_assignments(
    course_id: UUID, targets: Sequence[Target], due_at: datetime, reason: str, at: datetime, by: UUID
) -> list[UUID]:
    """Assign the course to each target, if it is not assigned so already; the ids of the new ones."""
    require_transaction()
    added = await rows(
        "INSERT INTO assignments (id, course_id, region_id, tier, outlet_id, member_id, due_at, reason, assigned_at,"
        " assigned_by) SELECT t.id, $1, t.region_id, t.tier, t.outlet_id, t.member_id, $2, $3, $4, $5"
        " FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::uuid[], $10::uuid[])"
        " AS t (id, region_id, tier, outlet_id, member_id) ORDER BY t.region_id, t.tier, t.outlet_id, t.member_id"
        " ON CONFLICT DO NOTHING RETURNING id",
        course_id, due_at, reason, at, by, [new_id() for _ in targets], [each.region_id for each in targets],
        [each.tier.value if each.tier is not None else None for each in targets],
        [each.outlet_id for each in targets], [each.member_id for each in targets],
    )  # fmt: skip
    return [row["id"] for row in added]


async def people_reached(targets: Sequence[Target]) -> int:
    """How many people the targets mean now, each once."""
    [row] = await rows(
        """WITH meant AS (
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])
                   AS t (region_id, tier, outlet_id, member_id))
           SELECT count(*) AS people FROM (
               SELECT member_id FROM meant WHERE member_id IS NOT NULL
               UNION
               SELECT p.member_id FROM meant t JOIN posts p ON p.outlet_id = t.outlet_id AND p.until_at IS NULL
               UNION
               SELECT p.member_id FROM meant t LEFT JOIN regions top ON top.id = t.region_id
               JOIN regions r ON top.path IS NULL OR starts_with(r.path, top.path)
               JOIN outlets o ON o.region_id = r.id AND (t.tier IS NULL OR o.tier = t.tier)
               JOIN posts p ON p.outlet_id = o.id AND p.until_at IS NULL
               WHERE t.member_id IS NULL AND t.outlet_id IS NULL) people""",
        [each.region_id for each in targets],
        [each.tier.value if each.tier is not None else None for each in targets],
        [each.outlet_id for each in targets],
        [each.member_id for each in targets],
    )
    return int(row["people"])


# Where an assignment lies, as a path; "" for a tier everywhere, and for a person who stands nowhere.
_LIES = """(CASE WHEN a.member_id IS NOT NULL THEN coalesce((
        SELECT r.path FROM posts p JOIN outlets o ON o.id = p.outlet_id JOIN regions r ON r.id = o.region_id
        WHERE p.member_id = a.member_id AND p.until_at IS NULL ORDER BY p.is_current DESC, r.path LIMIT 1), '')
    WHEN a.outlet_id IS NOT NULL THEN (
        SELECT r.path FROM outlets o JOIN regions r ON r.id = o.region_id WHERE o.id = a.outlet_id)
    ELSE coalesce((SELECT r.path FROM regions r WHERE r.id = a.region_id), '') END)"""


async def assignments_page(tops: Sequence[str], course_id: UUID | None, ask: Ask) -> Page[Assignment]:
    """What is assigned to people and places in the subtrees `tops`, withdrawn or not, the last due first.

    Keyed by (due_at, id).
    """
    where = _in_reach(tops, course_id)
    if ask.after is not None:
        where.add("(a.due_at, a.id) < ({0}, {1})", *ask.after)
    if ask.before is not None:
        where.add("(a.due_at, a.id) > ({0}, {1})", *ask.before)
    order = "a.due_at, a.id" if ask.backwards else "a.due_at DESC, a.id DESC"
    found = await rows(
        f"SELECT a.id FROM assignments a WHERE {where} ORDER BY {order} LIMIT {ask.limit + 1}",  # noqa: S608
        *where.args,
    )
    by_id = {row.id: row for row in await Assignment.filter(id__in=[row["id"] for row in found])}
    return page_of([by_id[row["id"]] for row in found], ask)


async def count_assignments(tops: Sequence[str], course_id: UUID | None) -> int:
    where = _in_reach(tops, course_id)
    [row] = await rows(f"SELECT count(*) AS n FROM assignments a WHERE {where}", *where.args)  # noqa: S608
    return int(row["n"])


async def assignments_by_ids(ids: Sequence[UUID]) -> list[tuple[Assignment, str] | None]:
    """The assignments of these ids with where they lie, as a path ("": everywhere), in the order of the ids."""
    found = {row.id: row for row in await Assignment.filter(id__in=list(ids))}
    lies = await rows(
        f"SELECT a.id, {_LIES} AS path FROM assignments a WHERE a.id = ANY($1::uuid[])",  # noqa: S608 - the text above
        list(ids),
    )
    paths = {row["id"]: str(row["path"]) for row in lies}
    return [(found[each], paths[each]) if each in found else None for each in ids]


async def withdraw(assignment_id: UUID, at: datetime, by: UUID) -> bool:
    """Ask it of nobody any more; False if it was withdrawn before."""
    withdrawn = await rows(
        "UPDATE assignments SET withdrawn_at = $2, withdrawn_by = $3 WHERE id = $1 AND withdrawn_at IS NULL"
        " RETURNING id",
        assignment_id, at, by,
    )  # fmt: skip
    return bool(withdrawn)


def _in_reach(tops: Sequence[str], course_id: UUID | None) -> Conditions:
    where = Conditions()
    lies = f"starts_with({_LIES}, top)"
    where.add("EXISTS (SELECT 1 FROM unnest({0}::text[]) top WHERE " + lies + ")", list(tops))  # noqa: S608
    if course_id is not None:
        where.add("a.course_id = {0}", course_id)
    return where
