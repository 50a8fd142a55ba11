"""A small HTTP server in the place of a vendor: answers what it is told to, and keeps what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson


@dataclass
class Asked:
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass
class Vendor:
    url: str = ""
    answer: bytes = b""
    """All that goes over the wire."""
    hang: bool = False
    """Take the request, and never answer."""
    asked: list[Asked] = field(default_factory=list)
    on_ask: Callable[[Asked], None] | None = None
    """Looks at what was asked, and may say something else to it."""

    def says(self, body: object, status: str = "200 OK", kind: str = "application/json") -> None:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        self.answer = (
            f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            if first == b"\x16":  # a greeting in TLS, answered as nginx does where none is spoken
                writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
                return
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.asked.append(Asked(head[0].split(" ")[1], headers, body))
            if self.on_ask is not None:
                self.on_ask(self.asked[-1])
            if self.hang:
                await reader.read()
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has read enough
        finally:
            writer.close()


@asynccontextmanager
async def standing_vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()


ACCOUNT: dict[str, Any] = {
    "sms_access_key_id": "key-id-of-the-academy",
    "sms_access_key_secret": "key-secret-of-the-academy",
    "sms_sign_name": "成长学院",
    "sms_template": "SMS_1001",
    "sms_app_id": "1400006666",
}
