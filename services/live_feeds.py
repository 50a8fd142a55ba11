"""Who publishes: what media servers ask and tell, and what is found by asking them.

A hook may be lost, come twice, late, or in the wrong order, and a second publisher's hooks look like the first's. So a
feed is opened and closed under the lesson's row and by the connection that the hook is about; repeated, nothing
happens; and `keep_streams` looks every few seconds whether it is all true.
"""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from kit.db import transaction
from kit.ids import new_id
from kit.words import LiveStatus
from models.live import locked_lesson
from models.streams import (
    OpenFeed,
    StreamFeed,
    StreamKey,
    add_recording,
    close_feed,
    key_by_name,
    lessons_left,
    open_feed,
    open_feeds,
    rehearsals_left,
    silent_keys,
)
from providers.live.base import Heard, Hook, HookAnswer, Piece, Status, StreamEvent
from providers.live.signing import NAME
from services.live import move_live_lesson
from services.live_keys import OVERTIME, announce_stops
from services.live_states import Deed, allows
from services.ports import Ports

PATIENCE = timedelta(seconds=120)
"""How long a lesson waits for a stream that dropped before it is over, and a rehearsal before it is none."""
SETTLING = timedelta(seconds=10)
"""How long a connection that was let in may take until its media server shows it."""
LONGEST_CLIENT = 80
LONGEST_LOCATION = 1000
ASKED_AT_ONCE = 8
REFUSED = HookAnswer(403)
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError)
"""What reading a hook raises that is not what its sender documents: a list for an object, a moment beyond all time."""

Named = TypeVar("Named", OpenFeed, StreamKey)

_log = structlog.get_logger("streams")


@dataclass(frozen=True, slots=True)
class Publisher:
    """A connection that publishes or wants to. `secret` None: it was let in by someone who knows the key."""

    name: str
    client: str | None
    secret: str | None


async def hear(ports: Ports, hook: Hook) -> HookAnswer:
    """Answer a hook; 403 for one that was not sent by whom it should, 400 for one that cannot be read."""
    if not ports.live.authorize(hook):
        return REFUSED
    try:
        heard = ports.live.parse_event(hook)
    except UNREADABLE:
        return HookAnswer(400)
    client = heard.client[:LONGEST_CLIENT] if heard.client else None
    match heard.event:
        case StreamEvent.ASKED:
            return heard.yes if await publish(ports, Publisher(heard.name, client, heard.secret)) else heard.no
        case StreamEvent.PUBLISHED:
            await publish(ports, Publisher(heard.name, client, None))
        case StreamEvent.UNPUBLISHED:
            await unpublish(ports, heard.name, client)
        case StreamEvent.RECORDED:
            await _note(ports, heard)
    return heard.yes


async def publish(ports: Ports, publisher: Publisher) -> bool:
    """Let a connection publish, if its key is good now and nobody else is on air with this lesson; asked again by the
    same connection: the same answer. A rehearsal begins, or a lesson that was interrupted goes on."""
    key = await _key(publisher.name)
    if key is None or not _knows(publisher.secret, key):
        _log.info("publisher refused", reason="no such key")
        return False
    gone = await _gone(ports, await open_feed(key.lesson_id), publisher)
    reason = await transaction(lambda: _admit(ports, key, publisher, gone))
    if reason:
        _log.info("publisher refused", reason=reason, lesson=str(key.lesson_id))
    return not reason


async def unpublish(ports: Ports, name: str, client: str | None, cause: str = "the stream stopped") -> None:
    """A connection publishes no longer: a lesson on air is interrupted. Of a connection that is not on air: nothing."""
    key = await _key(name)
    if key is None:
        return
    feed = await open_feed(key.lesson_id)
    if feed is None or feed.name != name:
        return
    if client is not None and feed.client is not None and client != feed.client:
        return
    if client is None and (await ports.live.status(name)).on_air:
        return  # it does not say which connection, and there is one: an old hook that comes late
    await transaction(lambda: _close(ports, feed, cause))


async def keep_streams(ports: Ports) -> None:
    """Compare what we believe with what media servers show, and end what nobody ended."""
    for feed, status in await _asked(ports, await open_feeds()):
        await _reconcile(ports, feed, status)
    for key, status in await _asked(ports, await silent_keys(ports.clock.now())):
        if status.on_air:
            await publish(ports, Publisher(key.name, status.client, None))
    now = ports.clock.now()
    for lesson_id in await lessons_left(now, PATIENCE, OVERTIME):
        await _move(ports, lesson_id, LiveStatus.ENDED, "the stream did not come back, or far beyond its time")
    for lesson_id in await rehearsals_left(now - PATIENCE):
        await _move(ports, lesson_id, LiveStatus.SCHEDULED, "the rehearsal stopped")


def hash_of(secret: str) -> str:
    """What is kept of a key's secret. It has 256 random bits: no dictionary holds it, and a slow hash gains nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _key(name: str) -> StreamKey | None:
    """The key of a name that a hook brings. A publisher types what they like, also what no column can hold."""
    return await key_by_name(name) if NAME.fullmatch(name) else None


def _knows(secret: str | None, key: StreamKey) -> bool:
    return secret is None or hmac.compare_digest(hash_of(secret), key.secret_hash)


async def _gone(ports: Ports, feed: OpenFeed | None, newcomer: Publisher) -> UUID | None:
    """The feed that stands in the newcomer's way though its media server shows it no longer: its end was not told.

    Nor is it there if the newcomer publishes under the same name and was let in without us: a name carries one alone,
    and the end of the one before comes late.
    """
    if feed is None or (feed.name == newcomer.name and feed.client == newcomer.client):
        return None
    if feed.name == newcomer.name and newcomer.secret is None and newcomer.client is not None:
        return feed.id
    if ports.clock.now() - feed.from_at < SETTLING:
        return None
    status = await ports.live.status(feed.name)
    return feed.id if status.on_air is False or _is_another(status, feed) else None


async def _admit(ports: Ports, key: StreamKey, publisher: Publisher, gone: UUID | None) -> str:
    """Open a feed under the lesson's row; why not, if it may not be."""
    now = ports.clock.now()
    lesson = await locked_lesson(key.lesson_id)
    current = await key_by_name(key.name)
    if lesson is None or current is None or current.revoked_at is not None:
        return await _refused(publisher, "the key is revoked")
    if now >= current.expires_at:
        return await _refused(publisher, "the key has expired")
    if now < current.valid_from:
        return "the key is not valid yet"
    if not allows(lesson.status, Deed.ISSUE_KEY):
        return await _refused(publisher, f"the lesson is {lesson.status}")
    feed = await open_feed(lesson.id)
    if feed is not None and feed.id == gone:
        await close_feed(feed.id, now)
    elif feed is not None:
        same = feed.name == key.name and feed.client == publisher.client
        return "" if same else "somebody publishes already"
    await StreamFeed.create(
        id=new_id(), lesson_id=lesson.id, key_id=key.id, client=publisher.client, from_at=now, until_at=None
    )
    if lesson.status is LiveStatus.SCHEDULED:
        await move_live_lesson(ports, lesson, LiveStatus.REHEARSAL, cause="the host began to stream")
    elif lesson.status is LiveStatus.INTERRUPTED:
        await move_live_lesson(ports, lesson, LiveStatus.LIVE, cause="the stream came back")
    return ""


async def _refused(publisher: Publisher, reason: str) -> str:
    """A reason that stays: who has been let in without asking us, as vendors do, is dropped."""
    if publisher.secret is None:
        await announce_stops([publisher.name])
    return reason


async def _close(ports: Ports, feed: OpenFeed, cause: str) -> None:
    lesson = await locked_lesson(feed.lesson_id)
    assert lesson is not None, "feeds keep their lessons"
    if await close_feed(feed.id, ports.clock.now()) and lesson.status is LiveStatus.LIVE:
        await move_live_lesson(ports, lesson, LiveStatus.INTERRUPTED, cause=cause)


async def _reconcile(ports: Ports, feed: OpenFeed, status: Status) -> None:
    key = await key_by_name(feed.name)
    assert key is not None, "feeds keep their keys"
    now = ports.clock.now()
    if status.on_air is False or _is_another(status, feed):
        if now - feed.from_at >= SETTLING:
            await transaction(lambda: _close(ports, feed, "the stream is gone, and nobody said so"))
    elif status.on_air and (key.revoked_at is not None or now >= key.expires_at):
        await transaction(lambda: announce_stops([feed.name]))


async def _move(ports: Ports, lesson_id: UUID, to: LiveStatus, cause: str) -> None:
    async def work() -> None:
        lesson = await locked_lesson(lesson_id)
        left = await _still_left(ports.clock.now(), lesson_id, to)
        if lesson is not None and left:
            await move_live_lesson(ports, lesson, to, cause=cause)

    await transaction(work)


async def _still_left(now: datetime, lesson_id: UUID, to: LiveStatus) -> bool:
    """Asked again under the lock: the host may have come back a moment ago."""
    if to is LiveStatus.ENDED:
        return lesson_id in await lessons_left(now, PATIENCE, OVERTIME)
    return lesson_id in await rehearsals_left(now - PATIENCE)


def _is_another(status: Status, feed: OpenFeed) -> bool:
    """Both say which connection it is, and they differ."""
    return status.client is not None and feed.client is not None and status.client != feed.client


async def _asked(ports: Ports, streams: list[Named]) -> list[tuple[Named, Status]]:
    """Each with how it stands at its media server; a few are asked at once."""
    answers: list[tuple[Named, Status]] = []
    for first in range(0, len(streams), ASKED_AT_ONCE):
        some = streams[first : first + ASKED_AT_ONCE]
        statuses = await asyncio.gather(*(ports.live.status(each.name) for each in some))
        answers += zip(some, statuses, strict=True)
    return answers


async def _note(ports: Ports, heard: Heard) -> None:
    key, piece = await _key(heard.name), heard.piece
    if key is not None and isinstance(piece, Piece) and len(piece.location) <= LONGEST_LOCATION:
        await add_recording(new_id(), key.id, piece.location, piece.started_at, ports.clock.now())
