"""From the pieces that were recorded to one film: each cut to when the lesson was on air, then joined, as it came."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from providers.ffmpeg import READ_ONE_FILE, FFmpegFailed, concat_list, run_ffmpeg
from providers.live.base import Piece
from providers.wire import NotAnswered, Wire

FORMATS = {".mp4": "mov", ".flv": "flv", ".ts": "mpegts"}
MOST_BYTES = 32 * 1024**3
FETCH_SECONDS = 1800.0
CUT_SECONDS = 900.0
LEAST_SECONDS = 0.5
"""What is shorter is left out: there may be no picture in it."""


class NoRecording(Exception):
    """There is nothing to make a film of, yet. The message is for a log."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a piece, in seconds from its start."""

    piece: Piece
    from_seconds: float
    to_seconds: float


def cuts_of(pieces: Sequence[Piece], airings: Sequence[tuple[datetime, datetime]]) -> list[Cut]:
    """What of the pieces was on air, in order. A piece goes on until the next one begins, at most: both may hold the
    same moment when a publisher came back before the first was gone."""
    ordered = sorted(pieces, key=lambda piece: piece.started_at)
    cuts = []
    for place, piece in enumerate(ordered):
        following = ordered[place + 1].started_at if place + 1 < len(ordered) else None
        for from_at, until_at in airings:
            begins = max(from_at, piece.started_at)
            ends = min(until_at, following) if following is not None else until_at
            if (ends - begins).total_seconds() >= LEAST_SECONDS:
                start = (begins - piece.started_at).total_seconds()
                cuts.append(Cut(piece, start, (ends - piece.started_at).total_seconds()))
    return cuts


async def make_film(cuts: Sequence[Cut], place: Path, hosts: Sequence[str]) -> Path:
    """One mp4 of the cuts, in the directory `place`, ready to be played from its first byte.

    Pieces elsewhere are fetched from `hosts` alone. `NoRecording` if nothing of them can be read.
    """
    local: dict[str, Path] = {}
    parts = []
    for number, cut in enumerate(cuts):
        location = cut.piece.location
        if location not in local:
            local[location] = await _at_hand(location, place / f"piece-{len(local)}", hosts)
        part = place / f"part-{number:03}.ts"
        if await _cut(local[location], cut, part):
            parts.append(part)
    if not parts:
        raise NoRecording("nothing on air was recorded")
    listed = place / "parts.txt"
    listed.write_text(concat_list([str(part) for part in parts]))
    film = place / "film.mp4"
    joining = ("-f", "concat", "-safe", "0", *READ_ONE_FILE, "-i", str(listed))
    every = ("-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy")
    try:
        await run_ffmpeg("-y", *joining, *every, "-movflags", "+faststart", "-f", "mp4", str(film), seconds=CUT_SECONDS)
    except FFmpegFailed as error:
        raise NoRecording(f"not joined: {error}") from error
    return film


async def _cut(source: Path, cut: Cut, part: Path) -> bool:
    """Copy a stretch into a part; False if there is nothing in it.

    It begins with the first key frame after the start, and not with the one before: what was said a second before the
    lesson began was not for everybody.
    """
    reading = (*READ_ONE_FILE, "-f", FORMATS[source.suffix], "-i", f"file:{source}")
    stretch = ("-ss", f"{cut.from_seconds:.3f}", "-to", f"{cut.to_seconds:.3f}")
    every = ("-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", "-f", "mpegts")
    try:
        await run_ffmpeg("-y", *reading, *stretch, *every, str(part), seconds=CUT_SECONDS)
    except FFmpegFailed as error:
        raise NoRecording(f"not cut: {error}") from error
    return part.stat().st_size > 0


async def _at_hand(location: str, into: Path, hosts: Sequence[str]) -> Path:
    """The piece as a local file, fetched if it is elsewhere."""
    parts = urlsplit(location)
    if parts.scheme not in ("http", "https"):
        path = Path(location)
        if path.suffix not in FORMATS or not path.is_file():
            raise NoRecording("a piece is gone")
        return path
    host, suffix = parts.hostname or "", Path(parts.path).suffix
    if suffix not in FORMATS or not any(host == known or host.endswith(f".{known}") for known in hosts):
        raise NoRecording(f"no recording is fetched from {host}")
    path = into.with_suffix(suffix)
    try:
        with path.open("wb") as file:
            async for piece in Wire().fetch(location, most_bytes=MOST_BYTES, seconds=FETCH_SECONDS):
                await asyncio.to_thread(file.write, piece)
    except NotAnswered as error:
        raise NoRecording(f"not fetched: {error}") from error
    return path
