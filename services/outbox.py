"""The only way out of a transaction: what is announced here reaches the projectors after the commit."""

from collections.abc import Sequence
from typing import Any

from kit.db import require_transaction
from models import outbox


async def announce(topic: str, key: str, payload: dict[str, Any] | None = None) -> None:
    """Say inside a transaction that something changed; `workers/projectors.py` names the topics.

    `key` names what changed (a member's id). Projectors read the present state, so the payload carries only what no
    table tells, and repeating or merging announcements changes nothing.
    """
    require_transaction()
    await outbox.append(topic, [key], payload or {})


async def announce_each(topic: str, keys: Sequence[object], payload: dict[str, Any] | None = None) -> None:
    """`announce` for many things at once."""
    require_transaction()
    if keys:
        await outbox.append(topic, [str(key) for key in keys], payload or {})
