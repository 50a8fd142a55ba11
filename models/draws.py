"""Prize draws: their prizes, the tickets sold, and the winners.

Whoever sells or closes holds the buyer's account row first, if there is a buyer, then the draw's row: tickets are
numbered, and the list of entrants is fixed, under that one lock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import rows
from kit.paging import Ask, Page, page_of
from kit.words import DrawStatus
from models.accounts import Member
from models.offers import FOR_SCOPE, OfferScope
from models.outlets import Region


class PrizeDraw(Model):
    """Tickets are sold in [opens_at, closes_at). `seed_sealed` is the secret seed, encrypted; `seed` (hex) appears only
    with the winners. `max_tickets` is the most one member may hold."""

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(80)
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "draws", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    ticket_cost = fields.IntField()
    max_tickets = fields.SmallIntField()
    tickets_sold = fields.IntField(default=0)
    seed_sealed = fields.BinaryField()
    seed_hash = fields.CharField(64)
    closed_at = fields.DatetimeField(null=True)
    entrants_hash = fields.CharField(64, null=True)
    drawn_at = fields.DatetimeField(null=True)
    seed = fields.CharField(64, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "prize_draws"

    def status_at(self, now: datetime) -> DrawStatus:
        if self.drawn_at is not None:
            return DrawStatus.DRAWN
        if self.closed_at is not None:
            return DrawStatus.CLOSED
        return DrawStatus.OPEN if now >= self.opens_at else DrawStatus.SCHEDULED


class DrawPrize(Model):
    """`count` of one prize; `position` from 1, the first prize."""

    id = fields.UUIDField(primary_key=True)
    draw: fields.ForeignKeyRelation[PrizeDraw] = fields.ForeignKeyField(
        "models.PrizeDraw", "prizes", on_delete=fields.RESTRICT
    )
    draw_id: UUID
    position = fields.SmallIntField()
    title = fields.CharField(80)
    count = fields.IntField()

    class Meta:
        table = "draw_prizes"


class DrawPurchase(Model):
    """Tickets [first_ticket, first_ticket + tickets), bought at once. `entrant` is the buyer in the public list."""

    id = fields.UUIDField(primary_key=True)
    draw: fields.ForeignKeyRelation[PrizeDraw] = fields.ForeignKeyField(
        "models.PrizeDraw", "purchases", on_delete=fields.RESTRICT
    )
    draw_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "draw_purchases", on_delete=fields.RESTRICT
    )
    member_id: UUID
    entrant = fields.CharField(32)
    first_ticket = fields.IntField()
    tickets = fields.IntField()
    bought_at = fields.DatetimeField()

    class Meta:
        table = "draw_purchases"


class DrawWinner(Model):
    id = fields.UUIDField(primary_key=True)
    draw: fields.ForeignKeyRelation[PrizeDraw] = fields.ForeignKeyField(
        "models.PrizeDraw", "winners", on_delete=fields.RESTRICT
    )
    draw_id: UUID
    place = fields.IntField()
    prize: fields.ForeignKeyRelation[DrawPrize] = fields.ForeignKeyField(
        "models.DrawPrize", "winners", on_delete=fields.RESTRICT
    )
    prize_id: UUID
    ticket_number = fields.IntField()
    member_id = fields.UUIDField()

    class Meta:
        table = "draw_winners"


async def locked_draw(draw_id: UUID) -> PrizeDraw | None:
    """The draw, its row locked until the transaction ends."""
    return await PrizeDraw.select_for_update().get_or_none(id=draw_id)


async def draws_by_ids(ids: Sequence[UUID]) -> list[PrizeDraw | None]:
    """The draws of these ids, in the order of `ids`."""
    found = {draw.id: draw for draw in await PrizeDraw.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def draws_page(scope: OfferScope, now: datetime, ask: Ask) -> Page[PrizeDraw]:
    """The draws made to this scope, the last to close first. Key: [closes_at, id]."""
    where, values = _made_to(scope, now)
    for key, beyond in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            where += f" AND (w.closes_at, w.id) {beyond} (${len(values) + 1}::timestamptz, ${len(values) + 2}::uuid)"
            values += key
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        "SELECT w.id FROM prize_draws w LEFT JOIN regions r ON r.id = w.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where} ORDER BY w.closes_at {order}, w.id {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await draws_by_ids([row["id"] for row in found]) if each], ask)


async def count_draws(scope: OfferScope, now: datetime) -> int:
    where, values = _made_to(scope, now)
    [row] = await rows(
        f"SELECT count(*) AS n FROM prize_draws w LEFT JOIN regions r ON r.id = w.region_id WHERE {where}",  # noqa: S608
        *values,
    )
    return int(row["n"])


def _made_to(scope: OfferScope, now: datetime) -> tuple[str, list[Any]]:
    """A draw that is over stays to be seen, so that it can be checked; one that is to come is for who runs it."""
    return f"{FOR_SCOPE} AND ($4 OR w.opens_at <= $3)", [*scope.values, now, scope.unopened]


async def offered_draws(scope: OfferScope, now: datetime, ids: Sequence[UUID]) -> list[PrizeDraw | None]:
    """Those of these draws that the scope may see, in the order of `ids`."""
    where, values = _made_to(scope, now)
    found = await rows(
        "SELECT w.id FROM prize_draws w LEFT JOIN regions r ON r.id = w.region_id"  # noqa: S608 - fixed parts
        f" WHERE {where} AND w.id = ANY($5::uuid[])",
        *values, list(ids),
    )  # fmt: skip
    offered = {row["id"] for row in found}
    return [draw if draw and draw.id in offered else None for draw in await draws_by_ids(ids)]


async def draws_to_close(now: datetime) -> list[UUID]:
    """Draws whose sale is over and whose list is not fixed yet, the earliest first."""
    found = await PrizeDraw.filter(closed_at=None, closes_at__lte=now).order_by("closes_at", "id").values_list("id")
    return [row[0] for row in found]


async def prizes_of(draw_ids: Sequence[UUID]) -> list[list[DrawPrize]]:
    """The prizes of each draw, the first prize first, in the order of the ids."""
    shelf: dict[UUID, list[DrawPrize]] = {each: [] for each in draw_ids}
    for prize in await DrawPrize.filter(draw_id__in=list(draw_ids)).order_by("position"):
        shelf[prize.draw_id].append(prize)
    return [shelf[each] for each in draw_ids]


async def winners_of(draw_ids: Sequence[UUID]) -> list[list[DrawWinner]]:
    """The winners of each draw with their prizes, the first prize first, in the order of the ids."""
    shelf: dict[UUID, list[DrawWinner]] = {each: [] for each in draw_ids}
    for winner in await DrawWinner.filter(draw_id__in=list(draw_ids)).order_by("place").select_related("prize"):
        shelf[winner.draw_id].append(winner)
    return [shelf[each] for each in draw_ids]


async def tickets_held(member_id: UUID, draw_ids: Sequence[UUID]) -> list[int]:
    """How many tickets the member holds in each draw, in the order of the ids."""
    held = dict.fromkeys(draw_ids, 0)
    for purchase in await DrawPurchase.filter(member_id=member_id, draw_id__in=list(draw_ids)):
        held[purchase.draw_id] += purchase.tickets
    return [held[each] for each in draw_ids]


async def entrants_held(member_id: UUID, draw_ids: Sequence[UUID]) -> list[str | None]:
    """Under which word the member stands in the list of each draw, in the order of the ids; None: not at all."""
    found = dict(
        await DrawPurchase.filter(member_id=member_id, draw_id__in=list(draw_ids)).values_list("draw_id", "entrant")
    )
    return [found.get(each) for each in draw_ids]


async def tickets_of(draw_id: UUID) -> list[tuple[int, str]]:
    """(number, entrant) of every ticket sold, by number."""
    return [
        (number, purchase.entrant)
        for purchase in await DrawPurchase.filter(draw_id=draw_id).order_by("first_ticket")
        for number in range(purchase.first_ticket, purchase.first_ticket + purchase.tickets)
    ]


async def holder_of(draw_id: UUID, ticket_number: int) -> UUID:
    """The member who bought this ticket."""
    purchase = (
        await DrawPurchase.filter(draw_id=draw_id, first_ticket__lte=ticket_number).order_by("-first_ticket").first()
    )
    assert purchase is not None, "tickets are numbered without gaps from 1"
    return purchase.member_id
