"""A worker that is told when to begin, and then closes contests and pays prizes, once."""

import asyncio
import sys
from dataclasses import replace
from datetime import datetime

from kit.clock import FrozenClock
from kit.settings import Settings
from server.wiring import opened_ports
from services.prizes import pay_prizes
from services.story_contests import close_story_campaigns


async def main(now: datetime) -> None:
    async with opened_ports(Settings()) as ports:
        ports = replace(ports, clock=FrozenClock(now))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await close_story_campaigns(ports)
        await pay_prizes(ports)


if __name__ == "__main__":
    asyncio.run(main(datetime.fromisoformat(sys.argv[1])))
