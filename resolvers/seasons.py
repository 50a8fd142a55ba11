"""Seasons: which there are, and naming one."""

import strawberry

from kit.words import Role
from models.seasons import count_seasons
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.seasons import Season, StartSeasonInput, StartSeasonPayload
from services.seasons import list_seasons, seasons_by_ids, start_season


async def season_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    if row_id is None or info.context.actor is None:
        return None
    row = await info.context.loaders.of(seasons_by_ids).load(row_id)
    return Season.of(row) if row is not None else None


@strawberry.type
class SeasonQueries:
    @strawberry.field(description="The named seasons (赛季), the last to begin first; those to come among them.")
    async def seasons(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Season] | None:
        viewer(info)
        return connection(
            info,
            await list_seasons(ask(info, "seasons", first, after, last, before)),
            scope="seasons",
            of=Season.of,
            key=lambda row: [row.starts_on, row.id],
            count=count_seasons,
        )


@strawberry.type
class SeasonMutations:
    @mutation(description="Name a season (设立赛季) with its dates and prizes. For admins of everywhere.")
    async def start_season(self, info: Info, input: StartSeasonInput) -> StartSeasonPayload:
        row = await start_season(info.context.ports, staff(info, Role.ADMIN), input.plain())
        return StartSeasonPayload(season=Season.of(row))
