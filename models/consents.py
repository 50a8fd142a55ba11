"""What members agreed to and took back: written once, never changed (a trigger sees to it)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import rows
from kit.words import ConsentPurpose
from models.accounts import Member


class ConsentRecord(Model):
    """A consent to one version of a text was GIVEN or WITHDRAWN; `cause`: by the MEMBER, or as an ACCOUNT_DELETED.

    The newest record of a purpose says how things stand. Nothing here is personal but the member's id, so that the
    proof of a consent outlives the account.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "consents", on_delete=fields.RESTRICT
    )
    member_id: UUID
    purpose = fields.CharEnumField(ConsentPurpose, max_length=20)
    version = fields.IntField()
    change = fields.CharField(10)
    cause = fields.CharField(20)
    at = fields.DatetimeField()

    class Meta:
        table = "consent_records"


async def newest_consents(member_ids: Sequence[UUID]) -> list[dict[ConsentPurpose, ConsentRecord]]:
    """How every purpose stands that a member ever decided on, in the order of `member_ids`."""
    found = await rows(
        "SELECT DISTINCT ON (member_id, purpose) * FROM consent_records WHERE member_id = ANY($1::uuid[])"
        " ORDER BY member_id, purpose, id DESC",
        list(member_ids),
    )
    shelf: dict[UUID, dict[ConsentPurpose, ConsentRecord]] = {each: {} for each in member_ids}
    for row in found:
        shelf[row["member_id"]][ConsentPurpose(row["purpose"])] = ConsentRecord(**row)
    return [shelf[each] for each in member_ids]


async def given_at(member_id: UUID, purpose: ConsentPurpose, version: int) -> datetime | None:
    """When the member last gave this version."""
    found = await rows(
        "SELECT max(at) AS at FROM consent_records WHERE member_id = $1 AND purpose = $2 AND version = $3"
        " AND change = 'GIVEN'",
        member_id, purpose.value, version,
    )  # fmt: skip
    at: datetime | None = found[0]["at"]
    return at
