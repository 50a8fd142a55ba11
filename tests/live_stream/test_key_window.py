"""When a stream key works, to the microsecond, and what is kept of it."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.db import rows
from kit.words import LiveScope, LiveStatus, Role
from models.live import LiveLesson
from models.streams import StreamFeed, StreamKey
from providers.live.embedded import streams_root
from providers.live.ingest import AIR, STOPPED
from services.live_feeds import Publisher, keep_streams, publish
from services.live_schedule import reschedule_live_lesson
from services.live_stream import issue_stream_key, start_live_lesson
from services.ports import Ports
from tests.live_stream.studio import lesson_at
from tests.world import World
from workers.relay import drain

INSTANT = timedelta(microseconds=1)
EARLY, OVERTIME = timedelta(minutes=30), timedelta(hours=2)


@pytest.fixture
async def planned(world: World, clock: FrozenClock) -> tuple[LiveLesson, Actor]:
    """A lesson of tomorrow and its host."""
    return await lesson_at(world, clock.now() + timedelta(days=1))


@pytest.fixture
async def camera(ports: Ports, planned: tuple[LiveLesson, Actor]) -> Publisher:
    """What the host may publish with; nobody does yet."""
    lesson, host = planned
    key = urlsplit((await issue_stream_key(ports, host, lesson.id)).ingest.key)
    [[secret]] = parse_qs(key.query).values()
    return Publisher(key.path, "one", secret)


@pytest.fixture
def shows(ports: Ports, clock: FrozenClock, camera: Publisher) -> Callable[[], None]:
    """The ingest says that the camera is on air now."""

    def beat() -> None:
        directory = streams_root(ports.settings) / camera.name
        directory.mkdir(parents=True, exist_ok=True)
        told = {"at": clock.now().timestamp(), "client": camera.client}
        (directory / AIR).write_bytes(orjson.dumps(told))

    return beat


def begins(lesson: LiveLesson) -> datetime:
    return lesson.starts_at - EARLY


def ends(lesson: LiveLesson) -> datetime:
    return lesson.ends_at + OVERTIME


@pytest.mark.parametrize(
    ("border", "off", "lets_in"),
    [(begins, -INSTANT, False), (begins, timedelta(), True), (ends, -INSTANT, True), (ends, timedelta(), False)],
    ids=["just before it begins", "when it begins", "just before it ends", "when it ends"],
)
async def test_a_key_works_from_half_an_hour_before_until_two_hours_after(
    ports: Ports,
    clock: FrozenClock,
    planned: tuple[LiveLesson, Actor],
    camera: Publisher,
    border: Callable[[LiveLesson], datetime],
    off: timedelta,
    lets_in: bool,
) -> None:
    lesson, _ = planned
    clock.at = border(lesson) + off

    answer = await publish(ports, camera)

    assert answer is lets_in
    assert await StreamFeed.all().count() == int(lets_in)
    status = LiveStatus.REHEARSAL if lets_in else LiveStatus.SCHEDULED
    assert (await LiveLesson.get()).status is status


async def test_a_lesson_that_is_moved_takes_its_key_along(
    ports: Ports, world: World, clock: FrozenClock, planned: tuple[LiveLesson, Actor], camera: Publisher
) -> None:
    lesson, _ = planned
    admin = await world.actor(await world.staff(Role.ADMIN))
    to = lesson.starts_at + timedelta(days=3)

    await reschedule_live_lesson(ports, admin, lesson.id, to, to + timedelta(hours=1), LiveScope.THIS)

    key = await StreamKey.get()
    assert (key.valid_from, key.expires_at) == (to - EARLY, to + timedelta(hours=1) + OVERTIME)
    clock.at = begins(lesson)
    at_the_old_time = await publish(ports, camera)
    clock.at = to - EARLY
    assert (at_the_old_time, await publish(ports, camera)) == (False, True)


async def test_a_lesson_that_nobody_ends_is_over_two_hours_after_its_planned_end(
    ports: Ports,
    clock: FrozenClock,
    planned: tuple[LiveLesson, Actor],
    camera: Publisher,
    shows: Callable[[], None],
) -> None:
    lesson, host = planned
    clock.at = lesson.starts_at
    assert await publish(ports, camera)
    await start_live_lesson(ports, host, lesson.id)

    clock.at = ends(lesson) - INSTANT
    shows()
    await keep_streams(ports)
    just_before = (await LiveLesson.get()).status
    clock.at = ends(lesson)
    shows()
    await keep_streams(ports)
    await drain(ports)

    assert (just_before, (await LiveLesson.get()).status) == (LiveStatus.LIVE, LiveStatus.ENDED)
    assert (streams_root(ports.settings) / camera.name / STOPPED).exists()
    assert not await publish(ports, camera)


async def test_the_secret_of_a_key_is_kept_nowhere_and_its_sha_256_in_its_place(
    ports: Ports, camera: Publisher
) -> None:
    assert camera.secret is not None

    kept = (await StreamKey.get()).secret_hash

    assert kept == hashlib.sha256(camera.secret.encode()).hexdigest()
    assert await tables_with(kept) == ["stream_keys"]
    assert await tables_with(camera.secret) == []
    assert await tables_with(camera.secret.encode().hex()) == []  # bytes are shown so


async def tables_with(word: str) -> list[str]:
    """The tables in which the word stands in any column of any row."""
    named = await rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    found = []
    for [name] in (tuple(row.values()) for row in named):
        if await rows(f'SELECT 1 AS found FROM "{name}" AS t WHERE strpos(t::text, $1) > 0 LIMIT 1', word):
            found.append(name)
    return found
