"""What happens to a live lesson and somebody must hear of, in one place.

Each function is called in the transaction of what happened, by whoever made it happen, holding the lesson's row. What
is told is told here and nowhere else: notices, planned reminders, calendars and rooms hang on these calls.
"""

from collections.abc import Sequence
from uuid import UUID

from gamification.titles import Title, moment
from kit.db import require_transaction
from kit.words import LiveStatus, NoticeKind, SeatState
from models.live import LiveLesson, reserved_by
from services.live_events import room_status_changed
from services.live_keys import close_streams, keep_airings, move_keys
from services.live_states import FAILED, TO_COME
from services.notices import Tidings, Value, tell_each
from services.ports import Ports
from services.reminders import REPLAY_IS_NEWS, plan_lesson, tell_seats, withdraw_lesson
from services.staff_news import tell_staff

TOLD_AT_ONCE = 1_000
NOT_BEGUN = Title("主讲人未能按时开播", "It could not begin in time")


async def lesson_planned(ports: Ports, lesson: LiveLesson) -> None:
    """It was announced: it came, or was published from a draft, as SCHEDULED."""
    await plan_lesson(ports, lesson)


async def lesson_rescheduled(ports: Ports, lesson: LiveLesson, before: LiveLesson) -> None:
    """Its time is another one; `before` is the lesson as it was. Whoever reserved or waits is told, and
    reminded by the new time."""
    await withdraw_lesson(ports, lesson)
    if lesson.status in TO_COME:
        await plan_lesson(ports, lesson)
    members = await reserved_by(lesson.id, SeatState.SEATED, SeatState.WAITLISTED)
    await _tell(ports, lesson, NoticeKind.LIVE_LESSON_MOVED, members, str(lesson.schedule_version))
    if lesson.status is LiveStatus.SCHEDULED:
        await tell_staff(ports, lesson)
    await move_keys(lesson)


async def lesson_changed(ports: Ports, lesson: LiveLesson, before: LiveLesson) -> None:
    """Something else of it was changed: what it is called, who hosts, for whom it is."""
    require_transaction()


async def status_changed(ports: Ports, lesson: LiveLesson, before: LiveStatus, cause: str) -> None:
    """It went from one state into another; if it will not take place, whoever reserved or waits is told.

    Their seats are still as they were. Whoever has one hears, too, that it is on air and that the replay is there.
    """
    require_transaction()
    await keep_airings(ports, lesson, before)
    if before in TO_COME and lesson.status not in TO_COME:
        await withdraw_lesson(ports, lesson)
    if before in TO_COME and lesson.status is LiveStatus.LIVE:
        await tell_seats(ports, lesson, NoticeKind.LIVE_STARTED, until=lesson.ends_at)
        await tell_staff(ports, lesson)
    if lesson.status is LiveStatus.REPLAY_READY:
        await tell_seats(ports, lesson, NoticeKind.LIVE_REPLAY_READY, until=ports.clock.now() + REPLAY_IS_NEWS)
    if lesson.status in FAILED:
        members = await reserved_by(lesson.id, SeatState.SEATED, SeatState.WAITLISTED)
        reason = cause if lesson.status is LiveStatus.CANCELLED else NOT_BEGUN
        await _tell(ports, lesson, NoticeKind.LIVE_LESSON_CANCELLED, members, "", reason=reason)
        await tell_staff(ports, lesson)
    await room_status_changed(ports, lesson)
    await close_streams(ports, lesson)


async def seat_reserved(ports: Ports, lesson: LiveLesson, member_id: UUID) -> None:
    """A member has a seat who had none and did not wait for one."""
    require_transaction()


async def seats_promoted(ports: Ports, lesson: LiveLesson, member_ids: Sequence[UUID]) -> None:
    """These members waited and have seats now, in the order of their arrival; each is told."""
    key = ports.clock.now().isoformat()
    await _tell(ports, lesson, NoticeKind.LIVE_SEAT_PROMOTED, member_ids, key)


async def seat_given_up(ports: Ports, lesson: LiveLesson, member_id: UUID) -> None:
    """A member gave up the seat, or the place on the waitlist."""
    require_transaction()


async def _tell(
    ports: Ports, lesson: LiveLesson, kind: NoticeKind, member_ids: Sequence[UUID], key: str, **values: Value
) -> None:
    require_transaction()
    said: dict[str, Value] = {"lesson": lesson.title, "starts": moment(lesson.starts_at), **values}
    about = ("LiveLesson", lesson.id)
    for begin in range(0, len(member_ids), TOLD_AT_ONCE):
        told = member_ids[begin : begin + TOLD_AT_ONCE]
        await tell_each(ports, kind, [Tidings(each, f"{lesson.id} {key}".rstrip(), said, about) for each in told])
