"""What is said in a live lesson's room: messages and questions, their up-votes, and who is muted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import LiveMessageKind


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as it stands. `upvotes` counts the rows of `live_upvotes`."""

    id: UUID
    lesson_id: UUID
    seq: int
    member_id: UUID
    kind: LiveMessageKind
    text: str
    posted_at: datetime
    offset_seconds: int
    upvotes: int
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SpeakerStanding:
    """What decides whether a member may say something now. `posted_id`: what they said under this client id before;
    `recent_at`: when they said their last few things, the newest first; of what was removed too."""

    posted_id: UUID | None
    muted_until: datetime | None
    recent_at: tuple[datetime, ...]
    slow_seconds: int


MESSAGE = "id, lesson_id, seq, member_id, kind, text, posted_at, offset_seconds, upvotes, removed_at"


async def speaker_standing(lesson_id: UUID, member_id: UUID, client_id: UUID, recent: int) -> SpeakerStanding:
    [row] = await rows(
        "SELECT (SELECT id FROM live_messages WHERE lesson_id = $1 AND member_id = $2 AND client_id = $3) AS posted_id,"
        " (SELECT until_at FROM live_mutes WHERE lesson_id = $1 AND member_id = $2) AS muted_until,"
        " ARRAY(SELECT posted_at FROM live_messages WHERE lesson_id = $1 AND member_id = $2"
        "  ORDER BY posted_at DESC LIMIT $4) AS recent_at,"
        " coalesce((SELECT slow_seconds FROM live_rooms WHERE lesson_id = $1), 0) AS slow_seconds",
        lesson_id, member_id, client_id, recent,
    )  # fmt: skip
    return SpeakerStanding(row["posted_id"], row["muted_until"], tuple(row["recent_at"]), row["slow_seconds"])


async def add_message(
    message_id: UUID, lesson_id: UUID, seq: int, member_id: UUID, client_id: UUID, kind: LiveMessageKind, text: str
) -> MessageRow:
    """Keep what was said in the event `seq` of the room, which the caller has just written."""
    require_transaction()
    [row] = await rows(
        "INSERT INTO live_messages (id, lesson_id, seq, member_id, client_id, kind, text, posted_at, offset_seconds)"  # noqa: S608
        " SELECT $1, $2, $3, $4, $5, $6, $7, e.at, e.offset_seconds FROM live_room_events e"
        f" WHERE e.lesson_id = $2 AND e.seq = $3 RETURNING {MESSAGE}",
        message_id, lesson_id, seq, member_id, client_id, kind.value, text,
    )  # fmt: skip
    return _message(row)


async def messages_by_ids(ids: Sequence[UUID]) -> list[MessageRow | None]:
    """The messages of these ids, removed ones too, in the order of `ids`."""
    found = {
        row["id"]: _message(row)
        for row in await rows(f"SELECT {MESSAGE} FROM live_messages WHERE id = ANY($1::uuid[])", list(ids))  # noqa: S608
    }
    return [found.get(each) for each in ids]


async def locked_message(message_id: UUID) -> MessageRow | None:
    """The message, its row locked until the transaction ends."""
    require_transaction()
    found = await rows(f"SELECT {MESSAGE} FROM live_messages WHERE id = $1 FOR NO KEY UPDATE", message_id)  # noqa: S608
    return _message(found[0]) if found else None


async def remove_message(message_id: UUID, by: UUID, now: datetime) -> None:
    """The caller holds the message."""
    await execute("UPDATE live_messages SET removed_at = $2, removed_by = $3 WHERE id = $1", message_id, now, by)


async def messages_page(lesson_id: UUID, ask: Ask) -> Page[MessageRow]:
    """What was said in a lesson and is still there, in the order of its replay. Key: [offset_seconds, seq]."""
    where, values = "lesson_id = $1 AND removed_at IS NULL", list[object]([lesson_id])
    for key, beyond in ((ask.after, ">"), (ask.before, "<")):
        if key is not None:
            where += f" AND (offset_seconds, seq) {beyond} (${len(values) + 1}::int, ${len(values) + 2}::int)"
            values += key
    order = "DESC" if ask.backwards else "ASC"
    found = await rows(
        f"SELECT {MESSAGE} FROM live_messages WHERE {where}"  # noqa: S608 - fixed parts
        f" ORDER BY offset_seconds {order}, seq {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([_message(row) for row in found], ask)


async def count_messages(lesson_id: UUID) -> int:
    [row] = await rows("SELECT count(*) AS n FROM live_messages WHERE lesson_id = $1 AND removed_at IS NULL", lesson_id)
    return int(row["n"])


async def toggle_upvote(message_id: UUID, member_id: UUID, now: datetime) -> MessageRow:
    """Give the member's up-vote, or take it back if it was given. The caller holds the message."""
    require_transaction()
    taken = await execute("DELETE FROM live_upvotes WHERE message_id = $1 AND member_id = $2", message_id, member_id)
    if not taken:
        await execute(
            "INSERT INTO live_upvotes (message_id, member_id, voted_at) VALUES ($1, $2, $3)", message_id, member_id, now
        )
    [row] = await rows(
        f"UPDATE live_messages SET upvotes = upvotes + $2 WHERE id = $1 RETURNING {MESSAGE}",  # noqa: S608
        message_id, -1 if taken else 1,
    )  # fmt: skip
    return _message(row)


async def upvoted(member_id: UUID, message_ids: Sequence[UUID]) -> list[bool]:
    """Whether the member has up-voted each message, in the order of the ids."""
    found = await rows(
        "SELECT message_id FROM live_upvotes WHERE member_id = $1 AND message_id = ANY($2::uuid[])",
        member_id, list(message_ids),
    )  # fmt: skip
    given = {row["message_id"] for row in found}
    return [each in given for each in message_ids]


async def put_mute(lesson_id: UUID, member_id: UUID, now: datetime, until: datetime) -> None:
    """Mute a member until a moment, in place of an earlier mute."""
    await execute(
        "INSERT INTO live_mutes (lesson_id, member_id, muted_at, until_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (lesson_id, member_id) DO UPDATE SET muted_at = excluded.muted_at, until_at = excluded.until_at",
        lesson_id, member_id, now, until,
    )  # fmt: skip


async def lift_mute(lesson_id: UUID, member_id: UUID) -> bool:
    """False if there was none."""
    return bool(await execute("DELETE FROM live_mutes WHERE lesson_id = $1 AND member_id = $2", lesson_id, member_id))


async def is_new_word_list(checksum: str) -> bool:
    """Whether the words that are refused are others than when they were looked at last."""
    found = await rows("SELECT checksum FROM live_word_lists ORDER BY seen_at DESC, id DESC LIMIT 1")
    return not found or found[0]["checksum"] != checksum


async def add_word_list(list_id: UUID, checksum: str, words: int, now: datetime) -> None:
    await execute(
        "INSERT INTO live_word_lists (id, checksum, words, seen_at) VALUES ($1, $2, $3, $4)",
        list_id, checksum, words, now,
    )  # fmt: skip


def _message(row: dict[str, Any]) -> MessageRow:
    return MessageRow(**{**row, "kind": LiveMessageKind(row["kind"])})


async def untold_removals(member_id: UUID) -> dict[UUID, list[UUID]]:
    """Lesson -> messages of the member that are gone while the room is still followed, and of which it was not told."""
    found = await rows(
        "SELECT m.lesson_id, m.id FROM live_messages m JOIN live_lessons l ON l.id = m.lesson_id"
        " WHERE m.member_id = $1 AND m.removed_at IS NOT NULL"
        " AND l.status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED', 'ENDED', 'REPLAY_READY')"
        " AND NOT EXISTS (SELECT FROM live_room_events e WHERE e.lesson_id = m.lesson_id"
        " AND e.kind = 'MESSAGE_REMOVED' AND e.about_id = m.id) ORDER BY m.lesson_id, m.seq",
        member_id,
    )
    shelf: dict[UUID, list[UUID]] = {}
    for row in found:
        shelf.setdefault(row["lesson_id"], []).append(row["id"])
    return shelf
