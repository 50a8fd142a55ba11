"""The matrix asks for everything at one frozen moment: no budget of cost may run out meanwhile."""

from collections.abc import AsyncIterator

import pytest

from kit.clock import FrozenClock
from kit.redis import Redis
from kit.settings import Settings
from server.wiring import build_ports
from services.ports import Ports

PLENTY = 10_000_000


@pytest.fixture
async def ports(settings: Settings, database: None, redis: Redis, clock: FrozenClock) -> AsyncIterator[Ports]:
    roomy = settings.model_copy(update={"member_budget": PLENTY, "address_budget": PLENTY})
    async with build_ports(roomy, clock=clock) as built:
        yield built
