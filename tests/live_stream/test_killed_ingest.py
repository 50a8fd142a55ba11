"""The ingest as a process of its own, killed in the middle of a lesson and started again."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kit.clock import SystemClock
from kit.tasks import end
from kit.words import LiveStatus
from models.live import LiveAiring, LiveLesson
from services.live_feeds import keep_streams
from services.live_replays import make_replays
from services.live_stream import end_live_lesson, start_live_lesson
from tests.films import frames_in
from tests.live_stream.camera import eventually, filming
from tests.live_stream.studio import Studio, address_of
from tests.process import PATIENCE_SECONDS, ROOT, environment


@contextmanager
def ingest_of(studio: Studio, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`main.py ingest` on the studio's data and database."""
    ground = studio.ports.settings
    variables = {
        "ACADEMY_DATABASE_URL": ground.database_url or "",
        "ACADEMY_REDIS_URL": ground.redis_url or "",
        "ACADEMY_LIVE_INGEST_PORT": str(port),
    }
    command = [sys.executable, "main.py", "ingest", "--data-dir", str(ground.data_dir)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(**variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_an_ingest_that_is_killed_interrupts_the_lesson_which_goes_on_with_the_next(studio: Studio) -> None:
    port = int(studio.listener.getsockname()[1])
    await end(studio.ingest)
    key = await studio.key()
    with ingest_of(studio, port) as first:
        await eventually(lambda: listens(port))
        async with filming(address_of(key)) as camera:
            await studio.until(LiveStatus.REHEARSAL)
            await start_live_lesson(studio.ports, studio.host, studio.lesson.id)
            began = SystemClock().now()
            await studio.until_playing(key, segments=2)
            first.send_signal(signal.SIGKILL)
            assert await camera.ended() != 0

    async def noticed() -> bool:
        await keep_streams(studio.ports)
        return await studio.status() is LiveStatus.INTERRUPTED

    await eventually(noticed)
    with ingest_of(studio, port):
        await eventually(lambda: listens(port))
        async with filming(address_of(key)):
            await studio.until(LiveStatus.LIVE)
            before = (studio.directory(key) / "index.m3u8").read_text().count(".ts")
            await studio.until_playing(key, segments=before + 2)
            await end_live_lesson(studio.ports, studio.host, studio.lesson.id)
            await studio.settle()
            await eventually(lambda: not (studio.directory(key) / "air.json").exists())

    assert await make_replays(studio.ports) == 1
    first_airing, second_airing = await LiveAiring.all().order_by("from_at")
    assert first_airing.until_at is not None
    assert began <= first_airing.until_at <= second_airing.from_at
    assert len(list(studio.directory(key).glob("rec-*.mp4"))) == 2
    assert await frames_in("-i", str(await studio.replay_file())) >= 5 * 25
    assert (await LiveLesson.get()).status is LiveStatus.REPLAY_READY
