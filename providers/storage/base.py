"""What the academy asks of a place that keeps media."""

from collections.abc import AsyncIterator
from typing import Protocol


class Storage(Protocol):
    """Keeps bytes by key. A key is lower-case letters, digits, `-`, `.` and `/`, and made by us, never by a client."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep `content` under `key`, whole or not at all; the same again changes nothing."""
        ...

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        """`put` for what is never in memory as a whole; how many bytes. One writer a key at a time."""
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
