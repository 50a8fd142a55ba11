"""FFmpeg from its wheel, one run at a time: no shell, a limit on time and memory, and nothing left running behind it.

Files that people send are hostile until shown otherwise: whoever reads one names its format and lets ffmpeg open local
files alone (`READ_ONE_FILE`), so that a playlist in a film's clothes opens no address and no other file of ours.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

from imageio_ffmpeg import get_ffmpeg_exe

LARGEST_BLOCK = 512 * 1024 * 1024
"""What ffmpeg may take in one piece of memory, whatever a file says it needs."""
LONGEST_ANSWER = 1024 * 1024
READ_ONE_FILE = ("-protocol_whitelist", "file,pipe")

QUIET = ("-hide_banner", "-nostats", "-v", "error", "-max_alloc", str(LARGEST_BLOCK))


class FFmpegFailed(Exception):
    """It ended with a fault, or not in time. The message is for a log: the last it said."""


@cache
def ffmpeg() -> str:
    """Where the wheel put it."""
    return str(get_ffmpeg_exe())


async def run_ffmpeg(*words: str, seconds: float) -> bytes:
    """What one run writes to its standard output; `FFmpegFailed` after a fault, or after `seconds`."""
    process = await asyncio.create_subprocess_exec(
        ffmpeg(),
        "-nostdin",
        *QUIET,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            said, complaints = await asyncio.gather(_drained(process.stdout), _drained(process.stderr))
            code = await process.wait()
    except TimeoutError as error:
        raise FFmpegFailed(f"not done after {seconds:.0f} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise FFmpegFailed(_last_line(complaints) or f"exit code {code}")
    return said


async def _drained(stream: asyncio.StreamReader) -> bytes:
    """All of it is read, so that nobody waits to write; only the last of it is kept."""
    kept = b""
    while piece := await stream.read(64 * 1024):
        kept = (kept + piece)[-LONGEST_ANSWER:]
    return kept


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def concat_list(paths: Sequence[str]) -> str:
    """The list that ffmpeg's concat demuxer reads; the paths are ours."""
    return "".join("file '{}'\n".format(path.replace("'", "'\\''")) for path in paths)
