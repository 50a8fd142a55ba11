"""Leagues, found again by their ids."""

from schema.context import Info
from schema.ids import row_key
from schema.leagues import League
from schema.node import Node
from services import leagues


async def league_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(leagues.visible_leagues, actor).load(row_id)
    return League.of(row) if row is not None else None
