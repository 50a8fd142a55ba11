"""Every captcha provider, by the name that ACADEMY_CAPTCHA_PROVIDER gives."""

from collections.abc import Callable

from kit.settings import Settings
from providers.captcha.base import Captcha
from providers.captcha.static import StaticCaptcha

CAPTCHA: dict[str, Callable[[Settings], Captcha | None]] = {
    "none": lambda settings: None,
    "static": lambda settings: StaticCaptcha(),
}


def captcha_for(settings: Settings) -> Captcha | None:
    return CAPTCHA[settings.captcha_provider](settings)
