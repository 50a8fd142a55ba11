"""The record of deeds that somebody may have to answer for."""

from uuid import UUID

from kit.db import require_transaction
from kit.ids import new_id
from models.audit import AuditEntry
from services.ports import Ports


async def record(
    ports: Ports,
    actor_id: UUID | None,
    action: str,
    object_type: str,
    object_id: UUID,
    details: dict[str, object] | None = None,
) -> None:
    """Write down who (None: the server itself) did what to which object, in the transaction that does it.

    `action` is a word like "member.suspended". `details` are for people; no phone, token or code belongs there.
    """
    require_transaction()
    await AuditEntry.create(
        id=new_id(),
        at=ports.clock.now(),
        actor_id=actor_id,
        action=action,
        object_type=object_type,
        object_id=object_id,
        details=details or {},
    )
