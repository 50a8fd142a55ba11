"""What a sender may cost this process by what it has to refuse.

Reading and validating a document nobody has sent before is work that comes before anything can be charged for it. So
each sender, a member or a network address, may have so many requests refused at once, and so many a second in the long
run. Beyond, only small bodies of theirs are read, and only trusted documents are looked at, which this process knows
already; the rest is told so after a pause, which costs us nothing and them a connection. An app in the hands of honest
people is not refused at all, so whoever shares the address of an attacker goes on.
"""

import asyncio
from collections import OrderedDict

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode

MOST_KEPT = 10_000
"""Senders that are remembered; beyond, the one that was refused longest ago is forgiven."""
PAUSE_SECONDS = 1.0
"""How long somebody waits to hear that we have lost patience."""
MOST_PAUSING = 1_000
"""So many wait at once; beyond, they hear it at once."""


class Refusals:
    """Kept for each sender as the moment at which all of it is forgiven."""

    def __init__(self, most: int, per_second: float) -> None:
        self._grace_seconds = (most - 1) / per_second
        self._each_seconds = 1 / per_second
        self._forgiven_at: OrderedDict[str, float] = OrderedDict()
        self._pausing = 0

    async def require_patience(self, sender: str) -> None:
        """THROTTLED, after a pause, if too much of theirs was refused."""
        wait = self._forgiven_at.get(sender, 0.0) - monotonic() - self._grace_seconds
        if wait <= 0:
            return
        if self._pausing < MOST_PAUSING:
            self._pausing += 1
            try:
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._pausing -= 1
        raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=int(wait) + 1)

    def add(self, sender: str) -> None:
        """One more request of theirs was refused."""
        forgiven_at = max(monotonic(), self._forgiven_at.pop(sender, 0.0)) + self._each_seconds
        self._forgiven_at[sender] = forgiven_at
        if len(self._forgiven_at) > MOST_KEPT:
            self._forgiven_at.popitem(last=False)
