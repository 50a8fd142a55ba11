"""Every statement behind the apps' operations finds its rows by an index, however many rows there come to be.

The statements are those that the resolvers really send, recorded while every operation is executed. Small tables prove
nothing, since PostgreSQL rightly reads them whole. So it is made to believe that every page of a big table holds a
million rows (what it plans by is the density it remembers times the pages there are), and not to read anything whole
if there is another way. A table that it then still reads whole has no index that would serve; nor does an index serve
that is walked from end to end.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kit import db
from kit.clock import FrozenClock
from tests.contract.test_executed import test_every_operation_is_answered as execute_every_operation
from tests.gql import Gql
from tests.world import World

BIG = (
    "audit_entries", "board_versions", "course_completions", "course_enrolments", "course_ratings", "earned_badges",
    "facts", "frozen_totals", "learned_days", "learning_budgets", "learning_events", "learning_seconds",
    "ledger_entries", "lesson_completions", "lesson_progress", "members", "metric_days", "notices", "outlets",
    "placements", "point_accounts", "posts", "refresh_tokens", "refused_awards", "role_grants", "sessions",
    "streak_marks",
)  # fmt: skip
"""What grows with people, shops, or what they do."""

WHOLE = {
    "INSERT INTO tier_completions": "a worker counts a course anew: all who completed it, with their posts",
    '"posts__outlet"."tier"=$1': "a course is assigned to a tier: all who hold a post there are told",
    "count(*) AS people FROM": "an admin assigns a course to a region or tier and sees how many hold a post there",
    "present AS (": "an overview names everybody who holds a post in a region",
    "held AS NOT MATERIALIZED": "of whom a course is asked in a region: everybody who holds a post there",
    "m.id IN (SELECT p.member_id FROM posts p": "staff list the people of a region: all of them, ten thousand at most",
    "position(lower($3::text) IN lower(o.code": "staff look for shops by one character, which pairs of two cannot find",
    "$1::text[] AS tops": "the worker writes a file for staff: everything of some days in a region",
}
"""Statements that may read a big table whole, by a piece of their text, and why."""

FULL_PAGES = """
UPDATE pg_class c SET reltuples = 1000000.0 * pages, relpages = pages
FROM (SELECT oid, (pg_relation_size(oid) / current_setting('block_size')::int)::int AS pages FROM pg_class) size
WHERE size.oid = c.oid AND pages > 0 AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
  AND EXISTS (SELECT FROM unnest($1::text[]) AS big WHERE c.relname ~ ('^' || big || '(_[0-9]+)?$'))
"""

SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan")


class Forgotten(Exception):
    """Rolls back what PostgreSQL was made to believe."""


@pytest.fixture
async def recorded(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, tuple[Any, ...]]]:
    """Statement -> its arguments, the last ones; of every connection of the pool."""
    seen: dict[str, tuple[Any, ...]] = {}
    watched: set[Any] = set()
    acquire = db.PatientPool._acquire

    def look(record: Any) -> None:
        many = isinstance(record.args, list)  # `executemany`
        seen[record.query] = tuple(record.args[0] if many else record.args)

    async def acquire_watched(self: db.PatientPool, timeout: float | None) -> db.Connection:  # noqa: ASYNC109
        connection = await acquire(self, timeout)
        bare = connection._con  # type: ignore[attr-defined]
        if bare not in watched:
            watched.add(bare)
            bare.add_query_logger(look)
        return connection

    monkeypatch.setattr(db.PatientPool, "_acquire", acquire_watched)
    yield seen
    for bare in watched:
        if not bare.is_closed():
            bare.remove_query_logger(look)


def walked_whole(plan: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
    """The big tables that a plan reads from end to end. In the order of an index up to a limit is not to the end."""
    limited = limited or plan["Node Type"] == "Limit"
    table = plan.get("Relation Name") or plan.get("Index Name", "")
    if plan["Node Type"] in SCANS and any(table.startswith(big) for big in BIG):
        by_index = "Index Cond" in plan or plan.get("Subplan Name", "").startswith("InitPlan")
        if plan["Node Type"] == "Seq Scan" or not (by_index or limited):
            yield f"{plan['Node Type']} on {table}"
    for child in plan.get("Plans", ()):
        # Sorting, grouping and joining need all their rows, whatever limit stands above.
        passes = plan["Node Type"] in ("Limit", "Nested Loop", "Append", "Merge Append", "Subquery Scan", "LockRows")
        yield from walked_whole(child, limited=limited and passes)


async def test_every_operation_finds_its_rows_by_an_index(
    gql: Gql, world: World, clock: FrozenClock, recorded: dict[str, tuple[Any, ...]]
) -> None:
    await execute_every_operation(gql, world, clock, set())
    statements = {
        text: args
        for text, args in recorded.items()
        if text.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")) and ";" not in text
    }

    faults = await faults_of(statements)

    assert len(statements) > 150
    assert not faults, "\n\n".join(faults)


async def faults_of(statements: dict[str, tuple[Any, ...]]) -> list[str]:
    """What is read whole, and by which statement; nothing of what PostgreSQL is made to believe stays."""
    faults: list[str] = []
    with contextlib.suppress(Forgotten):
        async with db.side_transaction() as side:
            await side.rows("SELECT set_config('enable_seqscan', 'off', true)")
            await side.rows(FULL_PAGES, list(BIG))
            for text, args in statements.items():
                [row] = await side.rows(f"EXPLAIN (FORMAT JSON) {text}", *args)
                whole = list(walked_whole(json.loads(row["QUERY PLAN"])[0]["Plan"]))
                if whole and not any(piece in text for piece in WHOLE):
                    faults.append(f"{whole}: {' '.join(text.split())}")
            raise Forgotten
    return faults
