"""Writes into the log what would be pushed: for development, and for an academy without an account with a vendor.

A headline and how many phones; no token and no text, which may name people.
"""

from collections.abc import Sequence

import structlog

from kit.words import PushProvider
from providers.push.base import Message, Phone

_log = structlog.get_logger("push")


class LogPush:
    carries = frozenset(PushProvider)
    most = 1000

    async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
        _log.info("push", kind=message.kind, title=message.title, phones=len(phones))
        return frozenset()
