"""Until every table has landed: a schema from those models that can be imported. Goes away with the first landing."""

import sys
import warnings

from tortoise import Tortoise
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import RunSQL
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.transactions import in_transaction

from kit.db import APP, database_config
from models import MODULES
from models.migrations.__main__ import initial


async def migrate_what_there_is(url: str) -> None:
    good, bad = list(MODULES), []
    writer = await initial()
    await Tortoise.close_connections()
    config = database_config(good, url, pool_size=2, wait_seconds=5)
    await Tortoise.init(config=config)
    try:
        async with in_transaction("default") as connection:
            first = Migration("0001_initial", APP)
            first.operations = writer.operations
            state = State(models={}, apps=StateApps(default_connections={APP: "default"}))
            editor = MigrationExecutor(connection, config["apps"])._schema_editor(atomic=False)
            await first.apply(state, schema_editor=editor)
        loader = MigrationLoader(config["apps"], None)
        try:
            loader.load_disk()
        except Exception as error:
            bad.append(f"migrations: {type(error).__name__}: {error}")
        for key, migration in sorted(loader.disk_migrations.items(), key=lambda item: item[0].name):
            if key.name == "0001_initial":
                continue
            for operation in migration.operations:
                assert isinstance(operation, RunSQL), f"{key.name}: only RunSQL for now"
                try:
                    async with in_transaction("default") as connection:
                        await operation._run_sql(
                            MigrationExecutor(connection, config["apps"])._schema_editor(atomic=False), operation.sql
                        )
                except Exception as error:
                    bad.append(f"{key.name}: {error}")
    finally:
        await Tortoise.close_connections()
    for line in bad:
        print(f"LEFT OUT {line}", file=sys.__stderr__)
