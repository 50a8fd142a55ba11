"""What the state of a lesson means for its stream: being on air is kept as stretches, and no key outlives the lesson.

Hung on `services/live_news.py`, so that it holds whoever moves the lesson, and from whatever cause.
"""

from datetime import datetime, timedelta

from kit.db import require_transaction
from kit.ids import new_id
from kit.words import LiveStatus
from models.live import LiveAiring, LiveLesson
from models.streams import StreamKey, revoke_keys
from services.live_states import FAILED, OVER
from services.outbox import announce_each
from services.ports import Ports

EARLY = timedelta(minutes=30)
"""How long before the planned start a key begins to work."""
OVERTIME = timedelta(hours=2)
"""How long after the planned end it still does."""
PLAYABLE = timedelta(hours=1)
"""How long playback addresses outlive the key: their segments carry the same signature."""


def valid_from(lesson: LiveLesson) -> datetime:
    return lesson.starts_at - EARLY


def expires_at(lesson: LiveLesson) -> datetime:
    return lesson.ends_at + OVERTIME


async def keep_airings(ports: Ports, lesson: LiveLesson, before: LiveStatus) -> None:
    """Begin a stretch on air when the lesson has come to be LIVE, and end it when it no longer is."""
    require_transaction()
    now = ports.clock.now()
    if lesson.status is LiveStatus.LIVE:
        await LiveAiring.create(id=new_id(), lesson_id=lesson.id, from_at=now, until_at=None)
    elif before is LiveStatus.LIVE:
        await LiveAiring.filter(lesson_id=lesson.id, until_at=None).update(until_at=now)


async def close_streams(ports: Ports, lesson: LiveLesson) -> None:
    """No key of a lesson that is over, or will not be, lets anybody publish."""
    require_transaction()
    if lesson.status in OVER | FAILED:
        await announce_stops(await revoke_keys(lesson.id, ports.clock.now()))


async def move_keys(lesson: LiveLesson) -> None:
    """The key of a lesson that was moved works around its new time."""
    require_transaction()
    await StreamKey.filter(lesson_id=lesson.id, revoked_at=None).update(
        valid_from=valid_from(lesson), expires_at=expires_at(lesson)
    )


async def announce_stops(names: list[str]) -> None:
    """Have whoever publishes under these names dropped once the transaction is through."""
    await announce_each("live-stop", names)


async def stop_stream(ports: Ports, name: str) -> None:
    """Drop and forbid it at the provider; UNAVAILABLE, to be tried again, if that is not certain."""
    await ports.live.stop(name)
