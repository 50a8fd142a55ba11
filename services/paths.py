"""The path: arranged by admins, passed by learners, and brought in line with each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from uuid import UUID

import structlog

from auth.actor import Actor
from auth.permissions import may_arrange_paths
from gamification.facts import StagePassed
from gamification.paths import Stage, StageCourse, Standing, standings
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import derived_id
from kit.words import CourseStatus, OutletTier
from models import paths
from models.audit import Details
from models.credit import lock_learner
from models.outlets import current_outlets
from models.paths import Path, PathStage
from services.audit import record
from services.points import reward
from services.ports import Ports

MOST_STAGES = 50
MOST_COURSES = 20
POINTS = range(1, 1_001)
LONGEST_TITLE = 40
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MEMBERS_AT_ONCE = 200

_log = structlog.get_logger("paths")


@dataclass(frozen=True, slots=True)
class StagePlan:
    """`code` is the stage's name for ever: under it a stage keeps who has passed it, wherever it stands."""

    code: str
    title: str
    points: int
    course_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A tier's path as a whole, and the version it was looked at before."""

    tier: OutletTier
    version: int
    stages: tuple[StagePlan, ...]


async def arrange_path(ports: Ports, actor: Actor, plan: Arrangement) -> Path:
    """Make these the stages of the tier, in this order; then a worker pays whoever has passed some of them already.

    CONFLICT if the path is no longer at `plan.version`. What was passed stays passed, also of stages that are gone.
    """
    if not may_arrange_paths(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    titles = _checked(plan)

    async def work() -> Path:
        now = ports.clock.now()
        path = await paths.locked_path(plan.tier, now)
        if path.version != plan.version:
            raise DomainError(ErrorCode.CONFLICT, field=["version"])
        [kept] = await paths.stages_of([plan.tier])
        before = {stage.code: stage for stage in kept}
        await _check_courses(plan, before)
        await paths.replace_stages(
            plan.tier,
            [
                {
                    "id": stage_id(plan.tier, stage.code),
                    "code": stage.code,
                    "title": title,
                    "points": stage.points,
                    "course_ids": list(stage.course_ids),
                    "since": before[stage.code].since if _asks_the_same(before.get(stage.code), stage) else now,
                }
                for stage, title in zip(plan.stages, titles, strict=True)
            ],
        )
        await paths.begin_settling(plan.tier, path.version + 1, now, now)
        details: Details = {"tier": plan.tier.value, "stages": len(plan.stages), "version": path.version + 1}
        await record(ports, actor, "path.arranged", "PathPlan", derived_id("path", plan.tier.value), details)
        return await Path.get(tier=plan.tier)

    return await transaction(work)


def stage_id(tier: OutletTier, code: str) -> UUID:
    return derived_id("stage", tier.value, code)


async def path_of(member_id: UUID) -> list[Standing] | None:
    """Where the member stands on the path of their tier; None without an outlet."""
    [outlet] = await current_outlets([member_id])
    return list(standings(await _stages(member_id))) if outlet is not None else None


async def passed_now(member_id: UUID) -> tuple[list[StagePassed], list[tuple[StagePassed, StagePassed]]]:
    """The stages that the member has passed and nobody has said so yet, and those whose moment moved (before, after).

    The caller holds the member's lock and hands them to `reward`. Passing one stage may pass the next at once.
    """
    require_transaction()
    facts: list[StagePassed] = []
    moved: list[tuple[StagePassed, StagePassed]] = []
    for standing in standings(await _stages(member_id)):
        stage, at = standing.stage, standing.passed_at
        if at is None or at == stage.passed_at:
            continue
        fact = StagePassed(member_id, stage.stage_id, stage.points, at)
        if stage.passed_at is None:
            facts.append(fact)
        else:
            moved.append((StagePassed(member_id, stage.stage_id, stage.points, stage.passed_at), fact))
    return facts, moved


async def settle_member(ports: Ports, member_id: UUID) -> None:
    """Pay a member what they have passed, after the path or their tier has changed; again, it changes nothing."""

    async def work() -> None:
        if await lock_learner(member_id) is None:
            return
        facts, moved = await passed_now(member_id)
        if facts or moved:
            await reward(ports, member_id, facts, moved)

    await transaction(work)


async def settle_moved(ports: Ports, member_ids: Sequence[UUID]) -> None:
    """Bring members in line with the path of the tier they came to stand in."""
    for member_id in await paths.on_a_path(member_ids):
        await settle_member(ports, member_id)


async def settle_paths(ports: Ports) -> None:
    """A tick: bring all learners in line with paths that were arranged, or lost or got back a course.

    It goes on where an earlier one stopped. One member's failure holds up nobody else; they are in line with the next
    course they complete.
    """
    for tier in await paths.paths_with_other_courses():
        await transaction(partial(_begin_again, ports, tier))
    while await settle_some(ports):
        pass


async def settle_some(ports: Ports) -> bool:
    """Bring the next members in line; False if there is nobody left."""
    path = await paths.next_unsettled()
    if path is None:
        return False
    member_ids = await paths.members_to_settle(path.tier, path.settled_up_to, MEMBERS_AT_ONCE)
    for member_id in member_ids:
        try:
            await settle_member(ports, member_id)
        except DomainError:
            raise
        except Exception as error:
            _log.error("path not settled", member_id=str(member_id), error=type(error).__name__, exc_info=True)
    await paths.settled(path, member_ids, ports.clock.now())
    return True


async def _begin_again(ports: Ports, tier: OutletTier) -> None:
    now = ports.clock.now()
    path = await paths.locked_path(tier, now)
    await paths.begin_settling(tier, path.version, path.arranged_at, now)


async def _stages(member_id: UUID) -> list[Stage]:
    found = await paths.standing_rows(member_id)
    stages: list[Stage] = []
    for _, group in groupby(found, key=lambda row: row.stage_id):
        courses = list(group)
        stage = courses[0]
        stages.append(
            Stage(
                stage_id=stage.stage_id,
                position=stage.position,
                title=stage.title,
                points=stage.points,
                since=stage.since,
                courses=tuple(
                    StageCourse(row.course_id, row.open, row.completed_at, row.lessons_done, row.lesson_count)
                    for row in courses
                ),
                passed_at=stage.passed_at,
            )
        )
    return stages


def _checked(plan: Arrangement) -> list[str]:
    """The titles as they are kept; BAD_USER_INPUT at what cannot be arranged."""
    if len(plan.stages) > MOST_STAGES:
        raise bad_input("stages")
    titles: list[str] = []
    codes: set[str] = set()
    course_ids: set[UUID] = set()
    for number, stage in enumerate(plan.stages):
        title, at = stage.title.strip(), str(number)
        if not CODE.fullmatch(stage.code) or stage.code in codes:
            raise bad_input("stages", at, "code")
        if not 1 <= len(title) <= LONGEST_TITLE:
            raise bad_input("stages", at, "title")
        if stage.points not in POINTS:
            raise bad_input("stages", at, "points")
        if not 1 <= len(stage.course_ids) <= MOST_COURSES:
            raise bad_input("stages", at, "courseIds")
        for which, course_id in enumerate(stage.course_ids):
            if course_id in course_ids:
                raise bad_input("stages", at, "courseIds", str(which))
            course_ids.add(course_id)
        codes.add(stage.code)
        titles.append(title)
    return titles


async def _check_courses(plan: Arrangement, before: dict[str, PathStage]) -> None:
    """NOT_FOUND for a course that there is not, STATE_FORBIDS for one that learners of the tier cannot begin.

    A course that its stage already asks for may be kept, whatever has become of it.
    """
    known = await paths.course_states([course_id for stage in plan.stages for course_id in stage.course_ids])
    for number, stage in enumerate(plan.stages):
        kept = set(before[stage.code].course_ids) if stage.code in before else set()
        for which, course_id in enumerate(stage.course_ids):
            field = ("stages", str(number), "courseIds", str(which))
            if course_id not in known:
                raise not_found(*field)
            status, audience = known[course_id]
            fits = status is CourseStatus.PUBLISHED and (not audience or plan.tier in audience)
            if not fits and course_id not in kept:
                raise DomainError(ErrorCode.STATE_FORBIDS, field=field)


def _asks_the_same(before: PathStage | None, stage: StagePlan) -> bool:
    return before is not None and set(before.course_ids) == set(stage.course_ids)
