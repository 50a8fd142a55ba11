"""A worker that makes exports as far as the middle of the file, says so, and waits to be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from kit.clock import FrozenClock
from kit.settings import Settings
from providers.storage.local import LocalStorage
from server.wiring import opened_ports
from services.privacy_export import make_exports
from services.reports import make_reports


class HalfWay(LocalStorage):
    """Writes the first piece like its parent, and no other."""

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        return await super().put_pieces(key, stuck(pieces))


async def stuck(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece[: len(piece) // 2]
        print("half way", flush=True)
        await asyncio.Event().wait()


async def main(data_dir: Path, now: datetime) -> None:
    async with opened_ports(Settings(data_dir=data_dir)) as ports:
        dying = replace(ports, storage=HalfWay(data_dir / "media"), clock=FrozenClock(now))
        await make_exports(dying)
        await make_reports(dying)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
