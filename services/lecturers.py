"""What a lecturer gets credit for: how what they made is begun, completed and rated."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_see_credit
from models.courses import Credit, credits_of
from models.member_lists import member_places
from services.outlets import visible_members


@dataclass(frozen=True, slots=True)
class LecturerCredit:
    member_id: UUID
    credit: Credit


async def credit_of(actor: Actor, member_ids: Sequence[UUID]) -> list[LecturerCredit | None]:
    """The credit of each member, in the order of the ids; None of those that are no business of the actor's."""
    places, found = await member_places(member_ids), await visible_members(actor, member_ids)
    credits = await credits_of(member_ids)
    return [
        LecturerCredit(member_id, credit) if member is not None and may_see_credit(actor, member_id, where) else None
        for member_id, member, where, credit in zip(member_ids, found, places, credits, strict=True)
    ]
