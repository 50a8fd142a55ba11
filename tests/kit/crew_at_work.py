"""A process whose crew of two never gets done; each says its id as a file in the directory that is named."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

from kit.crew import crew


async def begin() -> None:
    pass


async def never_done(directory: Path, part: int) -> None:
    (directory / str(os.getpid())).touch()
    await asyncio.Event().wait()


async def main(directory: Path) -> None:
    async with crew(2, begin) as workers:
        async for _ in workers.answers(partial(never_done, directory), range(6)):
            raise AssertionError("done")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it, and so would we
    asyncio.run(main(Path(sys.argv[1])))
