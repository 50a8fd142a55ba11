"""What PostgreSQL knows of a seeded city, kept in a file, so that an empty database plans as the city does.

    .venv/bin/python -m tests.contract.city_statistics --city-data DIRECTORY   # of `seed --scale city`; writes the file

Of each table and index the file holds how many rows and pages there are, and of each column what ANALYZE found, thinned
out: dates, numbers, and words in capitals or of a code's kind. Names, texts, phones and ids are left out; of these only
how many different ones there are.

The planner asks the file system how long a relation is and trusts its books for nothing but the rows on a page. So the
empty files are made as long as the city's (holes take no room on the disk), in a database that nobody writes to and
that is dropped. What this leaves unproved: how long anything really takes, and that a city's people are spread as the
seed spreads them. What a seeded city has none of (live lessons, classes, stories, rewards) has a size made up below.
"""

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from kit.embedded import Postgres, socket_directory
from tests.contract.plans import BIG, OWNERS
from tests.servers import copy_template

FILE = Path(__file__).with_name("city_statistics.json")
TODAY = date(2026, 3, 2)
"""The city's last day is moved here: where the clocks of tests stand."""

BOUNDS, COMMON = 11, 12
WORDS = ("character varying", "text")
PLAIN = ("smallint", "integer", "bigint", "double precision", "boolean")
WORD = re.compile("[A-Za-z][A-Za-z_.-]{0,39}")

FEW = 10_000
"""A big table with fewer rows is one that the seed hardly fills."""
MADE_UP = {
    "assignments": 100_000, "board_awards": 20_000, "class_attendances": 100_000, "class_seats": 100_000,
    "live_airings": 6_000, "live_check_ins": 10_000, "live_lessons": 5_000, "live_poll_options": 40_000,
    "live_polls": 10_000, "live_products": 20_000, "live_rooms": 5_000, "live_settlements": 5_000,
    "live_steps": 30_000, "offline_classes": 5_000, "reminders": 50_000, "report_exports": 20_000,
    "stream_feeds": 6_000, "stream_keys": 6_000, "stream_recordings": 6_000, "suspicions": 20_000,
}  # fmt: skip
MANY = 1_000_000
"""Rows of the others: a few years of what thousands do."""
ROWS_ON_A_PAGE, ENTRIES_ON_A_PAGE = 60, 120
DIFFERENT = {
    "lesson_id": 5_000, "offline_class_id": 5_000, "campaign_id": 10, "reward_id": 100, "draw_id": 100,
    "check_in_id": 10_000, "poll_id": 10_000, "region_id": 150, "league_id": 50_000, "starts_on": 150, "course_id": 530,
}  # fmt: skip
"""Of a made-up table's columns that refer to something: how many there are to refer to. Others: one in each row."""
WITHOUT, NOT_YET = 0.1, 0.5
"""What part of a made-up table refers to nothing, or to no time, where a column may be empty."""
YEAR = [(TODAY + timedelta(days=days)).isoformat() for days in range(-360, 40, 36)]
"""When what is made up happened: evenly in the year, and some of it is still to come."""

RELATIONS = """
SELECT c.relname AS name, c.relkind = 'i' AS is_index, c.relpages AS pages, c.reltuples::float8 AS tuples,
       c.relallvisible AS visible, pg_relation_filepath(c.oid) AS path, pg_relation_size(c.oid) / 8192 AS length
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i') ORDER BY c.relname
"""
COLUMNS = """
SELECT s.tablename AS relation, s.attname AS column, format_type(a.atttypid, NULL) AS type, s.inherited,
       s.null_frac, s.avg_width, s.n_distinct, s.most_common_vals::text AS common, s.most_common_freqs AS shares,
       s.histogram_bounds::text AS bounds, s.correlation
FROM pg_stats s JOIN pg_attribute a ON a.attrelid = s.tablename::regclass AND a.attname = s.attname
WHERE s.schemaname = 'public' ORDER BY s.tablename, a.attnum, s.inherited
"""
BELIEVE_RELATION = """
SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', $1::text, 'relpages', $2::int,
                                 'reltuples', $3::real, 'relallvisible', $4::int)
"""
BELIEVE_COLUMN = """
SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', $1::text, 'attname', $2::text,
    'inherited', $3::bool, 'null_frac', $4::real, 'avg_width', $5::int, 'n_distinct', $6::real,
    'most_common_vals', $7::text, 'most_common_freqs', $8::real[], 'histogram_bounds', $9::text,
    'correlation', $10::real)
"""
MADE_UP_COLUMNS = """
SELECT c.relname AS relation, a.attname AS column, a.attnotnull AS required, a.atttypid <> 'uuid'::regtype AS is_time
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relname = ANY($1::text[]) AND c.relnamespace = 'public'::regnamespace
  AND a.atttypid IN ('uuid'::regtype, 'date'::regtype, 'timestamptz'::regtype)
"""

# `dd` with count=0 makes a file as long as `seek` says. The server starts the shell, in its data directory; a relation
# is cut into files of 131,072 pages.
LENGTHEN = """
COPY (
    SELECT path || CASE WHEN part > 0 THEN '.' || part ELSE '' END, least(pages - part * 131072, 131072)
    FROM wanted_pages, generate_series(0, (pages - 1) / 131072) AS part
) TO PROGRAM
    'while read -r path pages; do dd if=/dev/null of=$path bs=8192 seek=$pages count=0 2>/dev/null; done'
    (DELIMITER ' ')
"""

Size = list[int]
"""Pages, rows, pages that are all visible."""


async def take(connection: asyncpg.Connection) -> dict[str, Any]:
    """Statistics of the database, without anybody in them."""
    await connection.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'")
    last: date = await connection.fetchval("SELECT max(day) FROM region_days")
    relations = await connection.fetch(RELATIONS)
    return {
        "last_day": last.isoformat(),
        "relations": {row["name"]: [row["pages"], round(row["tuples"]), row["visible"]] for row in relations},
        "columns": [_column(row, TODAY - last) for row in await connection.fetch(COLUMNS)],
    }


@asynccontextmanager
async def city_database(url: Callable[[str], str], name: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to an empty database that takes itself for the city of the file."""
    await copy_template(url, name)
    connection = await asyncpg.connect(url(name))
    try:
        await lay(connection, orjson.loads(FILE.read_bytes()))
        yield connection
    finally:
        await connection.close()
        admin = await asyncpg.connect(url("postgres"))
        await admin.execute(f"DROP DATABASE {name}")
        await admin.close()


async def lay(connection: asyncpg.Connection, statistics: dict[str, Any]) -> None:
    """Make an empty database believe the statistics, and of what they lack that it is of a size made up."""
    known: dict[str, Size] = statistics["relations"]
    owners = {row["name"]: row["owner"] for row in await connection.fetch(OWNERS)}
    made_up = {table for table in BIG if known.get(table, [0, 0])[1] < FEW and not _is_parent(table, known, owners)}
    relations = await connection.fetch(RELATIONS)
    sizes = {row["name"]: _size(row, owners[row["name"]], known, made_up) for row in relations}
    await connection.execute("CREATE TEMP TABLE wanted_pages (path text, pages int)")
    longer = [(row["path"], sizes[row["name"]][0]) for row in relations if sizes[row["name"]][0] > row["length"]]
    await connection.executemany("INSERT INTO wanted_pages VALUES ($1, $2)", longer)
    await connection.execute(LENGTHEN)
    await connection.executemany(BELIEVE_RELATION, [(name, *size) for name, size in sizes.items()])
    told = [column for column in statistics["columns"] if owners.get(column[0], column[0]) not in made_up]
    for row in await connection.fetch(MADE_UP_COLUMNS, sorted(made_up)):
        different = DIFFERENT.get(row["column"], MANY)
        share = different if different < MADE_UP.get(row["relation"], MANY) / 2 else -1
        empty = 0 if row["required"] else NOT_YET if row["is_time"] else WITHOUT
        bounds = _array(YEAR) if row["is_time"] else None
        told.append([row["relation"], row["column"], False, empty, 16, share, None, None, bounds, None])
    await connection.executemany(BELIEVE_COLUMN, told)


def _is_parent(table: str, known: dict[str, Size], owners: dict[str, str]) -> bool:
    """A partitioned table has its rows in others."""
    return any(owner == table and known.get(name, [0, 0])[1] > FEW for name, owner in owners.items())


def _size(row: asyncpg.Record, owner: str, known: dict[str, Size], made_up: set[str]) -> Size:
    if owner not in made_up and row["name"] in known:
        return known[row["name"]]
    # An index that is younger than the file has an entry for each row.
    rows = MADE_UP.get(owner, MANY) if owner in made_up else max(0, known.get(owner, [0, 0])[1])
    pages = rows // (ENTRIES_ON_A_PAGE if row["is_index"] else ROWS_ON_A_PAGE) + 1
    return [pages, rows, 0 if row["is_index"] else pages]


def _column(row: asyncpg.Record, moved: timedelta) -> list[Any]:
    """The arguments of `BELIEVE_COLUMN`."""
    common, shares = _values(row["common"])[:COMMON], list(row["shares"] or ())[:COMMON]
    bounds = _values(row["bounds"])
    bounds = [bounds[place * (len(bounds) - 1) // (BOUNDS - 1)] for place in range(BOUNDS)] if bounds else []
    common_told, bounds_told = ([_told(row["type"], each, moved) for each in found] for found in (common, bounds))
    with_common = bool(common) and None not in common_told
    return [
        row["relation"], row["column"], row["inherited"], _short(row["null_frac"]), row["avg_width"],
        _short(row["n_distinct"]), _array(common_told) if with_common else None,
        [_short(each) for each in shares] if with_common else None,
        _array(bounds_told) if bounds and None not in bounds_told else None, _short(row["correlation"]),
    ]  # fmt: skip


def _values(array: str | None) -> list[str]:
    """The elements of an array as PostgreSQL writes it; right for elements without a comma."""
    return [each.strip('"') for each in array.strip("{}").split(",")] if array else []


def _array(values: Sequence[str | None]) -> str:
    return "{" + ",".join(f'"{each}"' for each in values) + "}"


def _short(number: float | None) -> float | None:
    return None if number is None else round(float(number), 5)


def _told(type_: str, value: str, moved: timedelta) -> str | None:
    """A value as the file may have it; None for what stays in the city."""
    if type_ in PLAIN or (type_ in WORDS and WORD.fullmatch(value) and (value.isupper() or "." in value)):
        return value
    if type_ == "date":
        return (date.fromisoformat(value) + moved).isoformat()
    if type_ == "timestamp with time zone":
        at = datetime.fromisoformat(value.replace("+00", "+00:00")).astimezone(UTC)
        return (at + moved).replace(microsecond=0).isoformat(" ")
    return None


async def _write(url: str) -> None:
    connection = await asyncpg.connect(url)
    found = await take(connection)
    await connection.close()
    relations = ",\n".join(
        f"{orjson.dumps(name).decode()}:{orjson.dumps(size).decode()}" for name, size in found["relations"].items()
    )
    columns = ",\n".join(orjson.dumps(column).decode() for column in found["columns"])
    head = f'"last_day":"{found["last_day"]}"'
    FILE.write_text(f'{{{head},\n"relations":{{\n{relations}\n}},\n"columns":[\n{columns}\n]}}\n', encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city-data", type=Path, required=True, help="a data directory that nobody serves just now")
    directory = parser.parse_args().city_data
    postgres = Postgres(directory, socket_directory(directory))
    postgres.start()
    try:
        asyncio.run(_write(postgres.url()))
    finally:
        postgres.stop()


if __name__ == "__main__":
    main()
