"""Rewards: spending the balance, stock that never runs below nothing, and the way of a redemption."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.ids import to_global
from kit.words import RedemptionStatus, Role
from models.accounts import Member
from models.rewards import Redemption, Reward
from services.ports import Ports
from services.rewards import NEXT
from tests.gql import Gql
from tests.rewards.story import A_DAY, CREATE, MY_REDEMPTIONS, REWARDS, Shop, codes
from tests.world import World

HISTORY = """{ viewer { pointEntries(first: 5) { nodes { amount rule title reverses { id } } } } }"""
STAFF_LIST = """query ($code: String, $status: RedemptionStatus) {
  redemptions(code: $code, status: $status) { totalCount nodes { id status member { displayName } codeQr } }
}"""


@pytest.fixture
async def shop(ports: Ports, gql: Gql, world: World) -> Shop:
    return await Shop.open(ports, gql, world)


async def test_a_redemption_takes_its_price_from_the_balance_alone(shop: Shop) -> None:
    may, cup = await shop.learner(100), await shop.reward(cost=60, stock=3)

    bought = await shop.redeem(may, cup)

    assert bought["userErrors"] == []
    assert bought["redemption"]["status"] == "REQUESTED"
    assert len(bought["redemption"]["code"]) == 8
    assert bought["redemption"]["reward"] == {"id": to_global("Reward", cup.id), "stockLeft": 2}
    points = bought["viewer"]["points"]
    assert (points["lifetime"], points["balance"], points["today"]) == (100, 40, 100)
    await shop.books_are_clean()


async def test_two_hundred_want_ten_and_ten_get_one(shop: Shop) -> None:
    people = [await shop.learner(50) for _ in range(200)]
    cup = await shop.reward(cost=50, stock=10)

    at_once = asyncio.Semaphore(40)  # more would wait for the pool alone

    async def wants(member: Member) -> dict[str, Any]:
        async with at_once:
            return await shop.redeem(member, cup)

    answers = await asyncio.gather(*(wants(member) for member in people))

    assert Counter(tuple(codes(answer)) for answer in answers) == {(): 10, ("OUT_OF_STOCK",): 190}
    spent = [await shop.balance(member) for member in people]
    assert Counter(spent) == {(50, 0): 10, (50, 50): 190}
    assert (await Reward.get(id=cup.id)).taken == 10
    await shop.books_are_clean()


async def test_one_member_at_once_from_ten_phones_spends_only_what_is_there(shop: Shop) -> None:
    may, cup = await shop.learner(150), await shop.reward(cost=50, stock=10)

    answers = await asyncio.gather(*(shop.redeem(may, cup) for _ in range(10)))

    assert Counter(tuple(codes(answer)) for answer in answers) == {(): 3, ("BALANCE_TOO_LOW",): 7}
    assert await shop.balance(may) == (150, 0)
    assert (await Reward.get(id=cup.id)).taken == 3
    await shop.books_are_clean()


async def test_the_same_key_buys_once_however_often_it_is_sent(shop: Shop) -> None:
    may, cup, key = await shop.learner(100), await shop.reward(cost=50), uuid4()

    answers = await asyncio.gather(*(shop.redeem(may, cup, key) for _ in range(20)))

    assert {answer["redemption"]["id"] for answer in answers} == {answers[0]["redemption"]["id"]}
    assert await shop.balance(may) == (100, 50)
    assert await Redemption.all().count() == 1


async def test_a_key_is_good_for_one_input(shop: Shop) -> None:
    may, cup, bag, key = await shop.learner(100), await shop.reward(), await shop.reward(), uuid4()
    await shop.redeem(may, cup, key)

    other = await shop.redeem(may, bag, key)

    assert [(error["code"], error["field"]) for error in other["userErrors"]] == [
        ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    ]
    assert await shop.balance(may) == (100, 50)


async def test_what_was_refused_leaves_nothing_and_frees_its_key(shop: Shop) -> None:
    may, cup, key = await shop.learner(0), await shop.reward(cost=50), uuid4()
    assert codes(await shop.redeem(may, cup, key)) == ["BALANCE_TOO_LOW"]
    assert (await Reward.get(id=cup.id)).taken == 0
    assert await Redemption.all().count() == 0

    rich = await shop.learner(50)
    again = await shop.redeem(rich, cup, key)

    assert again["userErrors"] == []


async def test_nobody_gets_more_than_the_limit_until_one_is_cancelled(shop: Shop) -> None:
    may, cup = await shop.learner(200), await shop.reward(limit=1)
    first = await shop.redeem(may, cup)
    assert codes(await shop.redeem(may, cup)) == ["LIMIT_REACHED"]

    await shop.advance(shop.admin, first["redemption"]["id"], "CANCELLED")

    assert codes(await shop.redeem(may, cup)) == []


async def test_a_reward_is_to_be_had_in_its_time(shop: Shop, clock: FrozenClock) -> None:
    may, now = await shop.learner(200), clock.now()
    soon = await shop.reward(available_from=now + A_DAY, available_until=now + 2 * A_DAY)

    before = await shop.redeem(may, soon)
    clock.advance(A_DAY)
    during = await shop.redeem(may, soon)
    clock.advance(A_DAY)
    after = await shop.redeem(may, soon)

    assert (codes(before), codes(during), codes(after)) == (["NOT_OPEN"], [], ["CLOSED"])


async def test_a_region_s_reward_is_for_its_learners(shop: Shop, world: World) -> None:
    city, other = await world.region("东莞"), await world.region("广州")
    inside = await shop.learner(50, outlet=await world.outlet(region=await world.region(parent=city)))
    outside = await shop.learner(50, outlet=await world.outlet(region=other))
    cup = await shop.reward(region=city)

    seen = [(await shop.gql.ask(REWARDS, by=member))["data"]["rewards"]["nodes"] for member in (inside, outside)]

    assert [len(nodes) for nodes in seen] == [1, 0]
    assert codes(await shop.redeem(outside, cup)) == ["NOT_FOUND"]
    assert codes(await shop.redeem(inside, cup)) == []


async def test_the_list_is_by_price_and_pages_on(shop: Shop) -> None:
    may = await shop.learner(0)
    for cost in (30, 10, 20):
        await shop.reward(cost=cost)

    first = (await shop.gql.ask(REWARDS, {"first": 2}, by=may))["data"]["rewards"]
    after = {"first": 2, "after": first["pageInfo"]["endCursor"]}
    rest = (await shop.gql.ask(REWARDS, after, by=may))["data"]["rewards"]

    assert [node["cost"] for node in first["nodes"] + rest["nodes"]] == [10, 20, 30]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


@pytest.mark.parametrize("start", RedemptionStatus)
@pytest.mark.parametrize("to", RedemptionStatus)
async def test_a_redemption_goes_only_where_its_state_lets_it(
    shop: Shop, start: RedemptionStatus, to: RedemptionStatus
) -> None:
    may, cup = await shop.learner(50), await shop.reward()
    redemption_id = (await shop.redeem(may, cup))["redemption"]["id"]
    await Redemption.all().update(status=start)

    payload = (await shop.advance(shop.admin, redemption_id, to.value))["data"]["advanceRedemption"]

    if to is start or to in NEXT[start]:
        assert (payload["userErrors"], payload["redemption"]["status"]) == ([], to.value)
    else:
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("STATE_FORBIDS", ["to"])]
        assert (await Redemption.all().get()).status is start


async def test_a_cancelled_redemption_gives_points_and_stock_back_once(shop: Shop) -> None:
    may, cup = await shop.learner(100), await shop.reward(cost=60, stock=1)
    redemption_id = (await shop.redeem(may, cup))["redemption"]["id"]

    answers = await asyncio.gather(*(shop.advance(shop.admin, redemption_id, "CANCELLED") for _ in range(10)))

    assert all(answer["data"]["advanceRedemption"]["userErrors"] == [] for answer in answers)
    assert await shop.balance(may) == (100, 100)
    assert (await Reward.get(id=cup.id)).taken == 0
    [back, spent, *_] = (await shop.gql.ask(HISTORY, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert (spent["amount"], back["amount"], back["title"]) == (-60, 60, "Reward redeemed")
    assert back["reverses"] is not None
    await shop.books_are_clean()


async def test_only_admins_of_the_place_move_a_redemption(shop: Shop, world: World) -> None:
    city = await world.region("东莞")
    may = await shop.learner(50, outlet=await world.outlet(region=city))
    here, elsewhere = await world.staff(Role.ADMIN, city), await world.staff(Role.ADMIN, await world.region("广州"))
    redemption_id = (await shop.redeem(may, await shop.reward()))["redemption"]["id"]

    by_may = await shop.advance(may, redemption_id, "APPROVED")
    by_elsewhere = await shop.advance(elsewhere, redemption_id, "APPROVED")
    by_here = await shop.advance(here, redemption_id, "APPROVED")

    assert by_may["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert codes(by_elsewhere["data"]["advanceRedemption"]) == ["NOT_FOUND"]
    assert by_here["data"]["advanceRedemption"]["redemption"]["status"] == "APPROVED"


async def test_the_counter_finds_a_redemption_by_its_code_as_typed(shop: Shop, world: World) -> None:
    may, auditor = await shop.learner(100), await world.staff(Role.AUDITOR, await world.region("广州"))
    code = (await shop.redeem(may, await shop.reward()))["redemption"]["code"]
    await shop.redeem(may, await shop.reward())
    typed = {"code": f" {code[:4].lower()}-{code[4:]} "}

    found = (await shop.gql.ask(STAFF_LIST, typed, by=shop.admin))["data"]["redemptions"]
    elsewhere = (await shop.gql.ask(STAFF_LIST, typed, by=auditor))["data"]["redemptions"]

    assert (found["totalCount"], found["nodes"][0]["member"]["displayName"]) == (1, "阿May")
    assert found["nodes"][0]["codeQr"].startswith("data:image/svg+xml")
    assert elsewhere["totalCount"] == 0


async def test_an_auditor_sees_the_redemption_and_not_the_code_that_collects_it(shop: Shop, world: World) -> None:
    await shop.redeem(await shop.learner(100), await shop.reward())

    seen = await shop.gql.ask("{ redemptions { nodes { status code codeQr } } }", by=await world.staff(Role.AUDITOR))

    assert seen["data"]["redemptions"]["nodes"] == [{"status": "REQUESTED", "code": None, "codeQr": None}]


async def test_the_viewer_reads_the_own_redemptions_newest_first(shop: Shop, clock: FrozenClock) -> None:
    may, other = await shop.learner(100), await shop.learner(50)
    bought = []
    for _ in range(2):
        bought.append((await shop.redeem(may, await shop.reward()))["redemption"]["id"])
        clock.advance(timedelta(minutes=1))
    await shop.redeem(other, await shop.reward())

    mine = (await shop.gql.ask(MY_REDEMPTIONS, by=may))["data"]["viewer"]["redemptions"]["nodes"]

    assert [node["id"] for node in mine] == bought[::-1]
    seen = await shop.gql.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": bought[0]}, by=other)
    assert seen["data"]["node"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, ["title"]),
        ({"title": "好" * 81}, ["title"]),
        ({"description": "好" * 1001}, ["description"]),
        ({"cost": 0}, ["cost"]),
        ({"cost": 1_000_001}, ["cost"]),
        ({"stock": 0}, ["stock"]),
        ({"perMemberLimit": 0}, ["perMemberLimit"]),
        ({"availableUntil": "2026-03-02T03:00:00Z"}, ["availableUntil"]),
        ({"imageMediaId": to_global("Media", uuid4())}, ["imageMediaId"]),
        ({"regionId": to_global("Region", uuid4())}, ["regionId"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
async def test_a_reward_that_makes_no_sense_is_refused(shop: Shop, change: dict[str, Any], field: list[str]) -> None:
    plan = {"title": "保温杯", "cost": 10, "stock": 5, **change}

    payload = (await shop.gql.ask(CREATE, {"input": plan}, by=shop.admin))["data"]["createReward"]

    assert [error["field"] for error in payload["userErrors"]] == [field]
    assert await Reward.all().count() == 0


async def test_an_admin_makes_rewards_for_the_own_region(shop: Shop, world: World) -> None:
    city, other = await world.region("东莞"), await world.region("广州")
    here = await world.staff(Role.ADMIN, city)
    plan = {"title": "保温杯", "cost": 10, "stock": 5}

    made = (await shop.gql.ask(CREATE, {"input": plan}, by=here))["data"]["createReward"]
    beyond = await shop.gql.ask(CREATE, {"input": {**plan, "regionId": to_global("Region", other.id)}}, by=here)
    by_learner = await shop.gql.ask(CREATE, {"input": plan}, by=await shop.learner(0))

    assert made["userErrors"] == []
    assert codes(beyond["data"]["createReward"]) == ["NOT_FOUND"]
    assert by_learner["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert [reward.region_id for reward in await Reward.all()] == [city.id]


async def test_the_database_itself_keeps_stock_from_running_below_nothing(shop: Shop) -> None:
    cup = await shop.reward(stock=1)

    with pytest.raises(asyncpg.CheckViolationError, match="rewards_stock"):
        await execute("UPDATE rewards SET taken = 2 WHERE id = $1", cup.id)
