"""Short messages by Tencent Cloud (SMS, SendSms of 2021-01-11), signed with TC3-HMAC-SHA256."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from kit.clock import Clock
from kit.errors import ErrorCode
from kit.settings import Settings
from providers.sms.base import NotSent, word_of
from providers.sms.vendors import account_of
from providers.sms.wire import Wire

ENDPOINT = "https://sms.tencentcloudapi.com"
SERVICE = "sms"
ALGORITHM = "TC3-HMAC-SHA256"
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
        self._wire = Wire()

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
        now = int(self._clock.now().timestamp())
        date = f"{self._clock.now():%Y-%m-%d}"
        headers = {
            "content-type": "application/json; charset=utf-8",
            "host": urlsplit(account.endpoint).netloc,
            "x-tc-action": "SendSms",
        }
        signature = authorization(account.key_id, account.key_secret, SERVICE, headers, content, now=now, date=date)
        sent = {
            **headers,
            "authorization": signature,
            "x-tc-region": self._region,
            "x-tc-timestamp": str(now),
            "x-tc-version": "2021-01-11",
        }
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


def authorization(
    key_id: str, key_secret: str, service: str, headers: Mapping[str, str], content: bytes, *, now: int, date: str
) -> str:
    """The header that signs a POST of `content` to / at `now` (Unix seconds; `date` is its day in UTC). `headers` in
    lower case, every one of them is signed."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in names)
    canonical = "\n".join(["POST", "/", "", lines, ";".join(names), hashlib.sha256(content).hexdigest()])
    scope = f"{date}/{service}/tc3_request"
    to_sign = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{key_secret}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
