"""The room of a live lesson: its events, numbered without a gap, and what they tell of.

Every event takes the next number of its room under the lock of the room's row, in the transaction of what it tells; so
numbers are in the order of the commits, and whoever has seen one has seen all before it. Who holds several rows takes
them in this order: the lesson, the room, then a message or a poll. Nothing here has a table class: all is written and
read in sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, require_transaction, rows
from kit.words import LiveMessageKind, RoomEventKind

OPENING_MESSAGES = 50


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a message's event shows of it. `author_name` is what the author is called by now."""

    kind: LiveMessageKind
    text: str
    author_id: UUID
    author_name: str
    avatar_media_id: UUID | None


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """One thing that happened in a room, as everybody in it is told.

    `offset_seconds`: how long the lesson had been on air by then, interruptions left out. `about_id` is the message,
    poll, check-in or product. `spoken` goes with a message that is still there; `details` with all other kinds.
    `removed`: a message that was taken away since.
    """

    lesson_id: UUID
    seq: int
    kind: RoomEventKind
    at: datetime
    offset_seconds: int
    about_id: UUID | None
    details: Mapping[str, Any]
    spoken: Spoken | None = None

    @property
    def removed(self) -> bool:
        return self.kind is RoomEventKind.MESSAGE_POSTED and self.spoken is None


@dataclass(frozen=True, slots=True)
class RoomRow:
    """How a room stands. `watching`: the audience as it was last told."""

    lesson_id: UUID
    last_seq: int
    slow_seconds: int
    pinned_id: UUID | None
    watching: int


# Events

_EVENTS = """
SELECT e.seq, e.kind, e.at, e.offset_seconds, e.about_id, e.details, m.kind AS message_kind, m.text, m.member_id,
       a.display_name, a.avatar_media_id
FROM live_room_events e
LEFT JOIN live_messages m ON e.kind = 'MESSAGE_POSTED' AND m.id = e.about_id AND m.removed_at IS NULL
LEFT JOIN members a ON a.id = m.member_id
WHERE e.lesson_id = $1
"""


async def append_event(
    lesson_id: UUID, kind: RoomEventKind, at: datetime, about_id: UUID | None, details: Mapping[str, Any]
) -> int:
    """Write the next event of a room; its number. Holds the room's row until the transaction ends.

    The moment is never before that of the event ahead of it, whatever the clocks of two processes say.
    """
    require_transaction()
    [row] = await rows(
        "WITH room AS (INSERT INTO live_rooms (lesson_id, last_seq, last_at) VALUES ($1, 1, $3)"
        " ON CONFLICT (lesson_id) DO UPDATE SET last_seq = live_rooms.last_seq + 1,"
        " last_at = greatest(live_rooms.last_at, excluded.last_at) RETURNING last_seq, last_at)"
        " INSERT INTO live_room_events (lesson_id, seq, kind, at, offset_seconds, about_id, details)"
        " SELECT $1, last_seq, $2::text, last_at, coalesce((SELECT floor(sum(extract(epoch FROM"
        "  least(coalesce(l.until_at, last_at), last_at) - l.from_at))) FROM live_airings l"
        "  WHERE l.lesson_id = $1 AND l.from_at < last_at), 0), $4::uuid, $5::jsonb FROM room RETURNING seq",
        lesson_id, kind.value, at, about_id, orjson.dumps(details, default=str).decode(),
    )  # fmt: skip
    return int(row["seq"])


async def last_seq(lesson_id: UUID) -> int:
    """The number of the room's newest event, 0 before the first."""
    found = await rows("SELECT last_seq FROM live_rooms WHERE lesson_id = $1", lesson_id)
    return int(found[0]["last_seq"]) if found else 0


async def events_between(lesson_id: UUID, after: int, up_to: int, limit: int) -> list[RoomEvent]:
    """The events with numbers in (after, up_to], the first `limit` of them, in order."""
    found = await rows(
        f"{_EVENTS} AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4", lesson_id, after, up_to, limit
    )
    return [_event(lesson_id, row) for row in found]


async def opening_events(lesson_id: UUID, up_to: int, now: datetime) -> list[RoomEvent]:
    """What somebody who comes in now is told, in order: the last messages that are still there, and of the rest what
    holds now. All of them are events with numbers up to `up_to`."""
    found = await rows(
        f"{_EVENTS} AND e.seq IN ("  # noqa: S608 - fixed parts
        " (SELECT m.seq FROM live_messages m WHERE m.lesson_id = $1 AND m.removed_at IS NULL AND m.seq <= $2"
        f"  ORDER BY m.seq DESC LIMIT {OPENING_MESSAGES})"
        " UNION ALL (SELECT s.seq FROM live_room_events s WHERE s.lesson_id = $1 AND s.kind = 'STATUS_CHANGED'"
        "  AND s.seq <= $2 ORDER BY s.seq DESC LIMIT 1)"
        " UNION ALL (SELECT s.seq FROM live_room_events s WHERE s.lesson_id = $1 AND s.kind = 'AUDIENCE_CHANGED'"
        "  AND s.seq <= $2 ORDER BY s.seq DESC LIMIT 1)"
        " UNION ALL (SELECT p.seq FROM (SELECT s.seq, s.about_id FROM live_room_events s WHERE s.lesson_id = $1"
        "  AND s.kind = 'PRODUCT_PINNED' AND s.seq <= $2 ORDER BY s.seq DESC LIMIT 1) p WHERE p.about_id IS NOT NULL)"
        " UNION ALL (SELECT s.seq FROM live_room_events s JOIN live_polls p ON p.id = s.about_id"
        "  WHERE s.lesson_id = $1 AND s.kind = 'POLL_OPENED' AND s.seq <= $2 AND p.closed_at IS NULL"
        "  AND p.closes_at > $3)"
        " UNION ALL (SELECT s.seq FROM live_room_events s JOIN live_check_ins c ON c.id = s.about_id"
        "  WHERE s.lesson_id = $1 AND s.kind = 'CHECK_IN_ASKED' AND s.seq <= $2 AND c.answer_by > $3))"
        " ORDER BY e.seq",
        lesson_id, up_to, now,
    )  # fmt: skip
    return [_event(lesson_id, row) for row in found]


def _event(lesson_id: UUID, row: Mapping[str, Any]) -> RoomEvent:
    spoken = None
    if row["message_kind"] is not None:
        spoken = Spoken(
            LiveMessageKind(row["message_kind"]),
            row["text"],
            row["member_id"],
            row["display_name"],
            row["avatar_media_id"],
        )
    return RoomEvent(
        lesson_id,
        row["seq"],
        RoomEventKind(row["kind"]),
        row["at"],
        row["offset_seconds"],
        row["about_id"],
        orjson.loads(row["details"]),
        spoken,
    )


# The room


async def locked_room(lesson_id: UUID) -> RoomRow:
    """The room, made if it is new, its row locked until the transaction ends: nothing happens in it meanwhile."""
    require_transaction()
    await execute("INSERT INTO live_rooms (lesson_id) VALUES ($1) ON CONFLICT (lesson_id) DO NOTHING", lesson_id)
    [row] = await rows("SELECT * FROM live_rooms WHERE lesson_id = $1 FOR NO KEY UPDATE", lesson_id)
    return _room(row)


async def rooms_of(lesson_ids: Sequence[UUID]) -> list[RoomRow]:
    """The rooms of these lessons, in their order; one in which nothing has happened yet is empty."""
    found = {
        row["lesson_id"]: _room(row)
        for row in await rows("SELECT * FROM live_rooms WHERE lesson_id = ANY($1::uuid[])", list(lesson_ids))
    }
    return [found.get(each) or RoomRow(each, 0, 0, None, 0) for each in lesson_ids]


async def set_slow(lesson_id: UUID, seconds: int) -> None:
    """The caller holds the room."""
    await execute("UPDATE live_rooms SET slow_seconds = $2 WHERE lesson_id = $1", lesson_id, seconds)


async def set_pinned(lesson_id: UUID, product_id: UUID | None) -> None:
    """The caller holds the room."""
    await execute("UPDATE live_rooms SET pinned_id = $2 WHERE lesson_id = $1", lesson_id, product_id)


async def set_watching(lesson_id: UUID, watching: int) -> None:
    """The caller holds the room."""
    await execute("UPDATE live_rooms SET watching = $2 WHERE lesson_id = $1", lesson_id, watching)


def _room(row: Mapping[str, Any]) -> RoomRow:
    return RoomRow(row["lesson_id"], row["last_seq"], row["slow_seconds"], row["pinned_id"], row["watching"])


# Who is there


async def is_in_audience(lesson_id: UUID, member_id: UUID) -> bool:
    """Whether the member has a seat in the lesson, or has joined its room."""
    found = await rows(
        "SELECT 1 FROM live_seats WHERE lesson_id = $1 AND member_id = $2 AND state = 'SEATED'"
        " UNION ALL SELECT 1 FROM live_tickets WHERE lesson_id = $1 AND member_id = $2 LIMIT 1",
        lesson_id, member_id,
    )  # fmt: skip
    return bool(found)


async def is_known_in(lesson_id: UUID, member_id: UUID) -> bool:
    """Whether the member is in the audience, or has said something in the room."""
    found = await rows(
        "SELECT 1 FROM live_messages WHERE lesson_id = $1 AND member_id = $2 LIMIT 1", lesson_id, member_id
    )
    return bool(found) or await is_in_audience(lesson_id, member_id)
