"""What is to be told at a moment that is known beforehand: one row for all who are meant, however many they are.

Who is meant is asked when it is told, so a seat that was given up, a course that was done and somebody who joined
meanwhile need no row of their own. Nobody is told twice: that promise is the inbox's, by (member, kind, key).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import NoticeKind, ReminderOutcome


class Reminder(Model):
    """Told from `due_at` on, once for (kind, object, version), in the order of members: `told_up_to` is the last one
    that was looked at. From `void_at` on nobody needs it. `version` is that of the object's schedule.

    `looked_at`: when it was last told. With `look_again_seconds` it goes round until `void_at`, for who comes within
    reach meanwhile.
    """

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(30)
    object_type = fields.CharField(40)
    object_id = fields.UUIDField()
    version = fields.IntField()
    due_at = fields.DatetimeField()
    void_at = fields.DatetimeField()
    look_again_seconds = fields.IntField(null=True)
    planned_at = fields.DatetimeField()
    looked_at = fields.DatetimeField(null=True)
    told_up_to = fields.UUIDField(null=True)
    told = fields.IntField(default=0)
    finished_at = fields.DatetimeField(null=True)
    outcome = fields.CharEnumField(ReminderOutcome, max_length=10, null=True)

    class Meta:
        table = "reminders"


@dataclass(frozen=True, slots=True)
class NewReminder:
    """A reminder to plan; columns as in `Reminder`."""

    id: UUID
    kind: NoticeKind
    object_type: str
    object_id: UUID
    version: int
    due_at: datetime
    void_at: datetime
    look_again_seconds: int | None = None


async def add_reminders(planned: Sequence[NewReminder], at: datetime) -> None:
    """Add what is not planned or told yet."""
    require_transaction()
    if planned:
        await execute(
            "INSERT INTO reminders (id, kind, object_type, object_id, version, due_at, void_at, look_again_seconds,"
            " planned_at, told) SELECT n.id, n.kind, n.object_type, n.object_id, n.version, n.due_at, n.void_at,"
            " n.look_again_seconds, $2, 0 FROM jsonb_to_recordset($1::jsonb) AS n (id uuid, kind text,"
            " object_type text, object_id uuid, version int, due_at timestamptz, void_at timestamptz,"
            " look_again_seconds int) ON CONFLICT (object_id, kind, version) DO NOTHING",
            orjson.dumps(list(planned), default=str).decode(), at,
        )  # fmt: skip


async def withdraw(object_ids: Sequence[UUID], at: datetime, kinds: Sequence[NoticeKind]) -> None:
    """What of these kinds is not told to the end yet of these objects is told to nobody more.

    Waits for whoever is telling a part of it just now. Locked in one order, so that nobody waits in a circle.
    """
    require_transaction()
    await execute(
        "UPDATE reminders SET finished_at = $2, outcome = 'WITHDRAWN' WHERE id IN (SELECT id FROM reminders"
        " WHERE object_id = ANY($1::uuid[]) AND finished_at IS NULL AND kind = ANY($3) ORDER BY id FOR NO KEY UPDATE)",
        list(object_ids), at, [kind.value for kind in kinds],
    )  # fmt: skip


async def withdraw_outdated(versions: Mapping[UUID, int], at: datetime) -> None:
    """`withdraw` of everything of these objects that was planned for another version."""
    require_transaction()
    await execute(
        "UPDATE reminders SET finished_at = $3, outcome = 'WITHDRAWN' WHERE id IN (SELECT r.id FROM reminders r"
        " JOIN unnest($1::uuid[], $2::int[]) AS now (object_id, version) USING (object_id)"
        " WHERE r.version <> now.version AND r.finished_at IS NULL ORDER BY r.id FOR NO KEY UPDATE OF r)",
        list(versions), list(versions.values()), at,
    )  # fmt: skip


async def claim_due(now: datetime, but: Sequence[UUID] = ()) -> Reminder | None:
    """A reminder that is due, `but` those, locked until the transaction ends; of lessons before that of courses.

    Rows that another process holds are passed over, so that any number may tell.
    """
    require_transaction()
    found = await rows(
        "SELECT id FROM reminders WHERE due_at <= $1 AND finished_at IS NULL AND id <> ALL($2::uuid[])"
        " ORDER BY object_type = 'Assignment', due_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        now, list(but),
    )  # fmt: skip
    return await Reminder.get(id=found[0]["id"]) if found else None
