"""Short messages by Aliyun (Dysmsapi, SendSms of 2017-05-25), signed with ACS3-HMAC-SHA256."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import orjson

from kit.clock import Clock
from kit.errors import ErrorCode
from kit.ids import new_id
from kit.settings import Settings
from providers.sms.base import NotSent, word_of
from providers.sms.vendors import account_of
from providers.sms.wire import Wire

ENDPOINT = "https://dysmsapi.aliyuncs.com"
ALGORITHM = "ACS3-HMAC-SHA256"
TOO_FAST = "Throttling"
"""What begins like this is about requests in a second: another moment is better."""
LIMITS = frozenset({"isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"})
"""Messages to one number, or in a day or month: the code would be old before another is taken."""


class AliyunSms:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._account = account_of(settings, ENDPOINT)
        self._clock = clock
        self._wire = Wire()

    async def send_code(self, phone: str, code: str) -> None:
        account = self._account
        query = canonical_query(
            {
                "PhoneNumbers": phone.removeprefix("+86").removeprefix("+"),
                "SignName": account.sign_name,
                "TemplateCode": account.template_for(phone),
                "TemplateParam": orjson.dumps({"code": code}).decode(),
            }
        )
        headers = {
            "host": urlsplit(account.endpoint).netloc,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": new_id().hex,
            "x-acs-version": "2017-05-25",
        }
        signed = {**headers, "authorization": authorization(account.key_id, account.key_secret, query, headers)}
        answer = await self._wire.post(f"{account.endpoint}/?{query}", headers=signed, content=b"")
        said = answer.get("Code")
        if said == "OK":
            return
        word = word_of(said)
        if word.startswith(TOO_FAST):
            raise NotSent(word, code=ErrorCode.THROTTLED, again=True)
        raise NotSent(word, code=ErrorCode.THROTTLED if word in LIMITS else ErrorCode.UNAVAILABLE)


def canonical_query(values: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(values.items()))


def authorization(key_id: str, key_secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The header that signs a POST to / without a body; `headers` in lower case, every one of them is signed."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = "\n".join(["POST", "/", query, lines, ";".join(names), headers["x-acs-content-sha256"]])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={';'.join(names)},Signature={signature}"
