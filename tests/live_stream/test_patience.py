"""A lesson whose stream dropped waits two minutes for it, by the clock, and each drop anew."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.words import LiveStatus
from models.live import LiveAiring, LiveLesson, LiveStep
from services.live_feeds import PATIENCE, Publisher, keep_streams, publish, unpublish
from services.live_stream import issue_stream_key, start_live_lesson
from services.ports import Ports
from tests.live_stream.studio import lesson_at
from tests.world import World

INSTANT = timedelta(microseconds=1)


@pytest.fixture
async def planned(world: World, clock: FrozenClock) -> tuple[LiveLesson, Actor]:
    return await lesson_at(world, clock.now() + timedelta(minutes=5))


@pytest.fixture
async def camera(ports: Ports, planned: tuple[LiveLesson, Actor]) -> Publisher:
    """What the host publishes with; the lesson is on air."""
    lesson, host = planned
    key = urlsplit((await issue_stream_key(ports, host, lesson.id)).ingest.key)
    [[secret]] = parse_qs(key.query).values()
    publisher = Publisher(key.path, "one", secret)
    assert await publish(ports, publisher)
    await start_live_lesson(ports, host, lesson.id)
    return publisher


async def status() -> LiveStatus:
    return (await LiveLesson.get()).status


async def test_a_stream_that_stays_away_ends_the_lesson_after_two_minutes_and_no_sooner(
    ports: Ports, clock: FrozenClock, camera: Publisher
) -> None:
    clock.advance(timedelta(minutes=10))
    dropped_at = clock.now()
    await unpublish(ports, camera.name, camera.client)

    clock.advance(PATIENCE - INSTANT)
    await keep_streams(ports)
    just_before = await status()
    clock.advance(INSTANT)
    await keep_streams(ports)

    assert timedelta(seconds=120) == PATIENCE
    assert (just_before, await status()) == (LiveStatus.INTERRUPTED, LiveStatus.ENDED)
    assert (await LiveLesson.get()).ended_at == dropped_at + PATIENCE
    assert [each.until_at for each in await LiveAiring.all()] == [dropped_at]
    assert (await LiveStep.filter(status=LiveStatus.ENDED).get()).by is None
    assert not await publish(ports, camera)


async def test_a_stream_that_comes_back_in_time_goes_on_and_may_drop_as_long_again(
    ports: Ports, clock: FrozenClock, camera: Publisher
) -> None:
    await unpublish(ports, camera.name, camera.client)
    clock.advance(PATIENCE - INSTANT)

    came_back = await publish(ports, Publisher(camera.name, "two", camera.secret))
    back = await status()
    await unpublish(ports, camera.name, "two")
    clock.advance(PATIENCE - INSTANT)
    await keep_streams(ports)

    assert (came_back, back, await status()) == (True, LiveStatus.LIVE, LiveStatus.INTERRUPTED)
    clock.advance(INSTANT)
    await keep_streams(ports)
    assert await status() is LiveStatus.ENDED


async def test_a_lesson_that_ended_by_itself_ends_once(ports: Ports, clock: FrozenClock, camera: Publisher) -> None:
    await unpublish(ports, camera.name, camera.client)
    clock.advance(PATIENCE)

    await keep_streams(ports)
    clock.advance(PATIENCE)
    await keep_streams(ports)

    assert await LiveStep.filter(status=LiveStatus.ENDED).count() == 1
