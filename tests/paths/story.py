"""Paths, and what learners were paid on them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth.actor import Actor
from kit.db import rows
from kit.words import OutletTier, Role, StageState
from models.accounts import Member
from models.courses import Course
from models.paths import Path, path_of_tier
from services.paths import Arrangement, StagePlan, arrange_path, path_of
from services.ports import Ports
from tests.world import MadeCourse, World

ORDINARY = OutletTier.ORDINARY
LOCKED, OPEN, PASSED = StageState.LOCKED, StageState.OPEN, StageState.PASSED


def stage(code: str, *courses: MadeCourse, points: int = 30, title: str = "") -> StagePlan:
    return StagePlan(code, title or f"关卡{code}", points, tuple(course.id for course in courses))


async def admin(world: World) -> Actor:
    return await world.actor(await world.staff(Role.ADMIN))


async def arrange(world: World, ports: Ports, *stages: StagePlan, tier: OutletTier = ORDINARY) -> Path:
    """The path of the tier is these stages from now on."""
    before = await path_of_tier(tier)
    return await arrange_path(
        ports, await admin(world), Arrangement(tier, before.version if before is not None else 0, stages)
    )


async def states(member: Member) -> list[StageState]:
    found = await path_of(member.id)
    assert found is not None
    return [standing.state for standing in found]


async def paid(member: Member) -> list[tuple[int, datetime]]:
    """What stages have paid the member and not taken back: points and moment, in order of occurrence."""
    found = await rows(
        "SELECT sum(amount)::int AS points, occurred_at FROM ledger_entries"
        " WHERE member_id = $1 AND account = 'LIFETIME' AND rule = 'stage.passed'"
        " GROUP BY object_id, occurred_at HAVING sum(amount) <> 0 ORDER BY occurred_at, points",
        member.id,
    )
    return [(row["points"], row["occurred_at"]) for row in found]


async def retire(*courses: MadeCourse) -> None:
    await Course.filter(id__in=[course.id for course in courses]).update(status="RETIRED")


async def passages(member_ids: Sequence[UUID]) -> int:
    """How many stages these members were paid for, entries that were taken back included."""
    found = await rows(
        "SELECT count(*) AS entries FROM ledger_entries WHERE member_id = ANY($1::uuid[]) AND account = 'LIFETIME'"
        " AND rule = 'stage.passed'",
        list(member_ids),
    )
    return int(found[0]["entries"])
