"""Joins the parts: from settings to `Ports`."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kit.bus import Bus
from kit.clock import Clock, SystemClock
from kit.paging import Cursors
from kit.redis import open_redis
from kit.settings import Settings
from providers.storage.registry import storage_for
from services.ports import Ports


@asynccontextmanager
async def build_ports(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Ports]:
    """Ports on an open database; closes what it opened. `settings` name both servers."""
    assert settings.redis_url is not None, "an embedded Valkey has its address by now"
    redis = open_redis(settings.redis_url)
    bus = Bus(
        open_redis(settings.redis_url, blocking=True),
        prefix=f"bus:{redis.connection_pool.connection_kwargs.get('db', 0)}:",
    )
    await bus.start()
    try:
        yield Ports(
            settings=settings,
            clock=clock or SystemClock(),
            redis=redis,
            bus=bus,
            cursors=Cursors(settings.key("cursors")),
            boards=_piece("gamification.boards", "HonourBoards", redis),
            tokens=_piece("auth.tokens", "Tokens", settings.key("tokens")),
            passwords=_piece("auth.passwords", "Passwords"),
            phones=_piece("kit.phones", "Phones", settings.key("phones")),
            sms=None,
            storage=storage_for(settings),
        )
    finally:
        await bus.close()
        await redis.aclose()


def _piece(module: str, name: str, *arguments: Any) -> Any:
    try:
        return getattr(importlib.import_module(module), name)(*arguments)
    except (ImportError, AttributeError, TypeError) as error:
        print(f"NOT WIRED {module}.{name}: {error}")
        return None
