"""A look at the pool of database connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg.connection import LoggedQuery
from asyncpg.pool import Pool

from kit import db
from kit.clock import monotonic


async def busy_connections() -> int:
    """How many connections are out of the pool."""
    pool = await db._pool()
    return pool.get_size() - pool.get_idle_size()


async def pool_falls_idle(within_seconds: float = 5.0) -> bool:
    """Whether every connection comes back in time."""
    end = monotonic() + within_seconds
    while await busy_connections():
        if monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


@contextmanager
def counted(pool: Pool) -> Iterator[list[str]]:
    """The statements that run on the pool's connections meanwhile, those of transactions included."""
    seen: list[str] = []
    connections = [holder._con for holder in pool._holders if holder._con is not None]

    def look(record: LoggedQuery) -> None:
        seen.append(" ".join(record.query.split()))

    for connection in connections:
        connection.add_query_logger(look)
    try:
        yield seen
    finally:
        for connection in connections:
            connection.remove_query_logger(look)
