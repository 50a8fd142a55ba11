"""Real streams over RTMP into the embedded ingest: who is let in, what is played, and what becomes the replay."""

import os
import signal
import subprocess
from datetime import timedelta

import pytest

from kit.clock import SystemClock
from kit.words import LiveStatus
from models.live import LiveAiring
from models.live_lists import lessons_by_ids
from models.streams import StreamFeed, StreamKey
from services.live_feeds import keep_streams
from services.live_replays import make_replays
from services.live_stream import end_live_lesson, replays_of, start_live_lesson
from tests.films import frames_in
from tests.live_stream.camera import eventually, filming, refused
from tests.live_stream.studio import Studio, address_of, name_of, wrong_addresses


async def test_a_lesson_goes_from_the_camera_to_the_replay(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key)):
        await studio.until(LiveStatus.REHEARSAL)
        await studio.until_playing(key)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        began = SystemClock().now()
        await studio.until_playing(key, segments=4)
        await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
        lasted = (SystemClock().now() - began).total_seconds()
        await studio.settle()
        await eventually(lambda: not (studio.directory(key) / "air.json").exists())

    made = await make_replays(studio.ports)

    assert (made, await studio.status()) == (1, LiveStatus.REPLAY_READY)
    [replay] = await replays_of(studio.ports, [row for row in await lessons_by_ids([studio.lesson.id]) if row])
    assert replay is not None
    assert abs(replay.duration_seconds - lasted) <= 2
    film = await studio.replay_file()
    frames = await frames_in("-i", str(film))
    assert abs(frames / 25 - lasted) <= 3
    [airing] = await LiveAiring.all()
    assert airing.until_at is not None
    assert abs((airing.until_at - airing.from_at).total_seconds() - lasted) < 1


async def test_what_phones_play_can_be_decoded_and_goes_on_after_a_drop(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key), seconds=3) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        assert await camera.ended() == 0
    await studio.until(LiveStatus.INTERRUPTED)

    async with filming(address_of(key), seconds=3) as camera:
        await studio.until(LiveStatus.LIVE)
        assert await camera.ended() == 0
    await studio.until(LiveStatus.INTERRUPTED)

    playlist = studio.directory(key) / "index.m3u8"
    assert "#EXT-X-DISCONTINUITY" in playlist.read_text()
    segments = sorted(studio.directory(key).glob("seg*.ts"))
    assert sum([await frames_in("-i", str(each)) for each in segments]) == 2 * 3 * 25
    await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
    assert await make_replays(studio.ports) == 1
    assert await frames_in("-i", str(await studio.replay_file())) >= 4 * 25
    first, second = await LiveAiring.all().order_by("from_at")
    assert first.until_at is not None
    assert first.until_at <= second.from_at


async def test_only_a_good_key_opens_the_door(studio: Studio) -> None:
    key = await studio.key()
    good = address_of(key)

    wrong = [
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good.partition("?")[0],
        good.replace(name_of(key), "0" * 32),
        good.replace(name_of(key), "../" + name_of(key)),
        good.replace("/live/", "/other/"),
    ]

    assert [await refused(each) for each in wrong] == [True] * len(wrong)
    assert await studio.status() is LiveStatus.SCHEDULED
    assert await StreamFeed.all().count() == 0


@pytest.mark.parametrize("shift", [timedelta(hours=-4), timedelta(hours=2)], ids=["expired", "early"])
async def test_a_key_works_around_the_lesson_alone(studio: Studio, shift: timedelta) -> None:
    key = await studio.key()
    row = await StreamKey.get()
    await StreamKey.all().update(valid_from=row.valid_from + shift, expires_at=row.expires_at + shift)

    assert await refused(address_of(key))
    assert await studio.status() is LiveStatus.SCHEDULED


async def test_a_second_publisher_is_refused_and_the_lesson_goes_on(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key)

        second = await refused(address_of(key))
        await keep_streams(studio.ports)

        assert second
        assert camera.is_streaming()
        assert await studio.status() is LiveStatus.LIVE
        assert await StreamFeed.filter(until_at=None).count() == 1
        segments = studio.directory(key) / "index.m3u8"
        before = segments.read_text()
        await eventually(lambda: segments.read_text() != before)


async def test_a_lesson_on_air_survives_everybody_who_tries_the_door(studio: Studio) -> None:
    old, key = await studio.key(), await studio.key()
    await studio.settle()
    async with filming(address_of(key)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key)

        turned_away = [await refused(each) for each in wrong_addresses(old, key)]
        await keep_streams(studio.ports)
        await studio.settle()

        assert turned_away == [True] * 5
        playlist = studio.directory(key) / "index.m3u8"
        before = playlist.read_text()
        await eventually(lambda: playlist.read_text() != before)
        assert camera.is_streaming()
    assert await StreamFeed.all().count() == await LiveAiring.all().count() == 1


async def test_a_new_key_ends_the_old_one_and_the_stream_under_it(studio: Studio) -> None:
    old = await studio.key()
    async with filming(address_of(old)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)

        new = await studio.key()
        await studio.settle()

        assert await camera.ended() != 0
        await studio.until(LiveStatus.INTERRUPTED)
        assert await refused(address_of(old))
        async with filming(address_of(new)):
            await studio.until(LiveStatus.LIVE)
    assert new.ingest.key != old.ingest.key


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_a_camera_that_goes_away_interrupts_the_lesson(studio: Studio, number: signal.Signals) -> None:
    key = await studio.key()
    async with filming(address_of(key)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)

        await camera.stop(number)

        await studio.until(LiveStatus.INTERRUPTED)
    assert await LiveAiring.filter(until_at=None).count() == 0
    assert await StreamFeed.filter(until_at=None).count() == 0


async def test_an_ffmpeg_that_is_killed_costs_a_moment_and_not_the_lesson(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key)) as camera:
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key)

        [pid] = recorders_of(studio, key.ingest.key)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: [pid] != recorders_of(studio, key.ingest.key) != [])
        await studio.until_playing(key, segments=3)

        assert camera.is_streaming()
        assert await studio.status() is LiveStatus.LIVE
        await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.settle()
        await eventually(lambda: not (studio.directory(key) / "air.json").exists())
    assert await make_replays(studio.ports) == 1
    assert await frames_in("-i", str(await studio.replay_file())) >= 3 * 25


async def test_an_ingest_that_is_going_down_finishes_what_it_recorded(studio: Studio) -> None:
    key = await studio.key()
    async with filming(address_of(key)):
        await studio.until(LiveStatus.REHEARSAL)
        await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
        await studio.until_playing(key)

        studio.ingest.cancel()
        await studio.until(LiveStatus.INTERRUPTED)

    assert recorders_of(studio, key.ingest.key) == []
    assert not (studio.directory(key) / "air.json").exists()
    await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
    assert await make_replays(studio.ports) == 1


def recorders_of(studio: Studio, key: str) -> list[int]:
    """The ffmpegs that record this stream."""
    name = key.partition("?")[0]
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    mark = f"{name}/rec-"
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if mark in line and "-nostdin" not in line]
