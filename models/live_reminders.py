"""What reminders and calendars ask of live lessons."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.db import rows


@dataclass(frozen=True, slots=True)
class ToldLesson:
    """What a reminder says of a lesson; columns as in `models.live.LiveLesson`."""

    id: UUID
    title: str
    starts_at: datetime
    schedule_version: int


async def told_lesson(lesson_id: UUID) -> ToldLesson | None:
    found = await rows("SELECT id, title, starts_at, schedule_version FROM live_lessons WHERE id = $1", lesson_id)
    return ToldLesson(**found[0]) if found else None


async def seat_holders(lesson_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    """Up to `limit` of the members with a seat in the lesson, in the order of ids."""
    found = await rows(
        "SELECT member_id FROM live_seats WHERE lesson_id = $1 AND state = 'SEATED'"
        " AND ($2::uuid IS NULL OR member_id > $2) ORDER BY member_id LIMIT $3",
        lesson_id, after, limit,
    )  # fmt: skip
    return [row["member_id"] for row in found]
