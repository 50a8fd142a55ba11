"""The ASGI application: routes, what surrounds them, and what lives as long as the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from kit.tasks import end
from server.admission import Gate
from server.calendars import calendar
from server.draws import entrants
from server.hooks import live_hook
from server.live import live_file
from server.media import media
from server.metrics import metrics
from server.middleware import KnownHosts, RequestLog
from server.pages import STATIC, front, graphiql, healthz, jwks, readyz
from server.places import Places
from server.privacy import consent_page, export_file
from server.sockets import Sockets
from server.trusted import load_trusted
from server.uploads import upload
from server.view import graphql
from services.ports import Ports

COMPRESSED = Middleware(GZipMiddleware, minimum_size=1024)
"""For text alone: a piece of a film must leave with the bytes and the length that its range names."""

OpenPorts = Callable[[], AbstractAsyncContextManager[Ports]]


def make_app(open_ports: OpenPorts) -> Starlette:
    """The application. `open_ports` opens what it stands on when the server starts, and closes it when it stops.

    `BadDocument` if the schema cannot answer a trusted document.
    """
    trusted = load_trusted()
    routes: list[Route | WebSocketRoute | Mount] = [
        Route("/graphql", graphql, methods=["GET", "POST"], middleware=[COMPRESSED]),
        WebSocketRoute("/graphql", subscriptions),
        Route("/media/{media_id}", media, methods=["GET"]),
        Route("/uploads/{upload_id}", upload, methods=["PUT"]),
        Route("/live/{token}/{name}/{file}", live_file, methods=["GET"]),
        Route("/hooks/live", live_hook, methods=["GET", "POST"]),
        Route("/hooks/live/{token}", live_hook, methods=["GET", "POST"]),
        Route("/consents/{purpose}/{version}/{language}", consent_page, methods=["GET"]),
        Route("/draws/{draw_id:uuid}/entrants.txt", entrants, methods=["GET"], middleware=[COMPRESSED]),
        Route("/calendar/{token}.ics", calendar, methods=["GET"], middleware=[COMPRESSED]),
        Route("/exports/{export_id}", export_file, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/.well-known/jwks.json", jwks, methods=["GET"]),
        Route("/graphiql", graphiql, methods=["GET"]),
        Mount("/static", StaticFiles(directory=STATIC), middleware=[COMPRESSED]),
        Route("/", front, methods=["GET"]),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_ports() as ports:
            app.state.ports = ports
            app.state.trusted_names = frozenset(operation.name for operation in trusted.operations)
            app.state.first_segments = frozenset("/" + route.path.split("/")[1] for route in routes)
            app.state.gate = gate = Gate(trusted, ports.settings)
            app.state.places = places = Places()
            app.state.sockets = sockets = Sockets(ports, gate, places)
            watch = asyncio.create_task(sockets.watch())
            try:
                yield
            finally:
                await end(watch)

    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog), Middleware(KnownHosts)],
        lifespan=lifespan,
    )


async def subscriptions(websocket: WebSocket) -> None:
    sockets: Sockets = websocket.app.state.sockets
    await sockets.serve(websocket)
