"""One request to a vendor, and whether it can have arrived.

Each message has a connection of its own: on one that was kept, a vendor's hanging up cannot be told from a lost answer.
The transport is used without httpx's client, which would log addresses, and in those are numbers and codes.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping
from typing import Any, cast

import httpx
import orjson

from providers.sms.base import NotSent

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


class Wire:
    def __init__(self) -> None:
        self._trust = httpx.create_ssl_context()

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
        """The JSON object in the answer, whatever its status.

        `NotSent` if there is none, to be tried again only if the request cannot have arrived. `headers` name the host.
        """
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return _read(await self._exchange(url, headers, content))
        except NEVER_ARRIVED:
            raise NotSent("unreachable", again=True) from None  # what httpx says may quote the request
        except (httpx.HTTPError, TimeoutError):
            raise NotSent("unanswered") from None

    async def _exchange(self, url: str, headers: Mapping[str, str], content: bytes) -> bytes:
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
                        raise NotSent("answer too large")
                return bytes(answer)
            finally:
                await response.aclose()


def _read(answer: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise NotSent("answer not JSON") from None
    if not isinstance(found, dict):
        raise NotSent("answer not an object")
    return found
