"""Short messages by Aliyun (Dysmsapi, SendSms of 2017-05-25), signed with ACS3-HMAC-SHA256."""

import orjson

from kit.clock import Clock
from kit.errors import ErrorCode
from kit.settings import Settings
from providers.clouds.aliyun import signed
from providers.sms.base import NotSent, word_of
from providers.sms.vendors import account_of
from providers.sms.wire import SmsWire

ENDPOINT = "https://dysmsapi.aliyuncs.com"
TOO_FAST = "Throttling"
"""What begins like this is about requests in a second: another moment is better."""
LIMITS = frozenset({"isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"})
"""Messages to one number, or in a day or month: the code would be old before another is taken."""


class AliyunSms:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._account = account_of(settings, ENDPOINT)
        self._clock = clock
        self._wire = SmsWire()

    async def send_code(self, phone: str, code: str) -> None:
        account = self._account
        url, headers = signed(
            account.key_id,
            account.key_secret,
            endpoint=account.endpoint,
            action="SendSms",
            version="2017-05-25",
            values={
                "PhoneNumbers": phone.removeprefix("+86").removeprefix("+"),
                "SignName": account.sign_name,
                "TemplateCode": account.template_for(phone),
                "TemplateParam": orjson.dumps({"code": code}).decode(),
            },
            now=self._clock.now(),
        )
        answer = await self._wire.post(url, headers=headers, content=b"")
        said = answer.get("Code")
        if said == "OK":
            return
        word = word_of(said)
        if word.startswith(TOO_FAST):
            raise NotSent(word, code=ErrorCode.THROTTLED, again=True)
        raise NotSent(word, code=ErrorCode.THROTTLED if word in LIMITS else ErrorCode.UNAVAILABLE)
