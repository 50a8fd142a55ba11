"""One request to an SMS vendor, and whether a message can have been taken."""

from collections.abc import Mapping
from typing import Any

from providers import wire
from providers.sms.base import NotSent


class SmsWire:
    def __init__(self) -> None:
        self._wire = wire.Wire()

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
        """The JSON object in the answer, whatever its status.

        `NotSent` if there is none, to be tried again only if the request cannot have arrived. `headers` name the host.
        """
        try:
            return (await self._wire.post(url, headers=headers, content=content)).body
        except wire.NotAnswered as silence:
            raise NotSent(silence.reason, again=not silence.arrived) from None
