"""The embedded media server: takes RTMP, asks at a door who may come in, and leaves HLS and recordings in directories.

It keeps nothing but files below its root, one directory a stream, so that whoever dies in the middle, it or ffmpeg,
leaves what there was; `embedded.py` reads them from any process of the same machine:

    air.json   who publishes, written anew every second while they do
    stopped    nobody may publish here again
"""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

import orjson
import structlog

from kit.clock import Clock, monotonic
from kit.ids import new_id
from kit.tasks import Turns, end
from providers.live.recorder import CannotRecord, Recorder
from providers.live.rtmp import Connection, Malformed, Message
from providers.live.signing import NAME

APP = "live"
AIR, STOPPED = "air.json", "stopped"
MOST_CONNECTIONS = 64
GREETING_SECONDS = 10.0
IDLE_SECONDS = 10.0
"""A publisher who sends nothing for so long has gone."""
STALE_SECONDS = 3.0
"""Who has sent nothing for so long gives way to who comes anew with the same key."""
CLOSE_SECONDS = 15.0
BEAT_SECONDS = 1.0
FRESH_SECONDS = 5.0
"""How old a beat may be for the stream to be on air."""
MOST_BYTES_PER_SECOND = 3_000_000
"""On average over the stream, after the first ten seconds: three times a very good camera."""

_log = structlog.get_logger("ingest")


class Door(Protocol):
    """Who decides, and who is told."""

    async def may_publish(self, name: str, secret: str, client: str, address: str) -> bool:
        """Whether this connection may publish; it begins at once if so."""
        ...

    async def has_ended(self, name: str, client: str) -> None:
        """The connection publishes no longer."""
        ...


@dataclass(slots=True)
class _Feed:
    name: str
    client: str
    recorder: Recorder
    writer: StreamWriter
    done: asyncio.Event


class IngestServer:
    """`accept` is for `asyncio.start_server`; `watch` has to run beside it."""

    def __init__(self, root: Path, door: Door, clock: Clock) -> None:
        self._root = root
        self._door = door
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self._turns = Turns()
        self._connections: set[asyncio.Task[None]] = set()
        self._waiting: dict[StreamWriter, None] = {}
        """Who has not been let in yet, the longest waiting first."""

    def accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        """A new connection. Not a coroutine: asyncio would report every connection that is cancelled as a fault."""
        if len(self._connections) >= MOST_CONNECTIONS:
            # Whoever has waited longest gives way, so that strangers who say nothing keep no host out.
            longest = next(iter(self._waiting), writer)
            self._waiting.pop(longest, None)
            longest.transport.abort()
            if longest is writer:
                return
        self._waiting[writer] = None
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def close(self) -> None:
        """End every connection, and finish what it recorded."""
        await end(*list(self._connections), patience_seconds=CLOSE_SECONDS)

    async def watch(self) -> None:
        """Say every second who is on air, and drop whoever was stopped; for ever."""
        while True:
            for feed in list(self._feeds.values()):
                if (self._root / feed.name / STOPPED).exists():
                    feed.writer.transport.abort()
                else:
                    self._beat(feed)
            await asyncio.sleep(BEAT_SECONDS)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, to its end."""
        try:
            await self._publish(reader, writer)
        except (Malformed, CannotRecord) as error:
            _log.info("publisher sent away", reason=str(error))
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            pass  # gone, without a word or without a packet
        except Exception:
            _log.exception("a connection failed")
        finally:
            self._waiting.pop(writer, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _publish(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = Connection(reader, writer)
        async with asyncio.timeout(GREETING_SECONDS):
            wish = await connection.wish()
        secret = parse_qs(wish.query, max_num_fields=8).get("key", [""])[0]
        address = str((writer.get_extra_info("peername") or ("",))[0])
        feed = None
        if wish.app == APP and NAME.fullmatch(wish.name):
            # One after the other: of two at once, the door would let in one and this server keep the other.
            async with self._turns.take(wish.name):
                feed = await self._begun(wish.name, secret, address, writer)
        if feed is None:
            await connection.refuse()
            return
        self._waiting.pop(writer, None)
        try:
            await connection.admit()
            await self._follow(connection, feed)
        finally:
            await self._over(feed)

    async def _begun(self, name: str, secret: str, address: str, writer: StreamWriter) -> _Feed | None:
        """A place on air, if this name is free and the door lets in; at most one has it at any moment."""
        present = self._feeds.get(name)
        if present is not None and monotonic() - present.recorder.last_packet > STALE_SECONDS:
            present.writer.transport.abort()
            async with asyncio.timeout(GREETING_SECONDS):
                await present.done.wait()
        client = new_id().hex
        if name in self._feeds:
            # The key is looked at all the same: who tries does not learn from the time it takes who is on air.
            if await self._door.may_publish(name, secret, client, address):
                await self._door.has_ended(name, client)
            return None
        directory = self._root / name
        feed = _Feed(name, client, Recorder(directory, self._clock), writer, asyncio.Event())
        self._feeds[name] = feed
        try:
            admitted = await self._door.may_publish(name, secret, client, address)
            if admitted and not (directory / STOPPED).exists():
                directory.mkdir(parents=True, exist_ok=True)
                self._beat(feed)
                return feed
        except BaseException:
            self._forget(feed)
            raise
        self._forget(feed)
        if admitted:
            await self._door.has_ended(name, client)
        return None

    async def _follow(self, connection: Connection, feed: _Feed) -> None:
        began, received = monotonic(), 0
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                message: Message | None = await connection.media()
            if message is None:
                return
            received += len(message.payload)
            if received > MOST_BYTES_PER_SECOND * max(10.0, monotonic() - began):
                raise Malformed("more than a camera sends")
            await feed.recorder.take(message)

    async def _over(self, feed: _Feed) -> None:
        """Shielded: the files are finished and the door is told, also when the server is going down."""
        ending = asyncio.ensure_future(self._end(feed))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending
            raise

    async def _end(self, feed: _Feed) -> None:
        try:
            await feed.recorder.close()
        finally:
            self._forget(feed)
            (self._root / feed.name / AIR).unlink(missing_ok=True)
        try:
            await self._door.has_ended(feed.name, feed.client)
        except Exception:
            _log.warning("the end of a stream was not told; it will be noticed", exc_info=True)

    def _forget(self, feed: _Feed) -> None:
        self._feeds.pop(feed.name, None)
        feed.done.set()

    def _beat(self, feed: _Feed) -> None:
        path = self._root / feed.name / AIR
        draft = path.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk ends the recording, which says so
            draft.write_bytes(orjson.dumps({"client": feed.client, "at": self._clock.now().timestamp()}))
            draft.replace(path)
