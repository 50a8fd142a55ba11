"""Short messages by Tencent Cloud (SMS, SendSms of 2021-01-11), signed with TC3-HMAC-SHA256."""

from typing import Any

import orjson

from kit.clock import Clock
from kit.errors import ErrorCode
from kit.settings import Settings
from providers.clouds.tencent import signed
from providers.sms.base import NotSent, word_of
from providers.sms.vendors import account_of
from providers.sms.wire import SmsWire

ENDPOINT = "https://sms.tencentcloudapi.com"
SERVICE = "sms"
TOO_FAST = "RequestLimitExceeded"
"""What begins like this is about requests in a second: another moment is better."""
LIMITS = "LimitExceeded"
"""Messages to one number, or in a day: the code would be old before another is taken."""


class TencentSms:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._account = account_of(settings, ENDPOINT)
        self._app_id = settings.sms_app_id
        self._region = settings.sms_region
        self._clock = clock
        self._wire = SmsWire()

    async def send_code(self, phone: str, code: str) -> None:
        account = self._account
        content = orjson.dumps(
            {
                "PhoneNumberSet": [phone],
                "SmsSdkAppId": self._app_id,
                "SignName": account.sign_name,
                "TemplateId": account.template_for(phone),
                "TemplateParamSet": [code],
            }
        )
        headers = signed(
            account.key_id,
            account.key_secret,
            endpoint=account.endpoint,
            service=SERVICE,
            action="SendSms",
            version="2021-01-11",
            content=content,
            now=self._clock.now(),
        )
        sent = {**headers, "x-tc-region": self._region}
        said = _said(await self._wire.post(f"{account.endpoint}/", headers=sent, content=content))
        if said == "Ok":
            return
        if said.startswith(TOO_FAST):
            raise NotSent(said, code=ErrorCode.THROTTLED, again=True)
        raise NotSent(said, code=ErrorCode.THROTTLED if said.startswith(LIMITS) else ErrorCode.UNAVAILABLE)


def _said(answer: dict[str, Any]) -> str:
    """The word on the request as a whole, else on the one message in it."""
    match answer:
        case {"Response": {"Error": {"Code": word}}} | {"Response": {"SendStatusSet": [{"Code": word}]}}:
            return word_of(word)
        case _:
            return word_of(None)
