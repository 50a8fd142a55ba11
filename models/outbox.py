"""What still has to leave the database: one row per change that somebody outside wants to hear of."""

from typing import Any

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows


class OutboxRow(Model):
    """Written in the transaction of the change, claimed and deleted by a relay. The id orders, and nothing else."""

    id = fields.BigIntField(primary_key=True)
    topic = fields.CharField(40)
    key = fields.CharField(80)
    payload: dict[str, Any] = fields.JSONField(default=dict)
    recorded_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "outbox"


async def append(topic: str, key: str, payload: dict[str, Any]) -> None:
    await execute(
        "INSERT INTO outbox (topic, key, payload, recorded_at) VALUES ($1, $2, $3, now())",
        topic,
        key,
        orjson.dumps(payload).decode(),
    )


async def claim(limit: int) -> list[dict[str, Any]]:
    """Up to `limit` of the oldest rows as {id, topic, key, payload}, locked until the transaction ends.

    Rows that another relay holds are passed over.
    """
    found = await rows(
        "SELECT id, topic, key, payload FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    return [{**row, "payload": orjson.loads(row["payload"])} for row in found]


async def settle(ids: list[int]) -> None:
    """Forget rows that were applied."""
    await execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)


async def waiting() -> int:
    """How many rows no relay has applied yet."""
    return int((await rows("SELECT count(*) AS waiting FROM outbox"))[0]["waiting"])
