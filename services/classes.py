"""Offline classes, for those who learn there: finding one, signing up, leaving, and saying how it was."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_see_class_list, may_sign_up_for_class, reach_over_classes
from gamification.titles import Title
from kit.clock import ZONE
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.tasks import Turns
from kit.words import AttendanceOutcome, NoticeKind, OfflineClassStatus, SeatState
from models import class_lists, classes
from models.class_lists import ClassQuery, ClassScope
from models.classes import ClassAttendance, OfflineClass
from models.outlets import current_outlets
from services.notices import Tidings, Value, tell_each
from services.offers import path_of
from services.outlets import visible_regions
from services.ports import Ports

STARS = range(1, 6)
LONGEST_COMMENT = 500
THERE = (AttendanceOutcome.PRESENT, AttendanceOutcome.LATE)

T = TypeVar("T")

_turns = Turns()


async def class_scope(actor: Actor) -> ClassScope:
    """The classes that the actor may see: see `ClassScope`."""
    return ClassScope(actor.member_id, await own_path_of(actor.member_id), reach_over_classes(actor))


async def own_path_of(member_id: UUID) -> str | None:
    """Where the member learns now; None for who holds no post."""
    [outlet] = await current_outlets([member_id])
    return await path_of(outlet.region_id) if outlet is not None else None


async def wanted_classes(
    ports: Ports, actor: Actor, region_id: UUID | None, from_at: datetime | None, to_at: datetime | None
) -> ClassQuery:
    """What a list is asked for: classes that are not over yet, unless told since when. NOT_FOUND at `regionId` for a
    region that the actor may not see."""
    under = ""
    if region_id is not None:
        [region] = await visible_regions(actor, [region_id])
        if region is None:
            raise not_found("regionId")
        under = region.path
    return ClassQuery(from_at or ports.clock.now(), to_at, under)


async def list_classes(actor: Actor, wanted: ClassQuery, ask: Ask) -> Page[OfflineClass]:
    """The soonest first."""
    return await class_lists.classes_page(await class_scope(actor), wanted, ask)


async def count_listed_classes(actor: Actor, wanted: ClassQuery) -> int:
    return await class_lists.count_classes(await class_scope(actor), wanted)


async def visible_classes(actor: Actor, ids: Sequence[UUID]) -> list[OfflineClass | None]:
    """The classes of these ids, in their order; None for what the actor may not see."""
    return await class_lists.visible_classes(await class_scope(actor), ids)


async def visible_class(actor: Actor, class_id: UUID, *field: str) -> OfflineClass:
    """The class; NOT_FOUND at `field` if the actor may not see it."""
    [found] = await visible_classes(actor, [class_id])
    if found is None:
        raise not_found(*field)
    return found


async def sees_class_list(actor: Actor, classes_: Sequence[OfflineClass]) -> list[bool]:
    """Whether the actor may read who signed up for each class and who came, in their order."""
    return [may_see_class_list(actor, each.trainer_id, await path_of(each.region_id)) for each in classes_]


async def sign_up_for_class(ports: Ports, actor: Actor, class_id: UUID) -> OfflineClass:
    """Take a free seat, or a place in the waitlist; what the member has already stays as it is.

    CLOSED from the beginning of the class on, STATE_FORBIDS for one that was called off.
    """
    seen = await visible_class(actor, class_id, "offlineClassId")
    own_path = await own_path_of(actor.member_id)
    if not may_sign_up_for_class(actor, seen.trainer_id, await path_of(seen.region_id), own_path):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> OfflineClass:
        offline_class = await held_class(class_id)
        now = ports.clock.now()
        _check_to_come(offline_class, now)
        seat = await classes.seat_of(class_id, actor.member_id)
        if seat is None or seat.state is SeatState.CANCELLED:
            free = await has_free_seat(offline_class)
            state = SeatState.SEATED if free else SeatState.WAITLISTED
            await classes.put_seat(offline_class, new_id(), actor.member_id, state, now)
        return offline_class

    return await in_turn(class_id, work)


async def leave_class(ports: Ports, actor: Actor, class_id: UUID) -> OfflineClass:
    """Give up a seat or a place in the waitlist; a seat goes to the next who waits, in the same moment.

    Without either nothing changes. CLOSED from the beginning of the class on.
    """
    await visible_class(actor, class_id, "offlineClassId")

    async def work() -> OfflineClass:
        offline_class = await held_class(class_id)
        now = ports.clock.now()
        _check_to_come(offline_class, now)
        if await classes.give_up_seat(class_id, actor.member_id, now):
            await seat_waiting(ports, offline_class)
        return offline_class

    return await in_turn(class_id, work)


async def rate_class(ports: Ports, actor: Actor, class_id: UUID, stars: int, comment: str) -> OfflineClass:
    """Say how a class was, 1-5 stars; again replaces it. STATE_FORBIDS for who was not there, NOT_OPEN until it
    is over: who was checked in at the door has seen nothing of it yet."""
    comment = comment.strip()
    if stars not in STARS:
        raise bad_input("stars")
    if len(comment) > LONGEST_COMMENT:
        raise bad_input("comment")
    offline_class = await visible_class(actor, class_id, "offlineClassId")

    async def work() -> None:
        held, now = await held_class(class_id), ports.clock.now()
        attendance = await classes.attendance_of(class_id, actor.member_id)
        if attendance is None or attendance.outcome not in THERE:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["offlineClassId"])
        if now < held.ends_at:
            raise DomainError(ErrorCode.NOT_OPEN, field=["offlineClassId"])
        attendance.stars, attendance.comment, attendance.rated_at = stars, comment, now
        await attendance.save(update_fields=["stars", "comment", "rated_at"], force_update=True)

    await in_turn(class_id, work)
    return offline_class


async def fill_classes(ports: Ports) -> None:
    """A tick: give seats that deleted accounts left free to those who wait."""
    for class_id in await classes.classes_to_fill(ports.clock.now()):

        async def work(class_id: UUID = class_id) -> None:
            offline_class = await held_class(class_id)
            if offline_class.status_at(ports.clock.now()) is OfflineClassStatus.SCHEDULED:
                await seat_waiting(ports, offline_class)

        await in_turn(class_id, work)


async def in_turn(class_id: UUID, work: Callable[[], Awaitable[T]]) -> T:
    """A transaction about one class: those who want the same one wait for it without a connection in hand."""
    async with _turns.take(class_id):
        return await transaction(work)


async def held_class(class_id: UUID) -> OfflineClass:
    """The class under its lock."""
    found = await classes.locked_class(class_id)
    assert found is not None, "classes are never deleted"
    return found


async def has_free_seat(offline_class: OfflineClass) -> bool:
    """Whether a seat is free. The caller holds the class."""
    [taken] = await classes.seats_taken([offline_class.id])
    return bool(taken < offline_class.capacity)


async def seat_waiting(ports: Ports, offline_class: OfflineClass) -> None:
    """Give the free seats to those who wait, in order of arrival, and tell them. The caller holds the class."""
    require_transaction()
    [taken] = await classes.seats_taken([offline_class.id])
    now = ports.clock.now()
    seated = await classes.seat_next(offline_class.id, offline_class.capacity - taken, now)
    await tell_of_class(ports, NoticeKind.CLASS_SEAT_GAINED, offline_class, seated, str(offline_class.arrivals))


async def tell_of_class(
    ports: Ports,
    kind: NoticeKind,
    offline_class: OfflineClass,
    member_ids: Sequence[UUID],
    event: str = "",
    **values: Value,
) -> None:
    """Tell these members something about a class; `event` tells one such occasion from another."""
    told: dict[str, Value] = {
        "title": offline_class.title,
        "when": when(offline_class.starts_at),
        "place": offline_class.place,
        **values,
    }
    key, about = f"{offline_class.id} {event}".strip(), ("OfflineClass", offline_class.id)
    await tell_each(ports, kind, [Tidings(each, key, told, about) for each in dict.fromkeys(member_ids)])


def when(at: datetime) -> Title:
    """A moment as the notices say it, in Shanghai."""
    local = at.astimezone(ZONE)
    return Title(f"{local.month}月{local.day}日 {local:%H:%M}", f"{local.day} {local:%b} {local:%H:%M}")


async def list_attendance(class_id: UUID, ask: Ask) -> Page[ClassAttendance]:
    """Who was there, and once it is settled who was not; for whom `sees_class_list`."""
    return await class_lists.attendance_page(class_id, ask)


def _check_to_come(offline_class: OfflineClass, now: datetime) -> None:
    status = offline_class.status_at(now)
    if status is OfflineClassStatus.CANCELLED:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["offlineClassId"])
    if status is not OfflineClassStatus.SCHEDULED:
        raise DomainError(ErrorCode.CLOSED, field=["offlineClassId"])
