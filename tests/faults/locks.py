"""A table that nobody else may touch for a while, so that a request stands still where a test wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from kit.clock import monotonic
from kit.db import rows
from tests.process import PATIENCE_SECONDS

WAITING = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@asynccontextmanager
async def held(database_url: str, table: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def until_waiting(count: int) -> None:
    """Return once as many connections as that wait for a lock."""
    deadline = monotonic() + PATIENCE_SECONDS
    while (await rows(WAITING))[0]["n"] != count:
        assert monotonic() < deadline, f"never {count} waiting"
        await asyncio.sleep(0.01)
