"""Push by JPush (极光推送, REST API v3): one request for up to a thousand phones."""

import base64
from collections.abc import Sequence

import orjson

from kit.errors import ErrorCode
from kit.settings import Settings, UnsafeSettings
from kit.words import PushProvider
from providers.push.base import Message, NotPushed, Phone, clipped
from providers.wire import NotAnswered, Wire

ENDPOINT = "https://api.jpush.cn"
LONGEST_TITLE, LONGEST_TEXT = 30, 120
"""In characters. JPush takes 1000 bytes for Android with everything around it, and a Chinese character is three."""
LONGEST_LIFE_SECONDS = 10 * 86400

NO_SUCH_PHONE = 1011
"""None of the phones is known, or each was away for 255 days."""
WRONG_VALUE = 1003
"""Among others a registration id that never was one; it does not say which."""
TOO_FAST = frozenset({2002})
REFUSED = frozenset({1002, 1005})
"""Something is missing, or it is too large: the same in an hour."""


class JPush:
    carries = frozenset({PushProvider.JPUSH})
    most = 1000

    def __init__(self, settings: Settings) -> None:
        key, secret = settings.push_app_key, settings.push_master_secret
        if not (key and secret):
            raise UnsafeSettings("JPush needs ACADEMY_PUSH_APP_KEY and ACADEMY_PUSH_MASTER_SECRET.")
        pair = f"{key.get_secret_value()}:{secret.get_secret_value()}"
        self._authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self._url = f"{(settings.push_endpoint or ENDPOINT).rstrip('/')}/v3/push"
        self._in_production = settings.push_apns_production
        self._wire = Wire()

    async def push(self, message: Message, phones: Sequence[Phone]) -> frozenset[Phone]:
        taken, gone, doubtful = await self._sort(message, phones)
        if doubtful and not taken:
            raise NotPushed(str(WRONG_VALUE), again=False)  # it is the message that JPush does not like
        return frozenset(gone + doubtful)

    async def _sort(self, message: Message, phones: Sequence[Phone]) -> tuple[list[Phone], list[Phone], list[Phone]]:
        """(taken, no longer there, alone with a wrong value). Where a value is wrong the halves are tried apart."""
        code = await self._send(message, phones)
        if code is None:
            return list(phones), [], []
        if code == NO_SUCH_PHONE:
            return [], list(phones), []
        if len(phones) == 1:
            return [], [], list(phones)
        middle = len(phones) // 2
        first, second = await self._sort(message, phones[:middle]), await self._sort(message, phones[middle:])
        return first[0] + second[0], first[1] + second[1], first[2] + second[2]

    async def _send(self, message: Message, phones: Sequence[Phone]) -> int | None:
        """None: taken. 1003 or 1011: to be looked into. Everything else raises."""
        try:
            answer = await self._wire.post(
                self._url,
                headers={"authorization": self._authorization, "content-type": "application/json"},
                content=orjson.dumps(self._body(message, phones)),
            )
        except NotAnswered as silence:
            raise NotPushed(silence.reason, again=True) from None
        match answer.body:
            case {"error": {"code": int(code)}} if code in (WRONG_VALUE, NO_SUCH_PHONE):
                return code
            case {"error": {"code": int(code)}}:
                if code in TOO_FAST or answer.status == 429:
                    raise NotPushed(str(code), again=True, code=ErrorCode.THROTTLED)
                # A wrong key is tried again too: whoever puts it right finds what is still good on its way.
                raise NotPushed(str(code), again=code not in REFUSED)
            case {"msg_id": _} if answer.status == 200:
                return None
            case _:
                raise NotPushed("unreadable", again=True)

    def _body(self, message: Message, phones: Sequence[Phone]) -> dict[str, object]:
        title, text = clipped(message.title, LONGEST_TITLE), clipped(message.text, LONGEST_TEXT)
        extras = {"kind": message.kind, "link": message.link}
        return {
            "platform": "all",
            "audience": {"registration_id": [phone.token for phone in phones]},
            "notification": {
                "android": {"title": title, "alert": text, "extras": extras},
                "ios": {
                    "alert": {"title": title, "body": text},
                    "sound": "default",
                    "badge": "+1",
                    "extras": extras,
                },
            },
            "options": {
                "time_to_live": min(message.good_for_seconds, LONGEST_LIFE_SECONDS),
                "apns_production": self._in_production,
            },
        }
