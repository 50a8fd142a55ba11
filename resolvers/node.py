"""`node` and `nodes`: any object the viewer may see, by its global id.

A noun adds one line to `NODES`, with a function of its resolver file that gives None for what the viewer may not see:

    async def course_node(info: Info, key: str) -> Course | None:
        row = await info.context.loaders.of(visible_courses, actor).load(UUID(key))
        return Course.of(row) if row else None

`key` is the text behind the colon of a global id, made by `schema/ids.py encode`; use `schema/ids.py row_key` when it
is a UUID.
Fetch through a loader: `nodes` asks for up to a hundred at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from kit.errors import bad_input
from kit.ids import from_global
from resolvers.accounts import member_node, session_node
from resolvers.assigning import assignment_node
from resolvers.badges import badge_node
from resolvers.boards import honour_board_node
from resolvers.classes import offline_class_node
from resolvers.courses import course_node, lesson_node, media_node, module_node
from resolvers.draws import prize_draw_node
from resolvers.leagues import league_node
from resolvers.live import live_lesson_node, live_reservation_node, live_series_node
from resolvers.live_room import live_check_in_node, live_message_node, live_poll_node, live_product_node
from resolvers.notices import notice_node
from resolvers.outlets import outlet_node, region_node
from resolvers.points import point_entry_node
from resolvers.privacy import data_export_node
from resolvers.reports import report_export_node
from resolvers.rewards import redemption_node, reward_node
from resolvers.seasons import season_node
from resolvers.stories import story_campaign_node, story_entry_node
from resolvers.suspicions import suspicion_node
from resolvers.tasks import task_node, task_plan_node
from schema.audit import AuditEntry
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from services.audit import visible_deeds

MOST_NODES = 100

Fetch = Callable[[Info, str], Awaitable[Node | None]]


async def audit_entry_node(info: Info, key: str) -> Node | None:
    """Here and not with its noun, because what an entry is about is found by `find`."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(visible_deeds, actor).load(row_id)
    return AuditEntry.of(row, find) if row is not None else None


NODES: dict[str, Fetch] = {
    "Assignment": assignment_node,
    "AuditEntry": audit_entry_node,
    "Badge": badge_node,
    "Course": course_node,
    "DataExport": data_export_node,
    "HonourBoard": honour_board_node,
    "League": league_node,
    "Lesson": lesson_node,
    "LiveCheckIn": live_check_in_node,
    "LiveLesson": live_lesson_node,
    "LiveReservation": live_reservation_node,
    "LiveSeries": live_series_node,
    "LiveMessage": live_message_node,
    "LivePoll": live_poll_node,
    "LiveProduct": live_product_node,
    "Media": media_node,
    "Member": member_node,
    "Module": module_node,
    "Notice": notice_node,
    "OfflineClass": offline_class_node,
    "Outlet": outlet_node,
    "PointEntry": point_entry_node,
    "PrizeDraw": prize_draw_node,
    "Redemption": redemption_node,
    "Region": region_node,
    "ReportExport": report_export_node,
    "Reward": reward_node,
    "Season": season_node,
    "Session": session_node,
    "Task": task_node,
    "TaskPlan": task_plan_node,
    "StoryCampaign": story_campaign_node,
    "StoryEntry": story_entry_node,
    "Suspicion": suspicion_node,
}


async def find(info: Info, gid: str) -> Node | None:
    try:
        kind, key = from_global(gid)
    except ValueError:
        return None
    fetch = NODES.get(kind)
    return await fetch(info, key) if fetch is not None else None


@strawberry.type
class NodeQueries:
    @strawberry.field(description="Any object by its global id; null for what does not exist or may not be seen.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Any global id.")]
    ) -> Node | None:
        return await find(info, id)

    @strawberry.field(description="Several objects at once, in the order asked; null for each that may not be seen.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Any global ids, at most 100.")],
    ) -> list[Node | None] | None:
        if len(ids) > MOST_NODES:
            raise bad_input("ids")
        return list(await asyncio.gather(*(find(info, gid) for gid in ids)))
