"""Robots in groups of staff: DingTalk (钉钉) and WeCom (企业微信), by the addresses that those give for them.

An address holds what lets the robot speak, so it is a secret whole. DingTalk signs with the time as well, if the robot
was made with 加签: its secret (SEC...) stands behind the address, after a #.
"""

import base64
import hashlib
import hmac
from urllib.parse import quote_plus, urlsplit

import orjson

from kit.clock import Clock, SystemClock
from kit.errors import ErrorCode
from kit.settings import Settings
from providers.push.base import NotPushed, Robot, clipped
from providers.wire import NotAnswered, Wire

LONGEST_TEXT = 600
"""In characters; WeCom takes 2048 bytes, DingTalk more."""

TAKEN = 0
BUSY = frozenset({-1, 130101, 410100, 45009, 45033})
"""System busy; more than twenty in a minute (DingTalk 130101, WeCom 45009), or too many at once."""


class GroupRobot:
    """Both take the same text message and answer `{errcode, errmsg}`; they differ in the signature."""

    def __init__(self, address: str, clock: Clock) -> None:
        self._url, _, self._secret = address.partition("#")
        self._clock = clock
        self._wire = Wire()
        self.name = f"{urlsplit(self._url).hostname}-{hashlib.sha256(self._url.encode()).hexdigest()[:8]}"

    async def say(self, title: str, text: str) -> None:
        said = clipped(f"【成长学院】{title}\n{text}", LONGEST_TEXT)
        content = orjson.dumps({"msgtype": "text", "text": {"content": said}})
        try:
            answer = await self._wire.post(
                self._address(), headers={"content-type": "application/json"}, content=content
            )
        except NotAnswered as silence:
            raise NotPushed(silence.reason, again=True) from None
        code = answer.body.get("errcode")
        if code == TAKEN:
            return
        if code in BUSY or answer.status == 429:
            raise NotPushed(str(code), again=True, code=ErrorCode.THROTTLED)
        if not isinstance(code, int) or answer.status >= 500:
            raise NotPushed("unreadable", again=True)
        raise NotPushed(str(code), again=False)  # a wrong address, signature or keyword is as wrong in a minute

    def _address(self) -> str:
        if not self._secret:
            return self._url
        milliseconds = str(int(self._clock.now().timestamp() * 1000))
        return f"{self._url}&timestamp={milliseconds}&sign={quote_plus(signature(self._secret, milliseconds))}"


def signature(secret: str, milliseconds: str) -> str:
    """DingTalk's 加签: HMAC-SHA256 under the secret over time, line feed and secret, in base64."""
    signed = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(signed).decode()


def robots_for(settings: Settings) -> tuple[Robot, ...]:
    clock = SystemClock()  # the vendor's clock is not ours to freeze
    return tuple(GroupRobot(address, clock) for address in settings.robots)
