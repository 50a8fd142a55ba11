"""Changing what the tables say behind everybody's back, column by column, and what an audit then makes of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import asyncpg

from kit.db import execute, rows, transaction

T = TypeVar("T")

OTHERS: dict[str, tuple[str, ...]] = {
    "account": ("LIFETIME", "BALANCE"),
    "rule": ("week.full", "prize.season", "points.corrected", "reward.redeemed"),
    "facts.kind": ("course.rated", "class.checked_in"),
    "prizes.kind": ("prize.board",),
    "learning_events.kind": ("FINISHED", "STARTED", "READ"),
    "metric": ("POINTS", "STREAK_DAYS", "LIVE_ATTENDANCES"),
    "tier": ("PARTNER",),
}
"""What else a column of words may say."""

BY_TYPE: dict[str, tuple[str, ...]] = {
    "uuid": ("gen_random_uuid()",),
    "integer": ("{} + 1", "{} - 1", "-{}"),
    "smallint": ("{} + 1", "{} - 1", "-{}"),
    "bigint": ("{} + 1", "{} - 1", "{} + 100000"),
    "boolean": ("NOT {}",),
    "date": ("{} + 1", "{} - 40"),
    "timestamp with time zone": ("{} + interval '1 second'", "{} - interval '1 day'"),
    "character varying": ("{} || 'x'",),
    "text": ("{} || 'x'",),
    "bytea": ("sha256({})",),
    "jsonb": ("jsonb_set({}, '{{required}}', 'true')",),
    "ARRAY": ("{} || array[7000, 7001]", "{}[1:2]", "'{{}}'"),
}


class Undone(Exception):
    """Take it all back."""


async def changes_of(table: str, left_out: Sequence[str] = ()) -> list[str]:
    """A statement for each thing that can be changed in each column, for the row at $1, for a row gone or doubled."""
    found = [f"DELETE FROM {table} WHERE ctid = $1"]
    columns = await rows(
        "SELECT column_name AS name, data_type AS type, is_nullable = 'YES' AS may_be_null"
        " FROM information_schema.columns WHERE table_name = $1",
        table,
    )
    for column in columns:
        name = column["name"]
        if name in left_out:
            continue
        words = OTHERS.get(f"{table}.{name}") or OTHERS.get(name)
        values = [f"'{word}'" for word in words] if words else [each.format(name) for each in BY_TYPE[column["type"]]]
        if column["may_be_null"]:
            values.append("NULL")
        found += [f"UPDATE {table} SET {name} = {value} WHERE ctid = $1" for value in values]
    return found


async def tampered(
    tables: Mapping[str, str], look: Callable[[], Awaitable[T]], *, rows_each: int = 1
) -> AsyncIterator[tuple[str, T]]:
    """What `look` sees after each change that the tables can be brought to take, and the change.

    Each is made by itself, with triggers, foreign keys and checks asleep, in a transaction that is then undone. With
    each table goes what tells its rows apart: some of each kind are changed.
    """
    for table, kind in tables.items():
        checks = await rows(
            "SELECT conname AS name FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c'", table
        )
        places = await rows(
            f"SELECT place FROM (SELECT ctid::text AS place, row_number() OVER (PARTITION BY {kind} ORDER BY ctid) AS n"
            f" FROM {table}) numbered WHERE n <= $1",
            rows_each,
        )
        picked = [row["place"] for row in places]
        for statement in await changes_of(table):
            for place in picked:
                change = statement.replace("$1", f"'{place}'")
                seen = await _seen(table, [check["name"] for check in checks], change, look)
                if seen is not None:
                    yield change, seen


async def _seen(table: str, checks: Sequence[str], change: str, look: Callable[[], Awaitable[T]]) -> T | None:
    seen: list[T] = []

    async def work() -> None:
        await execute("SET LOCAL session_replication_role = replica")
        for check in checks:
            await execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
        if await execute(change):
            seen.append(await look())
        raise Undone

    try:
        await transaction(work)
    except Undone:
        pass
    except asyncpg.IntegrityConstraintViolationError:  # a key will not have it
        return None
    return seen[0] if seen else None
