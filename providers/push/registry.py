"""Every push provider, by the name that ACADEMY_PUSH_PROVIDER gives."""

from collections.abc import Callable

from kit.clock import SystemClock
from kit.settings import Settings
from providers.push.base import Push
from providers.push.jpush import JPush
from providers.push.log import LogPush
from providers.push.webhook import WebhookPush

NEEDS = {
    "jpush": ("push_app_key", "push_master_secret"),
    "webhook": ("push_endpoint", "push_master_secret"),
}
"""The settings that have no default, by the provider that does not push without them."""

PUSH: dict[str, Callable[[Settings], Push]] = {
    "jpush": JPush,
    "log": lambda settings: LogPush(),
    "webhook": lambda settings: WebhookPush(settings, SystemClock()),
}


def push_for(settings: Settings) -> Push:
    return PUSH[settings.push_provider](settings)


def missing_push_settings(settings: Settings) -> list[str]:
    """A sentence for each setting that the chosen push provider needs and has not; empty is missing too."""
    name = settings.push_provider
    return [
        f"ACADEMY_{needed.upper()} is missing: the push provider {name} reaches nobody without it."
        for needed in NEEDS.get(name, ())
        if not getattr(settings, needed)
    ]
