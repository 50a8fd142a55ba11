"""A lesson about to begin, its host, and an embedded ingest that takes the host's stream."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from auth.actor import Actor
from kit.clock import SystemClock
from kit.settings import Settings
from kit.tasks import end
from kit.words import LiveStatus, Role
from models.courses import MediaAsset
from models.live import LiveLesson
from providers.live.embedded import streams_root
from server.wiring import build_ports
from services.live_stream import IssuedKey, issue_stream_key
from services.ports import Ports
from tests.live_stream.camera import eventually
from tests.world import World
from workers.ingest import run_ingest
from workers.relay import drain


def address_of(key: IssuedKey) -> str:
    """What OBS makes of server and key."""
    return f"{key.ingest.url}/{key.ingest.key}"


@dataclass
class Studio:
    ports: Ports
    world: World
    lesson: LiveLesson
    host: Actor
    listener: socket.socket
    ingest: asyncio.Task[None]

    @classmethod
    @asynccontextmanager
    async def on_this_machine(cls, settings: Settings) -> AsyncIterator["Studio"]:
        listener = free_port()
        ground = settings.model_copy(update={"live_ingest_port": listener.getsockname()[1]})
        async with build_ports(ground, clock=SystemClock()) as ports:
            world = World(ports)
            lesson, host = await lesson_now(world)
            ingest = asyncio.create_task(run_ingest(ports, listener))
            studio = cls(ports, world, lesson, host, listener, ingest)
            try:
                yield studio
            finally:
                await end(studio.ingest, patience_seconds=20)

    async def key(self) -> IssuedKey:
        return await issue_stream_key(self.ports, self.host, self.lesson.id)

    async def status(self) -> LiveStatus:
        return (await LiveLesson.get(id=self.lesson.id)).status

    async def until(self, status: LiveStatus) -> None:
        async def reached() -> bool:
            return await self.status() is status

        await eventually(reached)

    async def settle(self) -> None:
        """Do what transactions have announced."""
        await drain(self.ports)

    def directory(self, key: IssuedKey) -> Path:
        return streams_root(self.ports.settings) / name_of(key)

    async def until_playing(self, key: IssuedKey, segments: int = 1) -> None:
        """Wait for a playlist with this many segments."""
        playlist = self.directory(key) / "index.m3u8"
        await eventually(lambda: playlist.exists() and playlist.read_text().count(".ts") >= segments)

    async def replay_file(self) -> Path:
        """The film of the replay, on disk."""
        asset = await MediaAsset.get(id=(await LiveLesson.get(id=self.lesson.id)).replay_media_id)
        return self.ports.settings.data_dir / "media" / asset.storage_key


def wrong_addresses(old: IssuedKey, key: IssuedKey) -> list[str]:
    """What somebody may try beside the good key: a wrong secret, none, an unknown name, and the key before this one."""
    good = address_of(key)
    return [
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good.partition("?")[0],
        good.replace(name_of(key), "0" * 32),
        address_of(old),
        address_of(old).replace(name_of(old), name_of(key)),
    ]


def name_of(key: IssuedKey) -> str:
    return key.ingest.key.partition("?")[0]


def free_port() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)
    return listener


async def lesson_now(world: World) -> tuple[LiveLesson, Actor]:
    """A lesson that starts in five minutes by the real clock, and its host."""
    return await lesson_at(world, SystemClock().now() + timedelta(minutes=5))


async def lesson_at(world: World, starts_at: datetime) -> tuple[LiveLesson, Actor]:
    host = await world.staff(Role.LECTURER, name="王老师")
    lesson = await world.live_lesson(host=host, starts_at=starts_at)
    return lesson, await world.actor(host)
