"""The ledger cannot be changed, and a change made behind its back is found."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException

from kit.db import execute, rows, transaction
from services.ledger import ledger_verify
from services.ports import Ports
from tests.points.story import course, lesson, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def may(world: World, ports: Ports) -> UUID:
    """A learner with two lessons, one moved to the day before, and a course."""
    member_id = (await world.learner()).id
    moving = lesson(member_id, 2, NOON)
    await say(ports, lesson(member_id, 1, NOON), moving, course(member_id, 1, NOON))
    await say(ports, moved=[(moving, lesson(member_id, 2, NOON - DAY))])
    return member_id


@asynccontextmanager
async def unguarded() -> AsyncIterator[None]:
    """Triggers and foreign keys asleep in the open transaction, as for someone who owns the database."""
    await execute("SET LOCAL session_replication_role = replica")
    yield
    await execute("SET LOCAL session_replication_role = origin")


async def tamper(sql: str) -> None:
    async def work() -> None:
        async with unguarded():
            assert await execute(sql) > 0, sql

    await transaction(work)


@pytest.mark.parametrize("table", ["ledger_entries", "learned_days"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET amount = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_books_are_append_only(may: UUID, table: str, statement: str) -> None:
    before = await rows(f"SELECT * FROM {table} ORDER BY id")

    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await execute(statement.format(table))

    assert await rows(f"SELECT * FROM {table} ORDER BY id") == before


COPY = """
INSERT INTO ledger_entries (booking_id, member_id, account, counter_account, amount, balance_after, account_version,
    rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day, booked_at)
SELECT booking_id, member_id, account, counter_account, {amount}, {balance}, {version}, 'prize', 1, object_type,
    object_id, '', {part}, occurred_at, day, booked_at
FROM ledger_entries WHERE account = 'BALANCE' ORDER BY account_version DESC LIMIT 1
"""


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"version": "account_version + 2"}, "does not follow"),
        ({"version": "account_version"}, "ledger_entries_version"),
        ({"balance": "balance_after + 4"}, "does not follow"),
        ({"amount": "0", "balance": "balance_after"}, "ledger_entries_amount"),
        ({"amount": "-balance_after - 1", "balance": "-1"}, "balance_not_negative"),
    ],
    ids=["gap", "same version", "wrong sum", "nothing", "below zero"],
)
async def test_an_entry_that_does_not_add_up_is_refused(may: UUID, values: dict[str, str], error: str) -> None:
    right = {"amount": "3", "balance": "balance_after + 3", "version": "account_version + 1", "part": "0"}

    with pytest.raises(BaseORMException, match=error):
        await rows(COPY.format(**right | values))
    await rows(COPY.format(**right))


async def test_an_award_cannot_be_booked_twice_and_reversed_twice(may: UUID) -> None:
    with pytest.raises(BaseORMException, match="ledger_entries_award"):
        await rows(
            "INSERT INTO ledger_entries (booking_id, member_id, account, counter_account, amount, balance_after,"
            " account_version, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day,"
            " booked_at) SELECT booking_id, member_id, account, counter_account, amount, balance_after,"
            " account_version + 1000, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day,"
            " booked_at FROM ledger_entries WHERE reverses_id IS NULL LIMIT 1"
        )
    with pytest.raises(BaseORMException, match="ledger_entries_reversed_once"):
        await rows(
            "INSERT INTO ledger_entries (booking_id, member_id, account, counter_account, amount, balance_after,"
            " account_version, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day,"
            " booked_at, reverses_id) SELECT booking_id, member_id, account, counter_account, amount, balance_after,"
            " account_version + 1000, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day,"
            " booked_at, reverses_id FROM ledger_entries WHERE reverses_id IS NOT NULL LIMIT 1"
        )


async def test_no_balance_falls_below_zero(may: UUID) -> None:
    with pytest.raises(BaseORMException, match="not_negative"):
        await rows("UPDATE point_accounts SET balance = -1")


async def test_sound_books_show_no_difference_and_progress_is_told(world: World, ports: Ports, may: UUID) -> None:
    await say(ports, course((await world.learner()).id, 1, NOON))
    told: list[tuple[int, int]] = []

    assert await ledger_verify(lambda done, total: told.append((done, total))) == []

    assert told == [(2, 2)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE point_accounts SET lifetime = lifetime + 1", "lifetime points"),
        ("UPDATE point_accounts SET balance = balance - 1", "balance points"),
        ("UPDATE point_accounts SET balance_version = 1", "balance version"),
        ("UPDATE point_accounts SET top_level = 5", "highest level"),
        ("UPDATE ledger_entries SET amount = amount + 1 WHERE account_version = 1", "balance after"),
        ("UPDATE ledger_entries SET rule = 'week.full' WHERE rule = 'course.completed'", "award for week.full"),
        (
            "UPDATE ledger_entries SET object_id = gen_random_uuid() WHERE rule = 'course.completed'",
            "award for course",
        ),
        ("UPDATE ledger_entries SET tariff_version = 2 WHERE rule = 'lesson.completed'", "award for lesson.completed"),
        ("UPDATE ledger_entries SET outlet_id = gen_random_uuid()", "POINTS counted"),
        ("UPDATE ledger_entries SET occurred_at = occurred_at + interval '1 second'", "award for course.completed"),
        ("UPDATE learned_days SET occurred_at = occurred_at + interval '1 second'", "first learning of"),
        ("UPDATE ledger_entries SET part = 7 WHERE reverses_id IS NOT NULL", "reverses"),
        ("DELETE FROM ledger_entries WHERE account_version = 2", "version of"),
        ("UPDATE facts SET occurred_at = occurred_at - interval '1 day', day = day - 1", "award for"),
        ("DELETE FROM facts WHERE kind = 'course.completed'", "award for course.completed"),
        ("DELETE FROM learned_days WHERE amount = 1 AND day = '2026-03-01'", "learned day 2026-03-01"),
        ("UPDATE metric_days SET amount = amount + 1 WHERE metric = 'POINTS'", "POINTS counted"),
        ("DELETE FROM metric_days WHERE metric = 'STREAK_DAYS'", "STREAK_DAYS counted"),
    ],
)
async def test_what_was_changed_behind_the_ledgers_back_is_named(may: UUID, change: str, named: str) -> None:
    await tamper(change)

    found = await ledger_verify()

    assert {difference.member_id for difference in found} == {may}
    assert any(named in difference.what for difference in found), [str(difference) for difference in found]


async def test_rows_without_an_account_are_named(may: UUID) -> None:
    await tamper("DELETE FROM point_accounts")

    found = await ledger_verify()

    assert [difference.what for difference in found] == [
        "account of a row in facts",
        "account of a row in ledger_entries",
        "account of a row in learned_days",
    ]


async def test_the_audit_changes_nothing(may: UUID) -> None:
    before = {table: await rows(f"SELECT * FROM {table}") for table in ("point_accounts", "ledger_entries", "outbox")}

    await ledger_verify()

    for table, kept in before.items():
        assert await rows(f"SELECT * FROM {table}") == kept
