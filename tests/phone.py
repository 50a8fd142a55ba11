"""An app on a phone, over real HTTP and a real WebSocket: the documents the apps send, and what they may be sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from kit.clock import SystemClock
from kit.ids import new_id
from tests.documents import OPERATIONS
from tests.process import PATIENCE_SECONDS


class Phone:
    """It knows an address, and a token once it has signed in. Every answer must be one without errors."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.token = ""
        self.viewer: dict[str, Any] = {}

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str) -> AsyncIterator["Phone"]:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as http:
            yield cls(http)

    async def send(self, operation: str, **variables: object) -> dict[str, Any]:
        answer = (
            await self.http.post("/graphql", json={"query": OPERATIONS[operation], "variables": variables})
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def sign_in(self, phone: str) -> str:
        """Give the access token; every later call carries it."""
        self.http.headers.pop("authorization", None)
        asked = await self.send("RequestSignInCode", input={"phone": phone, "deviceId": f"of {phone}"})
        assert asked["requestSignInCode"]["userErrors"] == []
        proof = {"phone": phone, "code": "888888", "deviceId": f"of {phone}", "deviceName": "Test"}
        signed_in = (await self.send("SignInWithCode", input=proof))["signInWithCode"]
        assert signed_in["userErrors"] == []
        self.token, self.viewer = signed_in["session"]["accessToken"], signed_in["viewer"]
        self.http.headers["authorization"] = f"Bearer {self.token}"
        return self.token

    async def watch(self, lesson_id: str, seconds: int, kind: str = "WATCHED") -> dict[str, Any]:
        """Report a lesson from its start, in one event; the answer of the report."""
        sent = await self.send("ReportProgress", input=watched(lesson_id, (0, seconds), kind, ago=timedelta(seconds=1)))
        report: dict[str, Any] = sent["reportProgress"]
        assert report["userErrors"] == []
        assert [result["status"] for result in report["results"]] == ["ACCEPTED"]
        return report


def watched(
    lesson_id: str, span: tuple[int, int], kind: str = "WATCHED", *, ago: timedelta = timedelta(0)
) -> dict[str, Any]:
    """The input of a report of one span."""
    now = SystemClock().now()
    event = {
        "eventId": str(new_id()),
        "lessonId": lesson_id,
        "kind": kind,
        "occurredAt": (now - ago).isoformat(),
        "spans": [{"fromSeconds": span[0], "toSeconds": span[1]}],
        "playbackRate": 1.0,
    }
    return {"sentAt": now.isoformat(), "events": [event]}


@asynccontextmanager
async def line(address: str, token: str) -> AsyncIterator[ClientConnection]:
    """An open WebSocket to the server at `address`, acknowledged."""
    url = f"ws{address.removeprefix('http')}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def begin(socket: ClientConnection, operation: str, **variables: object) -> None:
    """Send one operation, and wait for nothing."""
    payload = {"query": OPERATIONS[operation], "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def next_event(socket: ClientConnection) -> dict[str, Any]:
    """The data of the next event."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (message := json.loads(await socket.recv()))["type"] == "ping":
            await socket.send(json.dumps({"type": "pong"}))
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    data: dict[str, Any] = message["payload"]["data"]
    return data
