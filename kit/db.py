"""The one road to PostgreSQL: the pool, transactions, plain SQL and migrations.

A transaction runs in a task of its own behind a shield: a cancel that strikes during BEGIN or release would otherwise
leak the pool's connection, and a handful of dropped sockets would leave the process without any.
"""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from asyncpg.pool import Pool, PoolConnectionProxy
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    ConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.transactions import in_transaction

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from kit.metrics import counted
from kit.migrations import apply_missing
from kit.tracing import tracing

T = TypeVar("T")
if TYPE_CHECKING:
    Connection = PoolConnectionProxy[asyncpg.Record]
else:
    Connection = PoolConnectionProxy
Line = asyncpg.Record

APP = "models"
APPLICATION = "growth-academy"
"""What PostgreSQL calls our connections."""

MIGRATIONS = "models.migrations"

ATTEMPTS = 4  # the first try and three repeats after a deadlock or a serialization failure
STATEMENT_SECONDS = 30
IDLE_SECONDS = 60  # of a transaction in which nothing is asked
LOCK_SECONDS = 5
STREAMED_ROWS = 200
LINE_SECONDS = 2  # what a migration makes others wait behind it
PATIENCE_SECONDS = 300  # of whoever has nobody waiting for an answer: an operator's command, a migration, a rebuild
BULK_SECONDS = 3600
BULK_LOCK_SECONDS = 60
MIGRATION_LOCK = 0x41434144  # any number, the same in every process

# asyncpg's own name for a connection that PostgreSQL left in the middle of something is InternalClientError.
_AWAY = (
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    OSError,
)
_BUSY = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.TooManyConnectionsError, TimeoutError)
_COLLIDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_running: set[asyncio.Task[Any]] = set()
"""Strong references: the loop keeps only weak ones, and a transaction must outlive the caller that gave up on it."""


class PatientPool(Pool):
    """asyncpg's pool with a limit on the wait for a free connection; it has none of its own."""

    wait_seconds = 5.0

    async def _acquire(self, timeout: float | None) -> Connection:  # noqa: ASYNC109 - asyncpg's signature
        started = monotonic()
        try:
            with _faults_are_unavailable():
                return cast(Connection, await super()._acquire(timeout or self.wait_seconds))  # type: ignore[misc]
        finally:
            counted.pool_waits.observe(monotonic() - started)

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        with _faults_are_unavailable():  # a frozen server does not answer that a statement was cancelled either
            await super().release(connection, timeout=timeout)


class OwnedTransaction(TransactionWrapper):
    """A transaction that serves the task it was opened in and no other.

    A task started inside a transaction inherits its connection, and would write through it even after the commit.
    """

    def __init__(self, connection: AsyncpgDBClient) -> None:
        super().__init__(connection)
        self._owner = asyncio.current_task()
        self.last_words: list[Callable[[], Awaitable[None]]] = []

    def acquire_connection(self) -> ConnectionWrapper[asyncpg.Connection]:
        assert asyncio.current_task() is self._owner, "a task inside a transaction uses its connection"
        return super().acquire_connection()


class AcademyClient(AsyncpgDBClient):
    """Tortoise's client on a `PatientPool`; faults of the server or the road to it become UNAVAILABLE."""

    async def create_connection(self, with_db: bool) -> None:
        options = dict(self.extra)
        seconds = options.pop("statement_seconds")
        pool = PatientPool(
            options.pop("dsn"),
            min_size=1,
            max_size=self.pool_maxsize,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            loop=None,
            command_timeout=seconds + 5,  # a frozen server answers no statement_timeout
            timeout=10,
            reset=_nothing_to_reset,
            server_settings={
                "application_name": APPLICATION,
                "timezone": "UTC",
                "statement_timeout": f"{seconds}s",
                "lock_timeout": f"{LOCK_SECONDS}s",
                "idle_in_transaction_session_timeout": f"{max(seconds, IDLE_SECONDS)}s",
            },
        )
        pool.wait_seconds = options.pop("wait_seconds")
        with _faults_are_unavailable():
            await pool
        self._pool = pool
        await self._post_connect()

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(OwnedTransaction(self), self._pool_init_lock)

    async def _translate_exceptions(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with _faults_are_unavailable():
            return await super()._translate_exceptions(func, *args, **kwargs)


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """asyncpg's own reset costs every statement outside a transaction a second round trip.

    It has nothing to do here: settings and locks are those of a transaction, a transaction left open is rolled back
    before this is called, and the one connection with a lock of its session (`leadership`) is closed.
    """


client_class = AcademyClient
"""Tortoise looks for this name in the module that `engine` names."""


def database_config(
    modules: Sequence[str], url: str, *, pool_size: int, wait_seconds: float, statement_seconds: int = STATEMENT_SECONDS
) -> dict[str, Any]:
    """Tortoise's configuration; `modules` are the model modules by dotted name."""
    credentials = {
        "dsn": url, "maxsize": pool_size, "wait_seconds": wait_seconds, "statement_seconds": statement_seconds
    }  # fmt: skip
    return {
        "connections": {"default": {"engine": "kit.db", "credentials": credentials}},
        "apps": {APP: {"models": list(modules), "migrations": MIGRATIONS, "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def open_database(
    url: str,
    modules: Sequence[str],
    *,
    pool_size: int = 10,
    wait_seconds: float = 5.0,
    statement_seconds: int = STATEMENT_SECONDS,
) -> None:
    """Open the pool of this process. UNAVAILABLE if PostgreSQL does not answer."""
    config = database_config(
        modules, url, pool_size=pool_size, wait_seconds=wait_seconds, statement_seconds=statement_seconds
    )
    # The server's start and its requests run in different tasks: the connection must be found from all of them.
    await Tortoise.init(config=config, _enable_global_fallback=True)
    try:
        await rows("SELECT 1")
    except BaseException:
        await Tortoise.close_connections()
        raise


async def close_database() -> None:
    """Wait for running transactions, then close the pool."""
    while _running:
        await asyncio.wait(set(_running))
    await Tortoise.close_connections()


async def transaction(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` in one transaction and give its answer; commit when it returns, roll back when it raises.

    After a deadlock or a serialization failure `work` runs again from the start, so it keeps nothing outside the
    database. A cancelled caller waits until the transaction has ended, one way or the other. Never nested.
    """
    assert not _in_transaction(), "a transaction is already open"
    task = asyncio.create_task(_traced(work))
    _running.add(task)
    task.add_done_callback(_running.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # looked at, so that the loop does not report it as lost
        raise


def require_transaction() -> None:
    """Stop a function that must share its caller's transaction from running without one."""
    assert _in_transaction(), "no open transaction"


def before_commit(work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` as the last thing in the open transaction, if it gets that far; for a lock that everybody waits for.

    Taken last it is held for a moment only, and nobody who holds it waits for another. In the order asked for; what
    fails here fails the whole of the transaction.
    """
    client = _client()
    assert isinstance(client, OwnedTransaction), "no open transaction"
    client.last_words.append(work)


async def rows(sql: str, *args: object) -> list[dict[str, Any]]:
    """Every row of a statement ($1 style), RETURNING included; in the open transaction if there is one.

    json and jsonb come as text.
    """
    return cast(list[dict[str, Any]], await _client().execute_query_dict(sql, list(args)))


async def lines(sql: str, *args: object) -> Sequence[Line]:
    """As `rows`, but each row as it came: by place or by name. For what is read by the million, where a dict costs."""
    return cast(Sequence[Line], (await _client().execute_query(sql, list(args)))[1])


async def execute(sql: str, *args: object) -> int:
    """Run a statement; how many rows it touched."""

    async def work(connection: Connection) -> int:
        count = (await connection.execute(sql, *args)).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    return await _with_connection(work)


async def copy_rows(table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> int:
    """Append many rows by COPY; how many. A conflict fails the whole of it."""

    async def work(connection: Connection) -> int:
        status = await connection.copy_records_to_table(table, columns=list(columns), records=records)
        return int(status.rpartition(" ")[2])

    return await _with_connection(work)


class Side:
    """A transaction on a connection of its own, beside whatever else this task does."""

    def __init__(self, connection: Connection, patience_seconds: float | None = None) -> None:
        self._connection = connection
        self._patience_seconds = patience_seconds

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._connection.fetch(sql, *args, timeout=self._patience_seconds)]

    async def stream(self, sql: str, *args: object, at_once: int = STREAMED_ROWS) -> AsyncIterator[tuple[Any, ...]]:
        """The rows of a statement one by one, however many they are; `at_once` of them are in memory at a time."""
        async for row in self._connection.cursor(sql, *args, prefetch=at_once):
            yield tuple(row)


class Bulk(Side):
    """A side transaction that fills tables by the million. No statement of it is hurried, and locks are waited for."""

    async def execute(self, sql: str) -> None:
        """Run one or more statements without arguments."""
        await self._connection.execute(sql, timeout=BULK_SECONDS)

    async def copy(self, table: str, columns: Sequence[str], text: bytes) -> None:
        """Append rows in the text format of COPY, in their order."""
        await self._connection.copy_to_table(
            table, source=BytesIO(text), columns=list(columns), format="text", timeout=BULK_SECONDS
        )


@asynccontextmanager
async def side_transaction(*, snapshot: bool = False, scratch: bool = False) -> AsyncIterator[Side]:
    """Hold row locks while work goes on in transactions of its own; for a relay's claim and nothing else.

    Commits when the block ends well. A process that dies in between gives its locks back at once. With `snapshot` it
    reads one moment of the database and only reads; for what is too much to be fetched at once. With `scratch` it may
    make temporary tables besides, and nothing of it is hurried: at `PATIENCE_SECONDS` each statement and pause end.
    """
    isolation: Any = "repeatable_read" if snapshot else None
    pool = await _pool()
    task = asyncio.current_task()
    assert task is not None
    cancels = task.cancelling()
    try:
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation=isolation, readonly=snapshot and not scratch),
        ):
            if scratch:
                await connection.execute(
                    f"SET LOCAL statement_timeout = '{PATIENCE_SECONDS}s';"
                    f" SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE_SECONDS}s'"
                )
            yield Side(connection, PATIENCE_SECONDS + 5 if scratch else None)
    except Exception as error:
        if task.cancelling() > cancels:  # rolling back on a dead connection failed, and took the cancel's place
            raise asyncio.CancelledError from error
        raise


@asynccontextmanager
async def bulk_transaction() -> AsyncIterator[Bulk]:
    """A side transaction for filling tables: all of it is there once the block has ended well, and else none."""
    async with side_transaction() as side:
        bulk = Bulk(side._connection)
        await bulk.execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
            f" SET LOCAL lock_timeout = '{BULK_LOCK_SECONDS}s'; SET LOCAL maintenance_work_mem = '256MB';"
            " SET LOCAL work_mem = '128MB'"
        )
        yield bulk


@asynccontextmanager
async def leadership(name: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Try to become the one process that holds `name`.

    Gives a question to ask again and again: True while this process leads. The lock belongs to a connection, so
    PostgreSQL itself frees it when the process dies.
    """
    pool: PatientPool | None = None
    held: Connection | None = None
    leading = False

    async def leads() -> bool:
        nonlocal pool, held, leading
        try:
            pool = pool or await _pool()
            if held is None:
                held = await pool.acquire()
            if not leading:
                leading = bool(await held.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name))
            else:
                await held.execute("SELECT 1")  # the connection, and with it the lock, is still alive
        except (DomainError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, *_AWAY):
            await let_go()
            return False
        return leading

    async def let_go() -> None:
        """The connection did not answer, or asyncpg gave it up and took it back: nothing can be asked of it again."""
        nonlocal held, leading
        lost, held, leading = held, None, False
        if pool is not None and lost is not None:
            with suppress(asyncpg.InterfaceError):
                lost.terminate()
            await pool.release(lost)

    try:
        yield leads
    finally:
        if held is not None:
            with suppress(*_AWAY, asyncpg.InterfaceError, TimeoutError):
                await held.close(timeout=LOCK_SECONDS)  # and with it goes the lock
            await let_go()


async def migrate(url: str, modules: Sequence[str]) -> list[str]:
    """Bring the database at `url` up to date and name the migrations that were applied.

    All of them in one transaction under one lock: a failure leaves nothing half done, and of two processes the second
    finds the work done. Servers may run meanwhile: whoever wants a table while a migration waits for it waits in line
    behind, so it waits `LINE_SECONDS`, steps back and tries all of it again, for `PATIENCE_SECONDS` in all; then
    UNAVAILABLE. Opens and closes its own connections.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _migrate(url, modules)
        except asyncpg.LockNotAvailableError as error:
            if monotonic() > deadline:
                raise _unavailable() from error
            await asyncio.sleep(LINE_SECONDS)


async def _migrate(url: str, modules: Sequence[str]) -> list[str]:
    config = database_config(modules, url, pool_size=2, wait_seconds=10)
    await Tortoise.init(config=config)
    try:
        async with in_transaction("default") as connection:
            await connection.execute_script(
                f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; "
                f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK}); SET LOCAL lock_timeout = '{LINE_SECONDS}s'"
            )
            return await apply_missing(connection, config["apps"])
    finally:
        await Tortoise.close_connections()


def count_pool() -> None:
    """Take down how many connections of the open pool are in use, how many idle, and how many there may be."""
    pool = get_connections().get("default")._pool
    if isinstance(pool, PatientPool):
        idle = pool.get_idle_size()
        counted.pool.labels("idle").set(idle)
        counted.pool.labels("used").set(pool.get_size() - idle)
        counted.pool_limit.set(pool.get_max_size())


def known_migrations() -> set[str]:
    """The names of the migrations that this code has."""
    package = importlib.import_module(MIGRATIONS)
    return {module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0].isdigit()}


async def applied_migrations() -> list[str]:
    """The names of those that the open database has, in their order; none of an empty one."""
    if (await rows("SELECT to_regclass('tortoise_migrations') AS found"))[0]["found"] is None:
        return []
    return [row["name"] for row in await rows("SELECT name FROM tortoise_migrations WHERE app = $1 ORDER BY name", APP)]


async def pending_migrations() -> list[str]:
    """The migrations that this code has and the open database has not; the database may be the newer one."""
    return sorted(known_migrations() - set(await applied_migrations()))


async def other_sessions() -> int:
    """How many connections of the academy, other processes' among them, the open database has beside this one."""
    [row] = await rows(
        "SELECT count(*) AS others FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = $1 AND pid <> pg_backend_pid()",
        APPLICATION,
    )
    return int(row["others"])


async def _traced(work: Callable[[], Awaitable[T]]) -> T:
    with tracing.span("transaction"):
        return await _run(work)


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _faults_are_unavailable():
                async with in_transaction("default") as opened:
                    answer = await work()
                    for last in cast(OwnedTransaction, opened).last_words:
                        await last()
                    return answer
        except _COLLIDED as error:
            if attempt == ATTEMPTS:
                raise _unavailable() from error
            await asyncio.sleep(0.01 * attempt)
    raise AssertionError("unreachable")


def _client() -> AcademyClient:
    return cast(AcademyClient, get_connections().get("default"))


def _in_transaction() -> bool:
    return isinstance(_client(), TransactionalDBClient)


async def _pool() -> PatientPool:
    client = _client()
    assert not isinstance(client, TransactionalDBClient), "a transaction is open"
    if client._pool is None:
        await rows("SELECT 1")
    return cast(PatientPool, client._pool)


async def _with_connection(work: Callable[[Connection], Awaitable[T]]) -> T:
    with _faults_are_unavailable():
        async with _client().acquire_connection() as connection:
            return await work(cast(Connection, connection))


@contextmanager
def _faults_are_unavailable() -> Iterator[None]:
    """Faults of the server, or of the road to it, are UNAVAILABLE; ours stay what they are."""
    try:
        yield
    except (*_AWAY, *_BUSY) as error:
        raise _unavailable() from error
    except asyncpg.InterfaceError as error:
        if "closed" in str(error):  # the connection died a moment ago
            raise _unavailable() from error
        raise


def _unavailable() -> DomainError:
    return DomainError(ErrorCode.UNAVAILABLE, retry_after_seconds=1)
