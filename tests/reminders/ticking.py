"""The ticks of reminders, and what they told."""

from uuid import UUID

from models.notices import Notice
from models.reminders import Reminder
from services.ports import Ports
from services.reminders import plan_assignments, send_reminders


async def tick(ports: Ports) -> None:
    await plan_assignments(ports)
    await send_reminders(ports)


async def told(kind: str) -> list[UUID]:
    """Who was told of this kind, in order."""
    return sorted([row.member_id for row in await Notice.filter(kind=kind)])


async def counts() -> dict[str, int]:
    """How many notices there are of each kind."""
    found: dict[str, int] = {}
    for row in await Notice.all().order_by("kind"):
        found[row.kind] = found.get(row.kind, 0) + 1
    return found


async def outcomes(object_id: UUID) -> dict[str, str | None]:
    """Kind and outcome of what was planned for something; of several versions the last."""
    planned = await Reminder.filter(object_id=object_id).order_by("version", "due_at")
    return {row.kind: row.outcome.value if row.outcome else None for row in planned}
