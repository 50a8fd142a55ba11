"""Joins the parts: from settings to `Ports`, and the worker's tasks."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from auth.passwords import Passwords
from auth.tokens import Tokens
from gamification.boards import HonourBoards
from kit.buckets import Buckets
from kit.bus import Bus
from kit.clock import Clock, SystemClock
from kit.db import STATEMENT_SECONDS, close_database, count_pool, migrate, open_database
from kit.errors import DomainError, ErrorCode
from kit.log import configure_logging
from kit.paging import Cursors
from kit.phones import Phones
from kit.redis import open_redis
from kit.settings import Settings
from kit.tasks import end
from kit.tracing import tracing
from kit.word_list import WordList
from models import MODULES
from providers.captcha.registry import captcha_for
from providers.known import require_known_providers
from providers.live.registry import live_for
from providers.probe.ffmpeg import FFmpegProbe
from providers.push.registry import push_for
from providers.push.robots import robots_for
from providers.sms.registry import sms_for
from providers.storage.registry import storage_for
from server.home import Embedded, standing
from services.ports import Ports
from workers.ingest import run_ingest
from workers.relay import run_relay
from workers.scheduler import run_scheduler

DATABASE_TRIES = 20
BUS_SECONDS = 0.5
BUILD_SECONDS = 10.0
"""Who builds boards reads everybody meanwhile, and may come late to an answer that has long been there."""
POOL_SECONDS = 2.0


@asynccontextmanager
async def build_ports(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Ports]:
    """Ports on an open database; closes what it opened. `settings` name both servers."""
    assert settings.redis_url is not None, "an embedded Valkey has its address by now"
    redis = open_redis(settings.redis_url)
    building = open_redis(settings.redis_url, seconds=BUILD_SECONDS)
    channels = f"bus:{redis.connection_pool.connection_kwargs.get('db', 0)}:"
    bus = Bus(open_redis(settings.redis_url, blocking=True), prefix=channels)
    await bus.start()
    passwords = Passwords()
    try:
        yield Ports(
            settings=settings,
            clock=clock or SystemClock(),
            redis=redis,
            bus=bus,
            boards=HonourBoards(redis, building),
            buckets=Buckets(redis),
            cursors=Cursors(settings.key("cursors")),
            tokens=Tokens(settings.key("tokens")),
            passwords=passwords,
            phones=Phones(settings.key("phones")),
            sms=sms_for(settings),
            push=push_for(settings),
            robots=robots_for(settings),
            captcha=captcha_for(settings),
            storage=storage_for(settings),
            probe=FFmpegProbe(),
            word_list=WordList(settings.room_words_file or settings.data_dir / "room-words.txt"),
            live=live_for(settings, clock or SystemClock()),
        )
    finally:
        passwords.close()
        await bus.close()
        await redis.aclose()
        await building.aclose()


@asynccontextmanager
async def opened_ports(settings: Settings, *, statement_seconds: int = STATEMENT_SECONDS) -> AsyncIterator[Ports]:
    """Ports of a process of its own: opens the database first, waiting for it a while."""
    if settings.otlp_endpoint is not None:
        tracing.open(settings.otlp_endpoint, settings.trace_ratio)
    await _open_database(settings, statement_seconds)
    looking = asyncio.create_task(_look_at_pool())
    try:
        async with build_ports(settings) as ports:
            yield ports
    finally:
        await end(looking)
        await close_database()
        await asyncio.to_thread(tracing.close)


@asynccontextmanager
async def standing_ports(settings: Settings) -> AsyncIterator[Ports]:
    """Ports of `main:app` under somebody else's ASGI server: without addresses in the settings it leans on a running
    `serve`, or starts, migrates and watches databases of its own."""
    configure_logging()
    settings.require_safe()
    require_known_providers(settings)
    with standing(settings, address=settings.public_url) as ground:
        if ground.embedded is not None:
            assert ground.settings.database_url is not None
            await migrate(ground.settings.database_url, MODULES)
        watch = asyncio.create_task(_keep_alive(ground.embedded))
        try:
            async with opened_ports(ground.settings) as ports:
                yield ports
        finally:
            await end(watch)


async def _look_at_pool() -> None:
    while True:
        count_pool()
        await asyncio.sleep(POOL_SECONDS)


async def _keep_alive(embedded: Embedded | None) -> None:
    while embedded is not None:
        await asyncio.sleep(0.5)
        embedded.revive()


async def work(settings: Settings, ready: Callable[[], None]) -> None:
    """Be the worker: relay and tick until SIGTERM or Ctrl-C."""
    async with opened_ports(settings) as ports:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        tasks = [asyncio.create_task(run_relay(ports)), asyncio.create_task(run_scheduler(ports))]
        ready()
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        await end(stopped, *tasks)
        for task in done - {stopped}:
            task.result()  # neither ends by itself: tell why it did


async def take_streams(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Be the ingest: take live streams on `listener` until SIGTERM or Ctrl-C, then finish what is being recorded."""
    async with opened_ports(settings) as ports:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        task = asyncio.create_task(run_ingest(ports, listener))
        ready()
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, task], return_when=asyncio.FIRST_COMPLETED)
        await end(stopped)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if task in done:
            task.result()  # it does not end by itself: tell why it did


async def _open_database(settings: Settings, statement_seconds: int) -> None:
    assert settings.database_url is not None, "an embedded PostgreSQL has its address by now"
    for attempt in range(1, DATABASE_TRIES + 1):
        try:
            await open_database(
                settings.database_url,
                MODULES,
                pool_size=settings.database_pool_size,
                wait_seconds=settings.database_wait_seconds,
                statement_seconds=statement_seconds,
            )
        except DomainError as error:
            if error.code is not ErrorCode.UNAVAILABLE or attempt == DATABASE_TRIES:
                raise
            await asyncio.sleep(0.5)
        else:
            return
