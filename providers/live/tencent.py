"""Tencent Cloud Streaming Services (云直播), API of 2018-08-01."""

import hmac
from datetime import UTC, datetime, timedelta

import orjson

from kit.clock import Clock
from kit.settings import Settings
from providers.clouds.tencent import signed
from providers.live.base import (
    Heard,
    Hook,
    HookAnswer,
    Ingest,
    LiveUnavailable,
    Piece,
    Playback,
    Status,
    Stream,
    StreamEvent,
)
from providers.live.cloud import APP, Account, md5
from providers.live.signing import known
from providers.wire import NotAnswered

ENDPOINT = "https://live.tencentcloudapi.com"
VERSION = "2018-08-01"
YES = HookAnswer(200, b'{"code":0}', "application/json")
FORBIDDEN_FOR = timedelta(days=90) - timedelta(hours=1)
"""How long a stream stays forbidden. 90 days is the vendor's most, and a week is what it takes if nothing is said; an
hour less, so that a clock of ours that is fast does not ask for more than there is."""
NOBODY_THERE = frozenset({"FailedOperation.StreamNotExist", "ResourceNotFound", "FailedOperation.NoActiveStream"})
_EVENTS = {1: StreamEvent.PUBLISHED, 0: StreamEvent.UNPUBLISHED, 100: StreamEvent.RECORDED}
_STATES = {"active": True, "inactive": False, "forbid": False}


class TencentLive:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._account = Account(settings, ENDPOINT)
        self._clock = clock

    def open(self, stream: Stream) -> Ingest:
        key = f"{stream.name}?{signature(self._account.push_key, stream.name, stream.expires_at)}"
        return Ingest("RTMP", self._account.ingest_url, key)

    def playback(self, name: str, expires_at: datetime) -> Playback:
        permission = signature(self._account.play_key, name, expires_at)
        return Playback("HLS", f"{self._account.play_url}/{APP}/{name}.m3u8?{permission}", expires_at)

    def authorize(self, hook: Hook) -> bool:
        """Signed with MD5(key + t), t being the end of its validity."""
        try:
            told = orjson.loads(hook.body)
            until, sign = int(told["t"]), str(told["sign"])
        except (ValueError, KeyError, TypeError):
            return False
        right = md5(f"{self._account.callback_key}{until}")
        return hmac.compare_digest(sign.encode(), right.encode()) and hook.received_at.timestamp() < until

    def parse_event(self, hook: Hook) -> Heard:
        told = orjson.loads(hook.body)
        event = _EVENTS.get(told.get("event_type"), StreamEvent.OTHER)
        name, client = str(told.get("stream_id", "")), told.get("sequence")
        piece = None
        if event is StreamEvent.RECORDED:
            piece = Piece(str(told["video_url"]), datetime.fromtimestamp(int(told["start_time"]), UTC))
        elif told.get("appname") != APP:
            return Heard(StreamEvent.OTHER, yes=YES)
        address = str(told.get("user_ip", ""))
        return Heard(event, name, str(client) if client else None, "", address, piece, yes=YES, no=YES)

    async def stop(self, name: str) -> None:
        until = (self._clock.now() + FORBIDDEN_FOR).astimezone(UTC)
        await self._ask("ForbidLiveStream", known(name), ResumeTime=f"{until:%Y-%m-%dT%H:%M:%SZ}", Reason="academy")
        await self._ask("DropLiveStream", name)

    async def status(self, name: str) -> Status:
        try:
            said = await self._ask("DescribeLiveStreamState", name)
        except LiveUnavailable:
            return Status(None)
        return Status(_STATES.get(str(said.get("StreamState"))))

    async def _ask(self, action: str, name: str, **more: str) -> dict[str, object]:
        """What the API says; an empty answer where it says that nobody publishes."""
        account = self._account
        content = orjson.dumps({"AppName": APP, "DomainName": account.push_domain, "StreamName": name, **more})
        headers = signed(
            account.key_id,
            account.key_secret,
            endpoint=account.endpoint,
            service="live",
            action=action,
            version=VERSION,
            content=content,
            now=self._clock.now(),
        )
        try:
            answer = await account.wire.ask("POST", f"{account.endpoint}/", headers=headers, content=content)
            said = orjson.loads(answer.body)["Response"]
            refusal = said.get("Error", {}).get("Code")
        except NotAnswered as error:
            raise LiveUnavailable(error.reason) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LiveUnavailable("the answer cannot be read") from error
        if refusal in NOBODY_THERE:
            return {}
        if refusal:
            raise LiveUnavailable(str(refusal)[:80])
        return dict(said)


def signature(key: str, name: str, expires_at: datetime) -> str:
    """The permission for one stream, as it stands behind the question mark."""
    until = f"{int(expires_at.timestamp()):X}"
    return f"txSecret={md5(key + name + until)}&txTime={until}"
