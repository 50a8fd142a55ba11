"""The streams of live lessons: keys, who published when, and what was recorded.

Whoever changes one of these holds the lesson's row first (`models.live.locked_lesson`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows
from models.live import LiveLesson

_OPEN = "FROM stream_feeds f JOIN stream_keys k ON k.id = f.key_id WHERE f.until_at IS NULL"


class StreamKey(Model):
    """What lets a host publish under `name` in [valid_from, expires_at), until it is revoked. A lesson has at most one
    that is not.

    `secret_hash` is the SHA-256 of what the host was shown once, in hex.
    """

    id = fields.UUIDField(primary_key=True)
    lesson: fields.ForeignKeyRelation[LiveLesson] = fields.ForeignKeyField(
        "models.LiveLesson", "stream_keys", on_delete=fields.RESTRICT
    )
    lesson_id: UUID
    name = fields.CharField(64, unique=True)
    secret_hash = fields.CharField(64)
    issued_by = fields.UUIDField()
    issued_at = fields.DatetimeField()
    valid_from = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "stream_keys"


class StreamFeed(Model):
    """One connection of a publisher that was let in, [from_at, until_at). A lesson has at most one that is open.

    `client` is what the media server calls it; None where it has no name for one.
    """

    id = fields.UUIDField(primary_key=True)
    lesson: fields.ForeignKeyRelation[LiveLesson] = fields.ForeignKeyField(
        "models.LiveLesson", "feeds", on_delete=fields.RESTRICT
    )
    lesson_id: UUID
    key: fields.ForeignKeyRelation[StreamKey] = fields.ForeignKeyField(
        "models.StreamKey", "feeds", on_delete=fields.RESTRICT
    )
    key_id: UUID
    client = fields.CharField(80, null=True)
    from_at = fields.DatetimeField()
    until_at = fields.DatetimeField(null=True)

    class Meta:
        table = "stream_feeds"


class StreamRecording(Model):
    """A piece of recording that a vendor told of; those in a directory need no row."""

    id = fields.UUIDField(primary_key=True)
    key: fields.ForeignKeyRelation[StreamKey] = fields.ForeignKeyField(
        "models.StreamKey", "recordings", on_delete=fields.RESTRICT
    )
    key_id: UUID
    location = fields.CharField(1000, unique=True)
    started_at = fields.DatetimeField()
    heard_at = fields.DatetimeField()

    class Meta:
        table = "stream_recordings"


class ReplayTry(Model):
    """How often a replay was tried in vain, and when to try again."""

    lesson: fields.OneToOneRelation[LiveLesson] = fields.OneToOneField(
        "models.LiveLesson", "replay_try", on_delete=fields.RESTRICT, primary_key=True
    )
    lesson_id: UUID
    tries = fields.IntField()
    due_at = fields.DatetimeField()
    failure = fields.CharField(300)

    class Meta:
        table = "live_replay_tries"


@dataclass(frozen=True, slots=True)
class OpenFeed:
    """An open feed and the name it is published under."""

    id: UUID
    lesson_id: UUID
    name: str
    client: str | None
    from_at: datetime


async def key_by_name(name: str) -> StreamKey | None:
    return await StreamKey.get_or_none(name=name)


async def valid_key(lesson_id: UUID) -> StreamKey | None:
    """The key of the lesson that is not revoked; it may be too early or too late for it."""
    return await StreamKey.get_or_none(lesson_id=lesson_id, revoked_at=None)


async def keys_of(lesson_id: UUID) -> list[StreamKey]:
    """All the lesson ever had, the oldest first."""
    return await StreamKey.filter(lesson_id=lesson_id).order_by("issued_at", "id")


async def revoke_keys(lesson_id: UUID, now: datetime) -> list[str]:
    """Revoke what is not revoked; the names."""
    found = await rows(
        "UPDATE stream_keys SET revoked_at = $2 WHERE lesson_id = $1 AND revoked_at IS NULL RETURNING name",
        lesson_id,
        now,
    )
    return [row["name"] for row in found]


async def open_feed(lesson_id: UUID) -> OpenFeed | None:
    found = await _open_feeds("f.lesson_id = $1", lesson_id)
    return found[0] if found else None


async def open_feeds() -> list[OpenFeed]:
    """Everything that is on air, the oldest first."""
    return await _open_feeds("true")


async def close_feed(feed_id: UUID, now: datetime) -> bool:
    """End a feed; False if it had ended."""
    closed = await execute("UPDATE stream_feeds SET until_at = $2 WHERE id = $1 AND until_at IS NULL", feed_id, now)
    return closed == 1


async def silent_keys(now: datetime) -> list[StreamKey]:
    """Keys that are good now, of lessons to come or on air without an open feed: somebody may publish unheard."""
    found = await rows(
        "SELECT k.id FROM stream_keys k JOIN live_lessons l ON l.id = k.lesson_id"
        " WHERE k.revoked_at IS NULL AND k.valid_from <= $1 AND k.expires_at > $1"
        " AND l.status IN ('SCHEDULED', 'REHEARSAL', 'LIVE', 'INTERRUPTED')"
        " AND NOT EXISTS (SELECT FROM stream_feeds f WHERE f.lesson_id = l.id AND f.until_at IS NULL)",
        now,
    )
    return await StreamKey.filter(id__in=[row["id"] for row in found]).order_by("issued_at", "id")


async def lessons_left(now: datetime, patience: timedelta, overtime: timedelta) -> list[UUID]:
    """Lessons that are over though nobody ended them: interrupted for `patience`, or on air `overtime` after their
    planned end."""
    found = await rows(
        "SELECT l.id FROM live_lessons l WHERE l.status IN ('LIVE', 'INTERRUPTED') AND (l.ends_at <= $2"
        " OR (l.status = 'INTERRUPTED'"
        "  AND $1 >= ALL (SELECT s.at FROM live_steps s WHERE s.lesson_id = l.id AND s.status = 'INTERRUPTED')))",
        now - patience,
        now - overtime,
    )
    return [row["id"] for row in found]


async def rehearsals_left(since: datetime) -> list[UUID]:
    """Rehearsals in which nobody has published since then."""
    found = await rows(
        "SELECT l.id FROM live_lessons l WHERE l.status = 'REHEARSAL' AND NOT EXISTS ("
        " SELECT FROM stream_feeds f WHERE f.lesson_id = l.id AND (f.until_at IS NULL OR f.until_at > $1))",
        since,
    )
    return [row["id"] for row in found]


async def replays_due(now: datetime, limit: int) -> list[UUID]:
    """Lessons that have ended and have no replay yet, those that are tried again when it is time, the oldest first."""
    found = await rows(
        "SELECT l.id FROM live_lessons l LEFT JOIN live_replay_tries t ON t.lesson_id = l.id"
        " WHERE l.status = 'ENDED' AND coalesce(t.due_at, l.ended_at) <= $1 ORDER BY l.ended_at, l.id LIMIT $2",
        now,
        limit,
    )
    return [row["id"] for row in found]


async def try_again(lesson_id: UUID, due_at: datetime, failure: str) -> int:
    """Note that a replay could not be made; how often that was."""
    [row] = await rows(
        "INSERT INTO live_replay_tries AS t (lesson_id, tries, due_at, failure) VALUES ($1, 1, $2, $3)"
        " ON CONFLICT (lesson_id) DO UPDATE SET tries = t.tries + 1, due_at = excluded.due_at,"
        " failure = excluded.failure RETURNING tries",
        lesson_id, due_at, failure[:300],
    )  # fmt: skip
    return int(row["tries"])


async def add_recording(recording_id: UUID, key_id: UUID, location: str, started_at: datetime, now: datetime) -> None:
    """Note a piece; one that is known stays as it is."""
    await execute(
        "INSERT INTO stream_recordings (id, key_id, location, started_at, heard_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (location) DO NOTHING",
        recording_id, key_id, location, started_at, now,
    )  # fmt: skip


async def recordings_of(key_ids: Sequence[UUID]) -> list[StreamRecording]:
    return await StreamRecording.filter(key_id__in=list(key_ids)).order_by("started_at", "id")


async def forgettable(names: Sequence[str], expired_before: datetime) -> list[str]:
    """Those of the names whose files nobody needs: of no key, or of one that expired before then and whose lesson needs
    no recording any more."""
    found = await rows(
        "SELECT n.name FROM unnest($1::text[]) AS n(name) LEFT JOIN stream_keys k ON k.name = n.name"
        " LEFT JOIN live_lessons l ON l.id = k.lesson_id WHERE k.id IS NULL OR (k.expires_at < $2"
        " AND l.status IN ('REPLAY_READY', 'ARCHIVED', 'CANCELLED', 'EXPIRED'))",
        list(names),
        expired_before,
    )
    return [row["name"] for row in found]


async def _open_feeds(where: str, *args: object) -> list[OpenFeed]:
    found = await rows(
        f"SELECT f.id, f.lesson_id, k.name, f.client, f.from_at {_OPEN} AND {where} ORDER BY f.from_at, f.id",
        *args,
    )
    return [OpenFeed(**row) for row in found]
