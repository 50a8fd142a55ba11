"""Prize draws: announced with the hash of their seed, sold, closed with the hash of their entrants, drawn once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_run_offers
from gamification.draws import (
    SEED_BYTES,
    PublicDraw,
    Ticket,
    draw_winners,
    entrant_list,
    faults_of,
    hash_of_entrants,
    hash_of_seed,
)
from gamification.spending import DRAW_ENTERED
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_bytes, new_id, new_secret
from kit.paging import Ask, Page
from kit.seals import Seal
from models import draws
from models.audit import Details
from models.draws import DrawPrize, DrawPurchase, DrawWinner, PrizeDraw
from models.ledger import locked_account
from services.audit import record
from services.idempotency import first_time
from services.offers import buyer_scope, offer_scope, path_of, region_for_offer
from services.ports import Ports
from services.spending import spend

LONGEST_TITLE = 80
COSTS = range(1, 1_000_001)
MOST_TICKETS = 20
"""The most one member may hold in one draw."""
MOST_PRIZES = 20
MOST_WINNERS = 500
"""In all; they are shown in one list."""
LONGEST_SALE = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class PrizePlan:
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class DrawPlan:
    """`prizes`: the first prize first."""

    title: str
    opens_at: datetime
    closes_at: datetime
    ticket_cost: int
    max_tickets: int
    prizes: tuple[PrizePlan, ...]
    region_id: UUID | None = None


async def create_prize_draw(ports: Ports, actor: Actor, plan: DrawPlan) -> PrizeDraw:
    """Announce a draw. Its seed is made here, kept encrypted, and shown by nothing before the winners are drawn."""
    now = ports.clock.now()
    title = plan.title.strip()
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_input("title")
    if not max(now, plan.opens_at) < plan.closes_at <= plan.opens_at + LONGEST_SALE:
        raise bad_input("closesAt")
    if plan.ticket_cost not in COSTS:
        raise bad_input("ticketCost")
    if not 1 <= plan.max_tickets <= MOST_TICKETS:
        raise bad_input("maxTickets")
    if not 1 <= len(plan.prizes) <= MOST_PRIZES:
        raise bad_input("prizes")
    for index, prize in enumerate(plan.prizes):
        if not 1 <= len(prize.title.strip()) <= LONGEST_TITLE:
            raise bad_input("prizes", str(index), "title")
        if not 1 <= prize.count <= MOST_WINNERS:
            raise bad_input("prizes", str(index), "count")
    if sum(prize.count for prize in plan.prizes) > MOST_WINNERS:
        raise bad_input("prizes")
    region_id = await region_for_offer(actor, plan.region_id)
    seed = new_bytes(SEED_BYTES)

    async def work() -> PrizeDraw:
        draw_id = new_id()
        draw = await PrizeDraw.create(
            id=draw_id,
            title=title,
            region_id=region_id,
            opens_at=plan.opens_at,
            closes_at=plan.closes_at,
            ticket_cost=plan.ticket_cost,
            max_tickets=plan.max_tickets,
            seed_sealed=_seal(ports).close(seed, _purpose(draw_id)),
            seed_hash=hash_of_seed(seed),
            created_at=now,
        )
        for position, prize in enumerate(plan.prizes, start=1):
            await DrawPrize.create(
                id=new_id(), draw=draw, position=position, title=prize.title.strip(), count=prize.count
            )
        details: Details = {"title": title, "seed_hash": draw.seed_hash}
        path = await path_of(region_id) or None
        await record(ports, actor, "draw.created", "PrizeDraw", draw_id, details, region_path=path)
        return draw

    return await transaction(work)


async def enter_prize_draw(ports: Ports, actor: Actor, draw_id: UUID, tickets: int, key: UUID) -> PrizeDraw:
    """Buy tickets. The same key again buys nothing more."""
    if not 1 <= tickets <= MOST_TICKETS:
        raise bad_input("tickets")
    scope = await buyer_scope(actor)

    async def work() -> PrizeDraw:
        account = await locked_account(actor.member_id)
        asked = {"draw": str(draw_id), "tickets": tickets}
        purchase_id, is_new = await first_time(ports, actor.member_id, key, "enterPrizeDraw", asked)
        if not is_new:
            return await PrizeDraw.get(id=draw_id)
        [offered] = await draws.offered_draws(scope, ports.clock.now(), [draw_id]) if scope is not None else [None]
        if offered is None:
            raise not_found("prizeDrawId")
        [held] = await draws.tickets_held(actor.member_id, [draw_id])
        if held + tickets > offered.max_tickets:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["tickets"])
        await spend(ports, account, offered.ticket_cost * tickets, DRAW_ENTERED, purchase_id)
        [entrant] = await draws.entrants_held(actor.member_id, [draw_id])
        draw = await draws.locked_draw(draw_id)
        assert draw is not None, "draws are never deleted"
        # Looked at under the lock that closing takes: a ticket is in the list, or it is not sold.
        if draw.closed_at is not None or ports.clock.now() >= draw.closes_at:
            raise DomainError(ErrorCode.CLOSED, field=["prizeDrawId"])
        await DrawPurchase.create(
            id=purchase_id,
            draw=draw,
            member_id=actor.member_id,
            entrant=entrant or new_secret()[:22],
            first_ticket=draw.tickets_sold + 1,
            tickets=tickets,
            bought_at=ports.clock.now(),
        )
        draw.tickets_sold += tickets
        await draw.save(update_fields=["tickets_sold"], force_update=True)
        return draw

    return await transaction(work)


async def run_prize_draw(ports: Ports, actor: Actor, draw_id: UUID) -> PrizeDraw:
    """Draw the winners and show the seed; again: the same answer. STATE_FORBIDS while tickets are sold."""

    async def work() -> PrizeDraw:
        draw = await draws.locked_draw(draw_id)
        [offered] = await draws.offered_draws(await offer_scope(actor), ports.clock.now(), [draw_id])
        if draw is None or offered is None:
            raise not_found("prizeDrawId")
        if not may_run_offers(actor, await path_of(draw.region_id)):
            raise DomainError(ErrorCode.FORBIDDEN)
        if draw.drawn_at is not None:
            return draw
        if ports.clock.now() < draw.closes_at:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["prizeDrawId"])
        if draw.closed_at is None:
            await _fix_entrants(ports, draw)
        await _draw(ports, draw)
        details: Details = {"title": draw.title, "entrants_hash": draw.entrants_hash}
        path = await path_of(draw.region_id) or None
        await record(ports, actor, "draw.run", "PrizeDraw", draw_id, details, region_path=path)
        return draw

    return await transaction(work)


async def close_draws(ports: Ports) -> None:
    """A tick: fix the list of entrants of every draw whose sale is over."""
    for draw_id in await draws.draws_to_close(ports.clock.now()):

        async def work(draw_id: UUID = draw_id) -> None:
            draw = await draws.locked_draw(draw_id)
            if draw is not None and draw.closed_at is None:
                await _fix_entrants(ports, draw)

        await transaction(work)


async def list_draws(ports: Ports, actor: Actor, ask: Ask) -> Page[PrizeDraw]:
    """The draws made to the actor, the last to close first."""
    return await draws.draws_page(await offer_scope(actor), ports.clock.now(), ask)


async def count_listed_draws(ports: Ports, actor: Actor) -> int:
    return await draws.count_draws(await offer_scope(actor), ports.clock.now())


async def visible_draws(ports: Ports, actor: Actor, ids: Sequence[UUID]) -> list[PrizeDraw | None]:
    """The draws of these ids, in their order; None for what is not made to the actor."""
    return await draws.offered_draws(await offer_scope(actor), ports.clock.now(), ids)


def entrants_url(ports: Ports, draw_id: UUID) -> str:
    """Where anybody reads the list of entrants, once it is fixed."""
    return f"{ports.settings.public_url.rstrip('/')}/draws/{draw_id}/entrants.txt"


async def published_entrants(draw_id: UUID) -> str | None:
    """The list of entrants; None while it is not fixed, or where there is no such draw."""
    [draw] = await draws.draws_by_ids([draw_id])
    if draw is None or draw.closed_at is None:
        return None
    return await _entrants(draw_id)


async def public_draw(draw_id: UUID) -> PublicDraw:
    """A draw that is over, as the public sees it; NOT_FOUND, or STATE_FORBIDS before it is drawn."""
    [draw] = await draws.draws_by_ids([draw_id])
    if draw is None:
        raise not_found()
    if draw.seed is None or draw.entrants_hash is None:
        raise DomainError(ErrorCode.STATE_FORBIDS)
    [prizes], [winners] = await draws.prizes_of([draw_id]), await draws.winners_of([draw_id])
    return PublicDraw(
        seed_hash=draw.seed_hash,
        entrants=await _entrants(draw_id),
        entrants_hash=draw.entrants_hash,
        seed=draw.seed,
        prize_counts=tuple(prize.count for prize in prizes),
        winners=tuple((winner.prize.position - 1, winner.ticket_number) for winner in winners),
    )


async def draw_faults(draw_id: UUID) -> list[str]:
    """What is wrong with a draw that is over, found from public data alone; empty if it is fair."""
    return faults_of(await public_draw(draw_id))


async def _fix_entrants(ports: Ports, draw: PrizeDraw) -> None:
    """The caller holds the draw's row."""
    require_transaction()
    draw.entrants_hash = hash_of_entrants(await _entrants(draw.id))
    draw.closed_at = ports.clock.now()
    await draw.save(update_fields=["entrants_hash", "closed_at"], force_update=True)


async def _draw(ports: Ports, draw: PrizeDraw) -> None:
    """The caller holds the row of the draw, whose list is fixed."""
    require_transaction()
    assert draw.entrants_hash is not None
    seed = _seal(ports).open(draw.seed_sealed, _purpose(draw.id))
    [prizes] = await draws.prizes_of([draw.id])
    counts = [prize.count for prize in prizes]
    # Half a million tickets are a second of work: in a thread, so that others are answered meanwhile.
    wins = await asyncio.to_thread(draw_winners, seed, draw.entrants_hash, await _tickets(draw.id), counts)
    for place, win in enumerate(wins, start=1):
        await DrawWinner.create(
            id=new_id(),
            draw=draw,
            place=place,
            prize=prizes[win.prize],
            ticket_number=win.ticket.number,
            member_id=await draws.holder_of(draw.id, win.ticket.number),
        )
    draw.seed, draw.drawn_at = seed.hex(), ports.clock.now()
    await draw.save(update_fields=["seed", "drawn_at"], force_update=True)


async def _entrants(draw_id: UUID) -> str:
    return await asyncio.to_thread(entrant_list, await _tickets(draw_id))


async def _tickets(draw_id: UUID) -> list[Ticket]:
    return [Ticket(number, entrant) for number, entrant in await draws.tickets_of(draw_id)]


def _seal(ports: Ports) -> Seal:
    return Seal(ports.settings.key("draws"))


def _purpose(draw_id: UUID) -> str:
    return f"seed of draw {draw_id}"
