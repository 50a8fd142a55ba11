"""kit/db.py: transactions that hold, whoever gives up on them."""

import asyncio

import asyncpg
import pytest

from kit import db
from kit.db import before_commit, copy_rows, execute, leadership, require_transaction, rows, transaction
from kit.errors import DomainError, ErrorCode
from services.outbox import announce
from tests.pool import pool_falls_idle
from tests.process import PATIENCE_SECONDS


async def keys() -> list[str]:
    return [row["key"] for row in await rows("SELECT key FROM outbox ORDER BY id")]


async def test_a_transaction_that_raises_leaves_nothing(database: None) -> None:
    async def work() -> None:
        await announce("topic", "key")
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await transaction(work)

    assert await keys() == []


async def test_a_transaction_gives_what_its_work_gives(database: None) -> None:
    async def work() -> int:
        require_transaction()
        await announce("topic", "key")
        return 7

    assert await transaction(work) == 7
    assert await keys() == ["key"]


async def test_a_transaction_inside_a_transaction_is_refused(database: None) -> None:
    async def work() -> None:
        await transaction(lambda: announce("topic", "inner"))

    with pytest.raises(AssertionError, match="already open"):
        await transaction(work)

    assert await keys() == []


async def test_a_task_started_inside_a_transaction_may_not_use_it(database: None) -> None:
    async def work() -> None:
        await asyncio.gather(announce("topic", "one"), announce("topic", "two"))

    with pytest.raises(AssertionError, match="a task inside a transaction"):
        await transaction(work)

    assert await keys() == []


async def test_what_needs_a_transaction_refuses_to_run_without(database: None) -> None:
    with pytest.raises(AssertionError, match="no open transaction"):
        await announce("topic", "key")


async def test_a_deadlock_is_tried_again(database: None) -> None:
    await transaction(lambda: announce("topic", "one"))
    await transaction(lambda: announce("topic", "two"))
    both_hold_one = asyncio.Barrier(2)
    attempts = 0

    async def lock(first: str, second: str) -> None:
        nonlocal attempts
        attempts += 1
        await execute("UPDATE outbox SET tries = tries + 1 WHERE key = $1", first)
        if attempts <= 2:
            await both_hold_one.wait()
        await execute("UPDATE outbox SET tries = tries + 1 WHERE key = $1", second)

    await asyncio.gather(transaction(lambda: lock("one", "two")), transaction(lambda: lock("two", "one")))

    assert attempts == 3
    assert [row["tries"] for row in await rows("SELECT tries FROM outbox")] == [2, 2]


async def test_a_collision_without_end_is_unavailable(database: None) -> None:
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise asyncpg.SerializationError("again")

    with pytest.raises(DomainError) as refused:
        await transaction(work)

    assert refused.value.code is ErrorCode.UNAVAILABLE
    assert attempts == 4


async def test_last_words_come_last_in_order_and_inside_the_transaction(database: None) -> None:
    async def say(word: str) -> None:
        require_transaction()
        await announce("topic", word)

    async def work() -> None:
        before_commit(lambda: say("one"))
        before_commit(lambda: say("two"))
        await announce("topic", "zero")

    await transaction(work)

    assert await keys() == ["zero", "one", "two"]


async def test_last_words_that_fail_take_everything_back(database: None) -> None:
    async def fail() -> None:
        raise ValueError("at last")

    async def work() -> None:
        await announce("topic", "key")
        before_commit(fail)

    with pytest.raises(ValueError, match="at last"):
        await transaction(work)

    assert await keys() == []


async def test_last_words_are_said_once_however_often_the_work_begins_again(database: None) -> None:
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        before_commit(lambda: announce("topic", "last"))
        if attempts < 3:
            raise asyncpg.SerializationError("again")

    await transaction(work)

    assert (attempts, await keys()) == (3, ["last"])


async def test_four_hundred_cancelled_transactions_leave_the_pool_idle(database: None) -> None:
    async def work() -> None:
        await announce("storm", "drop")
        raise ValueError("never to be seen")

    for number in range(400):
        task = asyncio.create_task(transaction(work))
        for _ in range(number % 20):
            await asyncio.sleep(0)
        if number % 2:
            await asyncio.sleep(0.0003 * (number % 11))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await pool_falls_idle()
    assert await keys() == []


async def test_a_cancelled_caller_waits_until_its_transaction_has_ended(database: None) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        await announce("topic", "whole")
        begun.set()
        await rows("SELECT pg_sleep(0.05)")

    task = asyncio.create_task(transaction(work))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
    assert await keys() == ["whole"]


async def test_who_finds_no_free_connection_is_told_in_time(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = await db._pool()
    taken = [await pool.acquire() for _ in range(pool.get_max_size())]

    with monkeypatch.context() as patch:
        patch.setattr(pool, "wait_seconds", 0.05)
        [refused] = await asyncio.gather(rows("SELECT 1"), return_exceptions=True)
    for connection in taken:
        await pool.release(connection)

    assert isinstance(refused, DomainError)
    assert (refused.code, refused.retry_after_seconds) == (ErrorCode.UNAVAILABLE, 1)
    assert await rows("SELECT 1 AS one") == [{"one": 1}]


async def test_a_killed_connection_is_unavailable_once_and_then_replaced(database: None) -> None:
    async def work() -> None:
        await announce("topic", "key")
        await rows("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DomainError) as refused:
        await transaction(work)

    assert refused.value.code is ErrorCode.UNAVAILABLE
    assert await keys() == []
    assert await pool_falls_idle()


async def test_rows_touched_are_counted(database: None) -> None:
    columns = ("topic", "key", "payload", "recorded_at", "tries", "due_at")
    now = (await rows("SELECT now() AS now"))[0]["now"]
    records = [("t", str(number), "{}", now, 0, now) for number in range(3)]

    assert await copy_rows("outbox", columns, records) == 3
    assert (
        await execute(
            "INSERT INTO outbox (topic, key, payload, recorded_at, tries, due_at) "
            "SELECT topic, key, payload, recorded_at, tries, due_at FROM outbox"
        )
        == 3
    )
    assert await execute("UPDATE outbox SET tries = 1 WHERE key = '0'") == 2
    assert await execute("DELETE FROM outbox") == 6
    assert await execute("SET LOCAL lock_timeout = 0") == 0


async def test_one_process_leads_and_another_follows_when_it_goes(database: None) -> None:
    async with leadership("a crown") as second:
        async with leadership("a crown") as first:
            assert await first()
            assert not await second()
            assert await first()

        assert await second()


@pytest.mark.parametrize("ended_by", ["postgres", "asyncpg"])
async def test_who_loses_the_connection_it_led_by_leads_again_by_another(database: None, ended_by: str) -> None:
    """asyncpg gives up a connection whose statement timed out unanswered, as when PostgreSQL hangs for a minute."""
    pool = await db._pool()

    async with leadership("a crown") as leads:
        led = await leads()
        if ended_by == "postgres":
            await rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        else:
            [held] = [holder._con for holder in pool._holders if holder._in_use]
            held.terminate()
        lost = not await leads()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await leads():  # noqa: ASYNC110 - PostgreSQL hears of the end a moment later
                await asyncio.sleep(0.01)

    assert (led, lost) == (True, True)
    assert await pool_falls_idle()


async def test_a_read_outside_a_transaction_is_one_round_trip(database: None) -> None:
    asked: list[str] = []
    async with db.side_transaction() as side:
        connection = side._connection
        connection.add_query_logger(lambda record: asked.append(record.query))

    for number in range(3):  # on the same connection: nobody else wants it
        await rows("SELECT $1::int AS number", number)

    assert asked == ["COMMIT;"] + ["SELECT $1::int AS number"] * 3


async def test_a_transaction_left_open_is_rolled_back_before_the_next_one_gets_its_connection(database: None) -> None:
    pool = await db._pool()
    async with pool.acquire() as connection:
        await connection.execute("BEGIN; SET LOCAL lock_timeout = '7s'")

    [row] = await rows("SELECT current_setting('lock_timeout') AS patience, pg_current_xact_id_if_assigned() AS open")

    assert row == {"patience": f"{db.LOCK_SECONDS}s", "open": None}


async def test_a_mistake_of_ours_is_not_called_unavailable(database: None) -> None:
    with pytest.raises(asyncpg.InterfaceError, match="arguments"):
        await transaction(lambda: rows("SELECT $1::int"))


async def test_a_connection_that_died_in_the_middle_of_something_is_unavailable(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object, **__: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")

    monkeypatch.setattr(asyncpg.Connection, "_reset", die)  # as seen when PostgreSQL was stopped under load

    with pytest.raises(DomainError) as refused:
        await rows("SELECT 1")

    assert refused.value.code is ErrorCode.UNAVAILABLE
    monkeypatch.undo()
    assert await rows("SELECT 1 AS one") == [{"one": 1}]
