"""Seats of live lessons: reserved, waited for in order of arrival, given up, and passed on at once.

Whatever frees a seat promotes who waits in the same transaction, under the lesson's row: so a free seat and somebody
waiting are never there together, nobody is passed over, and there are never more seats than the capacity.
"""

from collections.abc import Sequence
from uuid import UUID

from auth.actor import Actor
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, not_found
from kit.ids import new_id
from kit.words import SeatState
from models.live import (
    LiveLesson,
    LiveSeat,
    hold_member,
    locked_lesson,
    reserved_to_come,
    seat_all,
    seat_of,
    waiting,
)
from models.live_lists import is_invited, seats_by_ids, visible_to
from services.live import audience_of, visible_lessons
from services.live_news import seat_given_up, seat_reserved, seats_promoted
from services.live_states import ON_AIR, Deed, require_state
from services.ports import Ports


async def reserve_live_seat(ports: Ports, actor: Actor, lesson_id: UUID, *, waits: bool = True) -> LiveSeat:
    """Reserve a seat, or a place on the waitlist when there is none left; again: the same answer.

    NOT_FOUND for a lesson that is not there for the actor, FORBIDDEN for who sees it without being invited, as its
    host; STATE_FORBIDS once it is over or called off, CLOSED when its time has passed without it. FULL, and no place on
    the waitlist, for who does not wait.
    """
    audience = audience_of(actor)
    invited = await is_invited(audience, lesson_id)
    if not invited and await visible_to(audience, [lesson_id]) == [None]:
        raise not_found("liveLessonId")

    async def work() -> LiveSeat:
        if not await hold_member(actor.member_id):
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        lesson = await _held(lesson_id)
        seat = await seat_of(lesson_id, actor.member_id)
        if seat is not None and seat.state is not SeatState.CANCELLED:
            return seat
        if not invited or lesson.host_id == actor.member_id:
            raise DomainError(ErrorCode.FORBIDDEN)
        require_state(lesson.status, Deed.SEAT, "liveLessonId")
        now = ports.clock.now()
        if now >= lesson.ends_at and lesson.status not in ON_AIR:
            raise DomainError(ErrorCode.CLOSED, field=["liveLessonId"])
        free = lesson.capacity is None or lesson.seats_taken < lesson.capacity
        if not free and not waits:
            raise DomainError(ErrorCode.FULL, field=["liveLessonId"])
        lesson.arrivals += 1
        lesson.seats_taken += free
        await lesson.save(update_fields=["arrivals", "seats_taken"])
        is_new = seat is None
        seat = seat or LiveSeat(id=new_id(), lesson_id=lesson_id, member_id=actor.member_id)
        seat.state = SeatState.SEATED if free else SeatState.WAITLISTED
        seat.arrival, seat.reserved_at, seat.cancelled_at = lesson.arrivals, now, None
        seat.seated_at = now if free else None
        await seat.save(force_create=is_new, force_update=not is_new)
        if free:
            await seat_reserved(ports, lesson, actor.member_id)
        return seat

    return await transaction(work)


async def cancel_live_seat(ports: Ports, actor: Actor, lesson_id: UUID) -> None:
    """Give up the seat, or the place on the waitlist; without one, nothing happens. STATE_FORBIDS once it is over."""
    if await visible_lessons(actor, [lesson_id]) == [None]:
        raise not_found("liveLessonId")

    async def work() -> None:
        if not await hold_member(actor.member_id):
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        lesson = await _held(lesson_id)
        seat = await seat_of(lesson_id, actor.member_id)
        if seat is None or seat.state is SeatState.CANCELLED:
            return
        require_state(lesson.status, Deed.SEAT, "liveLessonId")
        await _give_up(ports, lesson, seat)

    await transaction(work)


async def own_seats(actor: Actor, ids: Sequence[UUID]) -> list[LiveSeat | None]:
    """The actor's own reservations of these ids, in their order; None for others."""
    return [
        each if each is not None and each.member_id == actor.member_id else None for each in await seats_by_ids(ids)
    ]


async def give_up_all_seats(ports: Ports, member_id: UUID) -> None:
    """Free what a member who leaves the academy had reserved; the caller holds the member."""
    require_transaction()
    for lesson_id in await reserved_to_come(member_id):
        lesson = await _held(lesson_id)
        seat = await seat_of(lesson_id, member_id)
        if seat is not None and seat.state is not SeatState.CANCELLED:
            await _give_up(ports, lesson, seat)


async def promote_waiting(ports: Ports, lesson: LiveLesson) -> None:
    """Give what is free to those who wait, the first to come first; the caller holds the lesson's row."""
    require_transaction()
    free = lesson.capacity - lesson.seats_taken if lesson.capacity is not None else None
    if free is not None and free <= 0:
        return
    promoted = await waiting(lesson.id, free)
    if promoted:
        await seat_all(promoted, ports.clock.now())
        lesson.seats_taken += len(promoted)
        await lesson.save(update_fields=["seats_taken"])
        await seats_promoted(ports, lesson, [each.member_id for each in promoted])


async def _give_up(ports: Ports, lesson: LiveLesson, seat: LiveSeat) -> None:
    was_seated = seat.state is SeatState.SEATED
    seat.state, seat.cancelled_at = SeatState.CANCELLED, ports.clock.now()
    await seat.save(update_fields=["state", "cancelled_at"])
    await seat_given_up(ports, lesson, seat.member_id)
    if was_seated:
        lesson.seats_taken -= 1
        await lesson.save(update_fields=["seats_taken"])
        await promote_waiting(ports, lesson)


async def _held(lesson_id: UUID) -> LiveLesson:
    lesson = await locked_lesson(lesson_id)
    assert lesson is not None, "live lessons are never deleted"
    return lesson
