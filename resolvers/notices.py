"""Notices: marking them read, and saying where a phone can be pushed to."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.notices import (
    MarkNoticesReadInput,
    MarkNoticesReadPayload,
    Notice,
    RegisterPushDeviceInput,
    RegisterPushDevicePayload,
)
from schema.viewer import Viewer
from services import notices


async def notice_node(info: Info, key: str) -> Node | None:
    """One's own only."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(notices.own_notices, actor).load(row_id)
    return Notice.of(row) if row is not None else None


@strawberry.type
class NoticeMutations:
    @mutation(description="Mark notices of the viewer's read (标为已读); again changes nothing.")
    async def mark_notices_read(self, info: Info, input: MarkNoticesReadInput) -> MarkNoticesReadPayload:
        actor = viewer(info)
        await notices.mark_notices_read(info.context.ports, actor, input.ids(), input.up_to)
        return MarkNoticesReadPayload(viewer=Viewer.of(actor.member_id))

    @mutation(description="Say where this phone can be pushed to; the same again changes nothing, signing out ends it.")
    async def register_push_device(self, info: Info, input: RegisterPushDeviceInput) -> RegisterPushDevicePayload:
        await notices.register_push_device(
            info.context.ports, viewer(info), input.device_id, input.provider, input.token, info.context.language
        )
        return RegisterPushDevicePayload(registered=True)
