"""Which providers there are, for whoever starts a server that names one of them."""

from collections.abc import Mapping

from kit.settings import Settings, UnsafeSettings
from providers.captcha.registry import CAPTCHA
from providers.live.registry import LIVE
from providers.live.vendors import missing_live_settings
from providers.push.registry import PUSH, missing_push_settings
from providers.sms.registry import SMS
from providers.sms.vendors import missing_settings
from providers.storage.registry import STORAGE
from providers.storage.s3 import missing_for_s3


def require_known_providers(settings: Settings) -> None:
    """`UnsafeSettings` if a provider is named that there is not, or what one needs is missing: a sentence for each."""
    named: dict[str, tuple[str, Mapping[str, object]]] = {
        "ACADEMY_CAPTCHA_PROVIDER": (settings.captcha_provider, CAPTCHA),
        "ACADEMY_PUSH_PROVIDER": (settings.push_provider, PUSH),
        "ACADEMY_LIVE_PROVIDER": (settings.live_provider, LIVE),
        "ACADEMY_SMS_PROVIDER": (settings.sms_provider, SMS),
        "ACADEMY_STORAGE_PROVIDER": (settings.storage_provider, STORAGE),
    }
    wrong = [
        f"{variable} is {name!r}: set it to {' or '.join(known)}."
        for variable, (name, known) in named.items()
        if name not in known
    ]
    wrong += missing_settings(settings) + missing_push_settings(settings)
    wrong += missing_for_s3(settings) if settings.storage_provider == "s3" else []
    wrong += missing_live_settings(settings)
    if wrong:
        raise UnsafeSettings("\n".join(wrong))
