"""Assigning courses: an admin asks people to learn something by a day, and may take it back."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_assign, may_assign_to
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.paging import Ask, Page
from kit.words import CourseStatus, OutletTier, Role
from models import assignments
from models.assignments import Assignment, Target
from models.member_lists import member_places
from services.audit import record
from services.courses import visible_courses
from services.offers import path_of, region_for_offer
from services.outlets import visible_members, visible_outlets
from services.ports import Ports

LONGEST_REASON = 200
MOST_OUTLETS = 500
MOST_MEMBERS = 500
FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a course is assigned to: the people of a region x tier, of outlets, and single ones; any of it together."""

    region_id: UUID | None = None
    tier: OutletTier | None = None
    outlet_ids: tuple[UUID, ...] = ()
    member_ids: tuple[UUID, ...] = ()


async def assign_course(
    ports: Ports, actor: Actor, course_id: UUID, to: Audience, due_at: datetime, reason: str
) -> int:
    """Ask the audience to complete a published course by `due_at`; how many people that means now.

    Whoever comes to the region, tier or outlet later is meant too. The same again is one assignment. A tier without a
    region is that of the one subtree an admin has. FORBIDDEN for whom the actor sees but does not administer.
    """
    why, now = _reason(reason), ports.clock.now()
    if not now < due_at <= now + FARTHEST:
        raise bad_input("dueAt")
    [course] = await visible_courses(actor, [course_id])
    if course is None:
        raise not_found("courseId")
    if course.status is not CourseStatus.PUBLISHED:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["courseId"])
    targets, path = await _targets(actor, to)

    async def work() -> int:
        added = await assignments.add_assignments(course_id, targets, due_at, why, now, actor.member_id)
        assigned = await assignments.people_reached(targets)
        if added:
            details = {
                "title": course.title, "assigned": assigned, "reason": why, "due_at": due_at.isoformat(),
                "targets": len(added),
            }  # fmt: skip
            await record(ports, actor, "course.assigned", "Course", course_id, details, region_path=path or None)
        return assigned

    return await transaction(work)


async def withdraw_assignment(ports: Ports, actor: Actor, assignment_id: UUID) -> Assignment:
    """Take an assignment back; what was completed in time before stays so. Again: the same answer."""

    async def work() -> Assignment:
        [found] = await assignments.assignments_by_ids([assignment_id])
        if found is None or not may_see_assignment(actor, found[1]):
            raise not_found("assignmentId")
        row, path = found
        if not may_assign(actor, path):
            raise DomainError(ErrorCode.FORBIDDEN)
        if await assignments.withdraw(assignment_id, ports.clock.now(), actor.member_id):
            [course] = await visible_courses(actor, [row.course_id])
            details = {"title": course.title if course is not None else ""}
            await record(
                ports, actor, "assignment.withdrawn", "Course", row.course_id, details, region_path=path or None
            )
        return await Assignment.get(id=assignment_id)

    return await transaction(work)


async def list_assignments(actor: Actor, course_id: UUID | None, ask: Ask) -> Page[Assignment]:
    """What is assigned where the actor is admin or auditor, the last due first; keyed by (due_at, id)."""
    return await assignments.assignments_page(_reach(actor), course_id, ask)


async def count_listed(actor: Actor, course_id: UUID | None) -> int:
    return await assignments.count_assignments(_reach(actor), course_id)


async def visible_assignments(actor: Actor, ids: Sequence[UUID]) -> list[Assignment | None]:
    """The assignments of these ids, in their order; None for what lies where the actor neither runs nor audits."""
    found = await assignments.assignments_by_ids(ids)
    return [each[0] if each is not None and may_see_assignment(actor, each[1]) else None for each in found]


def may_see_assignment(actor: Actor, path: str) -> bool:
    return any(path.startswith(top) for top in _reach(actor))


def _reach(actor: Actor) -> tuple[str, ...]:
    return actor.reach(Role.ADMIN, Role.AUDITOR)


async def _targets(actor: Actor, to: Audience) -> tuple[list[Target], str]:
    """A target for each part of the audience, and the path under which the deed is kept."""
    if len(to.outlet_ids) > MOST_OUTLETS:
        raise bad_input("to", "outletIds")
    if len(to.member_ids) > MOST_MEMBERS:
        raise bad_input("to", "memberIds")
    targets = [Target(outlet_id=each) for each in await _outlets(actor, list(dict.fromkeys(to.outlet_ids)))]
    targets += [Target(member_id=each) for each in await _members(actor, list(dict.fromkeys(to.member_ids)))]
    path = min(actor.reach(Role.ADMIN), default="")
    if to.region_id is not None or to.tier is not None:
        try:
            region_id = await region_for_offer(actor, to.region_id)
        except DomainError as error:
            if error.field is not None:
                raise DomainError(error.code, field=["to", *error.field]) from error
            raise
        targets.append(Target(region_id=region_id, tier=to.tier))
        path = await path_of(region_id)
    if not targets:
        raise bad_input("to")
    return targets, path


async def _outlets(actor: Actor, ids: list[UUID]) -> list[UUID]:
    for place, outlet in enumerate(await visible_outlets(actor, ids)):
        if outlet is None:
            raise not_found("to", "outletIds", str(place))
        if not may_assign(actor, await path_of(outlet.region_id)):
            raise DomainError(ErrorCode.FORBIDDEN)
    return ids


async def _members(actor: Actor, ids: list[UUID]) -> list[UUID]:
    places = await member_places(ids)
    for place, member in enumerate(await visible_members(actor, ids)):
        if member is None or member.deleted_at is not None:
            raise not_found("to", "memberIds", str(place))
        if not may_assign_to(actor, places[place]):
            raise DomainError(ErrorCode.FORBIDDEN)
    return ids


def _reason(text: str) -> str:
    reason = " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in text).split())
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise bad_input("reason")
    return reason
