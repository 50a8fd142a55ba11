"""RTMP, the side that receives: messages in, with limits on everything a stranger decides.

pyrtmp knows how commands are answered. Its reader is not used: it believes any length, loses its place in a stream of
more than 4.6 hours, and forgets the time between two packets of the same size; commands are read by `amf.py`. Nor is
its server: importing it sets the logging of the whole process to DEBUG, with stream keys in it.
"""

import asyncio
import logging
import struct
from dataclasses import dataclass, field
from typing import Any

from bitstring import BitStream
from pyrtmp.amf.serializers import AMF0Serializer
from pyrtmp.messages import Chunk
from pyrtmp.messages.command import NCConnect, NCCreateStream, NSPublish
from pyrtmp.messages.protocol_control import Acknowledgement, SetChunkSize, SetPeerBandwidth, WindowAcknowledgementSize
from pyrtmp.messages.user_control import StreamBegin

from kit.ids import new_bytes
from providers.live.amf import Unreadable, values_of

for _name in [name for name in logging.Logger.manager.loggerDict if name.startswith("pyrtmp.")]:
    logging.getLogger(_name).disabled = True  # they quote what strangers send

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
_SET_CHUNK_SIZE, _ABORT, _WINDOW, _COMMAND_AMF3 = 1, 2, 5, 17

VERSION = 3
CHALLENGE = 1536
"""Length of C1, C2, S1 and S2."""
EXTENDED = 0xFFFFFF
MOST_COMMAND_BYTES = 16 * 1024
MOST_MESSAGE_BYTES = 4 * 1024 * 1024
"""A key frame of a good camera is a tenth of it."""
MOST_CHUNK_STREAMS = 32
MOST_COMMANDS = 32
"""Before publishing; a camera sends five. Each is answered, and the answer costs more than the question."""
MOST_BYTES_BEFORE = 64 * 1024
"""Of whatever kind, from who has not been let in."""
WINDOW_BYTES = 2_500_000
OUR_CHUNK_BYTES = 4096
LONGEST_NAME = 512
END_COMMANDS = frozenset({"deleteStream", "closeStream", "FCUnpublish"})


class Malformed(Exception):
    """What came is no RTMP, or more than we take. The message is for a log, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    kind: int
    timestamp: int
    """Milliseconds since the publisher began, 32 bits."""
    payload: bytes


@dataclass(slots=True)
class _ChunkStream:
    timestamp: int = 0
    delta: int = 0
    length: int = 0
    kind: int = 0
    extended: bool = False
    stream_id: int = 0
    payload: bytearray = field(default_factory=bytearray)


class MessageReader:
    """Puts the chunks of one connection together to messages."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._chunk_bytes = 128
        self._streams: dict[int, _ChunkStream] = {}
        self.most_bytes = MOST_COMMAND_BYTES
        """How long a message may be, and all unfinished ones together; more once a publisher is let in."""
        self.most_received: int | None = MOST_BYTES_BEFORE
        """How much may come in all; None once a publisher is let in."""
        self.received_bytes = 0
        self.window_bytes = WINDOW_BYTES

    async def next(self) -> Message:
        """The next message but those about the reading itself. `asyncio.IncompleteReadError` at the end."""
        while True:
            message = await self._chunk()
            if message is None:
                continue
            if message.kind == _SET_CHUNK_SIZE:
                self._chunk_bytes = max(1, min(_number(message.payload), 0xFFFFFF))
            elif message.kind == _ABORT:
                if (stopped := self._streams.get(_number(message.payload))) is not None:
                    stopped.payload.clear()
            elif message.kind == _WINDOW:
                self.window_bytes = max(4096, min(_number(message.payload), WINDOW_BYTES))
            else:
                return message

    async def _chunk(self) -> Message | None:
        """Read one chunk; the message that it ends, if it ends one."""
        form, stream = await self._header()
        begins = not stream.payload
        if form < 3 and not begins:
            raise Malformed("a new message inside another")
        field_value = stream.delta
        if form == 3:
            if stream.extended:
                await self._read(4)
        else:
            field_value = await self._message_header(form, stream)
        if begins:
            if form == 0:
                stream.timestamp, stream.delta = field_value, 0
            else:
                stream.delta = field_value
                stream.timestamp = (stream.timestamp + field_value) & 0xFFFFFFFF
        waiting = sum(len(each.payload) for each in self._streams.values())
        if stream.length - len(stream.payload) + waiting > self.most_bytes:
            raise Malformed("a message that is too long")
        stream.payload += await self._read(min(self._chunk_bytes, stream.length - len(stream.payload)))
        if len(stream.payload) < stream.length:
            return None
        whole = bytes(stream.payload)
        stream.payload.clear()
        return Message(stream.kind, stream.timestamp, whole)

    async def _header(self) -> tuple[int, _ChunkStream]:
        first = (await self._read(1))[0]
        form, number = first >> 6, first & 63
        if number == 0:
            number = (await self._read(1))[0] + 64
        elif number == 1:
            low, high = await self._read(2)
            number = high * 256 + low + 64
        known = self._streams.get(number)
        if known is None:
            if form == 3 or len(self._streams) >= MOST_CHUNK_STREAMS:
                raise Malformed("a chunk of nothing")
            known = self._streams[number] = _ChunkStream()
        return form, known

    async def _message_header(self, form: int, stream: _ChunkStream) -> int:
        """Timestamp or delta, after whatever else the header of this form tells has been noted."""
        head = await self._read((11, 7, 3)[form])
        value = int.from_bytes(head[:3], "big")
        if form < 2:
            stream.length, stream.kind = int.from_bytes(head[3:6], "big"), head[6]
            if not 0 < stream.length <= self.most_bytes:
                raise Malformed("a message that is too long or empty")
        if form == 0:
            stream.stream_id = int.from_bytes(head[7:11], "little")
        stream.extended = value == EXTENDED
        return _number(await self._read(4)) if stream.extended else value

    async def _read(self, count: int) -> bytes:
        self.received_bytes += count
        if self.most_received is not None and self.received_bytes > self.most_received:
            raise Malformed("more than it takes to say who one is")
        return await self._reader.readexactly(count)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a publisher asked for: the application, and the name with whatever stood behind it."""

    app: str
    name: str
    query: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Command:
    name: str
    values: list[Any]
    """What follows the name: a number to answer to, an object or None, and whatever the command has."""


class Connection:
    """One publisher, from the greeting to the last packet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = MessageReader(reader)
        self._acknowledged = 0

    async def wish(self) -> Wish:
        """Greet, and listen until somebody wants to publish. `Malformed` if they want anything else."""
        greeting = await self._reader.readexactly(1 + CHALLENGE)
        if greeting[0] != VERSION:
            raise Malformed("another version")
        self._writer.write(bytes([VERSION]) + bytes(8) + new_bytes(CHALLENGE - 8) + greeting[1:])
        await self._writer.drain()
        await self._reader.readexactly(CHALLENGE)
        app = ""
        for _ in range(MOST_COMMANDS):
            command = await self._command()
            if command.name == "connect":
                app = _text(_field(_value(command, 1), "app"))
                for answer in (
                    WindowAcknowledgementSize(ack_window_size=WINDOW_BYTES),
                    SetPeerBandwidth(ack_window_size=WINDOW_BYTES, limit_type=2),
                    StreamBegin(stream_id=0),
                    SetChunkSize(chunk_size=OUR_CHUNK_BYTES),
                    NCConnect(1, {}, None, command_name="connect", **_head()).create_response(),
                ):
                    self._send(answer)
            elif command.name == "createStream":
                number = _value(command, 0)
                if not isinstance(number, float):
                    raise Malformed("a command without a number")
                self._send(NCCreateStream(number, {}, command_name="createStream", **_head()).create_response())
            elif command.name == "publish":
                name, _, query = _text(_value(command, 2)).partition("?")
                return Wish(app.partition("?")[0].strip("/"), name, query)
            await self._writer.drain()
        raise Malformed("more commands than a camera sends")

    async def admit(self) -> None:
        """Tell the publisher to begin."""
        self._messages.most_bytes, self._messages.most_received = MOST_MESSAGE_BYTES, None
        self._send(StreamBegin(stream_id=1))
        self._send(NSPublish(0, {}, "", "live", command_name="publish", **_head()).create_response())
        await self._writer.drain()

    async def refuse(self) -> None:
        """Tell the publisher no; for them to say so to a person, not to try again at once."""
        stream = BitStream()
        refusal = {"level": "error", "code": "NetStream.Publish.BadName", "description": "This key is not taken."}
        for value in ("onStatus", 0, None, refusal):
            AMF0Serializer.create_object(stream, value)
        self._send(_chunk(COMMAND, stream.bytes, stream_id=1))
        await self._writer.drain()

    async def media(self) -> Message | None:
        """The next packet of picture, sound or description; None when the publisher says that it is over."""
        while True:
            message = await self._messages.next()
            if self._messages.received_bytes - self._acknowledged >= self._messages.window_bytes:
                self._acknowledged = self._messages.received_bytes
                self._send(Acknowledgement(seq_number=self._acknowledged & 0xFFFFFFFF))
            if message.kind in (AUDIO, VIDEO, DATA):
                return message
            if message.kind in (COMMAND, _COMMAND_AMF3) and _read_command(message).name in END_COMMANDS:
                return None

    async def _command(self) -> _Command:
        while (message := await self._messages.next()).kind not in (COMMAND, _COMMAND_AMF3):
            continue
        return _read_command(message)

    def _send(self, chunk: Chunk) -> None:
        for raw in chunk.to_raw_chunks(OUR_CHUNK_BYTES):
            self._writer.write(raw.to_bytes())


def _read_command(message: Message) -> _Command:
    payload = message.payload[1:] if message.kind == _COMMAND_AMF3 else message.payload
    if len(payload) > MOST_COMMAND_BYTES:
        raise Malformed("a command that is too long")
    try:
        name, *values = values_of(payload)
    except (Unreadable, ValueError) as error:
        raise Malformed("a command that cannot be read") from error
    if not isinstance(name, str):
        raise Malformed("a command without a name")
    return _Command(name, values)


def _value(command: _Command, place: int) -> Any:
    return command.values[place] if place < len(command.values) else None


def _head() -> dict[str, Any]:
    """What pyrtmp wants to know of the command that it answers."""
    return dict(vars(_chunk(COMMAND, b"", stream_id=1)))


def _chunk(kind: int, payload: bytes, *, stream_id: int) -> Chunk:
    return Chunk(
        chunk_type=0,
        chunk_id=3,
        timestamp=0,
        msg_length=len(payload),
        msg_type_id=kind,
        msg_stream_id=stream_id,
        payload=payload,
    )


def _field(command_object: Any, name: str) -> object:
    return command_object.get(name) if isinstance(command_object, dict) else None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.isprintable():
        raise Malformed("a name that is none")
    return value


def _number(payload: bytes) -> int:
    if len(payload) != 4:
        raise Malformed("a number that is none")
    return int(struct.unpack(">I", payload)[0])
