"""Outlets and regions in the viewer's scope, their own outlets, and clerks."""

from typing import Annotated

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.accounts import Member
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.outlets import (
    AddClerkInput,
    AddClerkPayload,
    Outlet,
    OutletFilter,
    Region,
    RemoveClerkInput,
    RemoveClerkPayload,
    SetCurrentOutletInput,
    SetCurrentOutletPayload,
)
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.viewer import Viewer
from services import outlets


async def outlet_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(outlets.visible_outlets, actor).load(row_id)
    return Outlet.of(row) if row is not None else None


async def region_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(outlets.visible_regions, actor).load(row_id)
    return Region.of(row) if row is not None else None


@strawberry.type
class OutletQueries:
    @strawberry.field(description="The outlets the viewer may see, by code: staff their regions', others their own.")
    async def outlets(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[OutletFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[Outlet] | None:
        actor, wanted = viewer(info), (filter or OutletFilter()).plain()
        scope = f"outlets {actor.member_id} {wanted}"
        return connection(
            info,
            await outlets.list_outlets(actor, wanted, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Outlet.of,
            key=lambda row: [row.code],
            count=lambda: outlets.count_listed_outlets(actor, wanted),
        )

    @strawberry.field(description="One step of the tree; without `under`: the tops of what the viewer may see.")
    async def regions(
        self,
        info: Info,
        under: Annotated[
            strawberry.ID | None, strawberry.argument(description="The region whose children are wanted.")
        ] = None,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Region] | None:
        actor, parent = viewer(info), decode(under, "Region", "under") if under is not None else None
        scope = f"regions {actor.member_id} {parent}"
        return connection(
            info,
            await outlets.list_regions(actor, parent, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Region.of,
            key=lambda row: [row.code],
            count=lambda: outlets.count_listed_regions(actor, parent),
        )


@strawberry.type
class OutletMutations:
    @mutation(description="Choose for which of the own outlets the viewer learns from now on.")
    async def set_current_outlet(self, info: Info, input: SetCurrentOutletInput) -> SetCurrentOutletPayload:
        actor, outlet_id = viewer(info), decode(input.outlet_id, "Outlet", "outletId")
        await outlets.set_current_outlet(info.context.ports, actor, outlet_id)
        return SetCurrentOutletPayload(viewer=Viewer.of(actor.member_id))

    @mutation(description="Let someone work at an outlet as clerk (店员); by its owner, or an admin of its region.")
    async def add_clerk(self, info: Info, input: AddClerkInput) -> AddClerkPayload:
        actor, outlet_id = viewer(info), decode(input.outlet_id, "Outlet", "outletId")
        member = await outlets.add_clerk(info.context.ports, actor, outlet_id, input.phone, input.name)
        return AddClerkPayload(member=Member.of(member))

    @mutation(description="End a clerk's post at an outlet; by its owner, or an admin of its region.")
    async def remove_clerk(self, info: Info, input: RemoveClerkInput) -> RemoveClerkPayload:
        outlet_id = decode(input.outlet_id, "Outlet", "outletId")
        member_id = decode(input.member_id, "Member", "memberId")
        await outlets.remove_clerk(info.context.ports, viewer(info), outlet_id, member_id)
        return RemoveClerkPayload(removed=True)
