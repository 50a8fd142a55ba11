"""Many workers that close periods at the same moment, each a process of its own: python -m tests.seasons.closers

Says "ready" when all of them stand at the line, and goes at the first line it reads; then says how many periods were
closed in all. Each tries again while somebody else holds what it needs, as the scheduler does.
"""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from kit.clock import FrozenClock
from kit.errors import DomainError
from kit.settings import Settings
from server.wiring import opened_ports
from services.board_closing import close_periods


async def close(settings: Settings, now: datetime, ready: int, go: int, closed: int) -> None:
    async with opened_ports(settings) as ports:
        os.write(ready, b".")
        await asyncio.to_thread(os.read, go, 1)
        count = 0
        while True:
            try:
                count += await close_periods(replace(ports, clock=FrozenClock(now)))
                break
            except DomainError:
                continue
        os.write(closed, f"{count}\n".encode())


def main(settings: Settings, now: datetime, processes: int) -> None:
    (ready, say_ready), (wait, go), (closed, say_closed) = os.pipe(), os.pipe(), os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            os.close(go)
            asyncio.run(close(settings, now, say_ready, wait, say_closed))
            os._exit(0)
        children.append(child)
    for end in (say_ready, wait, say_closed):
        os.close(end)
    for _ in children:
        assert os.read(ready, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    os.close(go)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    with os.fdopen(closed) as counts:
        print(sum(int(line) for line in counts), flush=True)


if __name__ == "__main__":
    main(
        Settings(data_dir=Path(sys.argv[1]), database_pool_size=2),
        datetime.fromisoformat(sys.argv[2]),
        int(sys.argv[3]),
    )
