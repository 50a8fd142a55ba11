"""Subscriptions as server-sent events, for clients that cannot open a WebSocket: one request, one subscription.

Events are `next` with an answer as data, then `complete`, as graphql-sse names them. The stream ends without `complete`
when its token does, or its session: refresh and ask again, and the present state comes first again. Before every event
the member is looked at anew; one that happens after they lost access is not sent.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import PreExecutionError

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode
from kit.tasks import end
from models.sessions import denied_among, ended_among
from schema.context import Context
from server.admission import Charge, network_of
from server.answers import Answer, Caller, answer, end_of, refusal, unexpected
from server.api import schema
from server.identity import Identity
from server.places import MOST_PER_MEMBER, Places
from server.request import GraphQLRequest
from server.rooms import TooSlow

EVENTS = "text/event-stream"
LOOK_SECONDS = 5.0  # how often a quiet stream shows that it lives, and asks whether its session does
SEND_SECONDS = 10.0
HEADERS = [(b"content-type", f"{EVENTS}; charset=utf-8".encode()), (b"x-accel-buffering", b"no")]
ALIVE = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


class EventStream:
    """An ASGI response that lasts as long as the subscription, the client and the token.

    To be called as soon as it is made: THROTTLED where member or address have too many long connections already.
    """

    def __init__(
        self,
        asked: GraphQLRequest,
        context: Context,
        identity: Identity | None,
        caller: Caller,
        charge: Charge,
        places: Places,
        frames: AsyncGenerator[str, None] | None = None,
    ) -> None:
        self._asked = asked
        self._context = context
        self._identity = identity
        self._caller = caller
        self._charge: Charge | None = charge
        self._places = places
        self._frames = frames
        """Of a room: answers that are made once for all who follow it (`server/rooms.py`)."""
        self._looked = monotonic()
        self._holders = {network_of(caller.address): context.ports.settings.address_connections}
        if identity is not None:
            self._holders[str(identity.actor.member_id)] = MOST_PER_MEMBER
        for holder, most in self._holders.items():
            places.refuse_one_more(holder, most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as held:
            for holder, most in self._holders.items():
                held.enter_context(self._places.hold(holder, most))
            telling, leaving = asyncio.create_task(self._tell(send)), asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(telling, leaving)

    async def _tell(self, send: Send) -> None:
        """Send every event. A client that takes nothing for `SEND_SECONDS` is gone, and is not even told the end."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        with contextlib.suppress(OSError, TimeoutError):
            async with aclosing(self._events()) as events:
                async for event in events:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def _events(self) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(self._answers()) as answers:
                async for found in answers:
                    if self._is_time_to_look(found) and not await self._may_go_on():
                        return
                    yield _next(found) if found is not None else ALIVE
        except TooSlow:
            return
        except DomainError as error:
            if self._identity is not None and error.code is ErrorCode.UNAUTHENTICATED:
                return
            yield _next(refusal(error, self._caller))
        except Exception as error:
            yield _next(refusal(unexpected(error, self._caller), self._caller))
        yield COMPLETE

    async def _answers(self) -> AsyncGenerator[Answer | str | None]:
        """Every answer of the subscription, and None whenever there was nothing for `LOOK_SECONDS`."""
        stream: AsyncGenerator[Any, None] = self._frames or await schema.stream(
            self._asked.source,
            self._asked.variables,
            context_value=self._context,
            operation_name=self._asked.operation_name,
        )
        async with aclosing(stream):
            while True:
                waiting = asyncio.ensure_future(anext(stream, None))
                try:
                    while not (await asyncio.wait({waiting}, timeout=self._quiet_seconds()))[0]:
                        yield None
                    result = waiting.result()
                finally:
                    await end(waiting)
                if result is None:
                    return
                if isinstance(result, str):
                    yield self._charge.put_in(result) if self._charge is not None else result
                    self._charge = None
                    continue
                shown = answer(result.data, result.errors, self._caller)
                if isinstance(result, PreExecutionError):
                    yield shown
                    return
                if failure := end_of(result.errors):
                    raise failure
                yield self._charge.shown_in(shown) if self._charge is not None else shown
                self._charge = None  # the first answer says what all of it cost

    def _quiet_seconds(self) -> float:
        """How long to wait for an event: until the next look, or the end of the token."""
        if self._identity is None:
            return LOOK_SECONDS
        left = self._identity.expires_at - self._context.ports.clock.now()
        return min(LOOK_SECONDS, max(0.0, left.total_seconds()))

    def _is_time_to_look(self, found: Answer | str | None) -> bool:
        """When it is quiet, and in a busy room, whose answers are made without asking who hears them."""
        if found is not None and not (isinstance(found, str) and monotonic() - self._looked > LOOK_SECONDS):
            return False
        self._looked = monotonic()
        return True

    async def _may_go_on(self) -> bool:
        if self._identity is None:
            return True
        now = self._context.ports.clock.now()
        if now >= self._identity.expires_at:
            return False
        actor = self._identity.actor
        with contextlib.suppress(DomainError):  # the database is away; the next look is soon
            return not (await ended_among([actor.session_id], now) or await denied_among([actor.token_id]))
        return True


def _next(found: Answer | str) -> bytes:
    return b"event: next\ndata: " + (found.encode() if isinstance(found, str) else orjson.dumps(found)) + b"\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
