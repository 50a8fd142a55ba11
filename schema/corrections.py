"""Corrections of points by hand."""

from typing import Self
from uuid import UUID

import strawberry

from kit.errors import bad_input
from kit.ids import from_global
from models.accounts import Member as MemberRow
from models.points import LedgerEntryRow
from schema.accounts import Member
from schema.errors import Payload
from schema.ids import decode
from schema.points import PointEntry
from services.corrections import CorrectionPlan

LONGEST_KEY = 18


@strawberry.input(description="An entry to undo, whole; or points to give or take, for a reason.")
class CorrectPointsInput:
    member_id: strawberry.ID = strawberry.field(description="Whose points.")
    amount: int | None = strawberry.field(
        default=None,
        description="Given (+) or taken (-), at most a million; with `reversesEntryId` it is that entry's amount with"
        " the other sign, and may be left out.",
    )
    reason: str = strawberry.field(description="Why, for the member and the audit log; up to 200 characters.")
    reverses_entry_id: strawberry.ID | None = strawberry.field(
        default=None, description="An entry of the member's, of either account: it is undone on both."
    )
    idempotency_key: UUID = strawberry.field(
        description="Made by the client for this deed; sent again, it is done once."
    )

    def plain(self) -> CorrectionPlan:
        return CorrectionPlan(
            decode(self.member_id, "Member", "memberId"),
            self.amount,
            self.reason,
            entry_key(self.reverses_entry_id) if self.reverses_entry_id is not None else None,
            self.idempotency_key,
        )


def entry_key(gid: str) -> int:
    try:
        kind, key = from_global(gid)
    except ValueError as error:
        raise bad_input("reversesEntryId") from error
    if kind != "PointEntry" or not (key.isascii() and key.isdigit() and len(key) <= LONGEST_KEY):
        raise bad_input("reversesEntryId")
    return int(key)


@strawberry.type(description="What became of `correctPoints`.")
class CorrectPointsPayload(Payload):
    entry: PointEntry | None = strawberry.field(
        default=None, description="The entry that was booked, the one of the lifetime account if there are two."
    )
    member: Member | None = strawberry.field(default=None, description="Whose points they are, as they are now.")

    @classmethod
    def of(cls, entry: LedgerEntryRow, member: MemberRow | None) -> Self:
        return cls(entry=PointEntry.of(entry), member=Member.of(member) if member is not None else None)
