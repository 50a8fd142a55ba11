"""Checking in at an offline class: the code on the trainer's screen, and for who cannot scan it the trainer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.class_codes import ClassCode, code_at, judge
from auth.codes import Verdict
from auth.permissions import may_hold_class, may_sign_up_for_class
from gamification.facts import ClassCheckedIn
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.places import Point, meters_between
from kit.words import AttendanceOutcome, OfflineClassStatus, Role, SeatState
from models import classes
from models.accounts import active_grants, members_by_ids
from models.audit import Details
from models.classes import ClassAttendance, OfflineClass
from services.audit import record
from services.classes import THERE, has_free_seat, held_class, in_turn, own_path_of, visible_class
from services.offers import path_of
from services.points import Award, reward
from services.ports import Ports

KEY = "class check-in"
OPENS_BEFORE = timedelta(minutes=30)
"""How long before a class begins the code is shown and taken; until its end."""
LATE_AFTER = timedelta(minutes=15)
"""Who checks in later than this after the beginning was late; it counts all the same."""
CORRECTED_WITHIN = timedelta(hours=24)
"""How long after the end a trainer may still check somebody in who was there."""
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """`awards`: what checking in earned, the same however often it is asked."""

    attendance: ClassAttendance
    awards: tuple[Award, ...]


async def check_in_code(ports: Ports, actor: Actor, offline_class: OfflineClass) -> ClassCode | None:
    """What the screen shows now; None to whom it is not shown, and while nobody can check in."""
    now = ports.clock.now()
    if not may_hold_class(actor, offline_class.trainer_id, await path_of(offline_class.region_id)):
        return None
    if offline_class.cancelled_at is not None or not _opens_at(offline_class) <= now < offline_class.ends_at:
        return None
    return code_at(ports.settings.key(KEY), offline_class.id, now)


async def check_in_to_class(ports: Ports, actor: Actor, payload: str, location: Point | None) -> CheckedIn:
    """Check in by the code on the screen. Who is checked in gets the same answer again, by any code of the class.

    Who has no seat takes a free one; FULL if there is none. CODE_WRONG and CODE_EXPIRED at `payload`; TOO_FAR at
    `location`, if the phone gives one and the class has one; NOT_OPEN before, CLOSED after, STATE_FORBIDS of a class
    that was called off.
    """
    if location is not None and not location.is_on_earth:
        raise bad_input("location")
    judged = judge(ports.settings.key(KEY), payload, ports.clock.now())
    if judged.class_id is None:
        raise DomainError(ErrorCode.CODE_WRONG, field=["payload"])
    class_id = judged.class_id
    seen = await visible_class(actor, class_id, "payload")
    own_path = await own_path_of(actor.member_id)
    invited = may_sign_up_for_class(actor, seen.trainer_id, await path_of(seen.region_id), own_path)

    async def work() -> CheckedIn:
        offline_class = await held_class(class_id)
        before = await classes.attendance_of(class_id, actor.member_id)
        if before is not None and before.outcome in THERE:
            return _told(before)
        if judged.verdict is Verdict.WRONG:
            raise DomainError(ErrorCode.CODE_WRONG, field=["payload"])
        now = ports.clock.now()
        _check_open(offline_class, now, offline_class.ends_at, "payload")
        if judged.verdict is Verdict.EXPIRED:
            raise DomainError(ErrorCode.CODE_EXPIRED, field=["payload"])
        _check_near(ports, offline_class, location)
        await _take_seat(offline_class, actor, now, invited=invited)
        return await _check_in(ports, offline_class, before, actor.member_id, now)

    return await in_turn(class_id, work)


async def check_in_for_member(
    ports: Ports, actor: Actor, class_id: UUID, member_id: UUID, reason: str
) -> ClassAttendance:
    """Check somebody in who came without a phone or a seat; also when it is full, and until a day after the end.

    For the trainer and admins, not for oneself. Who is checked in already stays so, and nothing is recorded.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise bad_input("reason")
    seen = await visible_class(actor, class_id, "offlineClassId")
    path = await path_of(seen.region_id)
    if not may_hold_class(actor, seen.trainer_id, path) or member_id in (actor.member_id, seen.trainer_id):
        raise DomainError(ErrorCode.FORBIDDEN)
    await _check_learner(member_id)

    async def work() -> ClassAttendance:
        offline_class = await held_class(class_id)
        before = await classes.attendance_of(class_id, member_id)
        if before is not None and before.outcome in THERE:
            return before
        now = ports.clock.now()
        _check_open(offline_class, now, offline_class.ends_at + CORRECTED_WITHIN, "offlineClassId")
        seat = await classes.seat_of(class_id, member_id)
        if seat is None or seat.state is not SeatState.SEATED:
            await classes.give_up_seat(class_id, member_id, now)
            if await has_free_seat(offline_class):
                await classes.put_seat(offline_class, new_id(), member_id, SeatState.SEATED, now)
        checked = await _check_in(ports, offline_class, before, member_id, now, by=actor.member_id, reason=reason)
        details: Details = {"member": str(member_id), "title": offline_class.title, "reason": reason}
        await record(ports, actor, "class.checked_in_for", "OfflineClass", class_id, details, region_path=path or None)
        return checked.attendance

    return await in_turn(class_id, work)


async def own_attendances(actor: Actor, class_ids: Sequence[UUID]) -> list[ClassAttendance | None]:
    return await classes.attendances_of_member(actor.member_id, class_ids)


async def _check_in(
    ports: Ports,
    offline_class: OfflineClass,
    before: ClassAttendance | None,
    member_id: UUID,
    now: datetime,
    *,
    by: UUID | None = None,
    reason: str = "",
) -> CheckedIn:
    """Write down that the member is there and reward it. The caller holds the class."""
    at = min(now, offline_class.ends_at)
    late = by is None and at > offline_class.starts_at + LATE_AFTER
    attendance = before or ClassAttendance(
        id=new_id(), offline_class_id=offline_class.id, member_id=member_id, recorded_at=now
    )
    attendance.outcome = AttendanceOutcome.LATE if late else AttendanceOutcome.PRESENT
    attendance.checked_in_at, attendance.by, attendance.reason = at, by, reason
    await attendance.save(force_create=before is None, force_update=before is not None)
    earned = await reward(ports, member_id, [ClassCheckedIn(member_id, offline_class.id, at)])
    attendance.awards = [award.message for award in earned.awards]
    await attendance.save(update_fields=["awards"], force_update=True)
    return CheckedIn(attendance, earned.awards)


async def _take_seat(offline_class: OfflineClass, actor: Actor, now: datetime, *, invited: bool) -> None:
    """Give who is at the door a free seat if they have none. The caller holds the class."""
    seat = await classes.seat_of(offline_class.id, actor.member_id)
    if seat is not None and seat.state is SeatState.SEATED and actor.member_id != offline_class.trainer_id:
        return
    if not invited:
        raise DomainError(ErrorCode.FORBIDDEN)
    if not await has_free_seat(offline_class):
        raise DomainError(ErrorCode.FULL, field=["payload"])
    await classes.put_seat(offline_class, new_id(), actor.member_id, SeatState.SEATED, now)


def _check_open(offline_class: OfflineClass, now: datetime, until: datetime, field: str) -> None:
    if offline_class.status_at(now) is OfflineClassStatus.CANCELLED:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=[field])
    if now < _opens_at(offline_class):
        raise DomainError(ErrorCode.NOT_OPEN, field=[field])
    if now >= until:
        raise DomainError(ErrorCode.CLOSED, field=[field])


def _check_near(ports: Ports, offline_class: OfflineClass, location: Point | None) -> None:
    """A phone without a position is believed: many shops have none indoors, and the code is on the wall."""
    if location is None or offline_class.location is None:
        return
    if meters_between(location, offline_class.location) > ports.settings.class_check_in_meters:
        raise DomainError(ErrorCode.TOO_FAR, field=["location"])


async def _check_learner(member_id: UUID) -> None:
    [member], [grants] = await members_by_ids([member_id]), await active_grants([member_id])
    if member is None or member.deleted_at is not None or all(grant.role is not Role.LEARNER for grant in grants):
        raise not_found("memberId")


def _opens_at(offline_class: OfflineClass) -> datetime:
    return offline_class.starts_at - OPENS_BEFORE


def _told(attendance: ClassAttendance) -> CheckedIn:
    return CheckedIn(attendance, tuple(Award.of_message(each) for each in attendance.awards))
