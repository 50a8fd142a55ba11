"""Points: the ladder, the rules, and the viewer's changes as they happen."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from auth.actor import STAFF
from gamification.levels import LEVELS
from kit.errors import not_found
from models import points
from models.badges import badges_by_ids
from resolvers.guard import staff, viewer
from schema.badges import Badge
from schema.context import Info
from schema.ids import decode
from schema.levels import Level
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last
from schema.points import AccountAsked, Award, PointEntry, PointsChange, entries_of
from schema.viewer import Viewer
from schema.words import PointAccount
from services.people import files_of
from services.points import changes_of


async def point_entry_node(info: Info, key: str) -> Node | None:
    """One's own, and those of the members whose points the actor may look into as staff."""
    entry_id = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None
    row = await info.context.loaders.of(points.entries_by_ids).load(entry_id) if entry_id is not None else None
    if row is None or info.context.actor is None:
        return None
    held = await info.context.loaders.of(files_of, info.context.actor).load(row.member_id)
    return PointEntry.of(row) if held is not None else None


@strawberry.type
class PointsQueries:
    @strawberry.field(description="All levels, the lowest first.")
    def levels(self) -> list[Level] | None:
        return [Level.of(level) for level in LEVELS]

    @strawberry.field(
        description="For staff: the lines of one account of a member of their regions, the last booked first."
    )
    async def point_entries(
        self,
        info: Info,
        member_id: Annotated[strawberry.ID, strawberry.argument(description="Whose lines.")],
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        account: AccountAsked = PointAccount.BALANCE,
    ) -> Connection[PointEntry] | None:
        actor, whose = staff(info, *STAFF), decode(member_id, "Member", "memberId")
        if await info.context.loaders.of(files_of, actor).load(whose) is None:
            raise not_found("memberId")
        return await entries_of(info, whose, account or PointAccount.BALANCE, first, after, last, before)


@strawberry.type
class PointsFeed:
    @strawberry.subscription(
        description="The viewer's present state, then the new one after each change of points, level, streak or badges."
    )
    async def my_points(self, info: Info) -> AsyncGenerator[PointsChange | None, None]:
        member_id = viewer(info).member_id
        async with aclosing(changes_of(info.context.ports, member_id)) as changes:
            async for news in changes:
                earned = [Award.of(award) for award in news.awards]
                badges = [Badge.of(row) for row in await badges_by_ids(news.badge_ids) if row is not None]
                yield PointsChange(viewer=Viewer.of(member_id), awards=earned, badges=badges)
