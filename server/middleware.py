"""Around every request: an id, headers, one line in the log. Pure ASGI, so that streams and context variables live."""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.clock import monotonic
from kit.ids import new_id

log = structlog.get_logger("requests")

QUIET = frozenset({"/healthz", "/readyz"})


class RequestLog:
    """Gives each request an id and logs its operation's name, status and time.

    Nothing the client wrote is logged but the operation's name: no query string, variable, token or header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = new_id().hex
        started = monotonic()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers.setdefault("cache-control", "no-store")
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "no-referrer")
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        try:
            await self.app(scope, receive, send_marked)
        finally:
            if scope["path"] not in QUIET:
                log.info(
                    scope["type"],
                    request_id=request_id,
                    path=_path(scope),
                    operation=str(state.get("operation", ""))[:80],
                    status=status,
                    ms=round((monotonic() - started) * 1000, 1),
                )


def _path(scope: Scope) -> str:
    """The route, not the address: a media address holds a signature."""
    return "/" + str(scope["path"]).split("/")[1][:40]
