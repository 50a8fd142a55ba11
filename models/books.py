"""Reading the books of many members at once, to add them up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, rows
from models.ledger import StoredFact
from models.points import PointAccountRow


@dataclass(frozen=True, slots=True)
class Book:
    """Everything kept about one member's points; rows as the tables hold them.

    Entries are in order of version, learned days in order of booking.
    """

    account: dict[str, Any]
    facts: list[StoredFact]
    entries: list[dict[str, Any]]
    learned: list[dict[str, Any]]
    marks: list[dict[str, Any]]
    counted: list[dict[str, Any]]
    prizes: list[dict[str, Any]]
    corrections: list[dict[str, Any]]


async def count_accounts() -> int:
    return await PointAccountRow.all().count()


async def next_accounts(after: UUID | None, limit: int) -> list[UUID]:
    """Members with an account, by id."""
    query = PointAccountRow.all() if after is None else PointAccountRow.filter(member_id__gt=after)
    return [row.member_id for row in await query.order_by("member_id").limit(limit).only("member_id")]


async def books_of(member_ids: Sequence[UUID]) -> list[Book]:
    """The books of these members, in the order of `member_ids`; read them in one snapshot."""

    async def shelf(sql: str) -> dict[UUID, list[dict[str, Any]]]:
        found: dict[UUID, list[dict[str, Any]]] = {each: [] for each in member_ids}
        for row in await rows(sql, list(member_ids)):
            found[row["member_id"]].append(row)
        return found

    accounts = await shelf("SELECT * FROM point_accounts WHERE member_id = ANY($1::uuid[])")
    facts = await shelf(
        "SELECT member_id, kind, object_id, occurred_at, details FROM facts WHERE member_id = ANY($1::uuid[])"
    )
    entries = await shelf("SELECT * FROM ledger_entries WHERE member_id = ANY($1::uuid[]) ORDER BY account_version, id")
    learned = await shelf("SELECT * FROM learned_days WHERE member_id = ANY($1::uuid[]) ORDER BY id")
    marks = await shelf("SELECT * FROM streak_marks WHERE member_id = ANY($1::uuid[])")
    counted = await shelf(
        "SELECT member_id, metric, day, outlet_id, region_id, tier, amount FROM metric_days"
        " WHERE member_id = ANY($1::uuid[]) AND metric IN ('POINTS', 'STREAK_DAYS') AND amount <> 0"
    )
    won = await shelf(
        "SELECT member_id, kind, source_id, points, paid_at IS NOT NULL AS paid FROM prizes"
        " WHERE member_id = ANY($1::uuid[])"
    )
    corrected = await shelf("SELECT * FROM corrections WHERE member_id = ANY($1::uuid[])")
    return [
        Book(
            accounts[each][0],
            [
                StoredFact(row["kind"], row["object_id"], row["occurred_at"], orjson.loads(row["details"]))
                for row in facts[each]
            ],
            entries[each],
            learned[each],
            marks[each],
            counted[each],
            won[each],
            corrected[each],
        )
        for each in member_ids
    ]


async def rows_without_account() -> list[tuple[str, UUID]]:
    """(table, member) of rows about points that belong to no account."""
    tables = ("facts", "ledger_entries", "learned_days", "streak_marks", "refused_awards", "corrections")
    strays = " UNION ALL ".join(
        f"SELECT DISTINCT '{table}' AS place, member_id FROM {table} t"  # noqa: S608 - names from the line above
        " WHERE NOT EXISTS (SELECT FROM point_accounts a WHERE a.member_id = t.member_id)"
        for table in tables
    )
    return [(row["place"], row["member_id"]) for row in await rows(strays)]


async def read_one_snapshot() -> None:
    """Make the open transaction read one moment of the database, and only read. Its first statement."""
    await execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
