"""A web process for `bench/room.py` to measure: `python -m bench.room_server academy|plain`.

It says where it listens, and answers each line on its input with the seconds of processor it has used. `academy` is the
academy's own application; `plain` is Strawberry's, whose subscription has a queue for each follower and executes each
message for each of them. Both run below the same uvicorn, with the same types. The plain one has no database behind it.
"""

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import TextIO

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from kit.ids import new_id
from kit.settings import Settings
from kit.words import LiveMessageKind, RoomEventKind
from models.live_room import RoomEvent, Spoken
from schema.live_room import LiveRoomUpdate
from schema.scalars import SCALARS
from server.app import make_app
from server.children import WebServer
from server.wiring import opened_ports

QUEUES: set[asyncio.Queue[RoomEvent]] = set()
LESSON, AUTHOR = new_id(), new_id()


def _event(seq: int, kind: RoomEventKind, text: str = "") -> RoomEvent:
    spoken = Spoken(LiveMessageKind.CHAT, text, AUTHOR, "主播", None) if text else None
    details = {} if text else {"status": "LIVE"}
    return RoomEvent(LESSON, seq, kind, datetime.now(UTC), 60, new_id(), details, spoken)


@strawberry.type
class Query:
    @strawberry.field
    def nothing(self) -> str | None:
        return None


@strawberry.type
class Feed:
    @strawberry.subscription
    async def live_room(
        self, live_lesson_id: strawberry.ID, after: int | None = None
    ) -> AsyncGenerator[LiveRoomUpdate, None]:
        queue: asyncio.Queue[RoomEvent] = asyncio.Queue()
        QUEUES.add(queue)
        try:
            yield LiveRoomUpdate.of(_event(0, RoomEventKind.STATUS_CHANGED))
            while True:
                yield LiveRoomUpdate.of(await queue.get())
        finally:
            QUEUES.discard(queue)


async def _say(request: Request) -> Response:
    told = await request.json()
    event = _event(told["seq"], RoomEventKind.MESSAGE_POSTED, told["text"])
    for queue in QUEUES:
        queue.put_nowait(event)
    return Response()


def _plain() -> Starlette:
    schema = strawberry.Schema(Query, subscription=Feed, config=StrawberryConfig(scalar_map=SCALARS))
    graphql = GraphQL[None, None](schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    return Starlette(routes=[Route("/say", _say, methods=["POST"]), WebSocketRoute("/graphql", graphql)])


def _tell_time(out: TextIO) -> None:
    for _ in sys.stdin:
        print(time.process_time(), file=out, flush=True)


def main(kind: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    app = make_app(lambda: opened_ports(Settings())) if kind == "academy" else _plain()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the log is written, and read by nobody
    threading.Thread(target=_tell_time, args=(out,), daemon=True).start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = WebServer(app, lambda: print(address, file=out, flush=True))
    if kind == "plain":
        server.config.lifespan = "off"
    server.run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
