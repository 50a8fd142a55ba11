"""How long films really play, whatever they say and whoever made them."""

import asyncio
import struct
import subprocess
from pathlib import Path

import pytest

from kit.errors import DomainError, ErrorCode
from kit.processes import wait_until
from models.courses import MediaAsset
from providers.ffmpeg import FFmpegFailed, run_ffmpeg
from providers.probe.base import Probed, Unplayable
from providers.probe.ffmpeg import FFmpegProbe
from services.ports import Ports
from services.probing import probe_media
from tests.films import film
from tests.process import PATIENCE_SECONDS
from tests.world import World


@pytest.mark.parametrize(
    ("name", "content_type", "picture"),
    [("a.mp4", "video/mp4", True), ("a.m4a", "audio/mp4", False), ("a.mp3", "audio/mpeg", False)],
)
async def test_a_film_is_as_long_as_it_plays(tmp_path: Path, name: str, content_type: str, picture: bool) -> None:
    path = await film(tmp_path / name, 3, picture=picture)

    assert await FFmpegProbe().probe(path, content_type) == Probed(3, has_video=picture)


async def test_the_header_of_a_film_is_not_believed(tmp_path: Path) -> None:
    path = await film(tmp_path / "a.mp4", 3)
    honest = path.read_bytes()
    place = honest.index(b"mvhd") + 4
    assert honest[place] == 0
    scale = struct.unpack(">I", honest[place + 12 : place + 16])[0]
    path.write_bytes(honest[: place + 16] + struct.pack(">I", 3600 * scale) + honest[place + 20 :])

    assert await FFmpegProbe().probe(path, "video/mp4") == Probed(3, has_video=True)


HOSTILE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 64,
    "a playlist": b"#EXTM3U\n#EXTINF:3600,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a film without a film": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2\x00\x00\x00\x08moov",
    "a box larger than the world": b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2\xff\xff\xff\xffmoov",
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("content_type", ["video/mp4", "audio/mpeg"])
async def test_what_is_no_film_is_unplayable(tmp_path: Path, what: str, content_type: str) -> None:
    path = tmp_path / "media"
    path.write_bytes(HOSTILE[what])

    with pytest.raises(Unplayable):
        await FFmpegProbe().probe(path, content_type)


async def test_a_file_named_like_an_option_or_an_address_is_a_file(tmp_path: Path) -> None:
    path = await film(tmp_path / "a.mp4", 1)
    odd = path.rename(tmp_path / "-i http:--127.0.0.1 %d 'quoted'.mp4")

    assert await FFmpegProbe().probe(odd, "video/mp4") == Probed(1, has_video=True)


async def test_what_takes_too_long_is_ended_and_leaves_nothing_running(tmp_path: Path) -> None:
    path = await film(tmp_path / "a.mp4", 1)

    with pytest.raises(Unplayable, match="not done"):
        await FFmpegProbe(most_seconds=0).probe(path, "video/mp4")
    with pytest.raises(FFmpegFailed, match="not done"):
        await run_ffmpeg("-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "-", seconds=0.3)


async def test_a_caller_who_leaves_takes_ffmpeg_along(tmp_path: Path) -> None:
    mark = str(tmp_path / "progress")
    running = asyncio.create_task(
        run_ffmpeg("-re", "-f", "lavfi", "-i", "testsrc", "-progress", mark, "-f", "null", "-", seconds=60)
    )
    assert await asyncio.to_thread(wait_until, Path(mark).exists, PATIENCE_SECONDS)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    listing = ["ps", "-A", "-ww", "-o", "command="]
    running_now = await asyncio.to_thread(subprocess.run, listing, capture_output=True, text=True, check=True)
    assert mark not in running_now.stdout


async def test_media_in_storage_are_measured_there(ports: Ports, world: World, tmp_path: Path) -> None:
    path = await film(tmp_path / "a.mp4", 2)
    good, bad = await world.media(99, path.read_bytes()), await world.media(99)

    assert (await probe_media(ports, good)).duration_seconds == 2
    with pytest.raises(DomainError) as refused:
        await probe_media(ports, bad, "mediaId")

    assert refused.value.code is ErrorCode.UPLOAD_INVALID
    assert refused.value.field == ("mediaId",)
    assert not list((ports.settings.data_dir / "probing").iterdir())
    assert await MediaAsset.all().count() == 2
