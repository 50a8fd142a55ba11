"""The path of each tier: its stages, who stands where on it, and how far a change has reached the learners.

A stage is passed when there is a fact of it; there is no second record. Whoever changes a path holds its row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import execute, rows
from kit.words import CourseStatus, OutletTier


class Path(Model):
    """The path of one tier. `version` counts its arrangements from 1.

    Learners are brought in line in order of their ids: `settled_members` of them are, up to `settled_up_to`, out of
    `members_to_settle`; `settled_at`: all are. `closed_course_ids`: those of its courses that nobody can begin any
    more, as the learners were last brought in line with, ascending. `settling_run` counts the times it began anew.
    """

    tier = fields.CharEnumField(OutletTier, max_length=10, primary_key=True)
    version = fields.IntField()
    arranged_at = fields.DatetimeField()
    closed_course_ids: list[UUID] = ArrayField(element_type="uuid", default=list)
    settling_since = fields.DatetimeField()
    settling_run = fields.IntField()
    settled_up_to = fields.UUIDField(null=True)
    settled_members = fields.IntField(default=0)
    members_to_settle = fields.IntField(default=0)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "paths"


class PathStage(Model):
    """A stage. `id` follows from tier and code, so that a stage that comes back is the one that was.

    `since`: from when it asks for just these courses.
    """

    id = fields.UUIDField(primary_key=True)
    tier = fields.CharEnumField(OutletTier, max_length=10)
    code = fields.CharField(40)
    position = fields.SmallIntField()
    title = fields.CharField(40)
    points = fields.IntField()
    course_ids: list[UUID] = ArrayField(element_type="uuid")
    since = fields.DatetimeField()

    class Meta:
        table = "path_stages"
        unique_together = (("tier", "position"), ("tier", "code"))


@dataclass(frozen=True, slots=True)
class StandingRow:
    """One course of one stage, as the member stands before it. `since`: not before the member stood in this tier."""

    stage_id: UUID
    position: int
    title: str
    points: int
    since: datetime
    passed_at: datetime | None
    course_id: UUID
    open: bool
    completed_at: datetime | None
    lessons_done: int
    lesson_count: int


async def locked_path(tier: OutletTier, at: datetime) -> Path:
    """The path's row, made if need be (version 0), locked until the transaction ends."""
    await execute(
        "INSERT INTO paths (tier, version, arranged_at, closed_course_ids, settling_since, settling_run,"
        " settled_members, members_to_settle, settled_at) VALUES ($1, 0, $2, '{}', $2, 0, 0, 0, $2)"
        " ON CONFLICT DO NOTHING",
        tier.value,
        at,
    )
    return await Path.select_for_update().get(tier=tier)


async def path_of_tier(tier: OutletTier) -> Path | None:
    return await Path.get_or_none(tier=tier)


async def stages_of(tiers: Sequence[OutletTier]) -> list[list[PathStage]]:
    """The stages of each tier's path by position, in the order of `tiers`."""
    found = await PathStage.filter(tier__in=list(tiers)).order_by("position")
    return [[stage for stage in found if stage.tier is tier] for tier in tiers]


async def standing_rows(member_id: UUID) -> list[StandingRow]:
    """The path of the member's tier of today, by stage and course; empty without an outlet and without a path."""
    found = await rows(
        """SELECT s.id AS stage_id, s.position, s.title, coalesce((f.details ->> 'points')::int, s.points) AS points,
                  greatest(s.since, (SELECT min(l.from_at) FROM placements l WHERE l.member_id = $1 AND l.from_at >
                      coalesce((SELECT max(other.from_at) FROM placements other
                                WHERE other.member_id = $1 AND other.tier <> o.tier), '-infinity'))) AS since,
                  f.occurred_at AS passed_at, c.id AS course_id,
                  c.status = 'PUBLISHED' AND (NOT c.adults_only OR m.adult_confirmed_at IS NOT NULL) AS open,
                  e.completed_at, coalesce(e.lessons_completed, 0) AS lessons_done,
                  coalesce(e.lesson_count, (SELECT count(*) FROM edition_lessons l WHERE l.edition_id = c.edition_id))
                      AS lesson_count
           FROM posts p JOIN outlets o ON o.id = p.outlet_id
           JOIN members m ON m.id = p.member_id
           JOIN path_stages s ON s.tier = o.tier
           CROSS JOIN unnest(s.course_ids) WITH ORDINALITY AS listed (course_id, place)
           JOIN courses c ON c.id = listed.course_id
           LEFT JOIN course_enrolments e ON e.member_id = $1 AND e.course_id = c.id
           LEFT JOIN facts f ON f.member_id = $1 AND f.kind = 'stage.passed' AND f.object_id = s.id
           WHERE p.member_id = $1 AND p.is_current ORDER BY s.position, listed.place""",
        member_id,
    )
    return [StandingRow(**row) for row in found]


async def replace_stages(tier: OutletTier, stages: Sequence[dict[str, Any]]) -> None:
    """Make these the whole path of the tier, in their order. The caller holds the path's row."""
    await PathStage.filter(tier=tier).delete()
    await PathStage.bulk_create(
        [PathStage(tier=tier, position=position, **stage) for position, stage in enumerate(stages, start=1)]
    )


async def begin_settling(tier: OutletTier, version: int, arranged_at: datetime, now: datetime) -> None:
    """From now on the learners are to be brought in line with the path as it is. The caller holds its row."""
    await execute(
        f"""UPDATE paths SET version = $2, arranged_at = $3, settling_since = $4, settled_up_to = NULL,
                settling_run = settling_run + 1,
                settled_members = 0, settled_at = NULL, closed_course_ids = {_CLOSED},
                members_to_settle = (SELECT count(*) FROM ({_TO_SETTLE}) t)
            WHERE tier = $1""",  # noqa: S608 - from below
        tier.value,
        version,
        arranged_at,
        now,
    )


_CLOSED = """ARRAY(SELECT DISTINCT c.id FROM path_stages s JOIN courses c ON c.id = ANY(s.course_ids)
    WHERE s.tier = paths.tier AND c.status <> 'PUBLISHED' ORDER BY c.id)"""

# Whoever has completed nothing of the path has nothing to be paid; stages that ask for nothing pay nothing.
_TO_SETTLE = """SELECT DISTINCT p.member_id FROM outlets o
    JOIN posts p ON p.outlet_id = o.id AND p.is_current
    JOIN course_enrolments e ON e.member_id = p.member_id AND e.completed_at IS NOT NULL
    JOIN path_stages s ON s.tier = o.tier AND e.course_id = ANY(s.course_ids)
    WHERE o.tier = $1"""


async def paths_with_other_courses() -> list[OutletTier]:
    """Paths of which a course was closed, or opened again, since the learners were last brought in line."""
    found = await rows(f"SELECT tier FROM paths WHERE closed_course_ids <> {_CLOSED} ORDER BY tier")  # noqa: S608
    return [OutletTier(row["tier"]) for row in found]


async def next_unsettled() -> Path | None:
    """The path whose learners have waited longest to be brought in line."""
    return await Path.filter(settled_at=None).order_by("settling_since", "tier").first()


async def members_to_settle(tier: OutletTier, after: UUID | None, limit: int) -> list[UUID]:
    """Learners of the tier who have completed a course of its path, by id."""
    found = await rows(
        f"{_TO_SETTLE} AND ($2::uuid IS NULL OR p.member_id > $2) ORDER BY p.member_id LIMIT $3",
        tier.value,
        after,
        limit,
    )
    return [row["member_id"] for row in found]


async def on_a_path(member_ids: Sequence[UUID]) -> list[UUID]:
    """Those who have completed a course of the path of their tier of today, by id."""
    found = await rows(
        f"{_TO_SETTLE.replace('WHERE o.tier = $1', 'WHERE p.member_id = ANY($1::uuid[])')} ORDER BY p.member_id",
        list(member_ids),
    )
    return [row["member_id"] for row in found]


async def settled(path: Path, member_ids: Sequence[UUID], now: datetime) -> None:
    """These are in line with `path` as it was read; none: everybody is. Passed over if it was changed meanwhile."""
    await execute(
        """UPDATE paths SET settled_up_to = coalesce($4, settled_up_to), settled_members = settled_members + $5,
               settled_at = CASE WHEN $4::uuid IS NULL THEN $6::timestamptz END
           WHERE tier = $1 AND settling_run = $2 AND settled_up_to IS NOT DISTINCT FROM $3 AND settled_at IS NULL""",
        path.tier.value,
        path.settling_run,
        path.settled_up_to,
        member_ids[-1] if member_ids else None,
        len(member_ids),
        now,
    )


async def course_states(course_ids: Sequence[UUID]) -> dict[UUID, tuple[CourseStatus, tuple[OutletTier, ...]]]:
    """Status and audience of those of the courses that exist."""
    found = await rows("SELECT id, status, audience_tiers FROM courses WHERE id = ANY($1::uuid[])", list(course_ids))
    return {
        row["id"]: (CourseStatus(row["status"]), tuple(OutletTier(tier) for tier in row["audience_tiers"]))
        for row in found
    }
