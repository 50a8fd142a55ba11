"""Members as staff deal with them: lists, what is kept about each, roles, suspension, a phone shown for a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import STAFF, Actor
from auth.permissions import may_grant, may_reveal_phone, may_see_file, may_suspend, reach_over_people
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import OutletTier, Role
from models.accounts import GrantRow, Member, active_grants, grant, locked_member, members_by_ids, revoke
from models.member_lists import (
    MemberQuery,
    chief_admins,
    count_members,
    home_path,
    lock_chief_admins,
    member_places,
    members_page,
)
from models.outlets import Region
from models.sessions import end_sessions
from services.audit import record
from services.outbox import announce
from services.outlets import visible_outlets, visible_regions
from services.ports import Ports

LONGEST_REASON = 200
LONGEST_SEARCH = 50


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """None leaves a thing open. `text` is a whole phone or part of a name; `region_id` opens a whole subtree."""

    text: str | None = None
    role: Role | None = None
    region_id: UUID | None = None
    tier: OutletTier | None = None
    outlet_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RoleChange:
    """`region_id` None: everywhere."""

    member_id: UUID
    role: Role
    region_id: UUID | None


async def list_members(ports: Ports, actor: Actor, wanted: MemberFilter, ask: Ask) -> Page[Member]:
    """Who holds a post or a role where the actor is admin or auditor, the newest first; keyed by (joined_at, id)."""
    query = await _query(ports, actor, wanted)
    return await members_page(reach_over_people(actor), query, ask) if query else Page([])


async def count_listed_members(ports: Ports, actor: Actor, wanted: MemberFilter) -> int:
    query = await _query(ports, actor, wanted)
    return await count_members(reach_over_people(actor), query) if query else 0


async def files_of(actor: Actor, member_ids: Sequence[UUID]) -> list[list[GrantRow] | None]:
    """The roles of these members, in their order; None for those of whom the actor may not know what is kept."""
    places = await member_places(member_ids)
    return [
        held if may_see_file(actor, member_id, where) else None
        for member_id, where, held in zip(member_ids, places, await active_grants(member_ids), strict=True)
    ]


async def reveal_phone(ports: Ports, actor: Actor, member_id: UUID, reason: str) -> str:
    """The member's phone in full, to an admin of theirs who says why. STATE_FORBIDS for an account without one."""
    why = clean_reason(reason)

    async def work() -> str:
        [member], [places] = await members_by_ids([member_id]), await member_places([member_id])
        if member is None or member.deleted_at is not None or not may_reveal_phone(actor, places):
            raise not_found("memberId")
        if member.phone_cipher is None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["memberId"])
        home = await home_path(member_id)
        await record(ports, actor, "member.phone_revealed", "Member", member_id, {"reason": why}, region_path=home)
        return ports.phones.open(member.phone_cipher)

    return await transaction(work)


async def grant_role(ports: Ports, actor: Actor, change: RoleChange) -> None:
    """Give a role over a region that the actor administers. ALREADY_DONE if it is held already."""
    _require_grantable(change)

    async def work() -> None:
        region = await _changeable(actor, change)
        now = ports.clock.now()
        if not await grant(new_id(), change.member_id, change.role, change.region_id, now, actor.member_id):
            raise DomainError(ErrorCode.ALREADY_DONE)
        await _record_change(ports, actor, "role.granted", change, region)

    await transaction(work)


async def revoke_role(ports: Ports, actor: Actor, change: RoleChange) -> None:
    """Take back exactly this role over exactly this region. STATE_FORBIDS for the last admin of everything."""
    _require_grantable(change)

    async def work() -> None:
        region = await _changeable(actor, change)
        if change.role is Role.ADMIN and change.region_id is None:
            await keep_a_chief_admin(change.member_id)
        if not await revoke(change.member_id, change.role, change.region_id, ports.clock.now()):
            raise not_found("role")
        await _record_change(ports, actor, "role.revoked", change, region)

    await transaction(work)


async def suspend_member(ports: Ports, actor: Actor, member_id: UUID, reason: str) -> None:
    """Shut the member out: every session ends now, and no board ranks them."""
    why = clean_reason(reason)

    async def work() -> None:
        member = await _for_suspension(actor, member_id)
        if member.suspended_at is not None:
            raise DomainError(ErrorCode.ALREADY_DONE)
        await keep_a_chief_admin(member_id)
        now = ports.clock.now()
        await Member.filter(id=member_id).update(suspended_at=now, suspended_reason=why)
        await end_sessions(member_id, now, "SUSPENDED")
        home = await home_path(member_id)
        await record(ports, actor, "member.suspended", "Member", member_id, {"reason": why}, region_path=home)
        await announce("member", str(member_id))

    await transaction(work)


async def lift_suspension(ports: Ports, actor: Actor, member_id: UUID, reason: str | None = None) -> None:
    """Let the member in again, by a new sign-in."""
    details = {"reason": clean_reason(reason)} if reason else {}

    async def work() -> None:
        member = await _for_suspension(actor, member_id)
        if member.suspended_at is None:
            raise DomainError(ErrorCode.ALREADY_DONE)
        await Member.filter(id=member_id).update(suspended_at=None, suspended_reason=None)
        home = await home_path(member_id)
        await record(ports, actor, "member.suspension_lifted", "Member", member_id, details, region_path=home)
        await announce("member", str(member_id))

    await transaction(work)


async def keep_a_chief_admin(without: UUID) -> None:
    """STATE_FORBIDS if nobody would be left who administers everything; of two at once the second is refused.

    For whatever takes a member from among those: a role taken back, a suspension, a deleted account.
    """
    require_transaction()
    await lock_chief_admins()
    chiefs = await chief_admins()
    if without in chiefs and not chiefs - {without}:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["memberId"])


def clean_reason(text: str) -> str:
    clean = text.strip()
    if not 1 <= len(clean) <= LONGEST_REASON:
        raise bad_input("reason")
    return clean


async def _query(ports: Ports, actor: Actor, wanted: MemberFilter) -> MemberQuery | None:
    """None if the region or outlet asked for is none the actor may see: the list is empty then."""
    text = (wanted.text or "").strip()
    if len(text) > LONGEST_SEARCH:
        raise bad_input("filter", "text")
    region_path = None
    if wanted.region_id is not None:
        [region] = await visible_regions(actor, [wanted.region_id])
        if region is None:
            return None
        region_path = region.path
    if wanted.outlet_id is not None and await visible_outlets(actor, [wanted.outlet_id]) == [None]:
        return None
    phone_index = _phone_index(ports, text)
    name = text if phone_index is None else None
    return MemberQuery(name or None, phone_index, wanted.role, region_path, wanted.tier, wanted.outlet_id)


def _phone_index(ports: Ports, text: str) -> str | None:
    """The index of the phone that `text` is; None if it is none."""
    try:
        return ports.phones.index(ports.phones.normalise(text, "text"))
    except DomainError:
        return None


def _require_grantable(change: RoleChange) -> None:
    if change.role is Role.LEARNER:  # it comes and goes with the posts
        raise bad_input("role")


async def _changeable(actor: Actor, change: RoleChange) -> Region | None:
    """The region of a change that the actor may make, the member's row locked.

    NOT_FOUND for a member or region out of the actor's sight, FORBIDDEN for what they see but may not change.
    """
    region = None
    if change.region_id is not None:
        [region] = await visible_regions(actor, [change.region_id])
        if region is None:
            raise not_found("regionId")
    member = await locked_member(change.member_id)
    [places] = await member_places([change.member_id])
    if member is None or not may_see_file(actor, change.member_id, places):
        raise not_found("memberId")
    if not may_grant(actor, change.member_id, places, region.path if region else ""):
        raise DomainError(ErrorCode.FORBIDDEN)
    return region


async def _record_change(ports: Ports, actor: Actor, action: str, change: RoleChange, region: Region | None) -> None:
    details = {"role": change.role.value, "region": region.name if region else None}
    path = region.path if region else None
    await record(ports, actor, action, "Member", change.member_id, details, region_path=path)


async def _for_suspension(actor: Actor, member_id: UUID) -> Member:
    member = await locked_member(member_id)
    [places], [held] = await member_places([member_id]), await active_grants([member_id])
    staff_paths = [each.region_path for each in held if each.role in STAFF]
    if member is None or not may_suspend(actor, member_id, places, staff_paths):
        raise not_found("memberId")
    return member
