"""Prize draws: looking, buying tickets, announcing, drawing."""

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.draws import (
    CreatePrizeDrawInput,
    CreatePrizeDrawPayload,
    EnterPrizeDrawInput,
    EnterPrizeDrawPayload,
    PrizeDraw,
    RunPrizeDrawInput,
    RunPrizeDrawPayload,
)
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.viewer import Viewer
from services import draws


async def prize_draw_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(draws.visible_draws, info.context.ports, actor).load(row_id)
    return PrizeDraw.of(row) if row is not None else None


@strawberry.type
class DrawQueries:
    @strawberry.field(description="The draws made to the viewer, the last to close first; past ones can be checked.")
    async def prize_draws(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[PrizeDraw] | None:
        ports, actor = info.context.ports, viewer(info)
        scope = f"draws {actor.member_id}"
        return connection(
            info,
            await draws.list_draws(ports, actor, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=PrizeDraw.of,
            key=lambda row: [row.closes_at, row.id],
            count=lambda: draws.count_listed_draws(ports, actor),
        )


@strawberry.type
class DrawMutations:
    @mutation(description="Buy tickets of a draw (参加抽奖).")
    async def enter_prize_draw(self, info: Info, input: EnterPrizeDrawInput) -> EnterPrizeDrawPayload:
        actor, draw_id = viewer(info), decode(input.prize_draw_id, "PrizeDraw", "prizeDrawId")
        ports, key = info.context.ports, input.idempotency_key
        row = await draws.enter_prize_draw(ports, actor, draw_id, input.tickets, key)
        return EnterPrizeDrawPayload(prize_draw=PrizeDraw.of(row), viewer=Viewer.of(actor.member_id))

    @mutation(description="Announce a draw with the hash of its seed. For admins.")
    async def create_prize_draw(self, info: Info, input: CreatePrizeDrawInput) -> CreatePrizeDrawPayload:
        row = await draws.create_prize_draw(info.context.ports, staff(info, Role.ADMIN), input.plain())
        return CreatePrizeDrawPayload(prize_draw=PrizeDraw.of(row))

    @mutation(
        description="Draw the winners once the sale is over, and show the seed; again: the same answer. For admins."
    )
    async def run_prize_draw(self, info: Info, input: RunPrizeDrawInput) -> RunPrizeDrawPayload:
        actor, draw_id = staff(info, Role.ADMIN), decode(input.prize_draw_id, "PrizeDraw", "prizeDrawId")
        return RunPrizeDrawPayload(
            prize_draw=PrizeDraw.of(await draws.run_prize_draw(info.context.ports, actor, draw_id))
        )
