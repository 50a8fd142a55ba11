"""`/metrics` for Prometheus: what the processes of this machine have counted, and what the databases say now."""

import asyncio
import hmac
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from kit.errors import DomainError
from kit.metrics import counted
from kit.redis import AWAY
from kit.settings import LOOPBACK, Environment
from models.outbox import Backlog, backlog
from services.ports import Ports

T = TypeVar("T")

ANSWER_SECONDS = 2.0
"""A scraper waits ten: a database that hangs must not take the figures along that would tell of it."""


class Now(Collector):
    """Who answers, and the outbox by topic; of the outbox nothing is said while the database is away."""

    def __init__(self, found: list[Backlog] | None, *, redis: bool) -> None:
        self._found = found
        self._redis = redis

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "academy_database_up", "1 if PostgreSQL answered this scrape.", value=float(self._found is not None)
        )
        yield GaugeMetricFamily("academy_redis_up", "1 if Valkey answered this scrape.", value=float(self._redis))
        waiting = GaugeMetricFamily("academy_outbox_rows", "Rows no relay has applied.", labels=["topic"])
        age = GaugeMetricFamily("academy_outbox_age_seconds", "Age of the oldest of them.", labels=["topic"])
        lag = GaugeMetricFamily(
            "academy_relay_lag_seconds", "How long the oldest row that is due has been so.", labels=["topic"]
        )
        for each in self._found or []:
            waiting.add_metric([each.topic], each.waiting)
            age.add_metric([each.topic], each.age_seconds)
            lag.add_metric([each.topic], each.lag_seconds)
        yield waiting
        yield age
        yield lag


async def metrics(request: Request) -> Response:
    """The figures, for whoever may see them; for everybody else there is no such page."""
    ports: Ports = request.app.state.ports
    if not _may_see(request, ports):
        return Response("Not Found", 404)
    return Response(await exposition(ports), media_type=CONTENT_TYPE_LATEST)


async def exposition(ports: Ports) -> bytes:
    """Everything there is to tell, in Prometheus' text format."""
    found, pong = await asyncio.gather(_in_time(backlog()), _in_time(ports.redis.ping()))
    registry = counted.registry()
    return generate_latest(registry) + generate_latest(Now(found, redis=bool(pong)))


async def _in_time(asked: Awaitable[T]) -> T | None:
    """The answer, or None if there is none yet."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asked
    except (DomainError, *AWAY):
        return None


def _may_see(request: Request, ports: Ports) -> bool:
    """Whoever has the token; without one, whoever asks on this machine, and not through a proxy, in development."""
    token = ports.settings.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())
    here = request.client is not None and request.client.host in LOOPBACK
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return here and not forwarded and ports.settings.environment is Environment.DEVELOPMENT
