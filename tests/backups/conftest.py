"""An academy that was backed up, and an empty one elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from services.backups import back_up
from services.ports import Ports
from tests.process import run_main
from tests.world import World


class Academy:
    """A database and a Valkey by their addresses, with a data directory, and commands on them."""

    def __init__(self, database_url: str, redis_url: str, data: Path) -> None:
        self.database_url = database_url
        self.variables = {"ACADEMY_DATABASE_URL": database_url, "ACADEMY_REDIS_URL": redis_url}
        self.data = data

    def run(self, *words: str, **more: str) -> tuple[int, str]:
        """(exit code, everything said)"""
        done = run_main(*words, "--data-dir", str(self.data), **(self.variables | more))
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    async def ask(self, sql: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()


@pytest.fixture
async def here(ports: Ports) -> Academy:
    """The academy of this test, open in this process as in a server."""
    assert ports.settings.database_url is not None
    assert ports.settings.redis_url is not None
    return Academy(ports.settings.database_url, ports.settings.redis_url, ports.settings.data_dir)


@pytest.fixture
async def elsewhere(here: Academy, tmp_path: Path, worker: int) -> AsyncIterator[Academy]:
    """An empty database beside it."""
    name = f"elsewhere_{worker}"
    connection = await asyncpg.connect(here.database_url.replace(f"/worker_{worker}?", "/postgres?"))
    await connection.execute(f"CREATE DATABASE {name}")
    yield Academy(
        here.database_url.replace(f"/worker_{worker}?", f"/{name}?"),
        here.variables["ACADEMY_REDIS_URL"],
        tmp_path / "elsewhere",
    )
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def learned(world: World) -> None:
    """Two who learned, with a film."""
    course = await world.course(lessons=2)
    for name in ("阿May", "阿强"):
        await world.studies(await world.learner(name), course)


@pytest.fixture
async def dump(ports: Ports, learned: None, tmp_path: Path) -> Path:
    return (await back_up(ports, tmp_path / "backups", media=True, tell=lambda done, of: None)).dump
