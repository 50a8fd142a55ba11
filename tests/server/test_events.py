"""Subscriptions as server-sent events: what a socket would say, over one request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from kit.clock import FrozenClock
from models.sessions import Session
from server import events
from services.ports import Ports
from tests.documents import OPERATIONS
from tests.gql import Gql
from tests.pool import pool_falls_idle
from tests.server.test_sockets import loses_access
from workers.relay import drain

PATIENCE_SECONDS = 5.0
NEWER = "application/graphql-response+json"
MY_POINTS = OPERATIONS["MyPoints"]


class Stream:
    """A client that reads one response piece by piece, and may go away."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def piece(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.sent.get(), PATIENCE_SECONDS)

    async def event(self) -> tuple[str, Any]:
        """The next event and its data, past the signs of life; ("", None) at the end of the response."""
        while True:
            message = await self.piece()
            if not message.get("more_body"):
                return "", None
            if message["body"] != events.ALIVE:
                name, data = message["body"].decode().strip().split("\n")
                text = data.removeprefix("data:").strip()
                return name.removeprefix("event: "), orjson.loads(text) if text else None


@asynccontextmanager
async def stream(
    gql: Gql, source: str, by: UUID | None = None, *, token: str | None = None, status: int = 200
) -> AsyncIterator[Stream]:
    """A subscription asked for by a client that takes events alone."""
    headers = [
        (b"host", b"academy"),
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream"),
        (b"accept-language", b"en"),
    ]
    if by is not None:
        token = await gql.token(by)
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/graphql", "raw_path": b"/graphql", "root_path": "", "query_string": b"",
        "headers": headers, "client": ("127.0.0.1", 50_000), "server": ("a", 80), "state": {},
    }  # fmt: skip
    client = Stream()
    client.received.put_nowait({"type": "http.request", "body": orjson.dumps({"query": source}), "more_body": False})
    task = asyncio.create_task(gql.app(scope, client.received.get, client.sent.put))  # type: ignore[arg-type]
    try:
        start = await client.piece()
        assert start["status"] == status
        yield client
    finally:
        client.received.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(task, PATIENCE_SECONDS)


async def test_the_present_state_comes_first_and_changes_follow(gql: Gql, ports: Ports, member: UUID) -> None:
    async with stream(gql, MY_POINTS, member) as client:
        kind, first = await client.event()
        await ports.bus.publish(f"member:{member}", {"kind": "changed", "awards": [award(member)], "badges": []})
        _, second = await client.event()

    assert (kind, first["data"]["myPoints"]["viewer"]["points"]["lifetime"]) == ("next", 0)
    assert [each["points"] for each in second["data"]["myPoints"]["awards"]] == [5]


async def test_who_is_signed_out_hears_why_and_that_it_is_complete(gql: Gql) -> None:
    async with stream(gql, MY_POINTS) as client:
        kind, refused = await client.event()
        end = await client.event()
        rest = await client.event()

    assert (kind, refused["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHENTICATED")
    assert (end, rest) == (("complete", None), ("", None))


async def test_what_cannot_be_streamed_is_refused_before_it_starts(gql: Gql, member: UUID) -> None:
    async with stream(gql, "{ viewer { id } }", member, status=406):
        pass
    async with stream(gql, "subscription { nothing }", member, status=400):
        pass
    plain = await gql.post({"query": MY_POINTS}, by=member)
    assert plain.status_code == 400


async def test_a_bad_token_is_401(gql: Gql) -> None:
    headers = {"accept": "text/event-stream", "authorization": "Bearer bad"}

    refused = await gql.post({"query": MY_POINTS}, headers=headers)

    assert refused.status_code == 401
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("cause", ["expired", "revoked"])
async def test_a_stream_ends_with_its_token(
    gql: Gql, clock: FrozenClock, member: UUID, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.05)
    async with stream(gql, MY_POINTS, member) as client:
        await client.event()

        if cause == "expired":
            clock.advance(timedelta(minutes=16))
        else:
            await Session.filter(member_id=member).update(ended_at=clock.now(), end_reason="SIGNED_OUT")

        assert await client.event() == ("", None)


@pytest.mark.parametrize("cause", ["signed out", "suspended", "expired"])
async def test_an_event_after_the_member_lost_access_is_not_sent(
    gql: Gql, ports: Ports, clock: FrozenClock, member: UUID, cause: str
) -> None:
    async with stream(gql, MY_POINTS, member) as client:
        await client.event()

        await loses_access(member, clock, cause)
        await ports.bus.publish(f"member:{member}", {"kind": "changed", "awards": [award(member)], "badges": []})

        assert await client.event() == ("", None)


async def test_a_quiet_stream_ends_no_later_than_its_token(gql: Gql, clock: FrozenClock, member: UUID) -> None:
    token = await gql.token(member)
    clock.advance(timedelta(minutes=15, milliseconds=-200))
    async with stream(gql, MY_POINTS, token=token) as client:
        await client.event()

        clock.advance(timedelta(milliseconds=200))

        assert (await client.piece())["body"] == b""


async def test_streams_and_sockets_share_what_a_member_may_hold(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_PER_MEMBER", 2)
    headers = {"accept": f"text/event-stream, {NEWER}"}

    async with gql.socket(by=member), stream(gql, MY_POINTS, member) as client:
        refused = await gql.post({"query": MY_POINTS}, by=member, headers=headers)
        await client.event()
    async with stream(gql, MY_POINTS, member) as client:
        kind, _ = await client.event()

    assert (refused.status_code, kind) == (429, "next")
    [error] = refused.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfterSeconds"]) == ("THROTTLED", 5)


async def test_an_address_may_hold_so_many_streams_and_no_more(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gql.ports.settings, "address_connections", 1)

    async with stream(gql, MY_POINTS, member) as first, stream(gql, MY_POINTS, member, status=429) as second:
        refused = (await second.piece())["body"]
        await first.event()  # who leaves in the middle of an execution leaves coroutines that Python complains of

    assert b"THROTTLED" in refused


async def test_a_quiet_stream_shows_that_it_lives(gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.05)
    async with stream(gql, MY_POINTS, member) as client:
        await client.event()

        assert (await client.piece())["body"] == events.ALIVE


async def test_clients_that_go_away_leave_nothing_behind(gql: Gql, ports: Ports, member: UUID) -> None:
    before = asyncio.all_tasks()

    for _ in range(20):
        async with stream(gql, MY_POINTS, member) as client:
            await client.event()

    await drain(ports)
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
    await pool_falls_idle()


def award(member: UUID) -> dict[str, object]:
    return {"rule": "day.first_lesson", "points": 5, "object_type": "Member", "object_id": str(member)}
