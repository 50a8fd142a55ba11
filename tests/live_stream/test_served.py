"""What phones fetch from the embedded ingest: under a signature that ends, and nothing but playlists and segments."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kit.clock import FrozenClock
from providers.live.embedded import EmbeddedLive, streams_root
from services.ports import Ports
from tests.gql import Gql

NAME = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def stream(ports: Ports) -> Path:
    """A stream with a playlist, a segment, and a recording that is nobody's business."""
    directory = streams_root(ports.settings) / NAME
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "index.m3u8").write_text("#EXTM3U\n#EXTINF:2.0,\nseg000000.ts\n")
    (directory / "seg000000.ts").write_bytes(b"a segment")
    (directory / "rec-1700000000000.mp4").write_bytes(b"the rehearsal")
    return directory


def path_of(ports: Ports, clock: FrozenClock, name: str = NAME) -> str:
    live = EmbeddedLive(ports.settings, clock)
    return urlsplit(live.playback(name, clock.now() + timedelta(hours=1)).url).path


async def test_a_signed_path_plays_until_its_end(gql: Gql, ports: Ports, clock: FrozenClock, stream: Path) -> None:
    path = path_of(ports, clock)

    playlist, segment = await gql.http.get(path), await gql.http.get(path.replace("index.m3u8", "seg000000.ts"))
    clock.advance(timedelta(hours=1))
    late = await gql.http.get(path)

    assert (playlist.status_code, playlist.headers["content-type"]) == (200, "application/vnd.apple.mpegurl")
    assert (segment.status_code, segment.content) == (200, b"a segment")
    assert playlist.headers["access-control-allow-origin"] == segment.headers["access-control-allow-origin"] == "*"
    assert late.status_code == 403


async def test_a_path_for_another_stream_or_end_is_refused(
    gql: Gql, ports: Ports, clock: FrozenClock, stream: Path
) -> None:
    path = path_of(ports, clock)
    _, _, token, _, file = path.split("/")

    forged = [
        f"/live/{token}/{'f' * 32}/{file}",
        f"/live/9{token}/{NAME}/{file}",
        f"/live/{token[:-1]}/{NAME}/{file}",
        f"/live/x/{NAME}/{file}",
        f"/live/{token}/../{file}",
    ]

    assert {(await gql.http.get(each)).status_code for each in forged} <= {403, 404}


@pytest.mark.parametrize(
    "file",
    [
        "rec-1700000000000.mp4", "air.json", "stopped", "..", "%2e%2e%2fsecret", "..%2f..%2fpostgres.log",
        "seg000000.ts%00", "seg.ts", "seg000001.ts",
    ],
)  # fmt: skip
async def test_nothing_but_what_is_played_is_served(
    gql: Gql, ports: Ports, clock: FrozenClock, stream: Path, file: str
) -> None:
    answer = await gql.http.get(path_of(ports, clock).replace("index.m3u8", file))

    assert answer.status_code in (403, 404)


async def test_a_segment_that_is_a_link_is_not_followed(
    gql: Gql, ports: Ports, clock: FrozenClock, stream: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (stream / "seg000009.ts").symlink_to(tmp_path / "secret")

    assert (await gql.http.get(path_of(ports, clock).replace("index.m3u8", "seg000009.ts"))).status_code == 404


async def test_players_hear_that_it_is_over(gql: Gql, ports: Ports, clock: FrozenClock, stream: Path) -> None:
    before = (await gql.http.get(path_of(ports, clock))).text
    await EmbeddedLive(ports.settings, clock).stop(NAME)

    after = (await gql.http.get(path_of(ports, clock))).text

    assert "#EXT-X-ENDLIST" not in before
    assert after == f"{before}#EXT-X-ENDLIST\n"


async def test_a_hook_of_a_stranger_is_refused_and_a_huge_one_not_read(gql: Gql, ports: Ports) -> None:
    stranger = await gql.http.post("/hooks/live/guess", content=b"call=publish&name=x")
    huge = await gql.http.post("/hooks/live/guess", content=b"x" * 70_000)

    assert (stranger.status_code, huge.status_code) == (403, 413)
