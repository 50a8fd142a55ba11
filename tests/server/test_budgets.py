"""What requests cost, and what happens to those who spend too much."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from kit.buckets import Buckets
from kit.clock import FrozenClock
from kit.ids import new_id
from kit.redis import Redis
from kit.settings import Settings
from models.accounts import Member
from server.admission import network_of
from services.ports import Ports
from tests.gql import Gql

NEWER = "application/graphql-response+json"
COURSES = "{ courses(first: 100) { nodes { id } } }"  # costs 100
DEAR = "{ courses(first: 100) { nodes { lecturers { id } lessons { id } } } }"  # costs 2,100
FEED = "subscription { myPoints { viewer { id } } }"


@pytest.fixture
async def poor(ports: Ports, patient: Redis) -> AsyncIterator[Gql]:
    """An application whose budgets are as small as they may be."""
    tight = {"member_budget": 10_000, "member_budget_per_second": 100.0}
    tight |= {"address_budget": 15_000, "address_budget_per_second": 150.0}
    settings = ports.settings.model_copy(update=tight)
    async with Gql.over(replace(ports, settings=settings, buckets=Buckets(patient))) as client:
        yield client


async def another(ports: Ports) -> UUID:
    row = await Member.create(id=new_id(), display_name="阿强", joined_at=ports.clock.now())
    return row.id


async def test_an_answer_says_what_it_cost_and_what_is_left(poor: Gql, member: UUID) -> None:
    signed_out = (await poor.post({"query": COURSES})).json()
    signed_in = (await poor.post({"query": COURSES}, by=member)).json()

    assert signed_out["extensions"]["cost"] == {
        "requested": 100, "remaining": 14_900, "capacity": 15_000, "refillPerSecond": 150.0
    }  # fmt: skip
    assert signed_in["extensions"]["cost"] == {
        "requested": 100, "remaining": 9_900, "capacity": 10_000, "refillPerSecond": 100.0
    }  # fmt: skip


async def test_fifty_requests_at_once_get_what_there_is_and_no_more(poor: Gql, member: UUID) -> None:
    await poor.token(member)

    responses = await asyncio.gather(
        *(poor.post({"query": DEAR}, by=member, headers={"accept": NEWER}) for _ in range(50))
    )

    assert sorted(response.status_code for response in responses) == [200] * 4 + [429] * 46
    refused = next(response for response in responses if response.status_code == 429)
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "THROTTLED"
    assert error["extensions"]["retryAfterSeconds"] == 5  # 2,100 asked, 1,600 left, 100 a second
    assert refused.headers["retry-after"] == "5"
    assert "data" not in refused.json()


async def test_a_spent_budget_fills_again(poor: Gql, member: UUID, clock: FrozenClock) -> None:
    for _ in range(4):
        assert "data" in await poor.ask(DEAR, by=member)
    assert (await poor.ask(DEAR, by=member))["errors"][0]["extensions"]["code"] == "THROTTLED"

    clock.advance(timedelta(seconds=5))

    assert "data" in await poor.ask(DEAR, by=member)


async def test_two_members_behind_one_address_share_its_budget_alone(poor: Gql, member: UUID, ports: Ports) -> None:
    other = await another(ports)

    for _ in range(4):
        assert "data" in await poor.ask(DEAR, by=member)
    assert "errors" in await poor.ask(DEAR, by=member)
    for _ in range(3):
        assert "data" in await poor.ask(DEAR, by=other)

    last = (await poor.post({"query": DEAR}, by=other)).json()
    assert last["errors"][0]["extensions"]["retryAfterSeconds"] == 12  # of the address: 300 left, 150 a second


async def test_signed_out_callers_spend_what_their_address_has(poor: Gql) -> None:
    for _ in range(7):
        assert "data" in await poor.ask(DEAR)

    assert (await poor.ask(DEAR))["errors"][0]["extensions"]["code"] == "THROTTLED"


async def test_a_subscription_pays_when_it_begins_and_says_so_once(poor: Gql, member: UUID) -> None:
    async with poor.socket(by=member) as socket:
        socket.subscribe("1", FEED)
        first = await socket.next()
        socket.subscribe("2", COURSES)
        over_the_socket = await socket.next("2")

    assert first["extensions"]["cost"]["requested"] == 12
    assert over_the_socket["extensions"]["cost"]["remaining"] == 10_000 - 12 - 100


async def test_a_subscription_that_cannot_pay_is_throttled(poor: Gql, member: UUID) -> None:
    for _ in range(4):
        await poor.ask(DEAR, by=member)
    for _ in range(16):
        await poor.ask(COURSES, by=member)

    async with poor.socket(by=member) as socket:
        socket.subscribe("1", FEED)
        refused = await socket.receive()

    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "THROTTLED")


async def test_a_phone_that_was_offline_for_a_week_is_not_throttled(gql: Gql, member: UUID) -> None:
    """3,000 events in batches of a hundred, as fast as the server answers, between the screens of the app."""
    report = "mutation ($input: ReportProgressInput!) { reportProgress(input: $input) { userErrors { code } } }"
    moment = gql.ports.clock.now().isoformat()
    for _ in range(30):
        events = [
            {"eventId": str(new_id()), "lessonId": "x", "kind": "STARTED", "occurredAt": moment} for _ in range(100)
        ]
        answer = await gql.ask(report, {"input": {"sentAt": moment, "events": events}}, by=member)
        assert answer["data"]["reportProgress"]["userErrors"] == []
        assert "data" in await gql.run("CourseList", {"first": 20}, by=member)


async def test_a_budget_that_could_pay_for_no_request_is_refused() -> None:
    with pytest.raises(ValueError, match="member_budget"):
        Settings(member_budget=9_999)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"), ("", ""), ("testclient", "testclient"),
    ],
)  # fmt: skip
def test_one_caller_has_a_whole_network_of_ipv6(address: str, network: str) -> None:
    assert network_of(address) == network
