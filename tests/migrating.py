"""A database as Tortoise's own executor makes it: the plain way, which `kit.migrations` is held against."""

import asyncio
import subprocess
import sys

from tortoise import Tortoise
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.transactions import in_transaction

from kit.db import database_config
from models import MODULES
from tests.process import ROOT, environment


def migrated_plainly(url: str, upto: str = "__latest__") -> None:
    """Bring the empty database at `url` to this migration, in a process of its own: Tortoise knows one database."""
    subprocess.run([sys.executable, "-m", "tests.migrating", url, upto], cwd=ROOT, env=environment(), check=True)


async def _migrate(url: str, upto: str) -> None:
    config = database_config(MODULES, url, pool_size=2, wait_seconds=10)
    await Tortoise.init(config=config)
    async with in_transaction("default") as connection:
        executor = MigrationExecutor(connection, config["apps"])
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        await executor.migrate([MigrationTarget("models", upto)])
    await Tortoise.close_connections()


if __name__ == "__main__":
    asyncio.run(_migrate(*sys.argv[1:]))
