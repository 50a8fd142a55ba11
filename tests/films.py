"""Real films and sounds, a test pattern and a tone, made by the ffmpeg of the wheel."""

import asyncio
import subprocess
from pathlib import Path

from providers.ffmpeg import ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=160x90:rate=25")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440")
ENCODING = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-pix_fmt", "yuv420p"),
    *("-c:a", "aac", "-b:a", "64k", "-ar", "44100"),
)
LARGE_BYTES = 20 * 1024 * 1024


async def run(*words: str) -> bytes:
    """One run of ffmpeg that must succeed; its standard output."""
    command = [ffmpeg(), "-nostdin", "-hide_banner", "-v", "error", "-y", *words]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


async def film(path: Path, seconds: float, *, picture: bool = True) -> Path:
    """A film of the test pattern, or a sound; its format by its suffix."""
    sources = (*PICTURE, *TONE) if picture else TONE
    coding = ENCODING if picture else ("-c:a", "aac") if path.suffix != ".mp3" else ()
    await run(*sources, "-t", str(seconds), *coding, str(path))
    return path


async def large_film(path: Path) -> Path:
    """Three seconds of noise and a tone, some 22 MB, every byte of it picture or sound: noise does not compress."""
    noise = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25,noise=alls=60:allf=t:all_seed=1")
    await run(*noise, *TONE, "-t", "3", "-c:v", "mpeg4", "-q:v", "2", "-c:a", "aac", str(path))
    assert path.stat().st_size >= LARGE_BYTES
    return path


async def frames_in(*source: str) -> int:
    """How many pictures can be decoded, every one of them; a fault in any fails."""
    command = ("-xerror", "-err_detect", "explode", *source, "-map", "0:v:0", "-f", "null", "-progress", "pipe:1", "-")
    report = (await run(*command)).decode()
    return int([line for line in report.splitlines() if line.startswith("frame=")][-1].removeprefix("frame="))
