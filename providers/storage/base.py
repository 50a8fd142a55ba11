"""What the academy asks of a place that keeps media."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PutAddress:
    """Where a client puts bytes itself; `headers` must be sent exactly so."""

    url: str
    headers: Mapping[str, str]


class Storage(Protocol):
    """Keeps bytes by key. A key is lower-case letters, digits, `-`, `.` and `/`, and made by us, never by a client."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep `content` under `key`, whole or not at all; the same again changes nothing."""
        ...

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        """`put` for what is never in memory as a whole; how many bytes. One writer a key at a time."""
        ...

    async def copy(self, source: str, target: str) -> None:
        """Keep under `target` what is under `source` now, whole or not at all; `LookupError` without a source."""
        ...

    async def delete(self, key: str) -> None:
        """Forget `key` and whatever a `put_pieces` for it left behind when it was killed; nothing there is no fault."""
        ...

    def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes [start, stop) in pieces; `LookupError` before the first piece if there is no such key."""
        ...

    async def holds(self, key: str, size_bytes: int) -> bool:
        """True if `key` is kept with exactly this size."""
        ...

    def put_address(
        self, key: str, *, content_type: str, size_bytes: int, sha256: str, now: datetime, seconds: int
    ) -> PutAddress | None:
        """A signed address that takes exactly these bytes under `key`; None: this storage takes them through us."""
        ...

    def get_address(self, key: str, method: str, content_type: str, *, now: datetime, seconds: int) -> str | None:
        """A signed address that gives `key`, in ranges too, as `content_type`; None: this storage gives through us.

        `method` is GET or HEAD, and the address is good for that one alone.
        """
        ...
