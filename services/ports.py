"""What a use case may reach beyond its arguments. Built once per process by `server/wiring.py`."""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from kit.bus import Bus
from kit.clock import Clock
from kit.paging import Cursors
from kit.settings import Settings


@dataclass(frozen=True, slots=True)
class Ports:
    settings: Settings
    clock: Clock
    redis: Redis
    bus: Bus
    cursors: Cursors
    boards: Any
    tokens: Any
    passwords: Any
    phones: Any
    sms: Any
    storage: Any
