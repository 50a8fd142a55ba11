"""Around every request: an id, headers, one line in the log; and who may call us by which name.

Pure ASGI, so that streams and context variables live.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.clock import monotonic
from kit.ids import new_id
from kit.metrics import counted
from kit.settings import ANY_HOST, Settings
from kit.tracing import Span, SpanKind, tracing

log = structlog.get_logger("requests")

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

HOST = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://{HOST.pattern}", re.ASCII | re.IGNORECASE)

SAFE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""On every answer that says nothing else: an answer is no page, loads nothing and stands in nobody's frame."""


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
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        try:
            with _span(scope) as span:
                await self.app(scope, receive, send_marked)
                if span is not None:
                    _describe(span, scope, status)
        finally:
            seconds = monotonic() - started
            _count(scope, status, seconds)
            if scope["path"] not in QUIET:
                log.info(
                    scope["type"],
                    request_id=request_id,
                    path=_path(scope),
                    operation=str(state.get("operation", ""))[:80],
                    status=status,
                    ms=round(seconds * 1000, 1),
                )


class KnownHosts:
    """Answers only to the names in `Settings.hosts`, and takes WebSockets from no page of another name.

    A name of the attacker's that leads to this machine makes an attacker's page and ours one to a browser (DNS
    rebinding); what we would build from a made-up name would lead astray. Health checks call us by whatever address
    they see, and learn nothing that is worth a name.

    Browsers keep a page from other servers' answers over HTTP, but not from their WebSockets: a page of anybody's could
    talk to a server on its visitor's laptop. They do name the page in Origin, and so we look. Apps send none, or the
    address they call; no cookie of ours could be abused in any case.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in QUIET or _is_known(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "Unknown host or origin"})
        else:
            await PlainTextResponse("This server has another name.\n", 400)(scope, receive, send)


def _is_known(scope: Scope) -> bool:
    settings: Settings = scope["app"].state.ports.settings
    headers, hosts = Headers(scope=scope), settings.hosts
    if ANY_HOST in hosts:
        return True
    named, pages = headers.getlist("host"), headers.getlist("origin") if scope["type"] == "websocket" else []
    called = [HOST.fullmatch(each) for each in named] + [ORIGIN.fullmatch(each) for each in pages]
    return len(named) == 1 and all(each and each["host"].strip("[]").lower() in hosts for each in called)


@contextmanager
def _span(scope: Scope) -> Iterator[Span | None]:
    """A trace of its own for each request over HTTP; a socket lives too long for one."""
    if scope["type"] != "http" or scope["path"] in QUIET:
        yield None
        return
    with tracing.span(f"{scope['method']} {_route(scope)}", SpanKind.SERVER) as span:
        yield span


def _describe(span: Span, scope: Scope, status: int) -> None:
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", _route(scope))
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("request_id", scope["state"]["request_id"])
    if operation := _operation(scope):
        span.set_attribute("graphql.operation.name", operation)
        span.update_name(f"{scope['method']} {_route(scope)} {operation}")


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Only routes and operations that we know have lines of their own."""
    route = _route(scope)
    counted.responses.labels(route, str(status)).inc()
    if scope["type"] == "http":
        counted.requests.labels(route, _operation(scope)).observe(seconds)


def _route(scope: Scope) -> str:
    path = _path(scope)
    return path if path in scope["app"].state.first_segments else "other"


def _operation(scope: Scope) -> str:
    name = str(scope["state"].get("operation", ""))
    return name if name in scope["app"].state.trusted_names else ""


def _path(scope: Scope) -> str:
    """The route, not the address: a media address holds a signature."""
    return "/" + str(scope["path"]).split("/")[1][:40]
