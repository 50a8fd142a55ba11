"""The door that takes live streams: the embedded ingest, asking the database who may come in."""

import asyncio
import socket

from kit.tasks import end
from providers.live.embedded import streams_root
from providers.live.ingest import IngestServer
from services.live_feeds import Publisher, publish, unpublish
from services.ports import Ports


class AcademyDoor:
    """What the ingest asks and tells, in the same words as any media server's hooks."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def may_publish(self, name: str, secret: str, client: str, address: str) -> bool:
        return await publish(self._ports, Publisher(name, client, secret))

    async def has_ended(self, name: str, client: str) -> None:
        await unpublish(self._ports, name, client)


async def run_ingest(ports: Ports, listener: socket.socket) -> None:
    """Take streams on a listening socket for ever; when cancelled, finish the files of those who are on air."""
    root = streams_root(ports.settings)
    root.mkdir(parents=True, exist_ok=True)
    ingest = IngestServer(root, AcademyDoor(ports), ports.clock)
    server = await asyncio.start_server(ingest.accept, sock=listener)
    watch = asyncio.create_task(ingest.watch())
    try:
        await watch
    finally:
        server.close()
        await ingest.close()
        await end(watch)
