"""What a use case may reach beyond its arguments. Built once per process by `server/wiring.py`."""

from dataclasses import dataclass

from auth.passwords import Passwords
from auth.tokens import Tokens
from gamification.boards import HonourBoards
from kit.buckets import Buckets
from kit.bus import Bus
from kit.clock import Clock
from kit.paging import Cursors
from kit.phones import Phones
from kit.redis import Redis
from kit.settings import Settings
from kit.word_list import WordList
from providers.captcha.base import Captcha
from providers.live.base import Live
from providers.probe.base import Probe
from providers.push.base import Push, Robot
from providers.sms.base import Sms
from providers.storage.base import Storage


@dataclass(frozen=True, slots=True, eq=False)
class Ports:
    """Equal to itself alone, so that loaders can be bound to it."""

    settings: Settings
    clock: Clock
    redis: Redis
    bus: Bus
    boards: HonourBoards
    buckets: Buckets
    cursors: Cursors
    tokens: Tokens
    passwords: Passwords
    phones: Phones
    sms: Sms
    push: Push
    robots: tuple[Robot, ...]
    """In groups of staff."""
    captcha: Captcha | None
    """None: nobody judges, and sign-in has its budgets alone."""
    storage: Storage
    probe: Probe
    word_list: WordList
    """What nobody says in live rooms."""
    live: Live
