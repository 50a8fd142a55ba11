"""Every statement behind the apps' operations finds its rows by an index, in a city and however many rows there come.

The statements are those that the resolvers really send, recorded while every operation is executed. Small tables prove
nothing, since PostgreSQL rightly reads them whole. So each statement is planned again in an empty database that takes
itself for a seeded city (`city_statistics.py` says how, and what that leaves unproved). Nothing keeps PostgreSQL from
reading a table whole there: it has to find the index better. It must do so with these arguments, and without knowing
them if it would come to plan so after a few repetitions.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import orjson
import pytest

from kit import db
from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from tests.conftest import NOON
from tests.contract.city_statistics import FEW, FILE, city_database
from tests.contract.plans import BIG, OWNERS, SMALL, Statements, nodes, plan_of, planned, recording, walked_whole
from tests.contract.test_executed import test_every_operation_is_answered as execute_every_operation
from tests.gql import Gql
from tests.world import World

WHOLE = {
    "INSERT INTO tier_completions": "a worker counts a course anew: all who completed it, with their posts",
    '"posts__outlet"."tier"=$1': "a course is assigned to a tier: all who hold a post there are told",
    "count(*) AS people FROM": "an admin assigns a course to a region or tier and sees how many hold a post there",
    "present AS (": "an overview names everybody who holds a post in a region",
    "held AS NOT MATERIALIZED": "of whom a course is asked in a region: everybody who holds a post there",
    "m.id IN (SELECT p.member_id FROM posts p": "staff list the people of a region: all of them, ten thousand at most",
    "position(lower($3::text) IN lower(o.code": "staff look for shops by one character, which pairs of two cannot find",
    "FROM corrections c JOIN ledger_entries": "an admin tries a rule: everything that was ever undone by hand",
    "v.number > moment.number": "the votes that were cast since the first page of a list: those of minutes",
    "WITH marked AS MATERIALIZED": "the worker counts days of regions anew, perhaps all days of all regions",
    "$1::text[] AS tops": "the worker writes a file for staff: everything of some days in a region",
}
"""Statements that may read a big table whole, by a piece of their text, and why."""

PLANNING = 2.5
"""What a relation counts for against planning anew each time (`cached_plan_cost` in PostgreSQL's plancache.c)."""


@pytest.fixture
async def city(addresses: dict[str, str], worker: int) -> AsyncIterator[asyncpg.Connection]:
    host = addresses["postgres"]
    where = f"city_{worker}"
    async with city_database(lambda name: f"postgresql://postgres@/{name}?host={host}&port=5432", where) as connection:
        yield connection


async def test_of_every_table_it_is_known_whether_it_grows(database: None) -> None:
    found = await db.rows(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )

    assert sorted(row["name"] for row in found) == sorted([*BIG, *SMALL])


async def test_every_operation_finds_its_rows_by_an_index(
    gql: Gql, world: World, clock: FrozenClock, city: asyncpg.Connection
) -> None:
    async with recording() as seen:
        await execute_every_operation(gql, world, clock, set())
    statements = planned(seen)

    faults = await faults_of(city, statements)

    assert len(statements) > 150
    assert not faults, "\n\n".join(faults)


async def test_a_board_without_a_set_of_its_own_reads_the_days_of_its_period_alone(
    gql: Gql, world: World, city: asyncpg.Connection
) -> None:
    county = await world.region("County")
    owner = await world.learner("May", outlet=await world.outlet("Shop", region=await world.region(parent=county)))
    asked = {"metric": "POINTS", "period": "WEEK", "scope": {"regionId": to_global("Region", county.id), "tier": "NEW"}}

    async with recording() as seen:
        await gql.data("HonourBoard", asked, by=owner)
    counted = {text: args for text, args in planned(seen).items() if "JOIN metric_days" in text}

    assert len(counted) == 1
    assert await faults_of(city, counted) == []


async def test_an_index_that_is_missed_is_noticed(city: asyncpg.Connection) -> None:
    begun = "SELECT count(*) FROM uploads WHERE member_id = $1 AND created_at > $2"
    statements: Statements = {begun: (new_id(), NOON)}

    before = await faults_of(city, statements)
    await city.execute("DROP INDEX uploads_of_member")
    after = await faults_of(city, statements)

    assert before == []
    assert after == [f"for these arguments, ['Seq Scan on uploads']: {begun}"]


async def test_an_empty_table_is_planned_at_its_size_in_the_city(city: asyncpg.Connection) -> None:
    size = orjson.loads(FILE.read_bytes())["relations"]["ledger_entries"]

    planned_rows = plan_of(await city.fetchval("EXPLAIN (FORMAT JSON) SELECT FROM ledger_entries"))["Plan Rows"]
    pages = await city.fetchval("SELECT pg_relation_size('ledger_entries') / 8192")
    there = await city.fetchval("SELECT count(*) FROM ledger_entries")

    assert (pages, planned_rows, there) == (size[0], size[1], 0)
    assert size[1] > FEW


def test_the_statistics_of_the_city_name_nobody() -> None:
    text = FILE.read_text(encoding="utf-8")

    assert text.isascii()
    assert len(text) < 300_000
    assert '"+' not in text


async def faults_of(city: asyncpg.Connection, statements: Statements) -> list[str]:
    """What is read whole, and by which statement."""
    owners = {row["name"]: row["owner"] for row in await city.fetch(OWNERS)}
    faults: list[str] = []
    for text, args in statements.items():
        if any(piece in text for piece in WHOLE):
            continue
        for how, plan in await _plans(city, text, args):
            whole = list(walked_whole(plan, owners))
            if whole:
                faults.append(f"{how}, {whole}: {' '.join(text.split())}")
                break
    return faults


async def _plans(city: asyncpg.Connection, text: str, args: tuple[Any, ...]) -> list[tuple[str, Mapping[str, Any]]]:
    """The plan for these arguments, and the one for any if PostgreSQL would come to keep that."""
    mine = plan_of(await city.fetchval(f"EXPLAIN (FORMAT JSON) {text}", *args))
    await city.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE kept AS {text}")
    places = f"({', '.join(['NULL'] * len(args))})" if args else ""
    any_ = plan_of(await city.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE kept{places}"))
    await city.execute("DEALLOCATE kept; RESET plan_cache_mode")
    relations = sum("Alias" in node for node in nodes(mine))
    kept = any_["Total Cost"] <= mine["Total Cost"] + PLANNING * (relations + 1)
    return [("for these arguments", mine), *([("for any arguments", any_)] if kept else [])]
