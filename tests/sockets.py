"""A WebSocket client inside the test's own event loop, speaking graphql-transport-ws to the application."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Self

import orjson
from starlette.types import ASGIApp

PROTOCOL = "graphql-transport-ws"
PATIENCE_SECONDS = 5.0


class Closed(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class TestSocket:
    """`async with TestSocket(app) as socket:` is a handshake; leaving it is a client that went away politely."""

    __test__ = False

    def __init__(
        self, app: ASGIApp, headers: Mapping[str, str] | None = None, protocols: tuple[str, ...] = (PROTOCOL,)
    ):
        self._app = app
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in {"host": "academy", **(headers or {})}.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 80),
            "subprotocols": list(protocols),
            "state": {},
        }
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._serve())
        self._to_app.put_nowait({"type": "websocket.connect"})
        event = await self._event()
        assert event["type"] == "websocket.accept", event
        self.protocol = event.get("subprotocol")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drop(1000)

    async def init(self, token: str | None = None) -> None:
        """Begin, as the member of `token`; `Closed` if the server will not have it."""
        payload = {"authorization": f"Bearer {token}"} if token is not None else {}
        self.send({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}

    def send(self, message: object) -> None:
        self.send_text(orjson.dumps(message).decode())

    def send_text(self, text: str) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    def subscribe(self, operation_id: str, query: str, variables: Mapping[str, object] | None = None) -> None:
        self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def receive(self) -> dict[str, Any]:
        """The next message; `Closed` if the server closes the socket instead."""
        event = await self._event()
        if event["type"] == "websocket.close":
            raise Closed(event.get("code", 1000), event.get("reason") or "")
        found: dict[str, Any] = orjson.loads(event["text"])
        return found

    async def frame(self) -> str:
        """The next message as it was sent, but for what the operation cost."""
        text: str = (await self._event())["text"]
        return re.sub(r',"extensions":\{"cost":\{[^}]*\}\}', "", text)

    def stops_reading(self) -> None:
        """Whatever the server sends from now on waits, as when a phone has lost its network."""
        self._reading.clear()

    def reads_on(self) -> None:
        self._reading.set()

    async def _send(self, event: Any) -> None:
        await self._reading.wait()
        self._from_app.put_nowait(event)

    async def next(self, operation_id: str = "1") -> dict[str, Any]:
        """The payload of the next event of an operation, which must come next of all."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        payload: dict[str, Any] = message["payload"]
        return payload

    async def closed(self) -> Closed:
        """How the server closes the socket; whatever it still sends before that is passed over."""
        while True:
            try:
                await self.receive()
            except Closed as closed:
                return closed

    async def drop(self, code: int = 1006) -> None:
        """Go away without a word, and wait until the server has noticed."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": code})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task

    async def _serve(self) -> None:
        try:
            await self._app(self._scope, self._to_app.get, self._send)
        finally:
            self._from_app.put_nowait({"type": "websocket.close", "code": 1006, "reason": "the server left"})

    async def _event(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            event: dict[str, Any] = await self._from_app.get()
            return event
