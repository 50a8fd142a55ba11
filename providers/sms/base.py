"""What the academy asks of whoever sends its short messages."""

import re
from typing import Protocol

from kit.errors import DomainError, ErrorCode

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,79}")


class NotSent(DomainError):
    """A message that was not sent, or of which nobody knows.

    `again` is true only if it surely was not taken and may be sooner or later: whatever may have arrived is not to be
    handed over a second time. THROTTLED if there were too many, else UNAVAILABLE. `reason` is for the log: a word of
    ours or of the vendor's, without anything that was sent.
    """

    def __init__(self, reason: str, *, code: ErrorCode = ErrorCode.UNAVAILABLE, again: bool = False) -> None:
        super().__init__(code)
        self.reason = reason
        self.again = again


class Sms(Protocol):
    async def send_code(self, phone: str, code: str) -> None:
        """Hand a message with `code` over for the number `phone` (E.164), once. `NotSent` if it was not taken."""
        ...


def word_of(answer: object) -> str:
    """What a vendor calls an error, if it looks like a name: anything longer could repeat what we sent."""
    return answer if isinstance(answer, str) and _WORD.fullmatch(answer) else "unreadable"
