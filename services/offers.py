"""What rewards and prize draws share: who they are made to, and for which region an admin makes them."""

from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_run_offers
from kit.errors import DomainError, ErrorCode, not_found
from kit.words import Role
from models.offers import OfferScope
from models.outlets import current_outlets, regions_by_ids
from services.outlets import visible_regions


async def offer_scope(actor: Actor) -> OfferScope:
    """What the actor is offered where they learn now, and what they run or audit."""
    [outlet] = await current_outlets([actor.member_id])
    own_path = await path_of(outlet.region_id) if outlet is not None else None
    tops = actor.reach(Role.ADMIN, Role.AUDITOR)
    return OfferScope(own_path, tops, unopened=bool(tops))


async def buyer_scope(actor: Actor) -> OfferScope | None:
    """What the actor may buy: as a learner, where they learn now. None for who holds no post: looking after a region
    lets nobody buy what is made for its shops."""
    scope = await offer_scope(actor)
    return OfferScope(scope.own_path, (), unopened=False) if scope.own_path is not None else None


async def path_of(region_id: UUID | None) -> str:
    """The path of an offer's region; "" is everywhere."""
    if region_id is None:
        return ""
    [region] = await regions_by_ids([region_id])
    assert region is not None, "regions are never deleted"
    return region.path


async def region_for_offer(actor: Actor, region_id: UUID | None) -> UUID | None:
    """The region an offer is made for; None given: all that the actor administers, if that is one subtree.

    None back is everywhere. FORBIDDEN outside the actor's own subtrees; NOT_FOUND at `regionId` for what they may not
    see, or when they administer several subtrees and name none.
    """
    if region_id is not None:
        [region] = await visible_regions(actor, [region_id])
        if region is None:
            raise not_found("regionId")
        if not may_run_offers(actor, region.path):
            raise DomainError(ErrorCode.FORBIDDEN)
        return region.id
    if may_run_offers(actor, ""):
        return None
    own = {grant.region_id for grant in actor.grants if grant.role is Role.ADMIN}
    if len(own) != 1:
        raise not_found("regionId")
    return own.pop()
