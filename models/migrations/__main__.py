"""Write the next migration from the models, or say whether one is due: `python -m models.migrations NAME | --check`.

Constraints of a new model are not written (Tortoise leaves them out): they belong into a migration by hand.
"""

import asyncio
import sys

from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import AlterModelOptions, Operation
from tortoise.migrations.schema_generator.operation_generator import OperationGenerator
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from kit.db import APP, MIGRATIONS, database_config
from models import MODULES

IMMATERIAL = {"table_description", "pk_attr"}
"""Options that change nothing in the database: a docstring, and a name that Tortoise spells in two ways."""


async def due(name: str) -> MigrationWriter | None:
    """The migration that leads from the last one to the models as they are; None if they agree."""
    detector = await _detector()
    before = await detector._project_state()
    operations = [
        operation
        for operation in OperationGenerator(before, detector._current_state()).generate(app_labels=[APP])
        if _matters(operation, before)
    ]
    if not operations:
        return None
    return MigrationWriter(
        format_migration_name(detector._next_number(APP), name),
        APP,
        operations,
        dependencies=[(key.app_label, key.name) for key in detector._leaf_nodes(APP)],
        migrations_module=MIGRATIONS,
    )


async def _detector() -> MigrationAutodetector:
    config = database_config(MODULES, "", pool_size=1, wait_seconds=1)
    await Tortoise.init(config=config, init_connections=False)
    assert Tortoise.apps is not None
    for model in Tortoise.apps[APP].values():
        model._meta.table_description = ""  # a docstring is no business of the database
    detector = MigrationAutodetector(Tortoise.apps, config["apps"])
    await detector.loader.build_graph()
    return detector


def _matters(operation: Operation, before: State) -> bool:
    if not isinstance(operation, AlterModelOptions):
        return True
    old, new = before.models[APP, operation.name].options, operation.options
    return any(old.get(key) != new.get(key) for key in (old.keys() | new.keys()) - IMMATERIAL)


def main(word: str) -> int:
    writer = asyncio.run(due("changes" if word == "--check" else word))
    if writer is None:
        print("The migrations are up to date with the models.")
    elif word == "--check":
        print("The models have moved on: make migrations.")
        for operation in writer.operations:
            print(f"  {operation.describe()}")
        return 1
    else:
        print(writer.write())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "changes"))
