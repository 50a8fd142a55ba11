"""Badges: looking at them, and declaring one."""

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.badges import Badge, CreateBadgeInput, CreateBadgePayload
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from services import badges


async def badge_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    if row_id is None:
        return None
    row = await info.context.loaders.of(badges.visible_badges, info.context.ports, info.context.actor).load(row_id)
    return Badge.of(row) if row is not None else None


@strawberry.type
class BadgeQueries:
    @strawberry.field(description="The badges that can be earned, the easiest of each measure first; staff see all.")
    async def badges(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Badge] | None:
        ports, actor = info.context.ports, viewer(info)
        scope = f"badges {actor.member_id}"
        return connection(
            info,
            await badges.list_badges(ports, actor, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Badge.of,
            key=lambda row: [row.measure, row.threshold, row.id],
            count=lambda: badges.count_listed_badges(ports, actor),
        )


@strawberry.type
class BadgeMutations:
    @mutation(description="Declare a badge (新增徽章); who has reached it gets it soon. For admins of everywhere.")
    async def create_badge(self, info: Info, input: CreateBadgeInput) -> CreateBadgePayload:
        row = await badges.create_badge(info.context.ports, staff(info, Role.ADMIN), input.plain())
        return CreateBadgePayload(badge=Badge.of(row))
