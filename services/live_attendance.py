"""In a live lesson: joining, beating, and what became of everybody once it is over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from auth.actor import Actor
from auth.permissions import may_hold_live, may_run_live, within
from gamification import attendance
from gamification.attendance import MOST_BETWEEN_BEATS, CreditRule, Presence, base_of, is_met, outcome_of, presence
from gamification.facts import LiveLessonAttended
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import AttendanceOutcome, BoardMetric, LiveStatus, Role, SeatState
from models import live_attendance as rows
from models.accounts import members_by_ids
from models.audit import Details
from models.live import LiveLesson, airings_of, locked_lesson
from models.live_asks import answers_by_member, count_check_ins
from models.live_attendance import AttendanceRow, Stretch, Ticket
from models.live_lists import LiveLessonRow, is_invited, lessons_by_ids, seats_of_member
from models.outlets import placement_at
from services.audit import record
from services.boards import count
from services.codes import check_device_text
from services.live import audience_of, visible_lessons
from services.live_room import tell_audience
from services.live_seats import reserve_live_seat
from services.live_states import OVER, Deed, require_state
from services.live_stream import playback_of
from services.outbox import announce
from services.points import reward
from services.ports import Ports

MOST_DEVICES = 5
"""Of one member in one lesson."""
SETTLED_AFTER = timedelta(seconds=90)
"""How long after the end the last beats may still come: a phone beats within a minute, or has gone."""
SETTLED_AT_ONCE = 20
REWARDED_AT_ONCE = 500
LONGEST_REASON = 200

_log = structlog.get_logger("live attendance")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a member is in a lesson. `outcome` None: it is not settled."""

    seen: Presence
    credited: bool
    status: LiveStatus
    outcome: AttendanceOutcome | None


async def join_live_lesson(ports: Ports, actor: Actor, lesson_id: UUID, device_id: str) -> Ticket:
    """The device's ticket for a lesson whose doors are open; the same device again gets the same one.

    Where there are seats, who has none takes a free one; FULL if there is none. NOT_OPEN before the doors open, CLOSED
    once they close for who was not in yet, STATE_FORBIDS when it is over or called off; LIMIT_REACHED above 5 devices.
    """
    check_device_text(device_id, "deviceId")
    [seen] = await visible_lessons(actor, [lesson_id])
    if seen is None:
        raise not_found("liveLessonId")
    now = ports.clock.now()
    require_state(seen.status, Deed.ENTER, "liveLessonId")
    if now < seen.doors_open_at:
        raise DomainError(ErrorCode.NOT_OPEN, field=["liveLessonId"])
    [before] = await rows.attendance_rows(lesson_id, [actor.member_id])
    if now >= seen.doors_close_at and (before is None or before.first_joined_at is None):
        raise DomainError(ErrorCode.CLOSED, field=["liveLessonId"])
    if not may_hold_live(actor, seen.host_id, seen.region_path):
        await _have_seat(ports, actor, seen)

    async def work() -> Ticket:
        ticket = await rows.put_ticket(new_id(), lesson_id, actor.member_id, device_id, now, MOST_BETWEEN_BEATS)
        # Counted behind the lock on the attendance, so that of many devices at once no more come in.
        if await rows.count_tickets(lesson_id, actor.member_id, device_id) >= MOST_DEVICES:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["deviceId"])
        return ticket

    return await transaction(work)


async def beat_live_lesson(ports: Ports, actor: Actor, ticket_id: UUID) -> Standing:
    """Still here: covers the time since the ticket's last sign of life, at most a minute. NOT_FOUND for a ticket that
    is not the actor's. After the end it says how it ended."""
    now = ports.clock.now()
    kept = await rows.beat(ticket_id, actor.member_id, now, MOST_BETWEEN_BEATS)
    if kept is None:
        raise not_found("ticketId")
    # Asked after the beat was kept, so that what another device of theirs did meanwhile is in it.
    runs = await rows.runs_of(kept.lesson.id, [actor.member_id])
    seen = presence(runs.get(actor.member_id, ()), _until(now, kept.airings))
    credited = kept.credited
    if kept.outcome is None and actor.member_id != kept.lesson.host_id:
        credited = _is_met(kept.lesson, seen, kept.check_ins_answered, kept.check_ins_asked)
    return Standing(seen, credited, kept.lesson.status, kept.outcome)


async def ticket_playback(ports: Ports, actor: Actor, lesson_id: UUID) -> tuple[str, str, datetime] | None:
    """(protocol, url, expires_at) of the stream for whoever holds a ticket; None until there is one."""
    [lesson] = await lessons_by_ids([lesson_id])
    return await playback_of(ports, actor, lesson) if lesson is not None else None


async def watching(lesson_id: UUID, now: datetime) -> int:
    """How many members are there now: a sign of life within the last minute."""
    return await rows.count_watching(lesson_id, now - MOST_BETWEEN_BEATS)


async def tell_audiences(ports: Ports) -> None:
    """A tick: tell each open room how many watch, where that has changed."""
    now = ports.clock.now()
    for lesson_id, count_now in await rows.audiences_changed(now - MOST_BETWEEN_BEATS, now):
        await tell_audience(ports, lesson_id, count_now)


async def standings(lesson: LiveLessonRow, now: datetime, member_ids: Sequence[UUID]) -> list[Standing | None]:
    """How far each member is, in the order of the ids; None for who neither came nor is written down."""
    kept = await rows.attendance_rows(lesson.id, member_ids)
    runs = await rows.runs_of(lesson.id, member_ids)
    airings = await _airings(lesson.id, now)
    answered, asked = dict[UUID, int](), 0
    if lesson.check_ins_required:
        answered, [asked] = await answers_by_member(lesson.id, member_ids), await count_check_ins([lesson.id])
    found: list[Standing | None] = []
    for member_id, row in zip(member_ids, kept, strict=True):
        if row is None:
            found.append(None)
            continue
        seen = presence(runs.get(member_id, ()), airings)
        met = _is_met(lesson, seen, answered.get(member_id, 0), asked)
        credited = row.credited if row.outcome is not None else met and member_id != lesson.host_id
        found.append(Standing(seen, credited, lesson.status, row.outcome))
    return found


async def sees_attendance(actor: Actor, lesson: LiveLessonRow) -> bool:
    """Whether the actor may read who was there: the host, and admins and auditors of the lesson's region."""
    reach = actor.reach(Role.ADMIN, Role.AUDITOR)
    return actor.member_id == lesson.host_id or within(lesson.region_path, reach)


async def excuse_from_live_lesson(
    ports: Ports, actor: Actor, lesson_id: UUID, member_id: UUID, reason: str
) -> AttendanceRow:
    """Let a member's absence not count against them. STATE_FORBIDS for who was there long enough,
    or has watched the replay."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise bad_input("reason")
    [seen] = await visible_lessons(actor, [lesson_id])
    if seen is None:
        raise not_found("liveLessonId")
    if not may_run_live(actor, seen.region_path) or member_id == actor.member_id:
        raise DomainError(ErrorCode.FORBIDDEN)
    [member] = await members_by_ids([member_id])
    if member is None or member.deleted_at is not None:
        raise not_found("memberId")

    async def work() -> AttendanceRow:
        await locked_lesson(lesson_id)
        if not await rows.excuse(lesson_id, member_id, actor.member_id, reason, ports.clock.now()):
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["memberId"])
        details: Details = {"member": str(member_id), "title": seen.title, "reason": reason}
        path = seen.region_path or None
        await record(ports, actor, "live.excused", "LiveLesson", lesson_id, details, region_path=path)
        [row] = await rows.attendance_rows(lesson_id, [member_id])
        assert row is not None
        return row

    return await transaction(work)


async def settle_live_lessons(ports: Ports) -> None:
    """A tick: settle the lessons that are over, each once, then reward who was there long enough."""
    due = await rows.lessons_to_settle(ports.clock.now() - SETTLED_AFTER, SETTLED_AT_ONCE)
    for lesson_id in due:

        async def work(lesson_id: UUID = lesson_id) -> None:
            lesson = await locked_lesson(lesson_id)
            if lesson is not None and not await rows.is_settled(lesson_id):
                await _settle(ports, lesson)

        await transaction(work)
    for lesson_id, member_id in await rows.attendances_to_reward(REWARDED_AT_ONCE):
        try:
            await _reward(ports, lesson_id, member_id)
        except Exception as error:
            _log.error("attendance not rewarded", member_id=str(member_id), error=type(error).__name__, exc_info=True)


async def settled_attendances(lesson_id: UUID, now: datetime) -> list[AttendanceRow]:
    """What became of everybody who came or had a seat, worked out from runs, airings and answers."""
    [lesson] = await lessons_by_ids([lesson_id])
    assert lesson is not None, "lessons are never deleted"
    runs, airings = await rows.runs_of(lesson_id), await _airings(lesson_id, now)
    answered, [asked] = await answers_by_member(lesson_id), await count_check_ins([lesson_id])
    first_aired_at = min((start for start, _ in airings), default=None)
    found: list[AttendanceRow] = []
    for member_id in sorted({*runs, *await rows.seated_members(lesson_id)} - {lesson.host_id}):
        seen = presence(runs.get(member_id, ()), airings)
        base = base_of(planned_seconds(lesson), seen.aired_seconds, over=True)
        met = is_met(credit_rule(lesson), seen.attended_seconds, base, answered.get(member_id, 0), asked)
        outcome = outcome_of(seen, first_aired_at, met=met)
        credited = outcome in (AttendanceOutcome.PRESENT, AttendanceOutcome.LATE)
        found.append(
            AttendanceRow(
                lesson_id, member_id, now, outcome, seen.attended_seconds, seen.percent, None, seen.last_at,
                answered.get(member_id, 0), credited,
            )
        )  # fmt: skip
    return found


async def _settle(ports: Ports, lesson: LiveLesson) -> None:
    """The caller holds the lesson."""
    require_transaction()
    now = ports.clock.now()
    airings = await _airings(lesson.id, now)
    runs = await rows.runs_of(lesson.id)
    runs.pop(lesson.host_id, None)
    await rows.settle(
        lesson.id,
        await settled_attendances(lesson.id, now),
        now,
        aired_seconds=presence((), airings).aired_seconds,
        peak=attendance.peak(runs, airings),
    )


async def _reward(ports: Ports, lesson_id: UUID, member_id: UUID) -> None:
    [lesson] = await lessons_by_ids([lesson_id])
    assert lesson is not None, "lessons are never deleted"
    assert lesson.ended_at is not None, "it is over"
    ended_at = lesson.ended_at

    async def work() -> None:
        place = await placement_at(member_id, ended_at)
        if not await rows.mark_rewarded(lesson_id, member_id, ports.clock.now(), ended_at, place):
            return
        await reward(ports, member_id, [LiveLessonAttended(member_id, lesson_id, ended_at, lesson.points)])
        await count(member_id, BoardMetric.LIVE_ATTENDANCES, 1, ended_at, place)
        await announce("member", str(member_id))

    await transaction(work)


async def _have_seat(ports: Ports, actor: Actor, lesson: LiveLessonRow) -> None:
    """FORBIDDEN for who is not invited; where seats are counted, see to it that the actor has one."""
    [seat] = await seats_of_member(actor.member_id, [lesson.id])
    if seat is not None and seat.state is SeatState.SEATED:
        return
    if not await is_invited(audience_of(actor), lesson.id):
        raise DomainError(ErrorCode.FORBIDDEN)
    if lesson.capacity is None:
        return
    if lesson.seats_taken >= lesson.capacity:
        raise DomainError(ErrorCode.FULL, field=["liveLessonId"])
    if (await reserve_live_seat(ports, actor, lesson.id, waits=False)).state is not SeatState.SEATED:
        raise DomainError(ErrorCode.FULL, field=["liveLessonId"])


def _is_met(lesson: LiveLessonRow, seen: Presence, answered: int, asked: int) -> bool:
    """Whether the credit rule is met by now. While the lesson runs, check-ins may still come."""
    over = lesson.status in OVER
    base = base_of(planned_seconds(lesson), seen.aired_seconds, over=over)
    bound = asked if over else max(asked, lesson.check_ins_required)
    return is_met(credit_rule(lesson), seen.attended_seconds, base, answered, bound)


async def _airings(lesson_id: UUID, now: datetime) -> list[Stretch]:
    [found] = await airings_of([lesson_id])
    return _until(now, [(each.from_at, each.until_at) for each in found])


def _until(now: datetime, airings: Iterable[tuple[datetime, datetime | None]]) -> list[Stretch]:
    """The airings, those that go on cut off now."""
    return [(from_at, until_at or max(now, from_at)) for from_at, until_at in airings]


def credit_rule(lesson: LiveLessonRow) -> CreditRule:
    return CreditRule(lesson.min_percent, lesson.min_seconds, lesson.check_ins_required)


def planned_seconds(lesson: LiveLessonRow) -> int:
    return int((lesson.ends_at - lesson.starts_at).total_seconds())
