"""Many new rows at once."""

from collections.abc import Iterable

from tortoise.models import Model

from kit.db import execute

ROWS_A_STATEMENT = 500


async def add_missing(objects: Iterable[Model]) -> None:
    """Insert, table by table in the order in which they first appear; what is there already stays as it is."""
    shelves: dict[type[Model], list[Model]] = {}
    for each in objects:
        shelves.setdefault(type(each), []).append(each)
    for table, shelf in shelves.items():
        await table.bulk_create(shelf, batch_size=ROWS_A_STATEMENT, ignore_conflicts=True)


async def take_statistics() -> None:
    """Have PostgreSQL look at what was added, so that it plans for full tables and not for empty ones."""
    await execute("ANALYZE")
