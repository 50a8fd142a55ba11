"""Tortoise's migrations, applied without the copies that its own executor makes on the way.

That one renders every model anew before each operation, in case it asks what was there before, and prepares queries for
all of them: most of the time in which an empty database becomes ours. What it makes is the oracle of a test.
"""

from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.operations import AddField, CreateModel, RunSQL
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps

FORWARD_LOOKING = (AddField, CreateModel, RunSQL)
"""What looks at nothing but the models as they are after it."""


async def apply_missing(connection: BaseDBAsyncClient, apps: dict[str, dict[str, Any]]) -> list[str]:
    """Apply what the database lacks, in the caller's transaction; the names, in order.

    `apps` as Tortoise is configured with them.
    """
    executor = MigrationExecutor(connection, apps)
    # The executor reads this table before it makes it, and a failed read would end the transaction.
    await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
    missing = {(step.migration.app_label, step.migration.name) for step in await executor.plan()}
    if not missing:
        return []
    state = State(models={}, apps=StateApps())
    for key in executor._full_plan():
        migration = executor.loader.graph.nodes[key]
        assert migration is not None
        if (key.app_label, key.name) not in missing:
            await migration.apply(state, dry_run=True)
            continue
        editor = executor._schema_editor(atomic=False)  # it remembers things, from one operation to the next
        for operation in migration.operations:
            before = state if isinstance(operation, FORWARD_LOOKING) else state.clone()
            operation.state_forward(key.app_label, state)
            await operation.database_forward(key.app_label, before, state, editor)
        state.validate_relations_initialized()
        await executor.recorder.record_applied(key.app_label, key.name)
    return [name for _, name in sorted(missing)]
