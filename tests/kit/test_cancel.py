"""A cancelled task ends, wherever the cancel meets it."""

import asyncio

from kit.db import rows, side_transaction
from kit.errors import DomainError
from kit.tasks import end
from tests.pool import pool_falls_idle


async def test_no_cancel_is_lost_while_a_connection_is_handed_over(database: None) -> None:
    async def ask_for_ever() -> None:
        while True:
            try:
                await rows("SELECT 1")
            except DomainError:
                await asyncio.sleep(0)

    for number in range(200):
        task = asyncio.create_task(ask_for_ever())
        for _ in range(number % 40):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()

    assert await pool_falls_idle()


async def test_no_cancel_is_lost_when_the_connection_dies_with_it(database: None) -> None:
    """The roll-back of a dead connection fails, and its error would take the place of the cancel."""
    holding: asyncio.Queue[int] = asyncio.Queue()

    async def hold() -> None:
        async with side_transaction() as side:
            holding.put_nowait((await side.rows("SELECT pg_backend_pid() AS pid"))[0]["pid"])
            await asyncio.sleep(60)

    task = asyncio.create_task(hold())
    await rows("SELECT pg_terminate_backend($1, 5000)", await holding.get())
    await asyncio.sleep(0.05)  # until the news has reached the client
    task.cancel()
    await asyncio.wait([task], timeout=5)

    assert task.cancelled()
    assert await pool_falls_idle()


async def test_a_task_that_loses_a_cancel_is_cancelled_again() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 2:
                    raise

    async def fail() -> None:
        raise ValueError("nobody asks")

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(fail())]
    await asyncio.sleep(0)
    await end(*tasks, patience_seconds=0.01)

    assert lost == 2
    assert all(task.done() for task in tasks)
