"""What the vendors have in common: the key itself is the permission, so a publisher is let in without anybody asking
us, and what must not go on is dropped and forbidden by their API. A stream's name is new with every key; forbidding
one forbids nobody else.
"""

import hashlib
from urllib.parse import urlsplit

from kit.settings import Settings
from providers.live.vendors import text_of
from providers.wire import Wire

APP = "live"


class Account:
    """The settings of an account with a vendor; `endpoint` unless they name another."""

    def __init__(self, settings: Settings, endpoint: str) -> None:
        self.ingest_url = text_of(settings.live_ingest_url, settings)
        self.play_url = text_of(settings.live_play_url, settings)
        self.push_domain = urlsplit(self.ingest_url).hostname or ""
        self.push_key = text_of(settings.live_push_key, settings)
        self.play_key = text_of(settings.live_play_key, settings)
        self.callback_key = text_of(settings.live_hook_secret, settings)
        self.key_id = text_of(settings.live_access_key_id, settings)
        self.key_secret = text_of(settings.live_access_key_secret, settings)
        self.endpoint = (settings.live_endpoint or endpoint).rstrip("/")
        self.wire = Wire()


def md5(text: str) -> str:
    """The vendors' formulas know no other."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
