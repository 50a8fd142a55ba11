"""Every SMS provider, by the name that ACADEMY_SMS_PROVIDER gives."""

from collections.abc import Callable

from kit.clock import SystemClock
from kit.settings import Settings
from providers.sms.aliyun import AliyunSms
from providers.sms.base import Sms
from providers.sms.console import ConsoleSms
from providers.sms.tencent import TencentSms

SMS: dict[str, Callable[[Settings], Sms]] = {
    "aliyun": lambda settings: AliyunSms(settings, SystemClock()),  # the vendor's clock is not ours to freeze
    "console": lambda settings: ConsoleSms(),
    "tencent": lambda settings: TencentSms(settings, SystemClock()),
}


def sms_for(settings: Settings) -> Sms:
    return SMS[settings.sms_provider](settings)
