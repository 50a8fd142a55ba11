"""A worker that pays prizes one by one and is killed in the middle of the third."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import services.prizes
from kit.clock import FrozenClock
from kit.settings import Settings
from server.wiring import opened_ports
from services.prizes import pay_prizes


class LastHour(FrozenClock):
    """Strikes twice; asked a third time, it is the end."""

    strikes = 0

    def now(self) -> datetime:
        self.strikes += 1
        if self.strikes == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().now()


async def main(data_dir: Path, now: datetime) -> None:
    services.prizes.PRIZES_AT_ONCE = 1
    async with opened_ports(Settings(data_dir=data_dir)) as ports:
        await pay_prizes(replace(ports, clock=LastHour(now)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
