"""How long a kept film or sound really plays: measured where it becomes a lesson or a replay, never believed."""

import tempfile
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from kit.errors import DomainError, ErrorCode
from models.courses import MediaAsset
from providers.probe.base import Probed, Unplayable
from services.ports import Ports

_log = structlog.get_logger("probing")


async def probe_media(ports: Ports, asset: MediaAsset, *field: str) -> Probed:
    """Measure a film or sound in storage. UPLOAD_INVALID, at `field` if given, if there is nothing in it to play.

    It is copied beside the data first, because only a whole file can be measured: outside a transaction, please.
    """
    async with local_copy(ports, asset) as path:
        try:
            return await ports.probe.probe(path, asset.content_type)
        except Unplayable as error:
            _log.info("unplayable media", media=str(asset.id), reason=str(error))
            raise DomainError(ErrorCode.UPLOAD_INVALID, field=field or None) from error


@asynccontextmanager
async def local_copy(ports: Ports, asset: MediaAsset) -> AsyncIterator[Path]:
    """The bytes of an asset as a file of their own, for as long as the block lasts."""
    home = ports.settings.data_dir.absolute() / "probing"
    await to_thread(home.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as place:
        path = Path(place) / "media"
        with path.open("wb") as file:
            async for piece in ports.storage.read(asset.storage_key, 0, asset.size_bytes):
                await to_thread(file.write, piece)
        yield path
