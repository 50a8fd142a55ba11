"""ApsaraVideo Live (阿里云视频直播), API of 2016-11-01."""

import hmac
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from kit.clock import Clock
from kit.settings import Settings
from providers.clouds.aliyun import signed
from providers.live.base import Heard, Hook, Ingest, LiveUnavailable, Piece, Playback, Status, Stream, StreamEvent
from providers.live.cloud import APP, Account, md5
from providers.live.signing import known
from providers.wire import NotAnswered

ENDPOINT = "https://live.aliyuncs.com"
VERSION = "2016-11-01"
CALLBACK_SECONDS = 600
"""How far the clock of a callback may be from ours."""
_ACTIONS = {"publish": StreamEvent.PUBLISHED, "publish_done": StreamEvent.UNPUBLISHED}


class AliyunLive:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._account = Account(settings, ENDPOINT)
        self._recordings = (settings.live_recordings_url or "").rstrip("/")
        self._clock = clock

    def open(self, stream: Stream) -> Ingest:
        permission = auth_key(self._account.push_key, f"/{APP}/{stream.name}", stream.expires_at)
        return Ingest("RTMP", self._account.ingest_url, f"{stream.name}?auth_key={permission}")

    def playback(self, name: str, expires_at: datetime) -> Playback:
        path = f"/{APP}/{name}.m3u8"
        permission = auth_key(self._account.play_key, path, expires_at)
        return Playback("HLS", f"{self._account.play_url}{path}?auth_key={permission}", expires_at)

    def authorize(self, hook: Hook) -> bool:
        """Signed with MD5(host|time|key), the host being that of the callback's address."""
        told, sign = hook.headers.get("ali-live-timestamp", ""), hook.headers.get("ali-live-signature", "")
        host = urlsplit(f"//{hook.headers.get('host', '')}").hostname or ""
        if not told.isdecimal() or abs(hook.received_at.timestamp() - int(told[:12])) > CALLBACK_SECONDS:
            return False
        right = md5(f"{host}|{told}|{self._account.callback_key}")
        return hmac.compare_digest(sign.lower().encode(), right.encode())

    def parse_event(self, hook: Hook) -> Heard:
        if hook.method == "GET":
            told = hook.query
            event = _ACTIONS.get(told.get("action", ""), StreamEvent.OTHER)
            if told.get("appname") != APP:
                event = StreamEvent.OTHER
            return Heard(event, told.get("id", ""), None, "", told.get("ip", ""))
        recorded = orjson.loads(hook.body)
        if "uri" not in recorded or not self._recordings:
            return Heard(StreamEvent.OTHER)
        piece = Piece(f"{self._recordings}/{recorded['uri']}", _moment(recorded["start_time"]))
        return Heard(StreamEvent.RECORDED, str(recorded.get("stream", "")), piece=piece)

    async def stop(self, name: str) -> None:
        """Forbidding a stream drops it too."""
        await self._ask("ForbidLiveStream", known(name), LiveStreamType="publisher")

    async def status(self, name: str) -> Status:
        try:
            said = await self._ask("DescribeLiveStreamState", name)
        except LiveUnavailable:
            return Status(None)
        return Status({"online": True, "offline": False}.get(str(said.get("StreamState"))))

    async def _ask(self, action: str, name: str, **more: str) -> dict[str, object]:
        account = self._account
        url, headers = signed(
            account.key_id,
            account.key_secret,
            endpoint=account.endpoint,
            action=action,
            version=VERSION,
            values={"AppName": APP, "DomainName": account.push_domain, "StreamName": name, **more},
            now=self._clock.now(),
        )
        try:
            answer = await account.wire.ask("POST", url, headers=headers)
            said = orjson.loads(answer.body)
        except NotAnswered as error:
            raise LiveUnavailable(error.reason) from None
        except ValueError as error:
            raise LiveUnavailable("the answer cannot be read") from error
        if not isinstance(said, dict):
            raise LiveUnavailable("the answer cannot be read")
        if answer.status != 200:
            raise LiveUnavailable(str(said.get("Code", answer.status))[:80])
        return said


def auth_key(key: str, path: str, expires_at: datetime) -> str:
    """The permission for one path: end, two zeros where there may be a random word and a user, and the signature."""
    until = int(expires_at.timestamp())
    return f"{until}-0-0-{md5(f'{path}-{until}-0-0-{key}')}"


def _moment(value: object) -> datetime:
    """Recordings tell their start in Unix seconds, or as text in UTC."""
    text = str(value)
    if text.isdecimal():
        return datetime.fromtimestamp(int(text[:12]), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
