"""What a caller may cost this process by sending documents that it has to refuse.

Reading and validating a document nobody has sent before is work that comes before anybody knows whose it is. So each
network address may have so many documents refused at once, and so many a second in the long run. Beyond, this process
looks only at trusted documents from there, which it knows already. An app in the hands of honest people sends no
others, so whoever shares the address of an attacker goes on.
"""

from collections import OrderedDict

from kit.clock import monotonic
from kit.errors import DomainError, ErrorCode

MOST_KEPT = 10_000
"""Addresses that are remembered; beyond, the one that was refused longest ago is forgiven."""


class Refusals:
    """Kept for each address as the moment at which all of it is forgiven."""

    def __init__(self, most: int, per_second: float) -> None:
        self._grace_seconds = (most - 1) / per_second
        self._each_seconds = 1 / per_second
        self._forgiven_at: OrderedDict[str, float] = OrderedDict()

    def require_patience(self, network: str) -> None:
        """THROTTLED if too many documents from there were refused."""
        wait = self._forgiven_at.get(network, 0.0) - monotonic() - self._grace_seconds
        if wait > 0:
            raise DomainError(ErrorCode.THROTTLED, retry_after_seconds=int(wait) + 1)

    def add(self, network: str) -> None:
        """One more document from there was refused."""
        forgiven_at = max(monotonic(), self._forgiven_at.pop(network, 0.0)) + self._each_seconds
        self._forgiven_at[network] = forgiven_at
        if len(self._forgiven_at) > MOST_KEPT:
            self._forgiven_at.popitem(last=False)
