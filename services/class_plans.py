"""Offline classes, for those who run them: planning, moving and calling off, and the list of the absent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from auth.permissions import may_host, may_run_classes
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.places import Point
from kit.words import NoticeKind, OfflineClassStatus
from models import classes
from models.accounts import active_grants
from models.audit import Details
from models.classes import OfflineClass
from models.live import is_host_busy, locked_host
from services.audit import record
from services.classes import held_class, in_turn, seat_waiting, tell_of_class, visible_class
from services.courses import visible_courses
from services.offers import path_of, region_for_offer
from services.ports import Ports

LONGEST_TITLE = 80
LONGEST_PLACE = 80
LONGEST_ADDRESS = 200
LONGEST_REASON = 200
CAPACITY = 30
CAPACITIES = range(1, 501)
LONGEST_CLASS = timedelta(hours=8)
FARTHEST = timedelta(days=366)
"""How far ahead a class may be planned."""
SETTLED_AT_ONCE = 100

CHANGEABLE = (
    "title", "trainer_id", "place", "address", "latitude", "longitude", "starts_at", "ends_at", "capacity",
)  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """`region_id` None: all that the planner administers, if that is one subtree."""

    title: str
    trainer_id: UUID
    place: str
    starts_at: datetime
    ends_at: datetime
    course_id: UUID | None = None
    region_id: UUID | None = None
    address: str = ""
    location: Point | None = None
    capacity: int = CAPACITY


@dataclass(frozen=True, slots=True)
class ClassChange:
    """What is None stays as it is."""

    title: str | None = None
    trainer_id: UUID | None = None
    place: str | None = None
    address: str | None = None
    location: Point | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    capacity: int | None = None


async def schedule_class(ports: Ports, actor: Actor, plan: ClassPlan) -> OfflineClass:
    """Plan a class. HOST_BUSY at `trainerId` if the trainer has another one at that time."""
    now = ports.clock.now()
    if plan.course_id is not None and (await visible_courses(actor, [plan.course_id]))[0] is None:
        raise not_found("courseId")
    region_id = await region_for_offer(actor, plan.region_id)
    offline_class = OfflineClass(
        id=new_id(), course_id=plan.course_id, trainer_id=plan.trainer_id, region_id=region_id,
        starts_at=plan.starts_at, ends_at=plan.ends_at, created_at=now,
    )  # fmt: skip
    _describe(offline_class, plan.title, plan.place, plan.address, plan.location, plan.capacity)
    _check_time(offline_class, now)

    async def work() -> OfflineClass:
        await _occupy_trainer(offline_class)
        await offline_class.save(force_create=True)
        await _record_change(ports, actor, "class.scheduled", offline_class, {"title": offline_class.title})
        return offline_class

    return await transaction(work)


async def update_class(ports: Ports, actor: Actor, class_id: UUID, change: ClassChange) -> OfflineClass:
    """Change a class that has not begun. Who has signed up is told if time or place are others now; seats that are
    added go to those who wait.

    STATE_FORBIDS once it has begun or was called off; BAD_USER_INPUT at `capacity` below the seats that are taken.
    """
    seen = await visible_class(actor, class_id, "offlineClassId")
    if not may_run_classes(actor, await path_of(seen.region_id)):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> OfflineClass:
        offline_class = await held_class(class_id)
        now = ports.clock.now()
        if offline_class.status_at(now) is not OfflineClassStatus.SCHEDULED:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["offlineClassId"])
        before = _place_and_time(offline_class)
        changed = await _apply(offline_class, change, now)
        if not changed:
            return offline_class
        moved = _place_and_time(offline_class) != before
        offline_class.moves += moved
        await offline_class.save(force_update=True)
        await _record_change(ports, actor, "class.updated", offline_class, {"title": offline_class.title})
        await seat_waiting(ports, offline_class)
        if moved:
            told = [*await classes.members_signed_up(class_id), offline_class.trainer_id]
            await tell_of_class(ports, NoticeKind.CLASS_MOVED, offline_class, told, str(offline_class.moves))
        return offline_class

    return await in_turn(class_id, work)


async def cancel_class(ports: Ports, actor: Actor, class_id: UUID, reason: str) -> OfflineClass:
    """Call off a class that has not begun, and tell all who signed up. Called off already: no change."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise bad_input("reason")
    seen = await visible_class(actor, class_id, "offlineClassId")
    if not may_run_classes(actor, await path_of(seen.region_id)):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> OfflineClass:
        offline_class = await held_class(class_id)
        now = ports.clock.now()
        status = offline_class.status_at(now)
        if status is OfflineClassStatus.CANCELLED:
            return offline_class
        if status is not OfflineClassStatus.SCHEDULED:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["offlineClassId"])
        offline_class.cancelled_at, offline_class.cancel_reason = now, reason
        await offline_class.save(update_fields=["cancelled_at", "cancel_reason"], force_update=True)
        details: Details = {"title": offline_class.title, "reason": reason}
        await _record_change(ports, actor, "class.cancelled", offline_class, details)
        told = [*await classes.members_signed_up(class_id), offline_class.trainer_id]
        await tell_of_class(ports, NoticeKind.CLASS_CANCELLED, offline_class, told, reason=reason)
        return offline_class

    return await in_turn(class_id, work)


async def settle_classes(ports: Ports) -> None:
    """A tick: of every class that is over, write down who had a seat and was not there. Each is settled once."""
    for class_id in await classes.classes_to_settle(ports.clock.now(), SETTLED_AT_ONCE):

        async def work(class_id: UUID = class_id) -> None:
            offline_class = await held_class(class_id)
            if offline_class.settled_at is not None:
                return
            now = ports.clock.now()
            absent = await classes.absent_members(class_id)
            await classes.add_absent(class_id, [(new_id(), member_id) for member_id in absent], now)
            offline_class.settled_at = now
            await offline_class.save(update_fields=["settled_at"], force_update=True)

        await in_turn(class_id, work)


async def _apply(offline_class: OfflineClass, change: ClassChange, now: datetime) -> bool:
    """Bring the class in line with the change; False if it says nothing new. The caller holds the class."""
    require_transaction()
    before = [getattr(offline_class, each) for each in CHANGEABLE]
    if change.capacity is not None and change.capacity != offline_class.capacity:
        [taken] = await classes.seats_taken([offline_class.id])
        if change.capacity < taken:
            raise bad_input("capacity")
    _describe(
        offline_class,
        _new(change.title, offline_class.title),
        _new(change.place, offline_class.place),
        _new(change.address, offline_class.address),
        _new(change.location, offline_class.location),
        _new(change.capacity, offline_class.capacity),
    )
    offline_class.trainer_id = _new(change.trainer_id, offline_class.trainer_id)
    offline_class.starts_at = _new(change.starts_at, offline_class.starts_at)
    offline_class.ends_at = _new(change.ends_at, offline_class.ends_at)
    if [getattr(offline_class, each) for each in CHANGEABLE] == before:
        return False
    _check_time(offline_class, now)
    await _occupy_trainer(offline_class)
    return True


def _new(given: T | None, kept: T) -> T:
    return given if given is not None else kept


def _describe(
    offline_class: OfflineClass, title: str, place: str, address: str, location: Point | None, capacity: int
) -> None:
    """Give the class these words and figures, tidied; BAD_USER_INPUT at the first that is none."""
    title, place, address = (" ".join(text.split()) for text in (title, place, address))
    if not 1 <= len(title) <= LONGEST_TITLE or not is_seen(title):
        raise bad_input("title")
    if not 1 <= len(place) <= LONGEST_PLACE or not is_seen(place):
        raise bad_input("place")
    if len(address) > LONGEST_ADDRESS:
        raise bad_input("address")
    if location is not None and not location.is_on_earth:
        raise bad_input("location")
    if capacity not in CAPACITIES:
        raise bad_input("capacity")
    offline_class.title, offline_class.place, offline_class.address = title, place, address
    offline_class.latitude, offline_class.longitude = location if location is not None else (None, None)
    offline_class.capacity = capacity


def _check_time(offline_class: OfflineClass, now: datetime) -> None:
    if not now < offline_class.starts_at <= now + FARTHEST:
        raise bad_input("startsAt")
    if not offline_class.starts_at < offline_class.ends_at <= offline_class.starts_at + LONGEST_CLASS:
        raise bad_input("endsAt")


async def _occupy_trainer(offline_class: OfflineClass) -> None:
    """HOST_BUSY if the trainer has another class, or a live lesson, at that time; until the transaction ends nobody
    gives them more. NOT_FOUND for who is no lecturer, or cannot sign in."""
    trainer = await locked_host(offline_class.trainer_id)
    [grants] = await active_grants([offline_class.trainer_id])
    if trainer is None or trainer.suspended_at is not None or not may_host(grant.role for grant in grants):
        raise not_found("trainerId")
    plan = (offline_class.trainer_id, offline_class.starts_at, offline_class.ends_at)
    if await classes.is_trainer_busy(*plan, but=offline_class.id) or await is_host_busy(*plan):
        raise DomainError(ErrorCode.HOST_BUSY, field=["trainerId"])


def _place_and_time(offline_class: OfflineClass) -> tuple[object, ...]:
    return offline_class.starts_at, offline_class.ends_at, offline_class.place, offline_class.address


async def _record_change(
    ports: Ports, actor: Actor, action: str, offline_class: OfflineClass, details: Details
) -> None:
    path = await path_of(offline_class.region_id) or None
    await record(ports, actor, action, "OfflineClass", offline_class.id, details, region_path=path)
