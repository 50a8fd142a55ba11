"""Corrections of points by hand, each with its reason. Its id is the booking id of the entries it made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows


class Correction(Model):
    """`amount` is what the lifetime total changed by, or for what was paid on the balance alone, what it should have.

    `reverses_id` names the entry it undoes, the lifetime one where there are two; none: points given or taken freely.
    `written_off` is what the balance lacked. Constraints are in the migration that made the table.
    """

    id = fields.UUIDField(primary_key=True)
    member_id = fields.UUIDField()
    amount = fields.IntField()
    written_off = fields.IntField()
    reason = fields.CharField(200)
    reverses_id = fields.BigIntField(null=True)
    made_at = fields.DatetimeField()
    made_by = fields.UUIDField(null=True)

    class Meta:
        table = "corrections"


async def add_correction(
    correction_id: UUID,
    member_id: UUID,
    amount: int,
    written_off: int,
    reason: str,
    reverses_id: int | None,
    made_at: datetime,
    made_by: UUID | None,
) -> None:
    await execute(
        "INSERT INTO corrections (id, member_id, amount, written_off, reason, reverses_id, made_at, made_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        correction_id,
        member_id,
        amount,
        written_off,
        reason,
        reverses_id,
        made_at,
        made_by,
    )


async def booked_together(member_id: UUID, entry_id: int) -> list[dict[str, Any]]:
    """The entry and its sister on the other account, LIFETIME first, as rows with the region's `path` and `undone`.

    Empty if the member has no such entry.
    """
    return await rows(
        "SELECT b.*, r.path, EXISTS (SELECT FROM ledger_entries u WHERE u.reverses_id = b.id) AS undone"
        " FROM ledger_entries l JOIN ledger_entries b ON b.member_id = l.member_id AND b.booking_id = l.booking_id"
        " AND b.rule = l.rule AND b.object_id = l.object_id AND b.period_key = l.period_key AND b.part = l.part"
        " AND (b.reverses_id IS NULL) = (l.reverses_id IS NULL) LEFT JOIN regions r ON r.id = b.region_id"
        " WHERE l.member_id = $1 AND l.id = $2 ORDER BY b.account DESC",
        member_id,
        entry_id,
    )


async def entry_of(correction_id: UUID, member_id: UUID) -> int:
    """The id of the entry that a correction made: the lifetime one if there are two."""
    [row, *_] = await rows(
        "SELECT id FROM ledger_entries WHERE member_id = $2 AND booking_id = $1 ORDER BY account DESC",
        correction_id,
        member_id,
    )
    return int(row["id"])


async def reasons_of(booking_ids: Sequence[UUID]) -> list[str | None]:
    """Why each booking was made by hand, None for those that were not; in the order of `booking_ids`."""
    found = {row.id: row.reason for row in await Correction.filter(id__in=list(booking_ids))}
    return [found.get(each) for each in booking_ids]
