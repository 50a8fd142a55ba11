"""The profile of a member: with the first thing that is asked about somebody comes all that is shown of them."""

from uuid import UUID

from kit.clock import day_of
from models.outlets import regions_by_ids
from models.profiles import Figures, Profile, figures_of, profiles_by_ids
from schema.context import Info

MOST_UNREAD = 999


async def profile_of(info: Info, member_id: UUID) -> Profile | None:
    """The member with points, outlet and region; None for an id that is no member's."""
    found = await info.context.loaders.of(profiles_by_ids).load(member_id)
    if found is not None and found.region is not None:
        info.context.loaders.of(regions_by_ids).prime(found.region.id, found.region)
    return found


async def own_profile(info: Info, member_id: UUID) -> Profile:
    """The profile of somebody who is known to be a member."""
    found = await profile_of(info, member_id)
    assert found is not None, "members are never deleted"
    return found


async def figures(info: Info, member_id: UUID) -> Figures:
    """What a member has earned lately and not read yet, as of now."""
    today = day_of(info.context.ports.clock.now())
    return await info.context.loaders.of(figures_of, today, MOST_UNREAD).load(member_id)
