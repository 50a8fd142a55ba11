"""Somebody at the door of the ingest who speaks RTMP by hand, as well or as badly as a test wants."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

COMMAND, SET_CHUNK_SIZE, AUDIO = 20, 1, 8
GREETING = b"\x03" + bytes(1536)
REPLY_BYTES = 1 + 1536 + 1536


def number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def text(value: str) -> bytes:
    return b"\x02" + name(value)


def name(value: str) -> bytes:
    return struct.pack(">H", len(value.encode())) + value.encode()


def fields(**values: bytes) -> bytes:
    return b"\x03" + b"".join(name(each) + value for each, value in values.items()) + b"\x00\x00\x09"


NULL = b"\x05"
CONNECT = text("connect") + number(1) + fields(app=text("live"))
CREATE_STREAM = text("createStream") + number(2) + NULL


def publish(key: str) -> bytes:
    return text("publish") + number(3) + NULL + text(key) + text("live")


def message(kind: int, payload: bytes, *, chunk_bytes: int = 128, length: int | None = None) -> bytes:
    """A message in chunks; `length` is what its header says, if that is not true."""
    said = len(payload) if length is None else length
    head = b"\x03" + bytes(3) + said.to_bytes(3, "big") + bytes([kind]) + bytes(4)
    pieces = [payload[at : at + chunk_bytes] for at in range(0, len(payload), chunk_bytes)] or [b""]
    return head + b"\xc3".join(pieces)


class Stranger:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def at(cls, port: int) -> AsyncIterator["Stranger"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def says(self, content: bytes) -> None:
        """As much of it as the other side takes."""
        with contextlib.suppress(OSError):
            self._writer.write(content)
            await self._writer.drain()

    async def greets(self) -> None:
        """Both halves of the greeting, and the answer to it."""
        await self.says(GREETING)
        await self._reader.readexactly(REPLY_BYTES)
        await self.says(bytes(1536))

    async def asks_to_publish(self) -> None:
        """All that goes before the key."""
        await self.greets()
        await self.says(message(COMMAND, CONNECT) + message(COMMAND, CREATE_STREAM))
        await self.hears(b"_result", times=2)

    async def hears(self, *words: bytes, times: int = 1) -> bytes:
        """Listen for one of the words, so many times in all; which came last."""
        heard = b""
        while True:
            found = [word for word in words if heard.count(word) >= times]
            if found:
                return found[0]
            piece = await self._reader.read(4096)
            assert piece, heard
            heard += piece

    async def is_sent_away(self) -> bool:
        """Wait for the other side to hang up."""
        with contextlib.suppress(OSError):
            while await self._reader.read(65536):
                continue
        return True
