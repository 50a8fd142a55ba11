"""nginx with its rtmp module, for real: the files under deploy/live, the academy's own hooks, and cameras."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from kit.clock import SystemClock
from kit.settings import Settings
from kit.words import LiveStatus
from models.live import LiveAiring, LiveLesson
from models.streams import StreamFeed, StreamKey
from server.app import make_app
from server.children import WebServer
from server.wiring import build_ports
from services.live_feeds import PATIENCE, keep_streams
from services.live_replays import make_replays
from services.live_stream import end_live_lesson, playback_of, start_live_lesson
from tests.films import frames_in
from tests.live_stream.camera import eventually, filming, refused
from tests.live_stream.studio import Studio, address_of, lesson_now, name_of, wrong_addresses
from tests.process import PATIENCE_SECONDS
from tests.world import World
from workers.relay import drain

DEPLOY = Path(__file__).parents[2] / "deploy" / "live"
MODULE = next((path for path in map(Path, ("/usr/lib/nginx/modules/ngx_rtmp_module.so",)) if path.exists()), None)
MISSING = "nginx and its rtmp module are not here: apt-get install nginx-light libnginx-mod-rtmp"
PLAY_KEY, HOOK_SECRET = "of-the-player", "of-the-hooks"

if (MODULE is None or shutil.which("nginx", path="/usr/sbin:/usr/bin") is None) and os.environ.get("CI"):
    pytest.fail(MISSING)
pytestmark = pytest.mark.skipif(MODULE is None, reason=MISSING)


def ports_free(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return numbers


def configured(home: Path, *, academy: int, rtmp: int, control: int, play: int) -> Path:
    """The files of deploy/live with their words filled in, and everything they write below `home`."""
    for name in ("nginx-rtmp.conf", "play.conf"):
        text = (DEPLOY / name).read_text()
        for word, meant in (
            ("ACADEMY/", f"127.0.0.1:{academy}/"),
            ("/HOOK_SECRET;", f"/{HOOK_SECRET};"),
            ("$stream SECRET", f"$stream {PLAY_KEY}"),
            ("listen 1935;", f"listen 127.0.0.1:{rtmp};"),
            ("127.0.0.1:8090", f"127.0.0.1:{control}"),
            ("listen 8091", f"listen 127.0.0.1:{play}"),
            ("/var/lib/academy-live", str(home)),
        ):
            text = text.replace(word, meant)
        (home / name).write_text(text)
    for name in ("hls", "recordings", "temp"):
        (home / name).mkdir()
        (home / name).chmod(0o777)
    own = home / "nginx.conf"
    temporary = "".join(
        f"    {kind}_temp_path {home}/temp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"load_module {MODULE};\ndaemon off;\npid {home}/nginx.pid;\nerror_log {home}/error.log warn;\n"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = (home / "nginx-rtmp.conf").read_text()
    own.write_text(user + head + main.replace("http {", f"http {{\n    access_log off;\n{temporary}"))
    return own


@asynccontextmanager
async def academy_with_nginx(settings: Settings, home: Path) -> AsyncIterator[Studio]:
    listener = socket.create_server(("127.0.0.1", 0))
    rtmp, control, play = ports_free(3)
    config = configured(home, academy=listener.getsockname()[1], rtmp=rtmp, control=control, play=play)
    ground = settings.model_copy(
        update={
            "live_provider": "nginx_rtmp",
            "live_ingest_url": f"rtmp://127.0.0.1:{rtmp}/live",
            "live_play_url": f"http://127.0.0.1:{play}/hls",
            "live_control_url": f"http://127.0.0.1:{control}",
            "live_recordings_dir": home / "recordings",
            **_secrets(),
            "allowed_hosts": ("127.0.0.1",),
        }
    )
    async with build_ports(ground, clock=SystemClock()) as ports:

        @asynccontextmanager
        async def these() -> AsyncIterator[object]:
            yield ports

        ready = asyncio.Event()
        web = WebServer(make_app(these), ready.set)  # type: ignore[arg-type]
        serving = asyncio.create_task(web.serve([listener]))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config), "-p", str(home)])
        try:
            await ready.wait()
            async with httpx.AsyncClient() as client:

                async def answers() -> bool:
                    try:
                        return (await client.get(f"http://127.0.0.1:{control}/stat")).status_code == 200
                    except httpx.TransportError:
                        assert nginx.poll() is None, (home / "error.log").read_text()
                        return False

                await eventually(answers)
            world = World(ports)
            lesson, host = await lesson_now(world)
            yield Studio(ports, world, lesson, host, listener, serving)
        finally:
            nginx.terminate()
            await asyncio.to_thread(nginx.wait, PATIENCE_SECONDS)
            web.should_exit = True
            await serving


def _secrets() -> dict[str, object]:
    from pydantic import SecretStr

    return {"live_play_key": SecretStr(PLAY_KEY), "live_hook_secret": SecretStr(HOOK_SECRET)}


@pytest.fixture
async def nginx(settings: Settings, database: None, redis: object, tmp_path: Path) -> AsyncIterator[Studio]:
    home = tmp_path
    for each in (home, *home.parents[:2]):
        each.chmod(0o755)
    async with academy_with_nginx(settings, home) as studio:
        yield studio


async def test_a_lesson_goes_from_the_camera_to_the_replay(nginx: Studio) -> None:
    key = await nginx.key()
    async with filming(address_of(key)):
        await nginx.until(LiveStatus.REHEARSAL)
        await start_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)
        began = SystemClock().now()
        played = await playback_of(nginx.ports, nginx.host, await LiveLesson.get(id=nginx.lesson.id))
        assert played is not None
        async with httpx.AsyncClient() as phone:

            async def plays() -> bool:
                answer = await phone.get(played[1])
                return answer.status_code == 200 and answer.text.count(".ts") >= 2

            await eventually(plays)
            good = await phone.get(played[1])
            forged = await phone.get(played[1].replace(name_of(key), "0" * 32))
            late = await phone.get(played[1].replace("/hls/", "/hls/").replace(_until(played[1]), "1700000000"))
            up = await phone.get(played[1].replace("index.m3u8", "..%2f..%2fnginx.conf"))
        assert (good.headers["access-control-allow-origin"], forged.status_code, late.status_code) == ("*", 403, 403)
        assert up.status_code in (400, 403, 404)
        assert await frames_in("-live_start_index", "0", "-t", "2", "-i", played[1]) > 0
        await end_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)
        lasted = (SystemClock().now() - began).total_seconds()
        await drain(nginx.ports)

    async def stopped() -> bool:
        return (await nginx.ports.live.status(name_of(key))).on_air is False

    await eventually(stopped)
    assert await make_replays(nginx.ports) == 1
    assert abs(await frames_in("-i", str(await nginx.replay_file())) / 25 - lasted) <= 4


async def test_only_a_good_key_opens_the_door(nginx: Studio) -> None:
    key = await nginx.key()
    good = address_of(key)
    row = await StreamKey.get()
    wrong = [
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good.partition("?")[0],
        good.replace(name_of(key), "0" * 32),
        # what a publisher adds must not pass for nginx's own words
        good.replace(name_of(key), "0" * 32) + f"&name={name_of(key)}",
    ]

    assert [await refused(each) for each in wrong] == [True] * len(wrong)
    await StreamKey.all().update(expires_at=SystemClock().now() - timedelta(seconds=1))
    assert await refused(good)
    await StreamKey.all().update(expires_at=row.expires_at, revoked_at=SystemClock().now())
    assert await refused(good)
    assert await nginx.status() is LiveStatus.SCHEDULED


async def test_a_second_publisher_is_refused_and_the_lesson_goes_on(nginx: Studio) -> None:
    key = await nginx.key()
    async with filming(address_of(key)) as camera:
        await nginx.until(LiveStatus.REHEARSAL)
        await start_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)

        second = await refused(address_of(key))
        await keep_streams(nginx.ports)

        assert second
        assert camera.is_streaming()
        assert await nginx.status() is LiveStatus.LIVE
        assert await StreamFeed.all().count() == 1
        assert await LiveAiring.all().count() == 1


async def test_a_lesson_on_air_survives_everybody_who_tries_the_door(nginx: Studio) -> None:
    old, key = await nginx.key(), await nginx.key()
    await drain(nginx.ports)
    async with filming(address_of(key)) as camera:
        await nginx.until(LiveStatus.REHEARSAL)
        await start_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)

        turned_away = [await refused(each) for each in wrong_addresses(old, key)]
        await keep_streams(nginx.ports)
        await drain(nginx.ports)

        assert turned_away == [True] * 5
        assert (await nginx.ports.live.status(name_of(key))).on_air
        assert camera.is_streaming()
        assert await nginx.status() is LiveStatus.LIVE
    assert await StreamFeed.all().count() == await LiveAiring.all().count() == 1


async def test_a_new_key_ends_the_stream_under_the_old_one(nginx: Studio) -> None:
    old = await nginx.key()
    async with filming(address_of(old)) as camera:
        await nginx.until(LiveStatus.REHEARSAL)
        await start_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)

        await nginx.key()
        await drain(nginx.ports)

        assert await camera.ended() != 0
        await nginx.until(LiveStatus.INTERRUPTED)
        assert await refused(address_of(old))


async def test_hooks_that_were_lost_are_found_by_looking(nginx: Studio) -> None:
    key = await nginx.key()
    async with filming(address_of(key)) as camera:
        await nginx.until(LiveStatus.REHEARSAL)
        await start_live_lesson(nginx.ports, nginx.host, nginx.lesson.id)
        await StreamFeed.all().update(client="of a connection that never was")

        await keep_streams(nginx.ports)  # too early to judge: what was let in a moment ago may not be shown yet
        assert await nginx.status() is LiveStatus.LIVE
        await StreamFeed.all().update(from_at=SystemClock().now() - PATIENCE)
        await keep_streams(nginx.ports)
        assert await nginx.status() is LiveStatus.LIVE
        assert await StreamFeed.filter(until_at=None).count() == 1
        assert await LiveAiring.all().count() == 2
        assert camera.is_streaming()


def _until(url: str) -> str:
    return url.split("/")[5]
