"""Short messages between the processes of the academy, on Valkey's pub/sub.

Pub/sub forgets: what is published while a line is down is lost. So nothing of worth travels here, only "look again";
whoever listens gets a `RESYNC` whenever something may have been lost, and reads the present state anew. Inside one
process messages arrive even while Valkey is away.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from kit.errors import DomainError, ErrorCode
from kit.ids import new_secret
from kit.redis import AWAY, REQUEST_SECONDS
from kit.tasks import end

Message = dict[str, Any]

RESYNC: Message = {"kind": "resync"}
"""Something may have been missed: read the present state."""

CONFIRM_SECONDS = 1.0
BEAT_SECONDS = 5.0

_log = structlog.get_logger("bus")


class Listener:
    """One bounded queue. Whoever reads too slowly is cut off with THROTTLED instead of filling the memory."""

    def __init__(self, limit: int) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue(limit)
        self._overrun = False

    def put(self, message: Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._overrun = True

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if self._overrun:
            raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=1)
        return await self._queue.get()


class Bus:
    """Publish and listen. `redis` must be a blocking client of its own (`open_redis(url, blocking=True)`)."""

    def __init__(self, redis: Redis, prefix: str = "bus:") -> None:
        self._redis = redis
        self._prefix = prefix
        self._origin = new_secret()
        self._all = f"{prefix}*all"  # every process hears this channel
        self._listeners: dict[str, set[Listener]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._standing = asyncio.Event()
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)
        await self._redis.aclose()

    async def connected(self, seconds: float) -> bool:
        """Wait until the line to Valkey stands; False if it does not within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._standing.wait()
        except TimeoutError:
            return False
        return True

    async def publish(self, channel: str, message: Message) -> None:
        """Tell every listener of `channel`; see `publish_each`."""
        await self.publish_each([(channel, message)])

    async def publish_each(self, messages: Iterable[tuple[str, Message]]) -> None:
        """Tell the listeners of many channels, on one trip. Never fails, and waits half a second at the most: while
        Valkey is away only this process hears it, and the others are told to look again once it is back."""
        bodies: list[tuple[str, bytes]] = []
        for channel, message in messages:
            self._deliver(channel, message)
            bodies.append((self._prefix + channel, orjson.dumps({"from": self._origin, "message": message})))
        if bodies:
            await self._send(bodies)

    @asynccontextmanager
    async def listen(self, channel: str, limit: int = 64) -> AsyncIterator[AsyncIterator[Message]]:
        """Everything published from now on: listen first, then read the present state, then follow."""
        listener = Listener(limit)
        others = self._listeners.setdefault(channel, set())
        others.add(listener)
        try:
            await self._subscribe(channel)
            yield listener
        finally:
            others.discard(listener)
            if not others and self._listeners.get(channel) is others:
                del self._listeners[channel]
                await self._unsubscribe(channel)

    def _deliver(self, channel: str, message: Message) -> None:
        for listener in tuple(self._listeners.get(channel, ())):
            listener.put(message)

    def _resync(self) -> None:
        for channel in tuple(self._listeners):
            self._deliver(channel, RESYNC)

    async def _send(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        if self._lost:
            pipe.publish(self._all, b"resync")
        self._lost = False  # whatever is lost from here on, by this call or another, sets it again
        for name, body in bodies:
            pipe.publish(name, body)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await pipe.execute()
        except AWAY:
            self._lost = True

    async def _subscribe(self, channel: str) -> None:
        """Wait until Valkey has confirmed; while it is away the RESYNC after its return makes up for it."""
        pubsub = self._pubsub
        if pubsub is None:
            return
        name = self._prefix + channel
        confirmed = self._confirmed.get(name)
        try:
            if confirmed is None:
                confirmed = self._confirmed[name] = asyncio.Event()
                await pubsub.subscribe(name)
            async with asyncio.timeout(CONFIRM_SECONDS):
                await confirmed.wait()
        except AWAY:
            return

    async def _unsubscribe(self, channel: str) -> None:
        name = self._prefix + channel
        if self._pubsub is not None and self._confirmed.pop(name, None) is not None:
            with contextlib.suppress(*AWAY):
                await self._pubsub.unsubscribe(name)

    async def _follow(self) -> None:
        """Keep one line to Valkey open for ever; only this task reads from it."""
        pause = 0.05
        while True:
            pubsub = self._redis.pubsub()
            try:
                names = [self._prefix + channel for channel in self._listeners]
                self._confirmed = {name: asyncio.Event() for name in names}
                await pubsub.subscribe(self._all, *names)
                self._pubsub = pubsub
                pause = 0.05
                await self._read(pubsub)
            except AWAY as error:
                _log.warning("bus line lost", error=type(error).__name__)
                self._lost = True
            finally:
                self._pubsub = None
                self._standing.clear()
                with contextlib.suppress(*AWAY):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def _read(self, pubsub: PubSub) -> None:
        heard = True
        while True:
            message = await pubsub.get_message(timeout=BEAT_SECONDS)
            if message is None:
                if not heard:
                    raise TimeoutError("no answer to the last ping")
                heard = False
                await pubsub.ping()
                continue
            heard = True
            self._take(message)

    def _take(self, message: Message) -> None:
        kind, name = message["type"], (message["channel"] or b"").decode()
        if kind == "subscribe":
            if name == self._all:
                self._standing.set()
                self._resync()  # the line was down until now
            elif (confirmed := self._confirmed.get(name)) is not None:
                confirmed.set()
        elif kind == "message" and name == self._all:
            self._resync()
        elif kind == "message":
            body = orjson.loads(message["data"])
            if body["from"] != self._origin:
                self._deliver(name.removeprefix(self._prefix), body["message"])
