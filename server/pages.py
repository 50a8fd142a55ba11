"""Small plain routes: health, readiness, public keys, and GraphiQL from our own files."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from kit.db import pending_migrations, rows
from kit.errors import DomainError
from kit.redis import AWAY
from services.ports import Ports
from services.signing import public_keys

STATIC = Path(__file__).with_name("static")
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
CHECK_SECONDS = 2.0


async def healthz(request: Request) -> Response:
    """This process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether this process can do its work; `missing` names what is away.

    Without Redis everything is still answered, boards from SQL, so that alone does not take a server out of service.
    """
    ports: Ports = request.app.state.ports
    checks: dict[str, Callable[[], Awaitable[bool]]] = {
        "database": _database_answers,
        "migrations": _migrated,
        "redis": lambda: _redis_answers(ports),
    }
    found = await asyncio.gather(*(_holds(check) for check in checks.values()))
    missing = [name for name, holds in zip(checks, found, strict=True) if not holds]
    ready = not {"database", "migrations"} & set(missing)
    return JSONResponse({"ready": ready, "missing": missing}, 200 if ready else 503)


async def jwks(request: Request) -> Response:
    """The public halves of the keys that sign access tokens, for other servers."""
    ports: Ports = request.app.state.ports
    return JSONResponse(await public_keys(ports), headers={"cache-control": "public, max-age=300"})


async def front(request: Request) -> Response:
    ports: Ports = request.app.state.ports
    return RedirectResponse("/graphiql") if ports.settings.graphiql else Response(status_code=404)


async def graphiql(request: Request) -> Response:
    ports: Ports = request.app.state.ports
    if not ports.settings.graphiql:
        return Response(status_code=404)
    return FileResponse(STATIC / "graphiql.html", headers={"content-security-policy": PAGE_POLICY})


async def _holds(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except (DomainError, *AWAY):
        return False


async def _database_answers() -> bool:
    return bool(await rows("SELECT 1"))


async def _migrated() -> bool:
    return not await pending_migrations()


async def _redis_answers(ports: Ports) -> bool:
    return bool(await ports.redis.ping())
