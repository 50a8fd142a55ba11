"""Prize draws as clients see them, with all that is needed to check one."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from models import accounts, draws
from schema.accounts import Member
from schema.boards import is_hidden
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.words import DrawStatus
from services.draws import DrawPlan, PrizePlan, entrants_url

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="A prize of a draw (奖品).")
class DrawPrize:
    title: str = strawberry.field(description="What it is.")
    count: int = strawberry.field(description="How many winners get it.")


@strawberry.type(description="A ticket that won.")
class DrawWinner:
    row: strawberry.Private[draws.DrawWinner]
    prize: str = strawberry.field(description="The prize's title.")
    ticket_number: int = strawberry.field(description="The ticket, as in the list of entrants.")

    @classmethod
    def of(cls, row: draws.DrawWinner) -> Self:
        return cls(row=row, prize=row.prize.title, ticket_number=row.ticket_number)

    @strawberry.field(description="Who won; null for a member who does not want to be shown.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None and not is_hidden(info, row) else None


@strawberry.type(description="A draw that anyone can check (公开抽奖). docs/fair-draws.md tells how.")
class PrizeDraw(Node):
    row: strawberry.Private[draws.PrizeDraw]
    title: str = strawberry.field(description="What it is called.")
    opens_at: datetime = strawberry.field(description="From when tickets are sold.")
    closes_at: datetime = strawberry.field(description="The first moment they are not.")
    ticket_cost: int = strawberry.field(description="Points of the balance for one ticket.")
    max_tickets: int = strawberry.field(description="The most tickets one member may hold.")
    seed_hash: str = strawberry.field(description="SHA-256 of the secret seed, hex; shown from the start.")
    entrants_hash: str | None = strawberry.field(description="SHA-256 of the list of entrants, hex; from closing on.")
    seed: str | None = strawberry.field(description="The seed, hex; shown with the winners.")

    @classmethod
    def of(cls, row: draws.PrizeDraw) -> Self:
        return cls(
            id=encode("PrizeDraw", row.id),
            row=row,
            title=row.title,
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            ticket_cost=row.ticket_cost,
            max_tickets=row.max_tickets,
            seed_hash=row.seed_hash,
            entrants_hash=row.entrants_hash,
            seed=row.seed,
        )

    @strawberry.field(description="How far it is.")
    def status(self, info: Info) -> DrawStatus:
        return self.row.status_at(info.context.ports.clock.now())

    @strawberry.field(description="Where the list of entrants can be read by anybody; from closing on.")
    def entrants_url(self, info: Info) -> str | None:
        return entrants_url(info.context.ports, self.row.id) if self.row.closed_at is not None else None

    @strawberry.field(description="What can be won, the first prize first.")
    async def prizes(self, info: Info) -> list[DrawPrize]:
        found = await info.context.loaders.of(draws.prizes_of).load(self.row.id)
        return [DrawPrize(title=prize.title, count=prize.count) for prize in found]

    @strawberry.field(description="The winning tickets, the first prize first; empty before the draw.")
    async def winners(self, info: Info) -> list[DrawWinner]:
        return [DrawWinner.of(row) for row in await info.context.loaders.of(draws.winners_of).load(self.row.id)]

    @strawberry.field(description="How many tickets the viewer holds.")
    async def viewer_tickets(self, info: Info) -> int:
        actor = info.context.actor
        return await info.context.loaders.of(draws.tickets_held, actor.member_id).load(self.row.id) if actor else 0

    @strawberry.field(description="The word under which the viewer stands in the list of entrants.")
    async def viewer_entrant(self, info: Info) -> str | None:
        actor = info.context.actor
        return await info.context.loaders.of(draws.entrants_held, actor.member_id).load(self.row.id) if actor else None


@strawberry.input(description="Tickets to buy.")
class EnterPrizeDrawInput:
    prize_draw_id: strawberry.ID = strawberry.field(description="The draw.")
    tickets: int = strawberry.field(description="How many, from 1.")
    idempotency_key: UUID = strawberry.field(description="Made once per purchase: sent again, nothing is bought again.")


@strawberry.type(description="What became of EnterPrizeDrawInput.")
class EnterPrizeDrawPayload(Payload):
    prize_draw: PrizeDraw | None = strawberry.field(default=None, description="The draw with the viewer's tickets.")
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="The viewer with the points that are left."
    )


@strawberry.input(description="A prize of a new draw.")
class DrawPrizeInput:
    title: str = strawberry.field(description="1-80 characters.")
    count: int = strawberry.field(description="How many winners get it; at most 500 over all prizes.")


@strawberry.input(description="A draw to announce.")
class CreatePrizeDrawInput:
    title: str = strawberry.field(description="1-80 characters.")
    opens_at: datetime = strawberry.field(description="From when tickets are sold.")
    closes_at: datetime = strawberry.field(description="In the future, at most 92 days after it opens.")
    ticket_cost: int = strawberry.field(description="Points for a ticket, 1-1,000,000.")
    max_tickets: int = strawberry.field(description="The most one member may hold, 1-20.")
    prizes: list[DrawPrizeInput] = strawberry.field(description="1-20, the first prize first.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose learners it is for; default: all that the viewer administers."
    )

    def plain(self) -> DrawPlan:
        return DrawPlan(
            title=self.title,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            ticket_cost=self.ticket_cost,
            max_tickets=self.max_tickets,
            prizes=tuple(PrizePlan(prize.title, prize.count) for prize in self.prizes),
            region_id=decode(self.region_id, "Region", "regionId") if self.region_id is not None else None,
        )


@strawberry.type(description="What became of CreatePrizeDrawInput.")
class CreatePrizeDrawPayload(Payload):
    prize_draw: PrizeDraw | None = strawberry.field(default=None, description="The new draw.")


@strawberry.input(description="A draw to run.")
class RunPrizeDrawInput:
    prize_draw_id: strawberry.ID = strawberry.field(description="A draw whose sale is over.")


@strawberry.type(description="What became of RunPrizeDrawInput.")
class RunPrizeDrawPayload(Payload):
    prize_draw: PrizeDraw | None = strawberry.field(default=None, description="The draw with winners and seed.")
