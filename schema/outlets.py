"""Regions, outlets and posts as clients see them."""

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from kit.errors import DomainError, ErrorCode
from models import outlet_lists
from models import outlets as rows
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.profiles import own_profile
from schema.viewer_part import ViewerPart
from schema.words import OutletTier, PostRole, RegionKind
from services import outlets

if TYPE_CHECKING:
    from schema.accounts import Member
    from schema.viewer import Viewer


@strawberry.type(description="A region (片区): a place in the tree province > city > county > station.")
class Region(Node):
    code: str = strawberry.field(description="The distributor's own, stable.")
    name: str = strawberry.field(description="Chinese, as 城东服务站.")
    kind: RegionKind = strawberry.field(description="Its floor of the tree.")
    row: strawberry.Private[rows.Region]

    @classmethod
    def of(cls, row: rows.Region) -> Self:
        return cls(id=encode("Region", row.id), code=row.code, name=row.name, kind=row.kind, row=row)

    @strawberry.field(description="The regions it lies in, nearest first.")
    async def ancestors(self, info: Info) -> list["Region"]:
        return [Region.of(row) for row in await info.context.loaders.of(rows.region_ancestors).load(self.row.id)]

    @strawberry.field(description="Regions right below, as far as the viewer may see them.")
    async def child_count(self, info: Info) -> int:
        return (await self._size(info)).children

    @strawberry.field(description="Outlets in the whole subtree, as far as the viewer may see them.")
    async def outlet_count(self, info: Info) -> int:
        return (await self._size(info)).outlets

    async def _size(self, info: Info) -> outlet_lists.RegionSize:
        if info.context.actor is None:
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        return await info.context.loaders.of(outlets.sizes_of_regions, info.context.actor).load(self.row.id)


@strawberry.type(description="An outlet (门店): a shop the distributor supplies.")
class Outlet(Node):
    name: str = strawberry.field(description="What the sign says.")
    tier: OutletTier = strawberry.field(description="How far it has developed.")
    row: strawberry.Private[rows.Outlet]

    @classmethod
    def of(cls, row: rows.Outlet) -> Self:
        return cls(id=encode("Outlet", row.id), name=row.name, tier=row.tier, row=row)

    @strawberry.field(description="The distributor's own, stable; null of an outlet seen on a board alone.")
    async def code(self, info: Info) -> str | None:
        return self.row.code if await self._is_in_sight(info) else None

    @strawberry.field(description="The distributor's class of it (档位), 1-25; null of one seen on a board alone.")
    async def segment(self, info: Info) -> int | None:
        return self.row.segment if await self._is_in_sight(info) else None

    @strawberry.field(description="Where it lies.")
    async def region(self, info: Info) -> Region:
        row = await info.context.loaders.of(rows.regions_by_ids).load(self.row.region_id)
        assert row is not None, "an outlet lies in a region"
        return Region.of(row)

    async def _is_in_sight(self, info: Info) -> bool:
        """Boards name outlets that the viewer may not look up; how the distributor classes them is not told there."""
        actor = info.context.actor
        if actor is None:
            return False
        return await info.context.loaders.of(outlets.visible_outlets, actor).load(self.row.id) is not None


@strawberry.type(description="A member at an outlet.")
class Post:
    current: bool = strawberry.field(description="Whether the member learns for this outlet now.")
    role: PostRole = strawberry.field(description="What the member is there.")
    outlet: Outlet = strawberry.field(description="The shop.")


@strawberry.type
class OutletViewer(ViewerPart):
    @strawberry.field(description="The outlet the viewer learns for now.")
    async def outlet(self, info: Info) -> Outlet | None:
        row = (await own_profile(info, self.member_id)).outlet
        return Outlet.of(row) if row is not None else None

    @strawberry.field(description="Where the viewer works; the current one first.")
    async def outlets(self, info: Info) -> list[Post] | None:
        held = await info.context.loaders.of(rows.open_posts).load(self.member_id)
        return [Post(current=post.is_current, role=post.role, outlet=Outlet.of(outlet)) for post, outlet in held]


@strawberry.input(description="Which outlets; all that is given must hold.")
class OutletFilter:
    text: str | None = strawberry.field(default=None, description="Part of the name or the code.")
    region_id: strawberry.ID | None = strawberry.field(default=None, description="With everything below it.")
    tier: OutletTier | None = strawberry.field(default=None, description="As far developed as this.")
    segment: int | None = strawberry.field(default=None, description="The distributor's class, 1-25.")

    def plain(self) -> outlets.OutletFilter:
        region_id = decode(self.region_id, "Region", "filter", "regionId") if self.region_id is not None else None
        return outlets.OutletFilter(self.text, region_id, self.tier, self.segment)


@strawberry.input(description="For which outlet the viewer learns from now on.")
class SetCurrentOutletInput:
    outlet_id: strawberry.ID = strawberry.field(description="One where the viewer works.")


@strawberry.type(description="The viewer at the chosen outlet.")
class SetCurrentOutletPayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="After the change; null if refused."
    )


@strawberry.input(description="Who begins to work where.")
class AddClerkInput:
    outlet_id: strawberry.ID = strawberry.field(description="An outlet the viewer owns, or administers.")
    phone: str = strawberry.field(description="The clerk signs in by it; without country code it is Chinese.")
    name: str = strawberry.field(
        description="What to call someone who is new here, 1-24 characters; others keep their name."
    )


@strawberry.type(description="The clerk (店员) who was added.")
class AddClerkPayload(Payload):
    member: Annotated["Member", strawberry.lazy("schema.accounts")] | None = strawberry.field(
        default=None, description="The clerk; null if refused."
    )


@strawberry.input(description="Who works there no longer.")
class RemoveClerkInput:
    outlet_id: strawberry.ID = strawberry.field(description="An outlet the viewer owns, or administers.")
    member_id: strawberry.ID = strawberry.field(description="A clerk of that outlet.")


@strawberry.type(description="Whether it was done.")
class RemoveClerkPayload(Payload):
    removed: bool | None = strawberry.field(default=None, description="True once the clerk is gone.")
