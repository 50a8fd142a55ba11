"""A process that builds all boards anew and is killed in the middle of it, at a step of its choice."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gamification.boards import HonourBoards
from kit.clock import FrozenClock
from kit.settings import Settings
from server.wiring import opened_ports
from services.board_building import rebuild


def die_at(step: str, count: int) -> None:
    """The `count`th time the boards are asked for this step, it is the end."""
    real, asked = getattr(HonourBoards, step), 0

    async def asked_for(*given: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(*given)

    setattr(HonourBoards, step, asked_for)


async def main(data_dir: Path, now: datetime) -> None:
    async with opened_ports(Settings(data_dir=data_dir)) as ports:
        await rebuild(replace(ports, clock=FrozenClock(now)))


if __name__ == "__main__":
    die_at(sys.argv[3], int(sys.argv[4]))
    asyncio.run(main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
