"""Write the next migration from the models: `python -m models.migrations [--initial | --check]`."""

import asyncio
import importlib
import sys
import traceback

from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.migrations.writer import MigrationWriter
from tortoise.models import Model

from kit.db import APP, MIGRATIONS, database_config
from models import MODULES


def importable() -> tuple[list[str], list[str]]:
    """(modules that can be imported, what kept the others from it)"""
    good, bad = [], []
    for name in MODULES:
        try:
            importlib.import_module(name)
            good.append(name)
        except Exception:
            bad.append(f"{name}: {traceback.format_exc(limit=-1).strip().splitlines()[-1]}")
    while lonely := [line for name in good if (line := missing_relations(name, good))]:
        bad += lonely
        good = [name for name in good if not missing_relations(name, good)]
    return good, bad


def tables(name: str) -> dict[str, type[Model]]:
    module = importlib.import_module(name)
    return {
        k: v for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Model) and v.__module__ == name
    }


def missing_relations(name: str, good: list[str]) -> str:
    known = {table for other in good for table in tables(other)}
    for table in tables(name).values():
        for field in table._meta.fields_map.values():
            target = getattr(field, "model_name", None)
            if isinstance(target, str) and "." in target and target.split(".")[1] not in known:
                return f"{name}: {target} is missing"
    return ""


async def initial(modules: list[str]) -> MigrationWriter:
    config = database_config(modules, "", pool_size=1, wait_seconds=1)
    await Tortoise.init(config=config, init_connections=False)
    detector = MigrationAutodetector(Tortoise.apps, config["apps"])
    empty = State(models={}, apps=StateApps())
    operations = OperationGenerator(empty, detector._current_state()).generate(app_labels=[APP])
    return MigrationWriter("0001_initial", APP, operations, initial=True, migrations_module=MIGRATIONS)


if __name__ == "__main__":
    good, bad = importable()
    writer = asyncio.run(initial(good))
    if "--initial" in sys.argv:
        writer.write()
        print(f"0001_initial: {len(writer.operations)} operations from {len(good)} modules")
    for line in bad:
        print(f"LEFT OUT {line}")
    sys.exit(1 if bad else 0)
