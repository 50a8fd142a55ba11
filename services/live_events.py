"""What happens in the room of a live lesson, told to everybody in one order without a gap.

An event is written with `room_event` in the transaction of what it tells, and its number is the next one of the room.
`tell_room` says after the commit that there is something new; the outbox says it again, should this process die in
between.
"""

from collections.abc import Mapping
from uuid import UUID

from kit.db import require_transaction
from kit.words import RoomEventKind
from models import live_room as rows
from models.live import LiveLesson
from services.outbox import announce
from services.ports import Ports


def room_channel(lesson_id: UUID) -> str:
    return f"room:{lesson_id}"


async def room_event(
    ports: Ports, lesson_id: UUID, kind: RoomEventKind, about_id: UUID | None = None, **details: object
) -> int:
    """Write the next event of a room, in the transaction of what it tells; its number. Holds the room until the end.

    await room_event(ports, lesson.id, RoomEventKind.STATUS_CHANGED, status=lesson.status)
    """
    require_transaction()
    seq = await rows.append_event(lesson_id, kind, ports.clock.now(), about_id, details)
    await announce("room", str(lesson_id), {"seq": seq})
    return seq


async def room_status_changed(ports: Ports, lesson: LiveLesson) -> None:
    """The lesson has come into another state. Called by whoever moved it, in that transaction."""
    await room_event(ports, lesson.id, RoomEventKind.STATUS_CHANGED, status=lesson.status.value)


async def tell_room(ports: Ports, lesson_id: UUID, seq: int) -> None:
    """Say after the commit that a room has events up to `seq`; never fails."""
    await ports.bus.publish(room_channel(lesson_id), {"kind": "moved", "seq": seq})


async def rooms_moved(ports: Ports, moved: Mapping[UUID, int]) -> None:
    """The outbox's way of `tell_room`: room -> the number up to which there are events."""
    await ports.bus.publish_each(
        (room_channel(lesson_id), {"kind": "moved", "seq": seq}) for lesson_id, seq in moved.items()
    )
