"""Reading the books of many members at once, to add them up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.db import Line, execute, lines, rows
from models.points import PointAccountRow

Marks = tuple[list[UUID], int]
"""Every so manieth member by id, but not the last one, and how many there are."""


@dataclass(frozen=True, slots=True)
class Book:
    """Everything kept about one member's points, as lines of the tables without the columns that nothing follows from.

    Entries are in order of version, learned days in order of booking. The places of their columns count:
    `services.ledger_glance` reads by them.
    """

    account: Line
    facts: list[Line]
    entries: list[Line]
    learned: list[Line]
    marks: list[Line]
    counted: list[Line]
    prizes: list[Line]
    corrections: list[Line]


async def count_accounts() -> int:
    return await PointAccountRow.all().count()


async def next_accounts(after: UUID | None, limit: int, until: UUID | None = None) -> list[UUID]:
    """Members with an account, by id, after one and up to another, both where they are named."""
    found = await rows(
        "SELECT member_id FROM point_accounts WHERE ($1::uuid IS NULL OR member_id > $1)"
        " AND ($3::uuid IS NULL OR member_id <= $3) ORDER BY member_id LIMIT $2",
        after,
        limit,
        until,
    )
    return [row["member_id"] for row in found]


async def account_marks(every: int) -> Marks:
    """Among the members with an account."""
    return await marks_among("SELECT member_id FROM point_accounts", every)


async def marks_among(members: str, every: int) -> Marks:
    """Among the members that a statement gives, each once."""
    numbered = "SELECT member_id, row_number() OVER (ORDER BY member_id) AS n, count(*) OVER () AS of"
    found = await lines(
        f"SELECT member_id, n FROM ({numbered} FROM ({members}) m) o WHERE n % $1 = 0 OR n = of ORDER BY n",  # noqa: S608 - texts of ours
        every,
    )
    return [line[0] for line in found[:-1]], found[-1][1] if found else 0


async def books_of(member_ids: Sequence[UUID]) -> list[Book]:
    """The books of these members, in the order of `member_ids`; read them in one snapshot."""

    async def shelf(sql: str) -> dict[UUID, list[Line]]:
        return await by_member(sql, member_ids)

    accounts = await shelf(
        "SELECT member_id, lifetime, lifetime_version, balance, balance_version, top_level FROM point_accounts"
        " WHERE member_id = ANY($1::uuid[])"
    )
    facts = await shelf(
        "SELECT member_id, kind, object_id, occurred_at, details FROM facts WHERE member_id = ANY($1::uuid[])"
    )
    entries = await shelf(
        "SELECT member_id, account, id, booking_id, rule, object_id, period_key, part, amount, occurred_at,"
        " tariff_version, account_version, balance_after, day, outlet_id, region_id, tier, reverses_id"
        " FROM ledger_entries WHERE member_id = ANY($1::uuid[]) ORDER BY account_version, id"
    )
    learned = await shelf(
        "SELECT member_id, day, amount, occurred_at, outlet_id, region_id, tier FROM learned_days"
        " WHERE member_id = ANY($1::uuid[]) ORDER BY id"
    )
    marks = await shelf(
        "SELECT member_id, day, days, in_row, cards, best_days FROM streak_marks WHERE member_id = ANY($1::uuid[])"
    )
    counted = await shelf(
        "SELECT member_id, metric, day, outlet_id, region_id, tier, amount FROM metric_days"
        " WHERE member_id = ANY($1::uuid[]) AND metric IN ('POINTS', 'STREAK_DAYS') AND amount <> 0"
    )
    won = await shelf(
        "SELECT member_id, kind, source_id, points, paid_at IS NOT NULL AS paid FROM prizes"
        " WHERE member_id = ANY($1::uuid[])"
    )
    corrected = await shelf(
        "SELECT member_id, id, amount, written_off, reverses_id FROM corrections WHERE member_id = ANY($1::uuid[])"
    )
    return [
        Book(
            accounts[each][0],
            facts[each],
            entries[each],
            learned[each],
            marks[each],
            counted[each],
            won[each],
            corrected[each],
        )
        for each in member_ids
    ]


async def by_member(sql: str, member_ids: Sequence[UUID]) -> dict[UUID, list[Line]]:
    """The lines of a statement about members ($1), whose first column says whose each is."""
    found: dict[UUID, list[Line]] = {each: [] for each in member_ids}
    for line in await lines(sql, list(member_ids)):
        found[line[0]].append(line)
    return found


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
