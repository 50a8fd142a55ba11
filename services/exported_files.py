"""Files made in the background, whatever is in them: made by one process at a time, fetched by a signed address, swept.

`services/privacy_export.py` makes those of a member's own data, `services/reports.py` those of staff.
"""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from kit.db import leadership
from kit.errors import DomainError, ErrorCode
from kit.words import ExportStatus
from models.exported_files import expire_files, files_due, files_to_remove, finish_file, mark_removed
from services.ports import Ports

MOST_TRIES = 5
PAUSE_AFTER_FAILURE = timedelta(minutes=1)
"""Also after a worker that died: what it had begun is made anew."""
AT_ONCE = 20
PIECE_BYTES = 64 * 1024

_log = structlog.get_logger("exports")


class ExportedFile(Protocol):
    """A row of a table of such files."""

    id: Any
    status: Any
    storage_key: Any
    expires_at: Any
    size_bytes: Any


async def make_due(ports: Ports, table: str, make: Callable[[Ports, UUID], Awaitable[None]]) -> None:
    """Make the files that are waiting. What another process is making is left to it."""
    for file_id in await files_due(table, ports.clock.now(), AT_ONCE):
        async with being_made(file_id) as leads:
            if await leads():
                try:
                    await make(ports, file_id)
                except Exception as error:
                    _log.error("export failed", export=str(file_id), error=type(error).__name__, exc_info=True)


def being_made(file_id: UUID) -> AbstractAsyncContextManager[Callable[[], Awaitable[bool]]]:
    """Whoever leads here is alone with the file: a lock of the connection, not of a row, held for as long as it takes
    and freed when this process dies."""
    return leadership(f"export {file_id}")


async def keep_file(
    ports: Ports, table: str, file: ExportedFile, pieces: AsyncIterator[bytes], kept: timedelta
) -> None:
    """Store what `pieces` gives and say that it is there, for as long as `kept`."""
    checksum = hashlib.sha256()

    async def summed() -> AsyncIterator[bytes]:
        async for piece in pieces:
            checksum.update(piece)
            yield piece

    async with aclosing(summed()) as through:  # type: ignore[type-var]  # a generator, by its yield
        size_bytes = await ports.storage.put_pieces(file.storage_key, through)
    ready_at = ports.clock.now()
    finished = await finish_file(
        table,
        file.id,
        size_bytes=size_bytes,
        sha256=checksum.hexdigest(),
        ready_at=ready_at,
        expires_at=ready_at + kept,
    )
    if not finished:  # the account was deleted meanwhile
        await ports.storage.delete(file.storage_key)


async def sweep(ports: Ports, table: str) -> None:
    """End the files whose time is over, and delete the bytes of all that ended."""
    now = ports.clock.now()
    await expire_files(table, now)
    for file_id, key in await files_to_remove(table, AT_ONCE):
        async with being_made(file_id) as leads:
            if await leads():  # nobody is still writing it
                await ports.storage.delete(key)
                await mark_removed(table, file_id, now)


def file_url(ports: Ports, file: ExportedFile) -> str | None:
    """Where the file is fetched until it expires; None unless it is there."""
    if not is_there(file, ports.clock.now()):
        return None
    until = int(file.expires_at.timestamp())
    base = ports.settings.public_url.rstrip("/")
    return f"{base}/exports/{file.id}?until={until}&signature={_signature(ports, file.id, until)}"


def require_signed(ports: Ports, file_id: UUID, until: int, signature: str) -> None:
    """FORBIDDEN if the signature of an address is wrong or its time over."""
    right = hmac.compare_digest(signature.encode(), _signature(ports, file_id, until).encode())
    if not right or ports.clock.now().timestamp() >= until:
        raise DomainError(ErrorCode.FORBIDDEN)


def is_there(file: ExportedFile, now: datetime) -> bool:
    return file.status is ExportStatus.READY and file.expires_at is not None and file.expires_at > now


def _signature(ports: Ports, file_id: UUID, until: int) -> str:
    mac = hmac.new(ports.settings.key("exports"), f"{file_id} {until}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")
