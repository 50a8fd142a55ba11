"""Members and the roles granted to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, rows
from kit.words import Role
from models.outlets import Region


class Member(Model):
    """Anyone with an account. The phone is kept encrypted; `phone_index` (a keyed hash, hex) finds it.

    Of a deleted one the row stays, for the books to refer to, with nothing personal in it; a constraint sees to that.
    """

    id = fields.UUIDField(primary_key=True)
    display_name = fields.CharField(40)
    phone_cipher = fields.BinaryField(null=True)
    phone_index = fields.CharField(64, null=True, unique=True)
    masked_phone = fields.CharField(24, null=True)
    password_hash = fields.CharField(200, null=True)
    avatar_media_id = fields.UUIDField(null=True)
    hidden_on_boards = fields.BooleanField(default=False)
    joined_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField(null=True)
    suspended_at = fields.DatetimeField(null=True)
    suspended_reason = fields.CharField(200, null=True)
    adult_confirmed_at = fields.DatetimeField(null=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "members"


class RoleGrant(Model):
    """One role over one region subtree; no region: everywhere. LEARNER has none, and comes and goes with the posts."""

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "grants", on_delete=fields.RESTRICT
    )
    member_id: UUID
    role = fields.CharEnumField(Role, max_length=20)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "grants", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    granted_at = fields.DatetimeField()
    granted_by = fields.UUIDField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "role_grants"


@dataclass(frozen=True, slots=True)
class NamedMember:
    """A member as others name them, read with what they made."""

    id: UUID
    display_name: str


@dataclass(frozen=True, slots=True)
class GrantRow:
    """An active grant; `region_path` is "" where the grant holds everywhere."""

    role: Role
    region_id: UUID | None
    region_path: str


async def member_by_phone(phone_index: str) -> Member | None:
    return await Member.get_or_none(phone_index=phone_index)


async def members_by_ids(ids: Sequence[UUID]) -> list[Member | None]:
    """The members of these ids, in the order of `ids`."""
    found = {member.id: member for member in await Member.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def locked_member(member_id: UUID) -> Member | None:
    """The member, its row locked until the transaction ends; None for one that was deleted."""
    return await Member.select_for_update().get_or_none(id=member_id, deleted_at__isnull=True)


async def active_grants(member_ids: Sequence[UUID]) -> list[list[GrantRow]]:
    """What each member may do now, in the order of `member_ids`; each list by role, then path."""
    shelf: dict[UUID, list[GrantRow]] = {each: [] for each in member_ids}
    found = await rows(
        "SELECT g.member_id, g.role, g.region_id, coalesce(r.path, '') AS path FROM role_grants g"
        " LEFT JOIN regions r ON r.id = g.region_id"
        " WHERE g.member_id = ANY($1::uuid[]) AND g.revoked_at IS NULL ORDER BY g.role, path",
        list(member_ids),
    )
    for row in found:
        shelf[row["member_id"]].append(GrantRow(Role(row["role"]), row["region_id"], row["path"]))
    return [shelf[each] for each in member_ids]


async def grant(
    grant_id: UUID, member_id: UUID, role: Role, region_id: UUID | None, at: datetime, by: UUID | None
) -> bool:
    """Give a role; False if the member holds exactly this one already."""
    given = await rows(
        "INSERT INTO role_grants (id, member_id, role, region_id, granted_at, granted_by)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
        grant_id, member_id, role.value, region_id, at, by,
    )  # fmt: skip
    return bool(given)


async def revoke(member_id: UUID, role: Role, region_id: UUID | None, at: datetime) -> bool:
    """Take a role back; False if the member does not hold it."""
    taken = await rows(
        "UPDATE role_grants SET revoked_at = $4 WHERE member_id = $1 AND role = $2"
        " AND region_id IS NOT DISTINCT FROM $3 AND revoked_at IS NULL RETURNING id",
        member_id, role.value, region_id, at,
    )  # fmt: skip
    return bool(taken)


async def confirm_adult(member_id: UUID, at: datetime) -> bool:
    """Remember that the member is an adult; False if that was known."""
    confirmed = await rows(
        "UPDATE members SET adult_confirmed_at = $2 WHERE id = $1 AND adult_confirmed_at IS NULL RETURNING id",
        member_id, at,
    )  # fmt: skip
    return bool(confirmed)


async def is_adult(member_id: UUID) -> bool:
    """Whether the member is known to be an adult."""
    return await Member.filter(id=member_id, adult_confirmed_at__isnull=False).exists()


async def seen(member_id: UUID, at: datetime) -> None:
    """Remember that the member was here; never moves back."""
    await execute("UPDATE members SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1", member_id, at)


async def ranked(member_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the members who may stand on a board: unsuspended learners."""
    found = await rows(
        "SELECT m.id FROM members m WHERE m.id = ANY($1::uuid[]) AND m.suspended_at IS NULL AND EXISTS"
        " (SELECT 1 FROM role_grants g WHERE g.member_id = m.id AND g.role = 'LEARNER' AND g.revoked_at IS NULL)",
        list(member_ids),
    )
    return {row["id"] for row in found}


async def add_member(member: Member) -> bool:
    """Insert a new member; False if somebody has the phone already."""
    added = await rows(
        "INSERT INTO members (id, display_name, phone_cipher, phone_index, masked_phone, hidden_on_boards, joined_at)"
        " VALUES ($1, $2, $3, $4, $5, false, $6) ON CONFLICT (phone_index) DO NOTHING RETURNING id",
        member.id, member.display_name, member.phone_cipher, member.phone_index, member.masked_phone, member.joined_at,
    )  # fmt: skip
    return bool(added)
