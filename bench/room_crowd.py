"""Thousands of followers of one room, in a process of their own: raw WebSockets, so light that the server is what is
measured.

    python -m bench.room_crowd ADDRESS PLAN.json

The plan holds the document with its variables, a token for each follower (or ""), and how many messages will come. It
says "ready" once everybody was told the state of the room, and at the end one line of JSON: the moments at which each
message came to each of them, and who missed one, or got one twice, or in another order.
"""

import asyncio
import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

OPENED_AT_ONCE = 20


class Follower(asyncio.Protocol):
    """One phone. `told`: seq -> when, of the messages that count; `faults`: what was not as it must be."""

    def __init__(self, crowd: "Crowd", number: int, token: str) -> None:
        self._crowd = crowd
        self._number = number
        self._token = token
        self._buffer = b""
        self._shaken = False
        self.begun = asyncio.get_running_loop().create_future()
        self.moments: list[float] = []
        self._last: int | None = None
        self.faults: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        address = f"10.{self._number >> 16 & 255}.{self._number >> 8 & 255}.{self._number & 255}"
        transport.write(
            (
                f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-Forwarded-For: {address}\r\n"
                f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._shaken:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(f"refused: {head[:80]!r}")
                return
            self._shaken, self._buffer = True, rest
            payload = {"authorization": f"Bearer {self._token}"} if self._token else {}
            self._send(1, json.dumps({"type": "connection_init", "payload": payload}).encode())
        self._read_frames()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"connection lost: {error}")

    def _read_frames(self) -> None:
        while len(self._buffer) >= 2:
            length, start = self._buffer[1] & 127, 2
            if length == 126:
                length, start = int.from_bytes(self._buffer[2:4]), 4
            elif length == 127:
                length, start = int.from_bytes(self._buffer[2:10]), 10
            if len(self._buffer) < start + length:
                return
            opcode, body = self._buffer[0] & 15, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if opcode == 1:
                self._take(body)
            elif opcode == 9:
                self._send(10, body)
            elif opcode == 8:
                self._fail(f"closed: {int.from_bytes(body[:2])} {body[2:].decode()}")

    def _take(self, body: bytes) -> None:
        now = time.monotonic()
        message = json.loads(body)
        if message["type"] == "connection_ack":
            plan = {"query": self._crowd.document, "variables": self._crowd.variables}
            self._send(1, json.dumps({"id": f"f{self._number}", "type": "subscribe", "payload": plan}).encode())
        elif message["type"] == "next":
            told = message["payload"]["data"]["liveRoom"]
            if told["event"]["__typename"] != "LiveMessagePosted":
                if not self.begun.done():
                    self.begun.set_result(None)
                return
            if message["id"] != f"f{self._number}":
                self.faults.append("an id of somebody else")
            if self._last is not None and told["seq"] != self._last + 1:
                self.faults.append(f"{told['seq']} after {self._last}")
            self._last = told["seq"]
            self.moments.append(now)
            self._crowd.took()
        else:
            self._fail(f"told {message}")

    def _send(self, opcode: int, body: bytes) -> None:
        mask = b"\0\0\0\0"  # masked as it must be, by nothing
        size = len(body)
        head = bytes([128 | opcode]) + (bytes([128 | size]) if size < 126 else bytes([128 | 126]) + size.to_bytes(2))
        self._transport.write(head + mask + body)

    def _fail(self, fault: str) -> None:
        self.faults.append(fault)
        if not self.begun.done():
            self.begun.set_exception(RuntimeError(fault))
        self._crowd.failed(fault)


class Crowd:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.document, self.variables = plan["document"], plan["variables"]
        self._left = len(plan["tokens"]) * plan["messages"]
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def took(self) -> None:
        self._left -= 1
        if not self._left and not self._done.done():
            self._done.set_result(None)

    def failed(self, fault: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(fault))

    async def watch(self, address: str, tokens: list[str]) -> list[Follower]:
        host, port = address.removeprefix("http://").split(":")
        loop = asyncio.get_running_loop()
        followers: list[Follower] = []
        for first in range(0, len(tokens), OPENED_AT_ONCE):
            some = list(enumerate(tokens))[first : first + OPENED_AT_ONCE]
            opened = await asyncio.gather(
                *(
                    loop.create_connection(lambda n=number, t=token: Follower(self, n, t), host, int(port))
                    for number, token in some
                )
            )
            followers += [follower for _, follower in opened]
            await asyncio.gather(*(follower.begun for _, follower in opened))
        print("ready", flush=True)
        await self._done
        return followers


async def _main(address: str, plan: dict[str, Any]) -> None:
    followers = await Crowd(plan).watch(address, plan["tokens"])
    moments = list(zip(*(follower.moments for follower in followers), strict=True))
    faults = [fault for follower in followers for fault in follower.faults]
    print(json.dumps({"moments": moments, "faults": faults}), flush=True)
    os._exit(0)  # the connections are cut, and nobody waits for their goodbyes


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
