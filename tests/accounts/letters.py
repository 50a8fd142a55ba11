"""An SMS provider for tests: keeps what it was given."""

import re

from services.ports import Ports
from workers.relay import drain


class Letterbox:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        """(phone, text), oldest first."""

    async def send(self, phone: str, text: str) -> None:
        self.sent.append((phone, text))

    def code(self, phone: str) -> str:
        """The code in the last message to this phone."""
        text = [text for to, text in self.sent if to == phone][-1]
        [code] = re.findall(r"(?<!\d)\d{6}(?!\d)", text)
        return code


async def delivered(ports: Ports) -> Letterbox:
    """The letterbox after everything that waits was sent."""
    await drain(ports)
    letterbox = ports.sms
    assert isinstance(letterbox, Letterbox)
    return letterbox
