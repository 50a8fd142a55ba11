"""Outlets and the region tree as a member may see them, the member's own outlets, and their clerks."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor, tops_of
from auth.names import clean_name
from auth.permissions import may_manage_clerks, may_see_member, may_see_outlet, may_see_region
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member, grant, locked_member, members_by_ids, revoke
from models.member_lists import member_places
from models.outlet_lists import (
    OutletQuery,
    RegionSize,
    Scope,
    count_outlets,
    count_regions,
    outlet_paths,
    outlets_page,
    post_places,
    region_sizes,
    regions_page,
)
from models.outlets import (
    Outlet,
    Post,
    Region,
    make_current,
    open_post,
    outlet_with_path,
    outlets_by_ids,
    place,
    regions_by_ids,
)
from services.accounts import member_with_phone
from services.audit import record
from services.outbox import announce, announce_each
from services.ports import Ports

SEGMENTS = range(1, 26)
LONGEST_SEARCH = 50


@dataclass(frozen=True, slots=True)
class OutletFilter:
    """None leaves a thing open. `region_id` opens a whole subtree."""

    text: str | None = None
    region_id: UUID | None = None
    tier: OutletTier | None = None
    segment: int | None = None


async def list_outlets(actor: Actor, wanted: OutletFilter, ask: Ask) -> Page[Outlet]:
    """The outlets the actor may see, by code; keyed by (code,)."""
    query = await _query(actor, wanted)
    return await outlets_page(await scope_of(actor), query, ask) if query else Page([])


async def count_listed_outlets(actor: Actor, wanted: OutletFilter) -> int:
    query = await _query(actor, wanted)
    return await count_outlets(await scope_of(actor), query) if query else 0


async def list_regions(actor: Actor, under: UUID | None, ask: Ask) -> Page[Region]:
    """One step of the tree, by code; keyed by (code,). Without `under`: the tops of what the actor may see."""
    if under is not None and await visible_regions(actor, [under]) == [None]:
        return Page([])
    return await regions_page((await scope_of(actor)).region_tops, under, ask)


async def count_listed_regions(actor: Actor, under: UUID | None) -> int:
    if under is not None and await visible_regions(actor, [under]) == [None]:
        return 0
    return await count_regions((await scope_of(actor)).region_tops, under)


async def scope_of(actor: Actor) -> Scope:
    """What lists may show the actor."""
    [own] = await post_places([actor.member_id])
    reach = actor.reach()
    return Scope(reach, tuple(outlet_id for outlet_id, _ in own), tops_of([*reach, *(path for _, path in own)]))


async def sizes_of_regions(actor: Actor, region_ids: Sequence[UUID]) -> list[RegionSize]:
    """How much of each region the actor may see, in the order of the ids."""
    return await region_sizes(await scope_of(actor), region_ids)


async def visible_regions(actor: Actor, region_ids: Sequence[UUID]) -> list[Region | None]:
    """The regions of these ids, in their order; None for what the actor may not see."""
    [own] = await post_places([actor.member_id])
    own_paths = [path for _, path in own]
    found = await regions_by_ids(region_ids)
    return [each if each and may_see_region(actor, each.path, own_paths) else None for each in found]


async def visible_outlets(actor: Actor, outlet_ids: Sequence[UUID]) -> list[Outlet | None]:
    """The outlets of these ids, in their order; None for what the actor may not see."""
    [own] = await post_places([actor.member_id])
    held = {outlet_id for outlet_id, _ in own}
    paths = await outlet_paths(outlet_ids)
    found = await outlets_by_ids(outlet_ids)
    return [
        each if each and path is not None and may_see_outlet(actor, path, holds_post=each.id in held) else None
        for each, path in zip(found, paths, strict=True)
    ]


async def visible_members(actor: Actor, member_ids: Sequence[UUID]) -> list[Member | None]:
    """The members of these ids, in their order; None for what the actor may not see."""
    [own] = await post_places([actor.member_id])
    mine = {outlet_id for outlet_id, _ in own}
    held = await post_places(member_ids)
    places = await member_places(member_ids)
    return [
        member
        if member
        and may_see_member(actor, member.id, where, shares_outlet=any(outlet_id in mine for outlet_id, _ in posts))
        else None
        for member, posts, where in zip(await members_by_ids(member_ids), held, places, strict=True)
    ]


async def set_current_outlet(ports: Ports, actor: Actor, outlet_id: UUID) -> None:
    """From now on the member learns for this one of their outlets; what was learned before stays where it was."""

    async def work() -> None:
        await locked_member(actor.member_id)
        if await open_post(actor.member_id, outlet_id) is None:
            raise not_found("outletId")
        await make_current(actor.member_id, outlet_id)
        await stand(ports, [actor.member_id])
        await announce("member", str(actor.member_id))

    await transaction(work)


async def add_clerk(ports: Ports, actor: Actor, outlet_id: UUID, phone: str, name: str) -> Member:
    """Give the person with this phone a clerk's post; who is new here gets an account under `name`.

    ALREADY_DONE for someone who holds a post there.
    """
    number = ports.phones.normalise(phone, "phone")
    clean = clean_name(name, "name")

    async def work() -> Member:
        path = await _managed(actor, outlet_id)
        member = await member_with_phone(ports, number, clean)
        if await open_post(member.id, outlet_id) is not None:
            raise DomainError(ErrorCode.ALREADY_DONE, field=["phone"])
        await begin_post(ports, member.id, outlet_id, PostRole.CLERK)
        details = {"member": str(member.id)}
        await record(ports, actor, "clerk.added", "Outlet", outlet_id, details, region_path=path)
        return member

    return await transaction(work)


async def remove_clerk(ports: Ports, actor: Actor, outlet_id: UUID, member_id: UUID) -> None:
    """End a clerk's post. NOT_FOUND for someone who is no clerk there; an owner's post ends by import alone."""

    async def work() -> None:
        path = await _managed(actor, outlet_id)
        await locked_member(member_id)
        post = await open_post(member_id, outlet_id)
        if post is None or post.role is not PostRole.CLERK:
            raise not_found("memberId")
        await end_post(ports, post)
        details = {"member": str(member_id)}
        await record(ports, actor, "clerk.removed", "Outlet", outlet_id, details, region_path=path)

    await transaction(work)


async def begin_post(ports: Ports, member_id: UUID, outlet_id: UUID, role: PostRole) -> Post:
    """A post from now on; the first one is the current one and makes a learner. The caller holds the member's row."""
    require_transaction()
    now = ports.clock.now()
    first = not await Post.filter(member_id=member_id, until_at=None).exists()
    post = await Post.create(
        id=new_id(), member_id=member_id, outlet_id=outlet_id, role=role, from_at=now, is_current=first
    )
    if first:
        await grant(new_id(), member_id, Role.LEARNER, None, now, None)
        await stand(ports, [member_id])
    await announce("member", str(member_id))
    return post


async def end_post(ports: Ports, post: Post) -> None:
    """The post ends now; another open one becomes current, and without any the member is no learner any more.

    The caller holds the member's row.
    """
    require_transaction()
    now = ports.clock.now()
    await Post.filter(id=post.id).update(until_at=now, is_current=False)
    if post.is_current:
        await make_current(post.member_id, None)
        await stand(ports, [post.member_id])
    if not await Post.filter(member_id=post.member_id, until_at=None).exists():
        await revoke(post.member_id, Role.LEARNER, None, now)
    await announce("member", str(post.member_id))


async def stand(ports: Ports, member_ids: Sequence[UUID]) -> None:
    """Record where these members stand from now on; who came to stand elsewhere may have passed stages of a path."""
    await announce_each("path", await place(member_ids, ports.clock.now()))


async def _query(actor: Actor, wanted: OutletFilter) -> OutletQuery | None:
    """None if the region asked for is none the actor may see: the list is empty then."""
    if wanted.segment is not None and wanted.segment not in SEGMENTS:
        raise bad_input("filter", "segment")
    text = (wanted.text or "").strip()
    if len(text) > LONGEST_SEARCH:
        raise bad_input("filter", "text")
    region_path = None
    if wanted.region_id is not None:
        [region] = await visible_regions(actor, [wanted.region_id])
        if region is None:
            return None
        region_path = region.path
    return OutletQuery(text or None, region_path, wanted.tier, wanted.segment)


async def _managed(actor: Actor, outlet_id: UUID) -> str:
    """The path of the outlet's region, if the actor may manage its clerks; FORBIDDEN if they only see the outlet,
    NOT_FOUND if not even that."""
    found = await outlet_with_path(outlet_id)
    post = await open_post(actor.member_id, outlet_id)
    if found is None or not may_see_outlet(actor, found[1], holds_post=post is not None):
        raise not_found("outletId")
    path = found[1]
    if not may_manage_clerks(actor, post.role if post else None, path):
        raise DomainError(ErrorCode.FORBIDDEN)
    return path
