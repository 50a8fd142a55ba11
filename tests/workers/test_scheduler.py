"""workers/scheduler.py: each tick in one process at a time, whatever another one does."""

import asyncio

import structlog

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from services.ports import Ports
from workers.scheduler import TICKS, Tick, run_scheduler


async def until(holds: list[object], count: int, seconds: float = 5.0) -> None:
    end = monotonic() + seconds
    while len(holds) < count:
        assert monotonic() < end, holds
        await asyncio.sleep(0.005)


async def stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_tick_runs_again_and_again_even_after_it_failed(ports: Ports) -> None:
    turns: list[object] = []

    async def fail(_: Ports) -> None:
        turns.append("failed")
        raise ValueError("this time")

    scheduler = asyncio.create_task(run_scheduler(ports, (Tick("fail", 0.001, fail),)))
    await until(turns, 3)
    await stop(scheduler)

    assert len(turns) >= 3


async def test_a_database_that_is_away_is_told_in_a_line_and_a_fault_of_ours_with_its_place(ports: Ports) -> None:
    turns: list[object] = []

    async def away(_: Ports) -> None:
        turns.append("away")
        raise DomainError(ErrorCode.UNAVAILABLE)

    async def broken(_: Ports) -> None:
        turns.append("broken")
        raise ValueError("ours")

    with structlog.testing.capture_logs() as logs:
        scheduler = asyncio.create_task(run_scheduler(ports, (Tick("away", 60, away), Tick("broken", 60, broken))))
        await until(turns, 2)
        await stop(scheduler)

    told = {log["tick"]: (log["event"], log["error"], log["exc_info"]) for log in logs}
    assert told == {"away": ("tick failed", "UNAVAILABLE", False), "broken": ("tick failed", "ValueError", True)}


async def test_of_two_schedulers_one_ticks_and_the_other_follows_it(ports: Ports) -> None:
    turns: list[object] = []

    def ticks(name: str) -> tuple[Tick, ...]:
        async def note(_: Ports) -> None:
            turns.append(name)

        return (Tick("note", 0.001, note),)

    first = asyncio.create_task(run_scheduler(ports, ticks("first")))
    await until(turns, 1)
    second = asyncio.create_task(run_scheduler(ports, ticks("second"), look_seconds=0.01))
    await until(turns, 20)
    assert set(turns) == {"first"}

    await stop(first)
    turns.clear()
    await until(turns, 1)
    assert set(turns) == {"second"}
    await stop(second)


def test_ticks_are_named_once() -> None:
    names = [tick.name for tick in TICKS]

    assert names
    assert len(set(names)) == len(names)
