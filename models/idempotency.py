"""What was already done under which key, so that a retried request does not do it again."""

from datetime import datetime
from uuid import UUID

from kit.db import rows


async def remember(member_id: UUID, key: UUID, operation: str, input_hash: str, object_id: UUID, at: datetime) -> bool:
    """Take the key for this input; False if the member has used it before.

    Waits for a transaction that has taken it and is not over, so that of two at once one is the second.
    """
    taken = await rows(
        "INSERT INTO idempotency_keys (member_id, key, operation, input_hash, object_id, used_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING key",
        member_id, key, operation, input_hash, object_id, at,
    )  # fmt: skip
    return bool(taken)


async def remembered(member_id: UUID, key: UUID) -> tuple[str, str, UUID]:
    """(operation, input hash, object) of a key that was used."""
    [row] = await rows(
        "SELECT operation, input_hash, object_id FROM idempotency_keys WHERE member_id = $1 AND key = $2",
        member_id, key,
    )  # fmt: skip
    return row["operation"], row["input_hash"], row["object_id"]
