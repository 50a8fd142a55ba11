"""Every SMS provider, by the name that ACADEMY_SMS_PROVIDER gives."""

from collections.abc import Callable

from kit.settings import Settings
from providers.sms.base import Sms
from providers.sms.console import ConsoleSms

SMS: dict[str, Callable[[Settings], Sms]] = {
    "console": lambda settings: ConsoleSms(),
}


def sms_for(settings: Settings) -> Sms:
    return SMS[settings.sms_provider](settings)
