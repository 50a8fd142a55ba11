"""The host's side of a live lesson: the key, the beginning, the end; and where everybody else watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_hold_live
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, not_found
from kit.ids import new_bytes, new_id, new_secret
from kit.words import LiveStatus
from models.courses import MediaAsset, media_by_ids
from models.live import LiveLesson, locked_lesson
from models.live_lists import LiveLessonRow
from models.streams import StreamKey, open_feed, revoke_keys, valid_key
from providers.live.base import Ingest, Stream
from services.audit import record
from services.live import move_live_lesson, visible_lessons
from services.live_feeds import hash_of
from services.live_keys import PLAYABLE, announce_stops, expires_at, valid_from
from services.live_states import ON_AIR, Deed, require_state
from services.media import media_url
from services.offers import path_of
from services.ports import Ports

NAME_BYTES = 16


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key, for the only time it is shown."""

    ingest: Ingest
    valid_from: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    lesson_id: UUID
    playback_url: str
    expires_at: datetime
    duration_seconds: int


async def issue_stream_key(ports: Ports, actor: Actor, lesson_id: UUID) -> IssuedKey:
    """Give the host of a lesson, or its admin, a new key; the one before is revoked, and who streams under it dropped.

    STATE_FORBIDS for a lesson that is over, CLOSED once no key of it would work any more.
    """

    async def work() -> tuple[StreamKey, str]:
        now, secret = ports.clock.now(), new_secret()
        lesson = await _streamed_by(actor, lesson_id)
        require_state(lesson.status, Deed.ISSUE_KEY, "liveLessonId")
        if now >= expires_at(lesson):
            raise DomainError(ErrorCode.CLOSED, field=["liveLessonId"])
        await announce_stops(await revoke_keys(lesson.id, now))
        key = await StreamKey.create(
            id=new_id(),
            lesson_id=lesson.id,
            name=new_bytes(NAME_BYTES).hex(),
            secret_hash=hash_of(secret),
            issued_by=actor.member_id,
            issued_at=now,
            valid_from=valid_from(lesson),
            expires_at=expires_at(lesson),
        )
        await record(ports, actor, "live_lesson.key_issued", "LiveLesson", lesson.id)
        return key, secret

    await _visible(actor, lesson_id)
    key, secret = await transaction(work)
    stream = Stream(key.name, key.valid_from, key.expires_at, secret)
    return IssuedKey(ports.live.open(stream), key.valid_from, key.expires_at)


async def start_live_lesson(ports: Ports, actor: Actor, lesson_id: UUID) -> None:
    """Go on air with the stream that is there; NOT_OPEN while none arrives. On air already: nothing happens."""

    async def work() -> None:
        lesson = await _streamed_by(actor, lesson_id)
        if lesson.status in ON_AIR:
            return
        require_state(lesson.status, Deed.ISSUE_KEY, "liveLessonId")
        if await open_feed(lesson.id) is None:
            raise DomainError(ErrorCode.NOT_OPEN, field=["liveLessonId"])
        await move_live_lesson(ports, lesson, LiveStatus.LIVE, cause="the host started it", by=actor.member_id)
        await record(ports, actor, "live_lesson.started", "LiveLesson", lesson.id)

    await _visible(actor, lesson_id)
    await transaction(work)


async def end_live_lesson(ports: Ports, actor: Actor, lesson_id: UUID) -> None:
    """Go off air for good. Ended already: nothing happens; STATE_FORBIDS for one that was never on air."""

    async def work() -> None:
        lesson = await _streamed_by(actor, lesson_id)
        if lesson.status is LiveStatus.ENDED:
            return
        if lesson.status not in ON_AIR:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["liveLessonId"])
        await move_live_lesson(ports, lesson, LiveStatus.ENDED, cause="the host ended it", by=actor.member_id)
        await record(ports, actor, "live_lesson.ended", "LiveLesson", lesson.id)

    await _visible(actor, lesson_id)
    await transaction(work)


async def playback_of(
    ports: Ports, actor: Actor, lesson: LiveLesson | LiveLessonRow
) -> tuple[str, str, datetime] | None:
    """(protocol, url, expires_at) for somebody who may be in the room; None until there is a stream for them.

    A rehearsal is for those who run it. A lesson that is interrupted keeps its address: the stream comes back to it.
    """
    rehearses = lesson.status is LiveStatus.REHEARSAL and await _runs(actor, lesson)
    if lesson.status not in ON_AIR and not rehearses:
        return None
    key = await valid_key(lesson.id)
    if key is None:
        return None
    playback = ports.live.playback(key.name, key.expires_at + PLAYABLE)
    return playback.protocol, playback.url, playback.expires_at


async def replays_of(ports: Ports, lessons: Sequence[LiveLessonRow]) -> list[Replay | None]:
    """The replay of each lesson that has one ready, in the order of `lessons`."""
    ready = [
        row.replay_media_id if row.status is LiveStatus.REPLAY_READY and row.replay_media_id else None
        for row in lessons
    ]
    found = {asset.id: asset for asset in await media_by_ids([each for each in ready if each]) if asset}
    return [
        _replay(ports, row.id, found[media_id]) if media_id in found else None
        for row, media_id in zip(lessons, ready, strict=True)
    ]


def _replay(ports: Ports, lesson_id: UUID, asset: MediaAsset) -> Replay:
    address = media_url(ports, asset.id)
    return Replay(lesson_id, address.url, address.expires_at, asset.duration_seconds or 1)


async def _visible(actor: Actor, lesson_id: UUID) -> None:
    """NOT_FOUND for a lesson that is not there for the actor."""
    [row] = await visible_lessons(actor, [lesson_id])
    if row is None:
        raise not_found("liveLessonId")


async def _streamed_by(actor: Actor, lesson_id: UUID) -> LiveLesson:
    """The lesson, its row held, if the actor runs its stream; FORBIDDEN otherwise."""
    lesson = await locked_lesson(lesson_id)
    if lesson is None:
        raise not_found("liveLessonId")
    if not await _runs(actor, lesson):
        raise DomainError(ErrorCode.FORBIDDEN)
    return lesson


async def _runs(actor: Actor, lesson: LiveLesson | LiveLessonRow) -> bool:
    path = await path_of(lesson.region_id) if lesson.region_id is not None else ""
    return may_hold_live(actor, lesson.host_id, path)
