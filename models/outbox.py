"""What still has to leave the database: one row per change that somebody outside wants to hear of."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import Side, execute, rows, side_transaction

SLOWEST_RETRY_SECONDS = 5


class OutboxRow(Model):
    """Written in the transaction of the change, claimed and deleted by a relay. The id orders, and nothing else."""

    id = fields.BigIntField(primary_key=True)
    topic = fields.CharField(40)
    key = fields.CharField(80)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    recorded_at = fields.DatetimeField(auto_now_add=True)
    tries = fields.IntField(default=0)
    due_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "outbox"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that a relay holds."""

    id: int
    topic: str
    key: str
    payload: dict[str, Any]
    tries: int


class Claim:
    """Rows locked for this relay, and what becomes of them."""

    def __init__(self, side: Side, found: list[Waiting]) -> None:
        self._side = side
        self.found = found

    async def settle(self, ids: Sequence[int]) -> None:
        """Forget rows that were applied."""
        await self._side.rows("DELETE FROM outbox WHERE id = ANY($1::bigint[])", list(ids))

    async def postpone(self, ids: Sequence[int]) -> None:
        """Try rows again later: after 0.2 seconds, then twice as long each time."""
        await self._side.rows(
            "UPDATE outbox SET tries = tries + 1,"
            " due_at = now() + least(0.2 * 2 ^ least(tries, 10), $2) * interval '1 second'"
            " WHERE id = ANY($1::bigint[])",
            list(ids),
            SLOWEST_RETRY_SECONDS,
        )


async def append(topic: str, keys: Sequence[str], payload: dict[str, Any]) -> None:
    """One row for each key, all with this payload."""
    await execute(
        "INSERT INTO outbox (topic, key, payload, recorded_at, tries, due_at)"
        " SELECT $1, key, $3, now(), 0, now() FROM unnest($2::text[]) AS key",
        topic,
        list(keys),
        orjson.dumps(payload, default=str).decode(),  # asyncpg's UUIDs are a class of their own
    )


@asynccontextmanager
async def claim(limit: int, *, topics: Sequence[str] = (), others_than: Sequence[str] = ()) -> AsyncIterator[Claim]:
    """Up to `limit` of the oldest rows that are due, locked until the block ends; of these topics, or of all but those.

    Rows that another relay holds are passed over, so any number of relays may run.
    """
    async with side_transaction() as side:
        found = await side.rows(
            "SELECT id, topic, key, payload, tries FROM outbox WHERE due_at <= now()"
            " AND ($2::text[] = '{}' OR topic = ANY($2)) AND topic <> ALL($3::text[])"
            " ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
            limit, list(topics), list(others_than),
        )  # fmt: skip
        yield Claim(side, [Waiting(**{**row, "payload": orjson.loads(row["payload"])}) for row in found])


async def count_waiting() -> int:
    """How many rows no relay has applied yet."""
    return int((await rows("SELECT count(*) AS waiting FROM outbox"))[0]["waiting"])


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits on one topic: how many rows, the age of the oldest, and how long the oldest due one has been due."""

    topic: str
    waiting: int
    age_seconds: float
    lag_seconds: float


async def backlog() -> list[Backlog]:
    """Every topic on which something waits, in the order of their names."""
    found = await rows(
        "SELECT topic, count(*) AS waiting, extract(epoch FROM now() - min(recorded_at))::float AS age_seconds,"
        " greatest(extract(epoch FROM now() - min(due_at))::float, 0) AS lag_seconds"
        " FROM outbox GROUP BY topic ORDER BY topic"
    )
    return [Backlog(**row) for row in found]


async def forget(keys: Sequence[str]) -> None:
    """Drop what was announced about these keys; for whoever has just brought everything about them up to date."""
    await execute("DELETE FROM outbox WHERE key = ANY($1)", list(keys))
