"""What members watched of replays. A table without a class; what is written is absolute, under the member's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.db import execute, require_transaction, rows
from models.progress import flat, pairs

_COLUMNS = (
    "lesson_id, first_at, last_at, replay_seconds, required_seconds, reported, paid, watched_seconds, watched_at,"
    " due_at"
)


@dataclass(frozen=True, slots=True)
class ReplayWatch:
    """How far a member is in a replay.

    `reported` is all that their phones said, `paid` the part of it that the learning budget has covered, which is
    `watched_seconds` long. `last_at`: the latest moment at which something new was watched. `watched_at`: when it was
    enough, None before. `due_at`: when to look again, None if what is reported will never be enough.
    """

    lesson_id: UUID
    first_at: datetime
    last_at: datetime
    replay_seconds: int
    required_seconds: int
    reported: tuple[tuple[int, int], ...]
    paid: tuple[tuple[int, int], ...]
    watched_seconds: int
    watched_at: datetime | None
    due_at: datetime | None


async def watches_of(member_id: UUID, lesson_ids: Sequence[UUID]) -> list[ReplayWatch | None]:
    """How far the member is in each replay, in the order of the ids; None before the first report."""
    found = await rows(
        f"SELECT {_COLUMNS} FROM live_replay_watches WHERE member_id = $1 AND lesson_id = ANY($2::uuid[])",  # noqa: S608 - names
        member_id, list(lesson_ids),
    )  # fmt: skip
    shelf = {row["lesson_id"]: _watch(row) for row in found}
    return [shelf.get(each) for each in lesson_ids]


async def store_watch(member_id: UUID, watch: ReplayWatch) -> None:
    """Write how far the member is; the caller holds them (`models.credit.lock_learner`)."""
    require_transaction()
    await execute(
        f"INSERT INTO live_replay_watches (member_id, {_COLUMNS})"  # noqa: S608 - fixed parts
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (member_id, lesson_id) DO UPDATE SET last_at = excluded.last_at,"
        " replay_seconds = excluded.replay_seconds, required_seconds = excluded.required_seconds,"
        " reported = excluded.reported, paid = excluded.paid, watched_seconds = excluded.watched_seconds,"
        " watched_at = excluded.watched_at, due_at = excluded.due_at",
        member_id, watch.lesson_id, watch.first_at, watch.last_at, watch.replay_seconds, watch.required_seconds,
        flat(watch.reported), flat(watch.paid), watch.watched_seconds, watch.watched_at, watch.due_at,
    )  # fmt: skip


async def watches_due(now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(member, lesson) of what should be looked at by now, the longest waiting first; a lesson that is not settled
    can give no credit yet."""
    found = await rows(
        "SELECT w.member_id, w.lesson_id FROM live_replay_watches w WHERE w.due_at <= $1"
        " AND EXISTS (SELECT FROM live_settlements s WHERE s.lesson_id = w.lesson_id)"
        " ORDER BY w.due_at, w.member_id, w.lesson_id LIMIT $2",
        now, limit,
    )  # fmt: skip
    return [(row["member_id"], row["lesson_id"]) for row in found]


async def mark_replayed(lesson_id: UUID, member_id: UUID, now: datetime, replayed_at: datetime) -> bool:
    """Turn the attendance of who missed the lesson into REPLAY; False for who has the credit for having been there.

    The lesson's row is held, so that nobody who settles or excuses waits for this row while it waits for theirs.
    """
    require_transaction()
    await rows("SELECT 1 FROM live_lessons WHERE id = $1 FOR SHARE", lesson_id)
    marked = await execute(
        "INSERT INTO live_attendances AS a (lesson_id, member_id, recorded_at, outcome, replayed_at)"
        " VALUES ($1, $2, $3, 'REPLAY', $4) ON CONFLICT (lesson_id, member_id) DO UPDATE"
        " SET outcome = 'REPLAY', replayed_at = $4 WHERE NOT a.credited AND a.replayed_at IS NULL",
        lesson_id, member_id, now, replayed_at,
    )  # fmt: skip
    return bool(marked)


async def replay_ready_at(lesson_id: UUID) -> datetime | None:
    """Since when the replay can be watched; None if nobody wrote it down."""
    [row] = await rows(
        "SELECT max(at) AS at FROM live_steps WHERE lesson_id = $1 AND status = 'REPLAY_READY'", lesson_id
    )
    at: datetime | None = row["at"]
    return at


def _watch(row: dict[str, Any]) -> ReplayWatch:
    return ReplayWatch(**{**row, "reported": pairs(row["reported"]), "paid": pairs(row["paid"])})
