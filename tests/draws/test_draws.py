"""Prize draws over the API: tickets, closing, drawing, and what anybody may check."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from gamification.draws import faults_of, hash_of_entrants
from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.ids import from_global, to_global
from kit.words import Role
from models.accounts import Member
from models.draws import DrawPurchase, DrawWinner, PrizeDraw
from services.draws import close_draws, public_draw
from services.ports import Ports
from tests.gql import Gql
from tests.rewards.story import Shop, codes
from tests.world import World

DRAWS = """query PrizeDraws($first: Int = 10) {
  prizeDraws(first: $first) { nodes {
    id title status opensAt closesAt ticketCost entrantsHash entrantsUrl seedHash seed prizes { title count }
    winners { prize member { id displayName } ticketNumber } viewerTickets viewerEntrant
  } }
}"""
ENTER = """mutation EnterPrizeDraw($input: EnterPrizeDrawInput!) {
  enterPrizeDraw(input: $input) {
    prizeDraw { id viewerTickets } viewer { id points { lifetime balance today thisWeek } }
    userErrors { code message field }
  }
}"""
CREATE = """mutation CreatePrizeDraw($input: CreatePrizeDrawInput!) {
  createPrizeDraw(input: $input) { prizeDraw { id seedHash } userErrors { code message field } }
}"""
RUN = """mutation RunPrizeDraw($input: RunPrizeDrawInput!) {
  runPrizeDraw(input: $input) {
    prizeDraw { id status seed winners { prize member { id displayName } ticketNumber } }
    userErrors { code message field }
  }
}"""
PLAN = {
    "title": "年终抽奖", "opensAt": "2026-03-02T04:00:00Z", "closesAt": "2026-03-03T04:00:00Z", "ticketCost": 10,
    "maxTickets": 5, "prizes": [{"title": "一等奖", "count": 1}, {"title": "二等奖", "count": 2}],
}  # fmt: skip
SALE = timedelta(days=1)


@pytest.fixture
async def shop(ports: Ports, gql: Gql, world: World) -> Shop:
    return await Shop.open(ports, gql, world)


async def announced(shop: Shop, **change: object) -> str:
    """The id of a new draw."""
    payload = (await shop.gql.ask(CREATE, {"input": {**PLAN, **change}}, by=shop.admin))["data"]["createPrizeDraw"]
    assert payload["userErrors"] == []
    draw_id: str = payload["prizeDraw"]["id"]
    return draw_id


async def enter(shop: Shop, member: Member, draw_id: str, tickets: int = 1, key: UUID | None = None) -> dict[str, Any]:
    asked = {"prizeDrawId": draw_id, "tickets": tickets, "idempotencyKey": str(key or uuid4())}
    payload: dict[str, Any] = (await shop.gql.ask(ENTER, {"input": asked}, by=member))["data"]["enterPrizeDraw"]
    return payload


async def run(shop: Shop, draw_id: str, by: Member | None = None) -> dict[str, Any]:
    return await shop.gql.ask(RUN, {"input": {"prizeDrawId": draw_id}}, by=by or shop.admin)


async def seen(shop: Shop, by: Member) -> dict[str, Any]:
    [draw] = (await shop.gql.ask(DRAWS, by=by))["data"]["prizeDraws"]["nodes"]
    found: dict[str, Any] = draw
    return found


async def test_a_draw_shows_its_promise_first_its_list_then_and_its_seed_last(shop: Shop, clock: FrozenClock) -> None:
    people = [await shop.learner(50) for _ in range(4)]
    draw_id = await announced(shop)
    for member in people:
        assert (await enter(shop, member, draw_id, 2))["userErrors"] == []

    selling = await seen(shop, people[0])
    clock.advance(SALE)
    await close_draws(shop.ports)
    closed = await seen(shop, people[0])
    await run(shop, draw_id)
    over = await seen(shop, people[0])

    assert [(each["status"], each["seed"] is not None) for each in (selling, closed, over)] == [
        ("OPEN", False), ("CLOSED", False), ("DRAWN", True),
    ]  # fmt: skip
    assert (selling["entrantsHash"], selling["entrantsUrl"], selling["viewerTickets"]) == (None, None, 2)
    assert selling["seedHash"] == closed["seedHash"] == over["seedHash"]
    assert closed["entrantsHash"] == over["entrantsHash"]
    assert [winner["prize"] for winner in over["winners"]] == ["一等奖", "二等奖", "二等奖"]
    listed = (await shop.gql.http.get(over["entrantsUrl"].replace(shop.ports.settings.public_url, ""))).text
    assert hash_of_entrants(listed) == over["entrantsHash"]
    assert listed.count(f" {over['viewerEntrant']}\n") == 2
    assert all(str(member.id) not in listed for member in people)
    assert faults_of(await public_draw(UUID(from_global(draw_id)[1]))) == []


async def test_no_list_is_to_be_read_while_tickets_are_sold(shop: Shop) -> None:
    draw_id = from_global(await announced(shop))[1]

    answers = [await shop.gql.http.get(f"/draws/{each}/entrants.txt") for each in (draw_id, uuid4(), "x")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_the_seed_is_nowhere_in_the_clear_before_the_draw(shop: Shop, clock: FrozenClock) -> None:
    draw_id = await announced(shop)
    await enter(shop, await shop.learner(50), draw_id)
    clock.advance(SALE)
    before = str(await rows("SELECT * FROM prize_draws")) + str(await rows("SELECT * FROM audit_entries"))

    seed = (await run(shop, draw_id))["data"]["runPrizeDraw"]["prizeDraw"]["seed"]

    assert seed not in before
    assert str(bytes.fromhex(seed)) not in before


async def test_tickets_are_numbered_without_gaps_while_thirty_buy_at_once(shop: Shop) -> None:
    people = [await shop.learner(50) for _ in range(30)]
    draw_id = await announced(shop)

    answers = await asyncio.gather(
        *(enter(shop, member, draw_id, 1 + place % 3) for place, member in enumerate(people))
    )

    assert {tuple(codes(answer)) for answer in answers} == {()}
    sold = await DrawPurchase.all().order_by("first_ticket")
    assert [each.first_ticket for each in sold] == [1 + sum(x.tickets for x in sold[:place]) for place in range(30)]
    assert (await PrizeDraw.all().get()).tickets_sold == 60
    await shop.books_are_clean()


async def test_a_ticket_bought_while_the_draw_closes_is_in_the_list_or_not_sold(shop: Shop, clock: FrozenClock) -> None:
    people = [await shop.learner(50) for _ in range(40)]
    draw_id = await announced(shop)
    clock.advance(SALE - timedelta(seconds=1))

    async def close() -> None:
        clock.advance(timedelta(seconds=1))
        await close_draws(shop.ports)

    buying = [enter(shop, member, draw_id) for member in people]
    answers = await asyncio.gather(*buying[:20], close(), *buying[20:])

    bought = sum(1 for answer in answers if answer is not None and not answer["userErrors"])
    draw = await PrizeDraw.all().get()
    assert draw.tickets_sold == bought == await DrawPurchase.all().count()
    spent = [await shop.balance(member) for member in people]
    assert Counter(spent)[(50, 40)] == bought
    assert draw.entrants_hash is not None
    assert {tuple(codes(answer)) for answer in answers if answer is not None} <= {(), ("CLOSED",)}
    await shop.books_are_clean()


async def test_ten_run_it_at_once_and_it_is_drawn_once(shop: Shop, clock: FrozenClock) -> None:
    draw_id = await announced(shop)
    for _ in range(5):
        await enter(shop, await shop.learner(50), draw_id)
    clock.advance(SALE)

    answers = await asyncio.gather(*(run(shop, draw_id) for _ in range(10)))

    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]["data"]["runPrizeDraw"]["prizeDraw"]["winners"]) == 3
    assert await DrawWinner.all().count() == 3


async def test_a_draw_without_entrants_has_no_winners(shop: Shop, clock: FrozenClock) -> None:
    draw_id = await announced(shop)
    clock.advance(SALE)

    payload = (await run(shop, draw_id))["data"]["runPrizeDraw"]

    assert (payload["prizeDraw"]["winners"], payload["userErrors"]) == ([], [])
    assert faults_of(await public_draw(UUID(from_global(draw_id)[1]))) == []


async def test_what_cannot_be_bought_costs_nothing(shop: Shop, clock: FrozenClock) -> None:
    may, poor = await shop.learner(100), await shop.learner(0)
    draw_id, coming = await announced(shop), await announced(shop, opensAt="2026-03-03T00:00:00Z")

    refused = [
        await enter(shop, may, draw_id, 6),
        await enter(shop, may, draw_id, 0),
        await enter(shop, poor, draw_id),
        await enter(shop, may, to_global("PrizeDraw", uuid4())),
        await enter(shop, may, coming),
    ]
    clock.advance(SALE)
    refused.append(await enter(shop, may, draw_id))

    assert [codes(answer) for answer in refused] == [
        ["LIMIT_REACHED"], ["BAD_USER_INPUT"], ["BALANCE_TOO_LOW"], ["NOT_FOUND"], ["NOT_FOUND"], ["CLOSED"],
    ]  # fmt: skip
    assert await shop.balance(may) == (100, 100)
    assert await DrawPurchase.all().count() == 0


async def test_the_limit_holds_over_many_purchases_at_once(shop: Shop) -> None:
    may, draw_id = await shop.learner(200), await announced(shop)

    answers = await asyncio.gather(*(enter(shop, may, draw_id, 2) for _ in range(6)))

    assert Counter(tuple(codes(answer)) for answer in answers) == {(): 2, ("LIMIT_REACHED",): 4}
    assert await shop.balance(may) == (200, 160)


async def test_the_same_key_buys_tickets_once(shop: Shop) -> None:
    may, draw_id, key = await shop.learner(100), await announced(shop), uuid4()

    answers = await asyncio.gather(*(enter(shop, may, draw_id, 2, key) for _ in range(10)))

    assert {answer["prizeDraw"]["viewerTickets"] for answer in answers} == {2}
    assert await shop.balance(may) == (100, 80)


async def test_nobody_draws_too_early_nor_without_the_right(shop: Shop, world: World, clock: FrozenClock) -> None:
    may, draw_id = await shop.learner(50), await announced(shop)
    elsewhere = await world.staff(Role.ADMIN, await world.region("广州"))

    early = (await run(shop, draw_id))["data"]["runPrizeDraw"]
    clock.advance(SALE)
    by_learner = await run(shop, draw_id, by=may)
    by_other = await run(shop, draw_id, by=elsewhere)

    assert codes(early) == ["STATE_FORBIDS"]
    assert by_learner["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert by_other["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await PrizeDraw.all().get()).seed is None


async def test_a_hidden_winner_is_not_named_to_others(shop: Shop, clock: FrozenClock) -> None:
    may, other = await shop.learner(50), await shop.learner(0)
    draw_id = await announced(shop)
    await enter(shop, may, draw_id)
    await Member.filter(id=may.id).update(hidden_on_boards=True)
    clock.advance(SALE)
    await run(shop, draw_id)

    named = [(await seen(shop, by))["winners"][0]["member"] for by in (may, other)]

    assert named[0]["id"] == to_global("Member", may.id)
    assert named[1] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, ["title"]),
        ({"closesAt": "2026-03-02T04:00:00Z"}, ["closesAt"]),
        ({"opensAt": "2026-01-01T00:00:00Z", "closesAt": "2026-03-01T00:00:00Z"}, ["closesAt"]),
        ({"closesAt": "2026-12-01T00:00:00Z"}, ["closesAt"]),
        ({"ticketCost": 0}, ["ticketCost"]),
        ({"maxTickets": 21}, ["maxTickets"]),
        ({"prizes": []}, ["prizes"]),
        ({"prizes": [{"title": "奖", "count": 1}] * 21}, ["prizes"]),
        ({"prizes": [{"title": "奖", "count": 1}, {"title": " ", "count": 1}]}, ["prizes", "1", "title"]),
        ({"prizes": [{"title": "奖", "count": 0}]}, ["prizes", "0", "count"]),
        ({"prizes": [{"title": "奖", "count": 251}] * 2}, ["prizes"]),
    ],
    ids=[
        "title",
        "closes at opening",
        "over already",
        "too long",
        "free",
        "tickets",
        "no prize",
        "prizes",
        "word",
        "0",
        "too many",
    ],
)
async def test_a_draw_that_makes_no_sense_is_refused(shop: Shop, change: dict[str, Any], field: list[str]) -> None:
    payload = (await shop.gql.ask(CREATE, {"input": {**PLAN, **change}}, by=shop.admin))["data"]["createPrizeDraw"]

    assert [error["field"] for error in payload["userErrors"]] == [field]
    assert await PrizeDraw.all().count() == 0


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE draw_purchases SET tickets = tickets + 1",
        "DELETE FROM draw_purchases",
        "UPDATE prize_draws SET entrants_hash = repeat('0', 64)",
        "UPDATE prize_draws SET seed_hash = repeat('0', 64)",
        "UPDATE prize_draws SET seed_sealed = '\\x00'",
    ],
    ids=["tickets", "purchases", "list", "promise", "seed"],
)
async def test_the_database_keeps_what_a_draw_has_shown(shop: Shop, clock: FrozenClock, tampering: str) -> None:
    draw_id = await announced(shop)
    await enter(shop, await shop.learner(50), draw_id)
    clock.advance(SALE)
    await close_draws(shop.ports)

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await execute(tampering)
