"""Money-like mutations are done once for each key that the client made for them."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

import orjson

from kit.db import require_transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from models.idempotency import remember, remembered
from services.ports import Ports


async def first_time(
    ports: Ports, member_id: UUID, key: UUID, operation: str, asked: Mapping[str, object]
) -> tuple[UUID, bool]:
    """The id of the object that this key makes, and whether it is still to be made, inside the transaction that does.

    `asked` is the whole input but the key. The same key with another input, or for another operation, is
    IDEMPOTENCY_KEY_REUSED. What rolls back frees its key: a request that was refused may be sent again.
    """
    require_transaction()
    object_id = new_id()
    written = orjson.dumps([operation, dict(asked)], option=orjson.OPT_SORT_KEYS, default=str)
    digest = hashlib.sha256(written).hexdigest()
    if await remember(member_id, key, operation, digest, object_id, ports.clock.now()):
        return object_id, True
    *before, object_id = await remembered(member_id, key)
    if before != [operation, digest]:
        raise DomainError(ErrorCode.IDEMPOTENCY_KEY_REUSED, field=["idempotencyKey"])
    return object_id, False
