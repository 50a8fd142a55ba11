"""An SMS provider for tests: keeps what it was given."""

from services.ports import Ports
from workers.relay import drain


class Letterbox:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        """(phone, code), oldest first."""

    async def send_code(self, phone: str, code: str) -> None:
        self.sent.append((phone, code))

    def code(self, phone: str) -> str:
        """The code in the last message to this phone."""
        return [code for to, code in self.sent if to == phone][-1]


async def delivered(ports: Ports) -> Letterbox:
    """The letterbox after everything that waits was sent."""
    await drain(ports)
    letterbox = ports.sms
    assert isinstance(letterbox, Letterbox)
    return letterbox
