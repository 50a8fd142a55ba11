"""Points: the ladder, the rules, and the viewer's changes as they happen."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from gamification.levels import LEVELS
from models import points
from resolvers.guard import viewer
from schema.context import Info
from schema.levels import Level
from schema.node import Node
from schema.points import Award, PointEntry, PointsChange
from schema.viewer import Viewer
from services.points import changes_of


async def point_entry_node(info: Info, key: str) -> Node | None:
    """One's own entries only."""
    entry_id = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None
    row = await info.context.loaders.of(points.entries_by_ids).load(entry_id) if entry_id is not None else None
    actor = info.context.actor
    return PointEntry.of(row) if row is not None and actor is not None and row.member_id == actor.member_id else None


@strawberry.type
class PointsQueries:
    @strawberry.field(description="All levels, the lowest first.")
    def levels(self) -> list[Level] | None:
        return [Level.of(level) for level in LEVELS]


@strawberry.type
class PointsFeed:
    @strawberry.subscription(
        description="The viewer's present state, then the new one after each change of points, level, streak or badges."
    )
    async def my_points(self, info: Info) -> AsyncGenerator[PointsChange | None, None]:
        member_id = viewer(info).member_id
        async with aclosing(changes_of(info.context.ports, member_id)) as changes:
            async for awards in changes:
                earned = [Award.of(award) for award in awards]
                yield PointsChange(viewer=Viewer.of(member_id), awards=earned, badges=[])
