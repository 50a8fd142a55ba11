"""What the academy asks of whoever sends its short messages."""

from typing import Protocol


class Sms(Protocol):
    async def send(self, phone: str, text: str) -> None:
        """Hand one message over for the number `phone` (E.164). Raises if it was not taken; it may then be tried again,
        so a message may arrive twice."""
        ...
