"""GraphQL over WebSocket: the graphql-transport-ws protocol, written out so that every bound is in sight.

A socket belongs to one token and ends with it: closed with 4403 when the token expires and soon after its session is
revoked, so that the client refreshes and connects again. Every operation gets its own context and loads its actor anew,
and so does every event: one that happens after the member lost access is not sent. Waiting for events holds no
database connection.
"""

import asyncio
import contextlib
from contextlib import ExitStack, aclosing
from functools import partial
from typing import Any

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.types.execution import PreExecutionError

from auth.actor import Actor
from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.metrics import counted
from kit.tasks import end
from models.sessions import denied_among, ended_among
from resolvers.node import find
from schema.context import Context
from server.admission import Charge, Gate, charge_for, network_of, sender_of
from server.answers import Answer, Caller, answer, end_of, refusal, unexpected
from server.api import schema
from server.bodies import Malformed
from server.documents import Refused
from server.identity import Identity, actor_behind, identify, is_open, pay_what_is_due
from server.places import MOST_PER_MEMBER, Places
from server.request import GraphQLRequest, address_of, language_of, request_of
from server.rooms import RoomAsk, Rooms, TooSlow, room_ask
from server.trusted import refuse_untrusted
from services.ports import Ports

PROTOCOL = "graphql-transport-ws"
MOST_OPERATIONS = 10
MOST_FRAME_BYTES = 64 * 1024
INIT_SECONDS = 5.0
SEND_SECONDS = 10.0
EXPIRY_SECONDS = 1.0  # how often the watch looks at clocks
REVOCATION_SECONDS = 5.0  # how often it asks for ended sessions

log = structlog.get_logger("sockets")


class Gone(Exception):
    """The socket is closed; nothing more can be said on it."""


class Socket:
    def __init__(self, websocket: WebSocket, ports: Ports, gate: Gate, places: Places, rooms: Rooms) -> None:
        self._rooms = rooms
        self._websocket = websocket
        self._ports = ports
        self._gate = gate
        self._places = places
        self._held = ExitStack()
        self._language = language_of(websocket.headers)
        self._authorization: str | None = None
        self._acknowledged = False
        self._closed = False
        self._sending = asyncio.Lock()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self.identity: Identity | None = None

    async def run(self) -> None:
        await self._websocket.accept(subprotocol=PROTOCOL)
        try:
            most = self._ports.settings.address_connections
            await self._hold_place(network_of(address_of(self._websocket)), most)
            async with asyncio.timeout(INIT_SECONDS):
                while not self._acknowledged:
                    await self._take(await self._receive())
            while True:
                await self._take(await self._receive())
        except TimeoutError:
            await self.close(4408, "Connection initialisation timeout")
        except Gone:
            pass
        finally:
            self._closed = True
            self._held.close()
            await end(*self._operations.values())

    async def close(self, code: int, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.close(code, reason)

    async def _receive(self) -> dict[str, Any]:
        """The next message; `Gone` when there will be none, also because this one broke the protocol."""
        if self._closed:
            raise Gone
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise Gone
        text = event.get("text")
        if not isinstance(text, str):
            await self._refuse(4400, "Messages are text")
        elif len(text.encode(errors="replace")) > MOST_FRAME_BYTES:
            await self._refuse(1009, "Message too big")
        else:
            with contextlib.suppress(orjson.JSONDecodeError):
                message = orjson.loads(text)
                if isinstance(message, dict):
                    return message
            await self._refuse(4400, "Messages are JSON objects")
        raise Gone

    async def _refuse(self, code: int, reason: str) -> None:
        await self.close(code, reason)
        raise Gone

    async def _take(self, message: dict[str, Any]) -> None:
        kind, operation_id, payload = message.get("type"), message.get("id"), message.get("payload")
        if kind == "connection_init":
            await self._init(payload)
        elif kind == "ping":
            await self._send({"type": "pong"})
        elif kind == "pong":
            pass
        elif kind == "subscribe":
            await self._subscribe(operation_id, payload)
        elif kind == "complete" and isinstance(operation_id, str):
            if task := self._operations.get(operation_id):
                await end(task)  # before the next message: who subscribes and completes in turn piles nothing up
                self._operations.pop(operation_id, None)  # a task that never began has not done it
        else:
            await self._refuse(4400, "Unknown message")

    async def _init(self, payload: object) -> None:
        if self._acknowledged:
            await self._refuse(4429, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            await self._refuse(4400, "Invalid payload")
        authorization = payload.get("authorization") if isinstance(payload, dict) else None
        if authorization is not None and not isinstance(authorization, str):
            await self._refuse(4403, "Forbidden")
        self._authorization = authorization
        try:
            self.identity = await identify(self._ports, authorization, address_of(self._websocket))
        except DomainError as error:
            if error.code is ErrorCode.UNAUTHENTICATED:
                await self._refuse(4403, "Forbidden")
            await self._refuse(1013, "Try again later")
        if self.identity is not None:
            await self._hold_place(str(self.identity.actor.member_id), MOST_PER_MEMBER)
        self._acknowledged = True
        await self._send({"type": "connection_ack"})

    async def _hold_place(self, holder: str, most: int) -> None:
        try:
            self._held.enter_context(self._places.hold(holder, most))
        except DomainError:
            await self._refuse(1013, "Too many connections")

    async def _subscribe(self, operation_id: object, payload: object) -> None:
        if not self._acknowledged:
            await self._refuse(4401, "Unauthorized")
        if not isinstance(operation_id, str) or not operation_id:
            await self._refuse(4400, "An operation needs an id")
        assert isinstance(operation_id, str)
        if operation_id in self._operations:
            await self._refuse(4409, f"Subscriber for {operation_id[:80]} already exists")
        caller = Caller(self._language, new_id().hex, address_of(self._websocket))
        if len(self._operations) >= MOST_OPERATIONS:
            error = DomainError(ErrorCode.THROTTLED, retry_after_seconds=1)
            await self._send_error(operation_id, refusal(error, caller))
            return
        try:
            asked = request_of(payload, self._gate.trusted)
        except Malformed as malformed:
            await self._send_error(operation_id, refusal(malformed.error, caller))
            return
        except DomainError as error:
            await self._send_error(operation_id, refusal(error, caller))
            return
        self._operations[operation_id] = asyncio.create_task(self._operate(operation_id, asked, caller))

    async def _operate(self, operation_id: str, asked: GraphQLRequest, caller: Caller) -> None:
        """Run one operation to its end and say how it ended. Never raises but for its own cancellation."""
        started = monotonic()
        task = asyncio.current_task()
        last: Answer | None = None
        try:
            last = await self._results(operation_id, asked, caller)
        except Gone:
            return
        except Refused as refused:
            last = answer(None, refused.errors, caller)
        except Malformed as malformed:
            last = refusal(malformed.error, caller)
        except DomainError as error:
            last = refusal(error, caller)
        except Exception as error:
            last = refusal(unexpected(error, caller), caller)
        finally:
            if self._operations.get(operation_id) is task:
                del self._operations[operation_id]  # the id is free before the client hears the end
            log.info(
                "operation", request_id=caller.request_id, operation=(asked.operation_name or "")[:80],
                ms=round((monotonic() - started) * 1000, 1), failed=last is not None,
            )  # fmt: skip
        with contextlib.suppress(Gone):
            if last is not None:
                await self._send_error(operation_id, last)
            else:
                await self._send({"id": operation_id, "type": "complete"})

    async def _results(self, operation_id: str, asked: GraphQLRequest, caller: Caller) -> Answer | None:
        """Send every result; the answer to send as an error if it never came to execution."""
        if self._ports.settings.trusted_documents_only and not self._gate.trusted.holds(asked.source):
            refuse_untrusted(await self._identity())
        sender = await sender_of(self._ports, self._authorization, caller.address)
        admitted = await self._gate.admit(self._ports, asked, sender)
        identity = None if is_open(admitted.operation) else await self._identity()
        with self._gate.blaming(sender):
            charge: Charge | None = await charge_for(self._ports, asked, admitted, identity, caller.address)
        await pay_what_is_due(self._ports, admitted.operation, identity)
        actor = identity.actor if identity else None
        ask_again = partial(actor_behind, self._ports, self._authorization, caller.address)
        context = Context(
            self._ports, actor, caller.language, caller.request_id, caller.address, ask_again=ask_again, find=find
        )
        if actor is not None and (room := room_ask(asked, admitted, caller.language)) is not None:
            await self._follow_room(operation_id, room, actor, charge)
            return None
        stream = await schema.stream(
            asked.source, asked.variables, context_value=context, operation_name=asked.operation_name
        )
        async with aclosing(stream):
            async for result in stream:
                shown = answer(result.data, result.errors, caller)  # type: ignore[union-attr]
                if isinstance(result, PreExecutionError):
                    return shown
                if failure := end_of(result.errors):  # type: ignore[union-attr]
                    await self._close_if_lost(failure)
                    raise failure
                shown = charge.shown_in(shown) if charge is not None else shown
                await self._send({"id": operation_id, "type": "next", "payload": shown})
                charge = None  # the first answer says what all of it cost
        return None

    async def _follow_room(self, operation_id: str, ask: RoomAsk, actor: Actor, charge: Charge | None) -> None:
        """Send what happens in a room, in bytes that are made once for everybody who asks the same.

        Whether the member may still go on is looked at by their token here, by their session in the watch of `Sockets`.
        """
        front = f'{{"id":{orjson.dumps(operation_id).decode()},"type":"next","payload":'
        try:
            async with aclosing(self._rooms.frames(actor, ask)) as frames:
                async for frame in frames:
                    if self.identity is not None and self.identity.expires_at <= self._ports.clock.now():
                        await self._refuse(4403, "Forbidden")
                    shown = charge.put_in(frame) if charge is not None else frame
                    charge = None  # the first answer says what all of it cost
                    await self._send_text(f"{front}{shown}}}")
        except TooSlow:
            await self._refuse(1001, "Too slow")

    async def _identity(self) -> Identity | None:
        try:
            return await identify(self._ports, self._authorization, address_of(self._websocket))
        except DomainError as error:
            await self._close_if_lost(error)
            raise

    async def _close_if_lost(self, error: DomainError) -> None:
        """Close a socket whose member may not go on. One that never had a member is only refused what needs one."""
        if self.identity is not None and error.code is ErrorCode.UNAUTHENTICATED:
            await self._refuse(4403, "Forbidden")

    async def _send_error(self, operation_id: str, shown: Answer) -> None:
        await self._send({"id": operation_id, "type": "error", "payload": shown["errors"]})

    async def _send(self, message: Answer) -> None:
        await self._send_text(orjson.dumps(message).decode())

    async def _send_text(self, text: str) -> None:
        """Send in turn. A client that reads nothing for `SEND_SECONDS` is gone."""
        async with self._sending:
            if self._closed:
                raise Gone
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._websocket.send_text(text)
            except (RuntimeError, WebSocketDisconnect, OSError, TimeoutError) as error:
                await self.close(1001, "Too slow")
                raise Gone from error


class Sockets:
    """The open sockets of this process, and the watch that ends those whose token has ended."""

    def __init__(self, ports: Ports, gate: Gate, places: Places) -> None:
        self._ports = ports
        self._gate = gate
        self._places = places
        self.rooms = Rooms(ports)
        self._open: set[Socket] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def serve(self, websocket: WebSocket) -> None:
        if PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(4406, "Subprotocol not acceptable")
            return
        socket = Socket(websocket, self._ports, self._gate, self._places, self.rooms)
        self._open.add(socket)
        counted.sockets.inc()
        try:
            await socket.run()
        finally:
            self._open.discard(socket)
            counted.sockets.dec()

    async def watch(self) -> None:
        """Look at expiry every second and at revocation every five, for all sockets at once, until cancelled."""
        looked = monotonic()
        while True:
            await asyncio.sleep(EXPIRY_SECONDS)
            self.end_expired()
            if monotonic() - looked >= REVOCATION_SECONDS:
                looked = monotonic()
                with contextlib.suppress(DomainError):  # the database is away; the next look is soon
                    await self.end_revoked()

    def end_expired(self) -> None:
        now = self._ports.clock.now()
        self._end({socket for socket in self._open if socket.identity and socket.identity.expires_at <= now})

    async def end_revoked(self) -> None:
        actors = {socket: socket.identity.actor for socket in self._open if socket.identity}
        if not actors:
            return
        ended = await ended_among([actor.session_id for actor in actors.values()], self._ports.clock.now())
        denied = await denied_among([actor.token_id for actor in actors.values()])
        self._end({each for each, actor in actors.items() if actor.session_id in ended or actor.token_id in denied})

    def _end(self, sockets: set[Socket]) -> None:
        """Close them without waiting: one that takes its time must not keep the watch from the others."""
        for socket in sockets:
            closing = asyncio.create_task(socket.close(4403, "Forbidden"))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
