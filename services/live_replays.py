"""From what was recorded of a lesson to its replay, and the end of files that nobody needs."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog

from kit.db import transaction
from kit.ids import new_id
from kit.words import LiveStatus
from models.courses import MediaAsset
from models.live import LiveLesson, airings_of, locked_lesson
from models.streams import forgettable, keys_of, recordings_of, replays_due, try_again
from providers.live.base import LiveUnavailable, Piece
from providers.live.embedded import streams_root
from providers.live.recordings import NoRecording, cuts_of, make_film
from providers.live.signing import NAME
from providers.probe.base import Unplayable
from services.live import move_live_lesson
from services.live_keys import PLAYABLE
from services.ports import Ports

AT_ONCE = 4
PATIENCE = timedelta(hours=2)
"""How long after the end a recording may come; vendors take their time."""
SOONEST_RETRY = timedelta(seconds=2)
SLOWEST_RETRY = timedelta(minutes=10)
PIECE_BYTES = 1024 * 1024

_log = structlog.get_logger("replays")


async def make_replays(ports: Ports) -> int:
    """Make the replays that are due; how many were made. One that cannot be made yet is tried again, and a lesson of
    which there is no recording after two hours goes into the archive without one."""
    made = 0
    for lesson_id in await replays_due(ports.clock.now(), AT_ONCE):
        try:
            made += await _make_replay(ports, lesson_id)
        except (NoRecording, Unplayable, LiveUnavailable) as error:
            await _put_off(ports, lesson_id, str(error))
    return made


async def sweep_streams(ports: Ports) -> int:
    """Remove what the embedded ingest kept of streams that are over; how many."""
    root = streams_root(ports.settings)
    if not root.is_dir():
        return 0
    names = [path.name for path in root.iterdir() if NAME.fullmatch(path.name)]
    over = await forgettable(names, ports.clock.now() - PLAYABLE)
    for name in over:
        await asyncio.to_thread(shutil.rmtree, root / name, ignore_errors=True)
    return len(over)


async def _make_replay(ports: Ports, lesson_id: UUID) -> bool:
    pieces = await _pieces(ports, lesson_id)
    [airings] = await airings_of([lesson_id])
    stretches = [(each.from_at, each.until_at) for each in airings if each.until_at is not None]
    cuts = cuts_of(pieces, stretches)
    if not cuts:
        raise NoRecording("nothing is recorded")
    home = ports.settings.data_dir.absolute() / "replays"
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as place:
        film = await make_film(cuts, Path(place), ports.settings.live_recording_hosts)
        probed = await ports.probe.probe(film, "video/mp4")
        asset = await _kept(ports, film, probed.duration_seconds)
    if await transaction(lambda: _attach(ports, lesson_id, asset)):
        return True
    await ports.storage.delete(asset.storage_key)  # somebody else was quicker
    return False


async def _pieces(ports: Ports, lesson_id: UUID) -> list[Piece]:
    """Everything recorded under the lesson's keys. `NoRecording` while somebody still publishes."""
    keys = await keys_of(lesson_id)
    statuses = [await ports.live.status(key.name) for key in keys]
    if any(status.on_air for status in statuses):
        raise NoRecording("the stream has not stopped yet")
    told = [Piece(each.location, each.started_at) for each in await recordings_of([key.id for key in keys])]
    return [*told, *(piece for status in statuses for piece in status.pieces)]


async def _kept(ports: Ports, film: Path, duration_seconds: int) -> MediaAsset:
    """The film in storage, and the asset that is to stand for it."""
    digest, asset_id = hashlib.sha256(), new_id()

    async def pieces() -> AsyncIterator[bytes]:
        with film.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                digest.update(piece)
                yield piece

    key = f"replays/{asset_id}.mp4"
    size = await ports.storage.put_pieces(key, pieces())
    return MediaAsset(
        id=asset_id,
        kind="VIDEO",
        content_type="video/mp4",
        size_bytes=size,
        sha256=digest.hexdigest(),
        duration_seconds=duration_seconds,
        storage_key=key,
        created_at=ports.clock.now(),
    )


async def _attach(ports: Ports, lesson_id: UUID, asset: MediaAsset) -> bool:
    lesson = await locked_lesson(lesson_id)
    if lesson is None or lesson.status is not LiveStatus.ENDED:
        return False
    await asset.save(force_create=True)
    await LiveLesson.filter(id=lesson_id).update(replay_media_id=asset.id)
    lesson.replay_media_id = asset.id
    await move_live_lesson(ports, lesson, LiveStatus.REPLAY_READY, cause="the recording became the replay")
    return True


async def _put_off(ports: Ports, lesson_id: UUID, failure: str) -> None:
    async def work() -> int:
        now = ports.clock.now()
        lesson = await locked_lesson(lesson_id)
        if lesson is None or lesson.status is not LiveStatus.ENDED:
            return 0
        assert lesson.ended_at is not None, "what has ended has an end"
        if now >= lesson.ended_at + PATIENCE:
            await move_live_lesson(ports, lesson, LiveStatus.ARCHIVED, cause=f"no replay: {failure}")
            return 0
        wait = min(max((now - lesson.ended_at) / 2, SOONEST_RETRY), SLOWEST_RETRY)
        return await try_again(lesson_id, now + wait, failure)

    tries = await transaction(work)
    _log.warning("replay not made", lesson=str(lesson_id), reason=failure, tries=tries)
