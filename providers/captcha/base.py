"""What the academy asks of whoever tells people from programs."""

from typing import Protocol


class Captcha(Protocol):
    async def is_human(self, token: str, address: str) -> bool:
        """Whether `token` proves that a person at this network address solved a riddle just now; each proves it once.

        `address` is "" where it is not known. UNAVAILABLE while nobody can say: the caller is suspicious and waits.
        """
        ...
