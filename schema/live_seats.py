"""Seats of live lessons as clients see them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from models import live, live_lists
from schema.context import Info
from schema.errors import Payload
from schema.ids import encode
from schema.node import Node
from schema.words import SeatState

if TYPE_CHECKING:
    from schema.live import LiveLesson


@strawberry.type(description="The viewer's reservation for a live lesson (预约).")
class LiveReservation(Node):
    row: strawberry.Private[live.LiveSeat]
    state: SeatState = strawberry.field(description="What it has come to.")
    reserved_at: datetime = strawberry.field(description="When it was made; after cancelling, when it was made anew.")

    @classmethod
    def of(cls, row: live.LiveSeat) -> Self:
        return cls(id=encode("LiveReservation", row.id), row=row, state=row.state, reserved_at=row.reserved_at)

    @strawberry.field(description="The place on the waitlist (候补), from 1; null when it does not wait.")
    async def waitlist_position(self, info: Info) -> int | None:
        loader = info.context.loaders.of(live_lists.waitlist_positions, self.row.member_id)
        return await loader.load(self.row.lesson_id)


@strawberry.input(description="The lesson to reserve a seat of.")
class ReserveLiveSeatInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson that is not over.")


@strawberry.type(description="What became of ReserveLiveSeatInput.")
class ReserveLiveSeatPayload(Payload):
    reservation: LiveReservation | None = strawberry.field(
        default=None, description="With a seat, or waiting for one when all are taken."
    )
    live_lesson: Annotated["LiveLesson", strawberry.lazy("schema.live")] | None = strawberry.field(
        default=None, description="The lesson with what is left."
    )


@strawberry.input(description="The lesson to give up the seat of.")
class CancelLiveSeatInput:
    live_lesson_id: strawberry.ID = strawberry.field(description="A lesson that is not over.")


@strawberry.type(description="What became of CancelLiveSeatInput.")
class CancelLiveSeatPayload(Payload):
    live_lesson: Annotated["LiveLesson", strawberry.lazy("schema.live")] | None = strawberry.field(
        default=None, description="The lesson with what is left."
    )
