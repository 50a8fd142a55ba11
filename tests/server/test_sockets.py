"""GraphQL over WebSocket: one token, one socket, and both end together."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.ids import new_id
from models.accounts import Member
from models.sessions import Session
from server import sockets
from services.ports import Ports
from services.signing import deny
from tests.gql import Gql
from tests.pool import pool_falls_idle
from tests.sockets import Closed, TestSocket

VIEWER = "{ viewer { id } }"
AWARD = {"rule": "day.first_lesson", "points": 5, "object_type": "Member", "object_id": str(new_id())}


async def loses_access(member: UUID, clock: FrozenClock, cause: str) -> None:
    if cause == "expired":
        clock.advance(timedelta(minutes=15))
    elif cause == "suspended":
        await Member.filter(id=member).update(suspended_at=clock.now())
    else:
        await Session.filter(member_id=member).update(ended_at=clock.now(), end_reason="SIGNED_OUT")


async def test_an_operation_answers_and_completes(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        socket.subscribe("1", VIEWER)

        assert (await socket.next())["data"]["viewer"]["id"]
        assert await socket.receive() == {"id": "1", "type": "complete"}


async def test_a_socket_without_a_token_is_signed_out(gql: Gql) -> None:
    async with gql.socket() as socket:
        socket.subscribe("1", VIEWER)

        assert (await socket.next())["data"] == {"viewer": None}


async def test_a_socket_without_a_token_is_refused_what_needs_one_and_stays_open(gql: Gql) -> None:
    async with gql.subscription("MyPoints") as socket:
        refused = await socket.receive()
        socket.subscribe("2", VIEWER)
        assert (await socket.next("2"))["data"] == {"viewer": None}

    assert (refused["id"], refused["type"]) == ("1", "error")
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_only_graphql_transport_ws_is_spoken(gql: Gql) -> None:
    for protocols in ((), ("graphql-ws",), ("graphql-ws", "mqtt")):
        async with TestSocket(gql.app, protocols=protocols) as socket:
            assert (await socket.closed()).code == 4406


async def test_a_bad_token_closes_4403(gql: Gql) -> None:
    async with TestSocket(gql.app) as socket:
        with pytest.raises(Closed) as closed:
            await socket.init("not.a.token")

        assert (closed.value.code, closed.value.reason) == (4403, "Forbidden")


@pytest.mark.parametrize("authorization", [5, None, ["Bearer x"], "", "Basic x"])
async def test_a_payload_of_another_shape_never_signs_in(gql: Gql, authorization: object) -> None:
    async with TestSocket(gql.app) as socket:
        socket.send({"type": "connection_init", "payload": {"authorization": authorization}})

        if authorization is None:
            assert (await socket.receive())["type"] == "connection_ack"
        else:
            assert (await socket.closed()).code == 4403


async def test_a_socket_that_does_not_begin_is_closed(gql: Gql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.05)

    async with TestSocket(gql.app) as socket:
        assert (await socket.closed()).code == 4408


async def test_subscribing_before_the_ack_closes_4401(gql: Gql) -> None:
    async with TestSocket(gql.app) as socket:
        socket.subscribe("1", VIEWER)

        assert (await socket.closed()).code == 4401


async def test_beginning_twice_closes_4429(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        socket.send({"type": "connection_init"})

        assert (await socket.closed()).code == 4429


@pytest.mark.parametrize(
    "text", ["", "x", "5", "null", "[]", "{}", '{"type":5}', '{"type":"start"}', '{"type":"subscribe"}']
)
async def test_what_is_no_message_closes_4400(gql: Gql, member: UUID, text: str) -> None:
    async with gql.socket(by=member) as socket:
        socket.send_text(text)

        assert (await socket.closed()).code == 4400


async def test_a_frame_over_the_cap_closes_the_socket(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        socket.send({"type": "ping", "payload": {"x": "a" * 65_536}})

        assert (await socket.closed()).code == 1009


async def test_a_ping_is_answered(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        socket.send({"type": "ping"})

        assert await socket.receive() == {"type": "pong"}


async def test_an_invalid_operation_is_an_error_of_that_operation(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        for payload in (None, {}, {"query": "{"}, {"query": "{ nope }"}, {"query": "query($a:Int!){viewer{id}}"}):
            socket.send({"id": "1", "type": "subscribe", "payload": payload})

            message = await socket.receive()
            assert (message["id"], message["type"]) == ("1", "error"), payload
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"

        socket.subscribe("1", VIEWER)
        assert "errors" not in await socket.next()


async def test_the_socket_ends_when_its_token_does(gql: Gql, member: UUID, clock: FrozenClock) -> None:
    async with gql.socket(by=member) as socket:
        clock.advance(timedelta(minutes=15))

        assert (await socket.closed()).code == 4403


@pytest.mark.parametrize("cause", ["signed out", "token denied"])
async def test_the_socket_ends_soon_after_its_session_or_token(
    gql: Gql, member: UUID, ports: Ports, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    monkeypatch.setattr(sockets, "REVOCATION_SECONDS", 0.0)
    async with TestSocket(gql.app) as socket:
        token = await gql.token(member)
        await socket.init(token)

        if cause == "signed out":
            await Session.all().update(ended_at=ports.clock.now(), end_reason="SIGNED_OUT")
        else:
            await deny(ports, ports.tokens.verify(token, ports.clock.now()).token_id)

        assert (await socket.closed()).code == 4403


@pytest.mark.parametrize("cause", ["signed out", "suspended", "expired"])
async def test_an_event_after_the_member_lost_access_is_not_sent(
    gql: Gql, member: UUID, ports: Ports, clock: FrozenClock, cause: str
) -> None:
    async with gql.subscription("MyPoints", by=member) as socket:
        await socket.next()

        await loses_access(member, clock, cause)
        await ports.bus.publish(f"member:{member}", {"kind": "changed", "awards": [AWARD]})

        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == 4403


async def test_the_socket_of_a_suspended_member_ends_soon(
    gql: Gql, member: UUID, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "REVOCATION_SECONDS", 0.0)
    async with gql.socket(by=member) as socket:
        await Member.filter(id=member).update(suspended_at=ports.clock.now())

        assert (await socket.closed()).code == 4403


async def test_a_member_may_hold_so_many_sockets_and_no_more(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MOST_PER_MEMBER", 2)
    async with gql.socket(by=member) as first:
        async with gql.socket(by=member):
            async with TestSocket(gql.app) as third:
                with pytest.raises(Closed) as closed:
                    await third.init(await gql.token(member))
            async with gql.socket():
                pass
        async with gql.socket(by=member) as again:
            for socket in (first, again):
                socket.send({"type": "ping"})
                assert await socket.receive() == {"type": "pong"}

    assert (closed.value.code, closed.value.reason) == (1013, "Too many connections")


async def test_an_address_may_hold_so_many_sockets_and_no_more(gql: Gql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gql.ports.settings, "address_connections", 1)
    async with gql.socket(), TestSocket(gql.app) as second:
        assert (await second.closed()).code == 1013
    async with gql.socket():
        pass


async def test_subscribing_and_completing_in_turn_piles_nothing_up(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        for number in range(30):
            socket.subscribe(str(number), "subscription { myPoints { viewer { id } } }")
            socket.send({"id": str(number), "type": "complete"})
        socket.subscribe("last", VIEWER)

        messages = [await socket.receive()]
        while messages[-1].get("id") != "last":
            messages.append(await socket.receive())

    assert {message["type"] for message in messages} == {"next"}


async def test_an_operation_after_sign_out_closes_4403(gql: Gql, member: UUID, ports: Ports) -> None:
    async with gql.socket(by=member) as socket:
        await Session.all().update(ended_at=ports.clock.now(), end_reason="SIGNED_OUT")
        socket.subscribe("1", VIEWER)

        assert (await socket.closed()).code == 4403


async def test_an_id_in_use_closes_4409(gql: Gql, member: UUID) -> None:
    async with gql.subscription("MyPoints", by=member) as socket:
        await socket.next()
        socket.subscribe("1", VIEWER)

        assert (await socket.closed()).code == 4409


async def test_the_eleventh_operation_is_throttled(gql: Gql, member: UUID) -> None:
    async with gql.socket(by=member) as socket:
        for number in range(10):
            socket.subscribe(str(number), "subscription { myPoints { viewer { id } } }")
            await socket.next(str(number))
        socket.subscribe("10", VIEWER)

        message = await socket.receive()
        assert (message["id"], message["type"]) == ("10", "error")
        assert message["payload"][0]["extensions"]["code"] == "THROTTLED"

        socket.send({"id": "0", "type": "complete"})
        socket.subscribe("10", VIEWER)
        assert "errors" not in await socket.next("10")


async def test_a_completed_subscription_says_no_more(gql: Gql, member: UUID, ports: Ports) -> None:
    async with gql.subscription("MyPoints", by=member) as socket:
        await socket.next()
        socket.send({"id": "1", "type": "complete"})
        socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        await ports.bus.publish(f"member:{member}", {"kind": "changed"})
        await asyncio.sleep(0.05)
        socket.send({"type": "ping"})

        assert await socket.receive() == {"type": "pong"}


async def test_waiting_for_events_holds_no_connection(gql: Gql, member: UUID) -> None:
    async with gql.subscription("MyPoints", by=member) as socket:
        await socket.next()

        assert await pool_falls_idle()
