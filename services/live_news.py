"""What happens to a live lesson and somebody must hear of, in one place.

Each function is called in the transaction of what happened, by whoever made it happen, holding the lesson's row. What
is told is told here and nowhere else: notices, planned reminders, calendars and rooms hang on these calls.
"""

from collections.abc import Sequence
from uuid import UUID

from kit.db import require_transaction
from kit.words import LiveStatus
from models.live import LiveLesson
from services.ports import Ports


async def lesson_planned(ports: Ports, lesson: LiveLesson) -> None:
    """It was announced: it came, or was published from a draft, as SCHEDULED."""
    require_transaction()


async def lesson_rescheduled(ports: Ports, lesson: LiveLesson, before: LiveLesson) -> None:
    """Its time is another one; `before` is the lesson as it was."""
    require_transaction()


async def lesson_changed(ports: Ports, lesson: LiveLesson, before: LiveLesson) -> None:
    """Something else of it was changed: what it is called, who hosts, for whom it is."""
    require_transaction()


async def status_changed(ports: Ports, lesson: LiveLesson, before: LiveStatus, cause: str) -> None:
    """It went from one state into another. Seats of a cancelled lesson are still as they were."""
    require_transaction()


async def seat_reserved(ports: Ports, lesson: LiveLesson, member_id: UUID) -> None:
    """A member has a seat who had none and did not wait for one."""
    require_transaction()


async def seats_promoted(ports: Ports, lesson: LiveLesson, member_ids: Sequence[UUID]) -> None:
    """These members waited and have seats now, in the order of their arrival."""
    require_transaction()


async def seat_given_up(ports: Ports, lesson: LiveLesson, member_id: UUID) -> None:
    """A member gave up the seat, or the place on the waitlist."""
    require_transaction()
