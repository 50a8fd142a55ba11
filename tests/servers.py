"""One PostgreSQL and one Valkey for the whole test run, and a database per worker copied from one template."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from kit.db import migrate
from kit.embedded import Postgres, Valkey, socket_directory
from kit.processes import command_of
from models import MODULES

TEMPLATE = "template_academy"
PREFIX = "academy-tests-"


@dataclass
class Servers:
    """Owned by the process that runs pytest; the workers get nothing but addresses."""

    directory: Path
    sockets: Path
    postgres: Postgres
    valkey: Valkey

    @classmethod
    def start(cls) -> "Servers":
        sweep()
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        (directory / "owner").write_text(str(os.getpid()))
        sockets = socket_directory(directory)
        postgres, valkey = (server(directory, sockets, durable=False) for server in (Postgres, Valkey))
        servers = cls(directory, sockets, postgres, valkey)
        servers.postgres.start()
        servers.valkey.start()
        asyncio.run(build_template(servers.postgres.url))
        return servers

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def addresses(self) -> dict[str, str]:
        return {"postgres": str(self.postgres.sockets), "valkey": str(self.valkey.socket)}


def sweep() -> None:
    """Remove what runs have left that were killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            owner = int((directory / "owner").read_text())
        except (OSError, ValueError):
            continue  # one that begins just now
        if directory.stat().st_uid == os.geteuid() and command_of(owner) is None:
            shutil.rmtree(socket_directory(directory), ignore_errors=True)
            shutil.rmtree(directory, ignore_errors=True)


async def build_template(url: Callable[[str], str]) -> None:
    admin = await asyncpg.connect(url("postgres"))
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    await migrate(url(TEMPLATE), MODULES)


async def copy_template(url: Callable[[str], str], name: str) -> None:
    admin = await asyncpg.connect(url("postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    await admin.close()


TABLES = """
SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""

RESTORE = """
DELETE FROM "{name}" t WHERE NOT EXISTS (SELECT FROM "first_{name}" f WHERE f::text = t::text);
INSERT INTO "{name}" SELECT * FROM "first_{name}" f WHERE NOT EXISTS (SELECT FROM "{name}" t WHERE f::text = t::text)
"""


class Wiper:
    """Empties the tables between two tests; those that the migrations filled have their first rows again."""

    def __init__(self, connection: asyncpg.Connection, tables: list[str]) -> None:
        self.connection = connection
        self.tables = tables
        self.restoring = ""

    @classmethod
    async def open(cls, url: str) -> "Wiper":
        connection = await asyncpg.connect(url)
        # Foreign keys and the triggers of the append-only tables stand in the way of nobody who is wiping.
        await connection.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")
        wiper = cls(connection, [row["name"] for row in await connection.fetch(TABLES)])
        kept = await wiper.filled()
        wiper.tables = [name for name in wiper.tables if name not in kept]
        for name in kept:
            await connection.execute(f'CREATE TEMP TABLE "first_{name}" AS TABLE "{name}"')
        wiper.restoring = "; ".join(RESTORE.format(name=name) for name in kept)
        return wiper

    async def filled(self) -> list[str]:
        questions = (f"SELECT '{name}' AS name WHERE EXISTS (SELECT FROM \"{name}\")" for name in self.tables)
        return [row["name"] for row in await self.connection.fetch(" UNION ALL ".join(questions))]

    async def wipe(self) -> None:
        """Empty every table. Whoever left a transaction open is named, for the test that fails is another one."""
        names = await self.filled()
        try:
            if names:
                await self.connection.execute("; ".join(f'DELETE FROM "{name}"' for name in names))
            await self.connection.execute(self.restoring)  # a test may have changed these and nothing else
        except asyncpg.LockNotAvailableError as error:
            left = await self.connection.fetch(
                "SELECT state, now() - xact_start AS age, query FROM pg_stat_activity"
                " WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
            )
            raise AssertionError(f"transactions left open: {[dict(row) for row in left]}") from error
