"""Valkey dies in the middle of learning and comes back with nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gamification.standings import Question
from kit.clock import FrozenClock, monotonic
from kit.embedded import Valkey
from kit.paging import Ask
from kit.settings import Settings
from server.wiring import build_ports
from services.board_verifying import verify_boards
from services.boards import Reading, read_board
from services.ports import Ports
from tests.boards.story import Learner, board, earn, learner, outlet, tree
from tests.faults.boards import equal_again
from workers.relay import run_relay
from workers.scheduler import TICKS, run_scheduler

BOARD_TICKS = ("check boards", "average regions")


@asynccontextmanager
async def working(ports: Ports) -> AsyncIterator[None]:
    """With the relay, and the ticks that look after the boards."""
    tasks = [
        asyncio.create_task(run_relay(ports)),
        asyncio.create_task(run_scheduler(ports, tuple(tick for tick in TICKS if tick.name in BOARD_TICKS))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def learning(ports: Ports, people: list[Learner], stop: asyncio.Event, readings: list[Reading]) -> int:
    """Everybody earns, one after the other, and looks at the board each time; how often."""
    count = 0
    while not stop.is_set():
        who = people[count % len(people)]
        await earn(ports, who, count % 3 + 1)
        readings.append(await read_board(ports, board(ports), Question(Ask(10), who.id, 2)))
        count += 1
        await asyncio.sleep(0.02)
    return count


async def test_boards_equal_the_rows_again_within_ten_seconds_and_nothing_answers_an_error(
    settings: Settings, database: None, clock: FrozenClock, own_valkey: Valkey
) -> None:
    own = settings.model_copy(update={"redis_url": own_valkey.url()})
    async with build_ports(own, clock=clock) as ports, working(ports):
        land = await tree()
        shops = [await outlet(ports, station) for station in land.stations]
        people = [await learner(ports, shop) for shop in shops for _ in range(6)]
        readings: list[Reading] = []
        stop = asyncio.Event()
        learners = asyncio.create_task(learning(ports, people, stop, readings))
        await asyncio.sleep(3)
        before = len(readings)

        assert own_valkey.process is not None
        own_valkey.process.kill()
        await asyncio.to_thread(own_valkey.process.wait)
        await asyncio.sleep(2)
        while_away = readings[before:]
        await asyncio.to_thread(own_valkey.start)
        back = monotonic()
        await asyncio.sleep(2)
        stop.set()
        count = await learners
        async with asyncio.timeout(10 - (monotonic() - back)):
            await equal_again(ports)

        assert count == len(readings) > 100
        assert any(not reading.stale for reading in readings[:before])
        assert while_away
        assert all(reading.stale for reading in while_away[1:])
        differences = await verify_boards(ports)
        assert [each for each in differences if not each.where.startswith("metric_days")] == []
