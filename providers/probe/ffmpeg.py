"""Durations by ffmpeg: every packet of the file is read and none decoded, which takes a second for a large film."""

from pathlib import Path

from providers.ffmpeg import READ_ONE_FILE, FFmpegFailed, run_ffmpeg
from providers.probe.base import Probed, Unplayable

FORMATS = {"video/mp4": "mov", "audio/mp4": "mov", "audio/mpeg": "mp3"}
"""What ffmpeg calls them. It does not get to guess: a file can look like several things."""
MOST_SECONDS = 60.0
LONGEST_SECONDS = 24 * 3600


class FFmpegProbe:
    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self._most_seconds = most_seconds

    async def probe(self, path: Path, content_type: str) -> Probed:
        if content_type not in FORMATS:
            raise Unplayable(f"{content_type} has no duration")
        reading = (*READ_ONE_FILE, "-f", FORMATS[content_type], "-i", f"file:{path}")
        measuring = ("-map", "0:V?", "-map", "0:a?", "-c", "copy", "-f", "null", "-progress", "pipe:1", "-")
        try:
            report = await run_ffmpeg(*reading, *measuring, seconds=self._most_seconds)
        except FFmpegFailed as error:
            raise Unplayable(str(error)) from error
        return _read(report)


def _read(report: bytes) -> Probed:
    """The last of the reports that ffmpeg gives while it reads."""
    said = dict(line.split("=", 1) for line in report.decode(errors="replace").splitlines() if "=" in line)
    try:
        microseconds = int(said.get("out_time_us", ""))
    except ValueError as error:
        raise Unplayable("nothing in it has a time") from error
    if not 0 < microseconds <= LONGEST_SECONDS * 1_000_000:
        raise Unplayable("it has no length, or one that nobody can watch")
    return Probed(max(1, (microseconds + 500_000) // 1_000_000), int(said.get("frame", "0")) > 0)
