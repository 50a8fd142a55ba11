"""The room of a live lesson: who may be in it, and following what happens there (`services/live_events.py`).

Whoever follows a room listens first, then reads, then goes on from the number it has: news says only "look".
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_hold_live
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.tasks import end
from kit.words import LiveStatus, RoomEventKind
from models import live_room as rows
from models.live import steps_of
from models.live_lists import LiveLessonRow, lessons_by_ids
from models.live_room import RoomEvent
from services.live import visible_lessons
from services.live_events import room_channel, room_event, tell_room
from services.live_states import Deed, allows
from services.ports import Ports

LOOK_SECONDS = 2.0
"""How long a quiet room is followed before looking by itself: the bus may be away."""
EVENTS_AT_ONCE = 200

LAST_STATES = frozenset({LiveStatus.ARCHIVED, LiveStatus.CANCELLED, LiveStatus.EXPIRED})
"""After these nothing happens in a room any more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody who comes in is told first, in order, and the number after which everything new follows."""

    events: list[RoomEvent]
    seq: int


# Who may


async def seen_lesson(actor: Actor, lesson_id: UUID, *field: str) -> LiveLessonRow:
    """The lesson; NOT_FOUND for one that is not there for the actor."""
    [lesson] = await visible_lessons(actor, [lesson_id])
    if lesson is None:
        raise not_found(*field)
    return lesson


async def run_lesson(actor: Actor, lesson_id: UUID, *field: str) -> LiveLessonRow:
    """The lesson whose room the actor runs; FORBIDDEN for who may only see it."""
    lesson = await seen_lesson(actor, lesson_id, *field)
    if not may_hold_live(actor, lesson.host_id, lesson.region_path):
        raise DomainError(ErrorCode.FORBIDDEN)
    return lesson


def runs(actor: Actor, lesson: LiveLessonRow) -> bool:
    return may_hold_live(actor, lesson.host_id, lesson.region_path)


async def require_present(ports: Ports, actor: Actor, lesson_id: UUID, *field: str) -> LiveLessonRow:
    """The lesson as it is now, in whose room the actor may take part: it is open, and they run it, have a seat or have
    joined. NOT_OPEN before the doors open, CLOSED once it is over; STATE_FORBIDS for who has not joined."""
    [lesson] = await lessons_by_ids([lesson_id])
    assert lesson is not None, "lessons are never deleted"
    require_open(ports, lesson, *field)
    if not runs(actor, lesson) and not await rows.is_in_audience(lesson.id, actor.member_id):
        raise DomainError(ErrorCode.STATE_FORBIDS, field=field or None)
    return lesson


def require_open(ports: Ports, lesson: LiveLessonRow, *field: str) -> None:
    """A room is open from when its doors open until they close, and as long as the lesson is on air after that."""
    now = ports.clock.now()
    if lesson.status is LiveStatus.DRAFT or (allows(lesson.status, Deed.TALK) and now < lesson.doors_open_at):
        raise DomainError(ErrorCode.NOT_OPEN, field=field or None)
    on_air = lesson.status in (LiveStatus.LIVE, LiveStatus.INTERRUPTED)
    if not allows(lesson.status, Deed.TALK) or (now >= lesson.doors_close_at and not on_air):
        raise DomainError(ErrorCode.CLOSED, field=field or None)


# Following


async def enter_room(ports: Ports, actor: Actor, lesson_id: UUID, after: int | None) -> None:
    """NOT_FOUND for a lesson that is not there for the actor; BAD_USER_INPUT for a number its room has not reached."""
    await seen_lesson(actor, lesson_id, "liveLessonId")
    if after is not None and not 0 <= after <= await rows.last_seq(lesson_id):
        raise bad_input("after")


async def entry(ports: Ports, lesson_id: UUID, up_to: int) -> Entry:
    """What somebody is told who comes in without a number: the last messages, and what is open now. Before anything
    happened it is the state of the lesson, under the number 0."""
    events = await rows.opening_events(lesson_id, up_to, ports.clock.now())
    if not any(event.kind is RoomEventKind.STATUS_CHANGED for event in events):
        [steps] = await steps_of([lesson_id])
        status = {"status": steps[-1].status.value}
        events.insert(0, RoomEvent(lesson_id, 0, RoomEventKind.STATUS_CHANGED, steps[-1].at, 0, None, status))
    return Entry(events, up_to)


def is_last(event: RoomEvent) -> bool:
    """Whether nothing can follow this event."""
    return event.kind is RoomEventKind.STATUS_CHANGED and LiveStatus(event.details["status"]) in LAST_STATES


async def is_over(lesson_id: UUID, seq: int) -> bool:
    """Whether nothing can follow the event of this number."""
    return any(is_last(event) for event in await rows.events_between(lesson_id, seq - 1, seq, 1))


async def room_feed(ports: Ports, lesson_id: UUID, after: int | None) -> AsyncGenerator[RoomEvent, None]:
    """The events of a room for one follower: what `entry` gives or what came after `after`, then all that follows.

    The plain way. `server/rooms.py` gives the same to thousands at once; a test holds the two against each other.
    """
    seen = after or 0
    async with follow_news(ports, lesson_id, lambda: seen) as moved:
        if after is None:
            opening = await entry(ports, lesson_id, await rows.last_seq(lesson_id))
            for event in opening.events:
                yield event
                if is_last(event):
                    return
            seen = opening.seq
        elif await is_over(lesson_id, after):
            return
        while True:
            moved.clear()
            while events := await rows.events_between(lesson_id, seen, seen + EVENTS_AT_ONCE, EVENTS_AT_ONCE):
                for event in events:
                    yield event
                    if is_last(event):
                        return
                seen = events[-1].seq
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), LOOK_SECONDS)


@contextlib.asynccontextmanager
async def follow_news(ports: Ports, lesson_id: UUID, seen: Callable[[], int]) -> AsyncGenerator[asyncio.Event, None]:
    """An event that is set whenever there may be something in a room after the number `seen`, from now on."""
    moved = asyncio.Event()
    listening = asyncio.Event()

    async def watch() -> None:
        while True:
            with contextlib.suppress(DomainError):  # too much to hear at once: all of it means "look"
                async with ports.bus.listen(room_channel(lesson_id)) as news:
                    listening.set()
                    moved.set()
                    async for message in news:
                        if message.get("seq", math.inf) > seen():
                            moved.set()

    watching = asyncio.create_task(watch())
    try:
        await listening.wait()
        yield moved
    finally:
        await end(watching)


# The audience


async def tell_audience(ports: Ports, lesson_id: UUID, watching: int) -> None:
    """Tell a room how many watch, if that is another number than it was told last. Called by whoever counts tickets,
    every five seconds at most."""

    async def work() -> int | None:
        room = await rows.locked_room(lesson_id)
        if room.watching == watching:
            return None
        await rows.set_watching(lesson_id, watching)
        return await room_event(ports, lesson_id, RoomEventKind.AUDIENCE_CHANGED, watching=watching)

    seq = await transaction(work)
    if seq is not None:
        await tell_room(ports, lesson_id, seq)
