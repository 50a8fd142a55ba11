"""A look at the pool of database connections."""

import asyncio

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
