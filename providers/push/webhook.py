"""Push by a server of the distributor's own, which knows how to reach phones by APNs, FCM or an app of theirs.

POST of one JSON object, `{kind, title, text, link, goodForSeconds, phones: [{provider, token}]}`. With
`X-Academy-Timestamp` (Unix seconds) and `X-Academy-Signature`, `sha256=` and the HMAC in hex over the timestamp, a dot
and the body. The answer is a JSON object; `gone` may list tokens that are no longer good.
"""

import hashlib
import hmac
from collections.abc import Sequence

import orjson

from kit.clock import Clock
from kit.errors import ErrorCode
from kit.settings import Settings, UnsafeSettings
from kit.words import PushProvider
from providers.push.base import Message, NotPushed, Phone
from providers.wire import NotAnswered, Wire

BUSY = frozenset({408, 425, 429})


class WebhookPush:
    carries = frozenset(PushProvider)
    most = 500

    def __init__(self, settings: Settings, clock: Clock) -> None:
        url, secret = settings.push_endpoint, settings.push_master_secret
        if not (url and secret):
            raise UnsafeSettings("A webhook needs ACADEMY_PUSH_ENDPOINT and ACADEMY_PUSH_MASTER_SECRET.")
        self._url = url
        self._secret = secret.get_secret_value().encode()
        self._clock = clock
        self._wire = Wire()

    async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
        content = orjson.dumps(
            {
                "kind": message.kind,
                "title": message.title,
                "text": message.text,
                "link": message.link,
                "goodForSeconds": message.good_for_seconds,
                "phones": [{"provider": phone.provider.value, "token": phone.token} for phone in phones],
            }
        )
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "x-academy-timestamp": timestamp,
            "x-academy-signature": f"sha256={signature(self._secret, timestamp, content)}",
        }
        try:
            answer = await self._wire.post(self._url, headers=headers, content=content)
        except NotAnswered as silence:
            raise NotPushed(silence.reason, again=True) from None
        if answer.status in BUSY:
            raise NotPushed(str(answer.status), again=True, code=ErrorCode.THROTTLED)
        if not 200 <= answer.status < 300:
            raise NotPushed(str(answer.status), again=answer.status >= 500)
        gone = answer.body.get("gone")
        return frozenset(phone for phone in phones if isinstance(gone, list) and phone.token in gone)


def signature(secret: bytes, timestamp: str, content: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()
