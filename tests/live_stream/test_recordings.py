"""A recording that a vendor keeps: fetched from its hosts alone, cut and joined; and the end of files nobody needs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.clock import FrozenClock
from kit.ids import new_id
from kit.words import LiveStatus
from models.live import LiveLesson
from models.streams import StreamKey
from providers.live.base import Piece
from providers.live.embedded import streams_root
from providers.live.recordings import Cut, NoRecording, make_film
from services.live_keys import PLAYABLE
from services.live_replays import sweep_streams
from services.ports import Ports
from tests.films import film, frames_in
from tests.sms.vendor import Vendor, standing_vendor
from tests.world import World

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with standing_vendor() as standing:
        yield standing


def cuts(location: str, *stretches: tuple[float, float]) -> list[Cut]:
    return [Cut(Piece(location, BEGAN), start, end) for start, end in stretches]


@pytest.mark.parametrize("suffix", [".mp4", ".flv"])
async def test_a_recording_elsewhere_is_fetched_once_and_becomes_a_film(
    vendor: Vendor, tmp_path: Path, suffix: str
) -> None:
    made = await film(tmp_path / f"source{suffix}", 4)
    vendor.says(made.read_bytes(), kind="video/mp4")
    place = tmp_path / "place"
    place.mkdir()

    found = await make_film(cuts(f"{vendor.url}/vod/one{suffix}?sign=x", (0, 1), (2, 4)), place, ["127.0.0.1"])

    assert await frames_in("-i", str(found)) in range(60, 80)
    assert [each.target for each in vendor.asked] == [f"/vod/one{suffix}?sign=x"]


@pytest.mark.parametrize(
    ("host", "path"),
    [("127.0.0.1", "/one.mp4"), ("vod.example.com", "/one.exe"), ("vod.example.com", "/one.m3u8")],
    ids=["another host", "no film", "a list that leads elsewhere"],
)
async def test_nothing_is_fetched_from_elsewhere_or_in_another_form(
    vendor: Vendor, tmp_path: Path, host: str, path: str
) -> None:
    vendor.says(b"secret", kind="video/mp4")
    location = f"{vendor.url}{path}".replace("127.0.0.1", host)

    with pytest.raises(NoRecording, match="no recording is fetched"):
        await make_film(cuts(location, (0, 1)), tmp_path, ["vod.example.com", "example.org"])

    assert vendor.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", ["302 Found", "404 Not Found", "500 Internal Server Error"])
async def test_what_the_vendor_does_not_hand_over_is_no_recording_yet(
    vendor: Vendor, tmp_path: Path, status: str
) -> None:
    vendor.says(b"", status, "text/plain")

    with pytest.raises(NoRecording, match="not fetched"):
        await make_film(cuts(f"{vendor.url}/one.mp4", (0, 1)), tmp_path, ["127.0.0.1"])


async def test_what_is_no_film_is_no_recording(vendor: Vendor, tmp_path: Path) -> None:
    vendor.says(b"<html>not a film</html>", kind="video/mp4")

    with pytest.raises(NoRecording, match="not cut"):
        await make_film(cuts(f"{vendor.url}/one.mp4", (0, 1)), tmp_path, ["127.0.0.1"])


async def test_files_of_streams_go_once_the_replay_is_made_and_nobody_can_play_them(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    root = streams_root(ports.settings)
    await sweep_streams(ports)  # what tests before this one left in the directory of their worker
    names = {}
    for number, status in enumerate((LiveStatus.REPLAY_READY, LiveStatus.ENDED)):
        lesson = await world.live_lesson(status=status)
        names[status] = f"{number:032x}"
        await StreamKey.create(
            id=new_id(), lesson_id=lesson.id, name=names[status], secret_hash="0" * 64, issued_by=lesson.host_id,
            issued_at=clock.now(), valid_from=clock.now(), expires_at=clock.now() + timedelta(hours=1),
        )  # fmt: skip
    for name in (*names.values(), "f" * 32, "not a stream"):
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / "seg000000.ts").write_bytes(b"a segment")

    unknown = await sweep_streams(ports)
    clock.advance(timedelta(hours=1) + PLAYABLE)
    at_the_last_moment = await sweep_streams(ports)
    clock.advance(timedelta(microseconds=1))
    over = await sweep_streams(ports)
    await LiveLesson.all().update(status=LiveStatus.ARCHIVED)
    archived = await sweep_streams(ports)

    assert (unknown, at_the_last_moment, over, archived) == (1, 0, 1, 1)
    assert not any((root / name).exists() for name in (*names.values(), "f" * 32))
    assert (root / "not a stream" / "seg000000.ts").exists()
