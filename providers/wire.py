"""One request to another server, and whether it can have arrived.

Each has a connection of its own: on one that was kept, a server's hanging up cannot be told from a lost answer. The
transport is used without httpx's client, which would log addresses, and in those are numbers, codes and keys.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
import orjson

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 8.0
LARGEST_ANSWER = 64 * 1024

NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
"""What goes wrong before a byte of the request has left."""

_TIMEOUT = httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS).as_dict()


class NotAnswered(Exception):
    """No answer that can be read. `arrived` is false only if the request surely never got there. `reason` is ours."""

    def __init__(self, reason: str, *, arrived: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.arrived = arrived


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON object that came with it."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An HTTP status and whatever came with it."""

    status: int
    body: bytes


class Wire:
    def __init__(self, *, largest_answer: int | None = None) -> None:
        self._trust = httpx.create_ssl_context()
        self._largest_answer = largest_answer

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """The JSON object in the answer, whatever its status; `NotAnswered` if there is none."""
        answer = await self.ask("POST", url, headers=headers, content=content)
        return Answer(answer.status, _read(answer.body))

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> RawAnswer:
        """The answer, whatever its status; `NotAnswered` if there is none within eight seconds."""
        largest = self._largest_answer or LARGEST_ANSWER
        try:
            async with asyncio.timeout(TOTAL_SECONDS), self._sent(method, url, headers or {}, content) as response:
                body = bytearray()
                async for piece in cast(AsyncIterable[bytes], response.stream):
                    body += piece
                    if len(body) > largest:
                        raise NotAnswered("answer too large")
                return RawAnswer(response.status_code, bytes(body))
        except NEVER_ARRIVED:
            raise NotAnswered("unreachable", arrived=False) from None  # what httpx says may quote the request
        except (httpx.HTTPError, TimeoutError):
            raise NotAnswered("unanswered") from None

    async def fetch(self, url: str, *, most_bytes: int, seconds: float) -> AsyncIterator[bytes]:
        """What stands at an address, in pieces; `NotAnswered` for anything but a whole 200, and for one too large.

        Nothing is followed: another address is another question.
        """
        size = 0
        try:
            async with asyncio.timeout(seconds), self._sent("GET", url, {}, b"") as response:
                if response.status_code != 200:
                    raise NotAnswered(f"status {response.status_code}")
                async for piece in cast(AsyncIterable[bytes], response.stream):
                    size += len(piece)
                    if size > most_bytes:
                        raise NotAnswered("answer too large")
                    yield piece
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise NotAnswered("unanswered") from None

    @asynccontextmanager
    async def _sent(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> AsyncIterator[httpx.Response]:
        request = httpx.Request(
            method,
            url,
            headers={"accept": "application/json", "accept-encoding": "identity", "connection": "close", **headers},
            content=content,
            extensions={"timeout": _TIMEOUT},
        )
        async with httpx.AsyncHTTPTransport(verify=self._trust) as transport:
            response = await transport.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()


def _read(answer: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise NotAnswered("answer not JSON") from None
    if not isinstance(found, dict):
        raise NotAnswered("answer not an object")
    return found
