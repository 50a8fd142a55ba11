"""A host's camera: ffmpeg that sends the test pattern over RTMP in real time, and can be cut off."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from providers.ffmpeg import ffmpeg
from tests.films import ENCODING, PICTURE, TONE
from tests.process import PATIENCE_SECONDS


@dataclass
class Camera:
    """What streams to `address`, which holds the key."""

    address: str
    seconds: float = 600
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> "Camera":
        self.process = await asyncio.create_subprocess_exec(
            *(ffmpeg(), "-nostdin", "-hide_banner", "-v", "error", "-re", *PICTURE, "-re", *TONE),
            *("-t", str(self.seconds), *ENCODING, "-f", "flv", self.address),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def ended(self) -> int:
        """The exit code, once it has ended by itself: 0 if all of it was taken."""
        assert self.process is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    def is_streaming(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Off: SIGINT says good-bye to the server, SIGKILL just goes."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            await self.process.communicate()


@asynccontextmanager
async def filming(address: str, seconds: float = 600) -> AsyncIterator[Camera]:
    """A camera that is on for the block, or for so many seconds."""
    camera = await Camera(address, seconds).start()
    try:
        yield camera
    finally:
        await camera.stop(signal.SIGKILL)


async def refused(address: str) -> bool:
    """Whether a stream to this address is turned away before it begins."""
    async with filming(address, seconds=3) as camera:
        return await camera.ended() != 0


async def eventually(
    question: Callable[[], Awaitable[bool]] | Callable[[], bool], why: str = "", pause_seconds: float = 0.05
) -> None:
    """Ask again and again until the answer is yes. Who asks the server as a member does so at the pace of a person:
    it throttles whoever does not."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = question()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(pause_seconds)
