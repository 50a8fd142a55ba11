"""Hooks of media servers and vendors come twice, late and in the wrong order, and change nothing by that."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.words import LiveStatus
from models.courses import MediaAsset
from models.live import LiveLesson, LiveStep
from models.streams import StreamFeed, StreamRecording
from providers.live.base import Hook
from providers.live.registry import live_for
from services.live_feeds import SETTLING, hear, keep_streams
from services.live_replays import make_replays
from services.live_stream import end_live_lesson, issue_stream_key, start_live_lesson
from services.ports import Ports
from tests.films import film
from tests.live_stream.lines import LINES, AliyunLine, Line, SrsLine, TencentLine, settings_for
from tests.live_stream.studio import lesson_at
from tests.sms.vendor import standing_vendor
from tests.world import World
from workers.relay import drain


@dataclass
class Evening:
    """A lesson that has just begun by the calendar, its host, and the server that takes the stream."""

    ports: Ports
    lesson: LiveLesson
    host: Actor
    line: Line
    clock: FrozenClock

    async def hears(self, *hooks: Hook) -> bool:
        """Whether every one of the hooks was taken with a yes."""
        answers = [await hear(self.ports, each) for each in hooks]
        return all(each.status == 200 and each.body != b'{"code":1}' for each in answers)

    async def publishes(self, client: str) -> bool:
        """The connection is there and the server says so."""
        self.line.shows = client
        return await self.hears(*self.line.began(client, self.clock.now()))

    async def stops(self, client: str) -> bool:
        """The server says that the connection is gone."""
        if self.line.shows == client:
            self.line.shows = None
        return await self.hears(self.line.stopped(client, self.clock.now()))

    async def goes_on_air(self, client: str = "1") -> None:
        assert await self.publishes(client)
        await start_live_lesson(self.ports, self.host, self.lesson.id)

    async def status(self) -> LiveStatus:
        return (await LiveLesson.get(id=self.lesson.id)).status


@pytest.fixture(params=LINES)
async def evening(
    request: pytest.FixtureRequest, ports: Ports, world: World, clock: FrozenClock, tmp_path: Path
) -> AsyncIterator[Evening]:
    lesson, host = await lesson_at(world, clock.now() + timedelta(minutes=5))
    async with standing_vendor() as vendor:
        settings = settings_for(request.param, vendor.url, tmp_path)
        settings = settings.model_copy(
            update={"live_recording_hosts": ("127.0.0.1",), "live_recordings_url": vendor.url}
        )
        ports = replace(ports, settings=settings, live=live_for(settings, clock))
        name, _, key = (await issue_stream_key(ports, host, lesson.id)).ingest.key.partition("?")
        yield Evening(ports, lesson, host, LINES[request.param](vendor, name, key.removeprefix("key=")), clock)


async def count_steps(status: LiveStatus) -> int:
    return await LiveStep.filter(status=status).count()


async def test_who_says_again_that_they_publish_is_let_in_again_and_is_one(evening: Evening) -> None:
    await evening.goes_on_air("1")

    again = [await evening.publishes("1") for _ in range(2)]

    assert again == [True, True]
    assert await StreamFeed.all().count() == 1
    assert await evening.status() is LiveStatus.LIVE
    assert (await count_steps(LiveStatus.REHEARSAL), await count_steps(LiveStatus.LIVE)) == (1, 1)


async def test_who_stops_twice_interrupts_once(evening: Evening) -> None:
    await evening.goes_on_air("1")
    evening.clock.advance(SETTLING)

    stopped = await evening.stops("1")
    at = evening.clock.now()
    evening.clock.advance(timedelta(seconds=5))
    again = await evening.stops("1")

    assert (stopped, again) == (True, True)
    assert await evening.status() is LiveStatus.INTERRUPTED
    assert await count_steps(LiveStatus.INTERRUPTED) == 1
    assert [each.until_at for each in await StreamFeed.all()] == [at]


async def test_an_end_that_is_told_late_does_not_end_who_came_after(evening: Evening) -> None:
    await evening.goes_on_air("1")
    evening.clock.advance(SETTLING)
    evening.line.shows = None  # the network took the first away
    gone = evening.clock.now()

    came = await evening.publishes("2")
    late = await evening.hears(evening.line.stopped("1", gone))
    await keep_streams(evening.ports)

    assert (came, late) == (True, True)
    assert await evening.status() is LiveStatus.LIVE
    [feed] = await StreamFeed.filter(until_at=None)
    assert feed.client == (None if isinstance(evening.line, AliyunLine) else "2")  # Aliyun has no word for it
    assert await count_steps(LiveStatus.INTERRUPTED) == 0


async def test_an_end_of_nobody_and_of_a_stream_that_there_is_not_change_nothing(evening: Evening) -> None:
    ended = [await evening.stops("1")]
    for name in ("f" * 32, "../..", "\x00"):  # a publisher types what they like, also what no column holds
        evening.line.name = name
        ended.append(await evening.stops("1"))

    assert ended == [True] * 4
    assert await evening.status() is LiveStatus.SCHEDULED
    assert await StreamFeed.all().count() == 0


async def test_whoever_publishes_under_a_revoked_key_is_refused_or_stopped(evening: Evening) -> None:
    await issue_stream_key(evening.ports, evening.host, evening.lesson.id)
    await drain(evening.ports)
    assert evening.line.ended == []

    let_in = await evening.publishes("1")
    await drain(evening.ports)

    assert let_in is isinstance(evening.line, AliyunLine | TencentLine)  # the others ask first, and are told no
    assert evening.line.ended == ([] if isinstance(evening.line, SrsLine) else ["1"])  # SRS alone only asks
    assert await evening.status() is LiveStatus.SCHEDULED
    assert await StreamFeed.all().count() == 0


@pytest.mark.parametrize("evening", ["tencent", "aliyun"], indirect=True)
async def test_a_recording_that_is_told_twice_makes_one_replay(evening: Evening, tmp_path: Path) -> None:
    line = evening.line
    assert isinstance(line, AliyunLine | TencentLine)
    began_at = evening.clock.now()
    await evening.goes_on_air("1")
    evening.clock.advance(timedelta(seconds=4))
    await end_live_lesson(evening.ports, evening.host, evening.lesson.id)
    await drain(evening.ports)
    recorded = line.recorded(f"{line.vendor.url}/one.mp4", began_at, evening.clock.now())
    made = (await film(tmp_path / "one.mp4", 4)).read_bytes()
    told = [await evening.hears(recorded) for _ in range(2)]
    line.vendor.on_ask = lambda asked: (
        line.vendor.says(made, kind="video/mp4") if "one.mp4" in asked.target else line.answer(asked)
    )

    replays = [await make_replays(evening.ports)]
    told.append(await evening.hears(recorded))
    replays.append(await make_replays(evening.ports))

    assert (told, replays) == ([True] * 3, [1, 0])
    assert await StreamRecording.all().count() == 1
    assert await evening.status() is LiveStatus.REPLAY_READY
    assert [asset.duration_seconds for asset in await MediaAsset.filter(storage_key__startswith="replays/")] == [4]
