"""Live lessons: who sees which, and the one way from a state to the next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from auth.actor import Actor
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input
from kit.paging import Ask, Page
from kit.words import LiveStatus, Role
from models import live_lists
from models.live import LiveLesson, LiveSeries, LiveStep, end_seats, lessons_to_expire, locked_lesson
from models.live_lists import Audience, LiveCard, LiveLessonRow, Window
from services.live_news import status_changed
from services.live_states import FAILED, OVER, may_move
from services.ports import Ports

PATIENCE = timedelta(minutes=60)
"""How long after its time a lesson may begin."""
WIDEST_WINDOW = timedelta(days=366)


async def move_live_lesson(
    ports: Ports, lesson: LiveLesson, to: LiveStatus, *, cause: str, by: UUID | None = None
) -> LiveLesson:
    """Bring a lesson into another state, keep when and why, and let everybody know who must.

    The caller holds the lesson's row (`models.live.locked_lesson`) and saves nothing of the state itself. `cause` is a
    few words for those who look into it later, as "the host ended it"; `by` is who did it, None the server. A lesson
    that will not take place gives up its seats, once who had them was told. To the state it is in already: nothing
    happens. STATE_FORBIDS for a move that `services/live_states.py` does not know.
    """
    require_transaction()
    before, now = lesson.status, ports.clock.now()
    if to is before:
        return lesson
    if not may_move(before, to):
        raise DomainError(ErrorCode.STATE_FORBIDS)
    lesson.status = to
    if to is LiveStatus.LIVE and lesson.started_at is None:
        lesson.started_at = now
    if to in OVER and lesson.ended_at is None:
        lesson.ended_at = now
    if to in FAILED:
        lesson.schedule_version += 1
    await lesson.save(update_fields=["status", "started_at", "ended_at", "schedule_version"])
    await LiveStep.create(lesson_id=lesson.id, status=to, at=now, by=by, cause=cause[:200])
    await status_changed(ports, lesson, before, cause)
    if to in FAILED:
        await end_seats(lesson.id, now)
        lesson.seats_taken = 0
    return lesson


async def expire_live_lessons(ports: Ports) -> None:
    """A tick: what has not begun an hour after its time will not, and who had a seat is told."""

    async def expire(lesson_id: UUID) -> None:
        lesson = await locked_lesson(lesson_id)
        if lesson is not None and lesson.starts_at <= due and may_move(lesson.status, LiveStatus.EXPIRED):
            await move_live_lesson(ports, lesson, LiveStatus.EXPIRED, cause="not begun an hour after its time")

    due = ports.clock.now() - PATIENCE
    for each in await lessons_to_expire(due):
        await transaction(partial(expire, each))


def audience_of(actor: Actor) -> Audience:
    """What the actor is invited to where they learn now, and what they look after."""
    return Audience(actor.member_id, actor.reach(), actor.reach(Role.ADMIN, Role.AUDITOR))


async def visible_lessons(actor: Actor, ids: Sequence[UUID]) -> list[LiveLessonRow | None]:
    """Those of the lessons that are there for the actor, None for the others, in the order of `ids`."""
    return await live_lists.visible_to(audience_of(actor), ids)


async def visible_series(actor: Actor, ids: Sequence[UUID]) -> list[LiveSeries | None]:
    """Those of the series that have a lesson which is there for the actor, None for the others, in their order."""
    return await live_lists.series_visible_to(audience_of(actor), ids)


def checked_window(
    ports: Ports, from_at: datetime | None, to_at: datetime | None, states: Sequence[LiveStatus] | None
) -> Window:
    """What was asked for; BAD_USER_INPUT at `to` for a window that holds no moment, or more than a year.

    Without a start it is what is still to be seen from now on: whatever is on air, however late, and then what comes;
    of what ended early, nothing, unless its state is asked for by name.
    """
    from_now = from_at is None
    begins = from_at if from_at is not None else ports.clock.now()
    ends = to_at if to_at is not None else begins + WIDEST_WINDOW
    if not begins < ends <= begins + WIDEST_WINDOW:
        raise bad_input("to")
    if states is None and from_now:
        states = tuple(each for each in LiveStatus if each not in OVER | FAILED)
    return Window(begins, ends, tuple(dict.fromkeys(states)) if states is not None else None, from_now)


async def list_lessons(actor: Actor | None, window: Window, ask: Ask) -> Page[LiveCard]:
    """The lessons of a window that are there for the actor, in its order; `window` is a checked one."""
    if actor is None:
        return Page([])
    return await live_lists.lessons_page(audience_of(actor), window, ask)


async def count_lessons(actor: Actor | None, window: Window) -> int:
    return await live_lists.count_lessons(audience_of(actor), window) if actor is not None else 0
