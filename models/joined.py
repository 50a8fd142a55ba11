"""Objects of several tables out of one row of a join, where the ORM knows no relation to follow.

found = await rows(f"SELECT {columns_of(Outlet, 'o')}, {columns_of(Region, 'r')} FROM outlets o JOIN regions r ...")
outlets = [(row_of(Outlet, "o", row), row_of(Region, "r", row)) for row in found]
"""

from functools import cache
from typing import Any, TypeVar

from tortoise.models import Model

T = TypeVar("T", bound=Model)


@cache
def columns_of(table: type[Model], alias: str) -> str:
    """Every column of the table that goes by `alias`, under a name of its own in the row."""
    return ", ".join(f'{alias}."{column}" AS "{alias}_{column}"' for column in sorted(table._meta.db_fields))


def row_of(table: type[T], alias: str, row: dict[str, Any]) -> T:
    """The object; the row of an outer join that found nothing has none: see `row_if`."""
    return table._init_from_db(**{column: row[f"{alias}_{column}"] for column in table._meta.db_fields})


def row_if(table: type[T], alias: str, row: dict[str, Any]) -> T | None:
    """The object, None if an outer join found none."""
    return row_of(table, alias, row) if row[f"{alias}_{table._meta.db_pk_column}"] is not None else None
