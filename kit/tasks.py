"""Ending what runs in the background."""

import asyncio
from typing import Any


async def end(*tasks: asyncio.Task[Any], patience_seconds: float = 1.0) -> None:
    """Cancel tasks and wait for them; what they raise is not raised here.

    A cancel can get lost: an error while a task clears up takes its place, and a loop that survives errors goes on.
    So it is repeated.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=patience_seconds)
    await asyncio.gather(*tasks, return_exceptions=True)
