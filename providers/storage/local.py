"""Media in a local directory: for one machine, and for development."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from providers.storage.base import PutAddress

PIECE_BYTES = 256 * 1024
KEY = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*")


class LocalStorage:
    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(self._write, self._path(key), content)

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        path = self._path(key)
        draft, size_bytes = _draft(path), 0
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        file = await asyncio.to_thread(draft.open, "wb")
        try:
            async for piece in pieces:
                size_bytes += await asyncio.to_thread(file.write, piece)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            file.close()
        await asyncio.to_thread(os.replace, draft, path)
        return size_bytes

    async def copy(self, source: str, target: str) -> None:
        path, goal = self._path(source), self._path(target)
        await asyncio.to_thread(goal.parent.mkdir, parents=True, exist_ok=True)
        try:
            await asyncio.to_thread(shutil.copyfile, path, _draft(goal))
        except FileNotFoundError as error:
            raise LookupError(source) from error
        except BaseException:
            _draft(goal).unlink(missing_ok=True)
            raise
        await asyncio.to_thread(os.replace, _draft(goal), goal)

    async def delete(self, key: str) -> None:
        path = self._path(key)
        for each in (path, _draft(path)):
            await asyncio.to_thread(each.unlink, missing_ok=True)

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError as error:
            raise LookupError(key) from error
        try:
            await asyncio.to_thread(file.seek, start)
            while start < stop and (piece := await asyncio.to_thread(file.read, min(PIECE_BYTES, stop - start))):
                start += len(piece)
                yield piece
        finally:
            file.close()

    async def holds(self, key: str, size_bytes: int) -> bool:
        path = self._path(key)
        return path.is_file() and path.stat().st_size == size_bytes

    def put_address(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str, now: datetime, seconds: int
    ) -> PutAddress | None:
        return None

    def get_address(self, key: str, method: str, content_type: str, *, now: datetime, seconds: int) -> str | None:
        return None

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError("not a storage key")
        return self._root / key

    def _write(self, path: Path, content: bytes) -> None:
        """Beside its place first, then moved there, so that a reader never meets half a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise


def _draft(path: Path) -> Path:
    """Where a long write goes before it is whole: always the same place, so that a killed one is found again."""
    return path.with_name(f".draft-{path.name}")
