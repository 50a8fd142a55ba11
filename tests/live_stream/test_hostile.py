"""Strangers at the door of the ingest: whatever they send, they are sent away, and the lesson on air goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest

from kit.words import LiveStatus
from models.streams import StreamFeed
from providers.live import ingest
from providers.live.amf import MOST_VALUES, Unreadable, values_of
from providers.live.ingest import MOST_CONNECTIONS
from services.live_replays import make_replays
from services.live_stream import IssuedKey, end_live_lesson, start_live_lesson
from tests.films import frames_in
from tests.live_stream import stranger
from tests.live_stream.camera import Camera, eventually, filming, refused
from tests.live_stream.stranger import (
    AUDIO,
    COMMAND,
    CONNECT,
    CREATE_STREAM,
    NULL,
    SET_CHUNK_SIZE,
    Stranger,
    fields,
    message,
    number,
    text,
)
from tests.live_stream.studio import Studio, address_of

OnAir = tuple[Studio, IssuedKey, Camera]

DEEP = b"".join(b"\x00\x01a\x03" for _ in range(3_000))
WIDE = b"".join(stranger.name(f"{n:03x}") + NULL for n in range(2_500)) + b"\x00\x00\x09"


@pytest.fixture
async def on_air(studio: Studio) -> AsyncIterator[OnAir]:
    """A lesson on air, and the camera that streams it."""
    key = await studio.key()
    async with filming(address_of(key)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key)
        yield studio, key, camera


async def goes_on(on_air: OnAir) -> None:
    """Packets still arrive, and become segments."""
    studio, key, camera = on_air
    playlist = studio.directory(key) / "index.m3u8"
    before = playlist.read_text()
    await eventually(lambda: playlist.read_text() != before)
    assert camera.is_streaming()
    assert not studio.ingest.done()
    assert await studio.status() is LiveStatus.LIVE
    assert await StreamFeed.all().count() == 1


def port_of(studio: Studio) -> int:
    return int(studio.listener.getsockname()[1])


@pytest.mark.parametrize(
    "content",
    [
        message(COMMAND, b"", length=0xFFFFFF),
        message(SET_CHUNK_SIZE, b"\xff\xff\xff\xff") + message(COMMAND, bytes(16_384), length=0xFFFFFF),
        message(SET_CHUNK_SIZE, b"\x00\x00\x00\x00") + message(COMMAND, bytes(20_000), chunk_bytes=1),
        message(SET_CHUNK_SIZE, b"\x01"),
        message(COMMAND, bytes(5), length=0),
        message(COMMAND, text("connect") + number(1) + b"\x03" + DEEP),
        message(COMMAND, text("connect") + number(1) + b"\x03" + WIDE),
        message(COMMAND, text("connect") + number(1) + b"\x0a\xff\xff\xff\xff"),
        message(COMMAND, text("connect") + number(1) + b"\x03" + b"\xff\xff" + b"a" * 100),
        message(COMMAND, text("connect") + number(1) + fields(app=text("live\n"))),
        message(COMMAND, text("publish") + number(1) + NULL + number(7)),
        message(COMMAND, number(1)),
        message(COMMAND, CREATE_STREAM) * 1_000,
        message(AUDIO, b"\xaf\x01" * 20) * 2_000,
        b"".join(bytes([0, n]) + bytes(3) + b"\x00\x00\x02\x08" + bytes(4) + b"a" for n in range(40)),
        b"\xc7",
        message(COMMAND, CONNECT, length=len(CONNECT) + 9) + message(COMMAND, CONNECT),
    ],
    ids=[
        "a message of 16 MiB", "a chunk of 4 GiB", "a chunk of nothing, byte by byte", "a chunk size that is none",
        "an empty message", "objects in objects", "thousands of fields", "an array of billions", "a name cut off",
        "an app that is no text", "a key that is no text", "a command without a name", "a thousand streams",
        "sound before a key", "forty half messages", "a chunk that goes on with nothing", "a message in a message",
    ],
)  # fmt: skip
async def test_what_is_no_camera_is_sent_away(studio: Studio, content: bytes) -> None:
    async with Stranger.at(port_of(studio)) as one:
        await one.greets()
        await one.says(content)

        assert await one.is_sent_away()
    assert not studio.ingest.done()
    assert await StreamFeed.all().count() == 0


async def test_random_bytes_harm_nobody_on_air(on_air: OnAir) -> None:
    studio, dice = on_air[0], Random(20260301)
    for number_ in range(60):
        async with Stranger.at(port_of(studio)) as one:
            if number_ % 3 == 0:  # before the greeting; else behind a good one
                await one.says(dice.randbytes(1 + dice.randrange(6_000)))
                continue
            await one.greets()
            if number_ % 3 == 1:
                await one.says(message(COMMAND, CONNECT))
            await one.says(dice.randbytes(1 + dice.randrange(6_000)))

    await goes_on(on_air)


async def test_a_flood_of_costly_commands_holds_up_nobody_on_air(on_air: OnAir) -> None:
    studio = on_air[0]
    costly = message(COMMAND, text("connect") + number(1) + b"\x03" + WIDE)

    async def floods() -> None:
        async with Stranger.at(port_of(studio)) as one:
            await one.greets()
            await one.says(costly * 40)
            assert await one.is_sent_away()

    await asyncio.gather(*(floods() for _ in range(30)))

    await goes_on(on_air)


async def test_strangers_who_say_nothing_or_speak_slowly_are_sent_away_in_the_time_of_a_greeting(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "GREETING_SECONDS", 0.5)

    async def silent() -> bool:
        async with Stranger.at(port_of(studio)) as one:
            return await one.is_sent_away()

    async def drips(content: bytes, *, greeted: bool) -> bool:
        """A byte at a time, each after the one before was sent, for as long as anybody listens."""
        async with Stranger.at(port_of(studio)) as one:
            if greeted:
                await one.greets()
            away = asyncio.create_task(one.is_sent_away())
            for at in range(len(content)):
                await one.says(content[at : at + 1])
                await asyncio.wait([away], timeout=0.05)
                if away.done():
                    break
            return await away

    slow = [drips(stranger.GREETING, greeted=False), drips(message(COMMAND, CONNECT) * 10, greeted=True)]

    assert await asyncio.gather(silent(), *slow) == [True] * 3


async def test_a_host_finds_the_door_among_strangers_who_fill_it_and_the_lesson_on_air_goes_on(
    on_air: OnAir,
) -> None:
    studio, key, camera = on_air
    async with AsyncExitStack() as crowd:
        for _ in range(MOST_CONNECTIONS + 20):
            await crowd.enter_async_context(Stranger.at(port_of(studio)))
        await goes_on(on_air)

        wrong = address_of(key)[:-1] + ("a" if address_of(key)[-1] != "a" else "b")
        assert await refused(wrong)  # asked for the key, and told no: the door was reached
        await camera.stop()
        await studio.until(LiveStatus.INTERRUPTED)
        async with filming(address_of(key)):
            await studio.until(LiveStatus.LIVE)


async def test_a_member_who_holds_a_key_sends_no_more_than_a_camera(studio: Studio) -> None:
    key = await studio.key()
    async with Stranger.at(port_of(studio)) as one:
        await one.asks_to_publish()
        await one.says(message(COMMAND, stranger.publish(key.ingest.key)))
        await one.hears(b"NetStream.Publish.Start")
        await studio.until(LiveStatus.REHEARSAL)

        await one.says(message(AUDIO, b"\xaf", length=5 * 1024 * 1024))

        assert await one.is_sent_away()
    await eventually(lambda: not (studio.directory(key) / "air.json").exists())
    assert not studio.ingest.done()


async def test_of_eight_who_publish_at_once_with_one_key_one_is_on_air(studio: Studio) -> None:
    key = await studio.key()
    async with AsyncExitStack() as crowd:
        all_ = [await crowd.enter_async_context(Stranger.at(port_of(studio))) for _ in range(8)]
        await asyncio.gather(*(one.asks_to_publish() for one in all_))

        await asyncio.gather(*(one.says(message(COMMAND, stranger.publish(key.ingest.key))) for one in all_))
        told = await asyncio.gather(
            *(one.hears(b"NetStream.Publish.Start", b"NetStream.Publish.BadName") for one in all_)
        )

        assert sorted(told) == [b"NetStream.Publish.BadName"] * 7 + [b"NetStream.Publish.Start"]
        assert await StreamFeed.filter(until_at=None).count() == 1
        assert await studio.status() is LiveStatus.REHEARSAL


async def test_of_two_cameras_at_once_one_is_on_air_and_makes_the_replay(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key)) as one, filming(address_of(key)) as other:
        await studio.until(LiveStatus.REHEARSAL)
        await eventually(lambda: one.is_streaming() != other.is_streaming())
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key, segments=3)
        await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.settle()
        await eventually(lambda: not (studio.directory(key) / "air.json").exists())

    assert await make_replays(studio.ports) == 1
    assert await frames_in("-i", str(await studio.replay_file())) >= 2 * 25


def test_a_command_of_a_camera_is_read_and_more_than_that_is_not() -> None:
    sent = (
        text("connect") + number(1) + fields(app=text("live"), fpad=b"\x01\x00", codecs=b"\x0a\x00\x00\x00\x01" + NULL)
    )

    assert values_of(sent) == ["connect", 1.0, {"app": "live", "fpad": False, "codecs": [None]}]
    assert len(values_of(NULL * MOST_VALUES)) == MOST_VALUES
    with pytest.raises(Unreadable):
        values_of(NULL * (MOST_VALUES + 1))
