"""Real PostgreSQL and real Valkey for every test: one of each for the run, a database of its own for each worker."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from kit.clock import FrozenClock
from kit.db import close_database, open_database
from kit.embedded import Valkey, socket_directory
from kit.redis import open_redis
from kit.settings import Settings
from models import MODULES
from server.wiring import build_ports
from services.ports import Ports
from tests.gql import Gql
from tests.servers import Servers, Wiper, copy_template
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Monday, noon in Shanghai: where every test's clock stands until it moves it."""

_servers: Servers | None = None


def _started() -> Servers:
    global _servers
    if _servers is None:
        _servers = Servers.start()
    return _servers


def pytest_configure_node(node: Any) -> None:
    """xdist, in the process that owns the workers: they share its servers."""
    node.workerinput["servers"] = _started().addresses()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _servers is not None:
        _servers.stop()


@pytest.fixture(scope="session")
def addresses(request: pytest.FixtureRequest) -> dict[str, str]:
    """{postgres: directory of its socket, valkey: its socket}"""
    shared: dict[str, Any] | None = getattr(request.config, "workerinput", None)
    return shared["servers"] if shared is not None else _started().addresses()


@pytest.fixture(scope="session")
def worker() -> int:
    """The number of this xdist worker."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def settings(addresses: dict[str, str], worker: int, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=f"postgresql://postgres@/worker_{worker}?host={addresses['postgres']}&port=5432",
        redis_url=f"unix://{addresses['valkey']}?db={worker % 16}",
        allowed_hosts=("academy",),
    )


@pytest.fixture(scope="session")
async def _database(settings: Settings, worker: int) -> AsyncIterator[Wiper]:
    assert settings.database_url is not None
    here = settings.database_url
    await copy_template(lambda name: here.replace(f"/worker_{worker}?", f"/{name}?"), f"worker_{worker}")
    await open_database(here, MODULES)
    wiper = await Wiper.open(here)
    yield wiper
    await wiper.connection.close()
    await close_database()


@pytest.fixture
async def database(_database: Wiper) -> None:
    """An open pool on an empty database."""
    await _database.wipe()


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """An empty Valkey."""
    assert settings.redis_url is not None
    client = open_redis(settings.redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A Valkey of this test's own, which keeps nothing on disk."""
    sockets = socket_directory(tmp_path)
    server = Valkey(tmp_path, sockets, durable=False)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)
    sockets.rmdir()


@pytest.fixture
async def patient(settings: Settings, redis: Redis) -> AsyncIterator[Redis]:
    """The same Valkey for claims about exact counts: however busy the machine is, it is never taken to be away."""
    assert settings.redis_url is not None
    async with Redis.from_url(settings.redis_url) as client:
        yield client


@pytest.fixture
def clock() -> Iterator[FrozenClock]:
    return FrozenClock(NOON)


@pytest.fixture
async def ports(settings: Settings, database: None, redis: Redis, clock: FrozenClock) -> AsyncIterator[Ports]:
    async with build_ports(settings, clock=clock) as built:
        yield built


@pytest.fixture
def world(ports: Ports) -> World:
    return World(ports)


@pytest.fixture
async def gql(ports: Ports) -> AsyncIterator[Gql]:
    """The whole application over these ports, and a client of it."""
    async with Gql.over(ports) as client:
        yield client
