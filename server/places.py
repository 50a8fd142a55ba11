"""How many long connections somebody may hold at once: sockets and event streams together, in this process.

An address may hold `Settings.address_connections`: a mobile carrier puts many phones behind one.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kit.errors import DomainError, ErrorCode

MOST_PER_MEMBER = 20
"""A few devices with a few subscriptions each, and the half-open connections that a bad network leaves behind."""
RETRY_SECONDS = 5


class Places:
    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def refuse_one_more(self, holder: str, most: int) -> None:
        """THROTTLED if the holder, a member's id or an address, has `most` places already."""
        if self._held[holder] >= most:
            raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=RETRY_SECONDS)

    @contextmanager
    def hold(self, holder: str, most: int) -> Iterator[None]:
        """One place more while inside; THROTTLED if there is none."""
        self.refuse_one_more(holder, most)
        self._held[holder] += 1
        try:
            yield
        finally:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]
