"""One request to a vendor, and whether it can have arrived.

Each has a connection of its own: on one that was kept, a vendor's hanging up cannot be told from a lost answer. The
transport is used without httpx's client, which would log addresses, and in those are numbers, codes and keys.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping
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


class Wire:
    def __init__(self) -> None:
        self._trust = httpx.create_ssl_context()

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """The JSON object in the answer, whatever its status; `NotAnswered` if there is none."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                status, answer = await self._exchange(url, headers, content)
        except NEVER_ARRIVED:
            raise NotAnswered("unreachable", arrived=False) from None  # what httpx says may quote the request
        except (httpx.HTTPError, TimeoutError):
            raise NotAnswered("unanswered") from None
        return Answer(status, _read(answer))

    async def _exchange(self, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        request = httpx.Request(
            "POST",
            url,
            headers={"accept": "application/json", "accept-encoding": "identity", "connection": "close", **headers},
            content=content,
            extensions={"timeout": _TIMEOUT},
        )
        async with httpx.AsyncHTTPTransport(verify=self._trust) as transport:
            response = await transport.handle_async_request(request)
            try:
                answer = bytearray()
                async for piece in cast(AsyncIterable[bytes], response.stream):
                    answer += piece
                    if len(answer) > LARGEST_ANSWER:
                        raise NotAnswered("answer too large")
                return response.status_code, bytes(answer)
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
