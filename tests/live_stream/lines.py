"""A media server or a vendor in the shapes that its maker documents: what it tells us, and what its API says to us."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from kit.settings import Settings, read_settings
from providers.live.base import Hook
from providers.live.cloud import md5
from tests.sms.vendor import Asked, Vendor

HOOK_SECRET = "of-the-hooks"
NGINX = (
    b"app=live&flashver=FMLE&swfurl=&tcurl=rtmp%%3A%%2F%%2Fh%%2Flive&pageurl=&addr=10.0.0.9&clientid=7&call=%s&name=%s"
)
SRS: dict[str, Any] = {
    "server_id": "vid-0xk989d", "action": "on_publish", "client_id": "341w361a", "ip": "10.0.0.9",
    "vhost": "__defaultVhost__", "app": "live", "tcUrl": "rtmp://h/live", "stream": "", "param": "",
    "stream_url": "video.test.com/live/", "stream_id": "vid-124q9y3",
}  # fmt: skip
MEDIAMTX: dict[str, Any] = {
    "user": "", "password": "", "token": "", "ip": "10.0.0.9", "action": "publish", "path": "",
    "protocol": "rtmp", "id": "2f3e", "query": "", "userAgent": "",
}  # fmt: skip


def settings_for(provider: str, control: str, data: Path) -> Settings:
    return read_settings(
        data_dir=data,
        live_provider=provider,
        live_ingest_url="rtmp://push.example.com/live",
        live_play_url="https://play.example.com",
        live_play_key="of-the-player",
        live_push_key="of-the-pusher",
        live_hook_secret=HOOK_SECRET,
        live_control_url=control,
        live_endpoint=control,
        live_access_key_id="id",
        live_access_key_secret="key",
        live_recordings_url="https://bucket.example.com",
    )


@dataclass
class Line(ABC):
    """Between us and one server: its hooks about the stream `name`, and its API, which shows one publisher at most."""

    vendor: Vendor
    name: str
    secret: str
    shows: str | None = None
    """The connection that publishes, as the API knows it."""
    ended: list[str] = field(default_factory=list)
    """The connections that were dropped because we said so."""

    def __post_init__(self) -> None:
        self.vendor.on_ask = self.answer
        self.answer(Asked("", {}, b""))

    @abstractmethod
    def began(self, client: str, now: datetime) -> list[Hook]:
        """What is said when somebody publishes, in order."""

    @abstractmethod
    def stopped(self, client: str, now: datetime) -> Hook:
        """What is said when they stop."""

    @abstractmethod
    def answer(self, asked: Asked) -> None:
        """Have the vendor answer what it is asked."""

    def drop(self) -> None:
        if self.shows is not None:
            self.ended.append(self.shows)
        self.shows = None


class SrsLine(Line):
    def began(self, client: str, now: datetime) -> list[Hook]:
        return [self._tells("on_publish", client, now)]

    def stopped(self, client: str, now: datetime) -> Hook:
        return self._tells("on_unpublish", client, now)

    def answer(self, asked: Asked) -> None:
        if "/clients/" in asked.target:
            self.drop()
        publish = {"active": True, "cid": self.shows}
        streams = [{"name": self.name, "app": "live", "publish": publish}] if self.shows else []
        self.vendor.says({"code": 0, "streams": streams})

    def _tells(self, action: str, client: str, now: datetime) -> Hook:
        told = {**SRS, "action": action, "client_id": client, "stream": self.name, "param": f"?key={self.secret}"}
        return Hook("POST", HOOK_SECRET, {}, {}, orjson.dumps(told), now)


class MediaMtxLine(Line):
    def began(self, client: str, now: datetime) -> list[Hook]:
        told = {**MEDIAMTX, "path": f"live/{self.name}", "id": client, "query": f"key={self.secret}"}
        asks = Hook("POST", HOOK_SECRET, {}, {"content-type": "application/json"}, orjson.dumps(told), now)
        return [asks, self._tells("ready", client, now)]

    def stopped(self, client: str, now: datetime) -> Hook:
        return self._tells("not_ready", client, now)

    def answer(self, asked: Asked) -> None:
        if "/kick/" in asked.target:
            self.drop()
            self.vendor.says({})
        elif self.shows:
            self.vendor.says({"name": f"live/{self.name}", "ready": True, "source": {"id": self.shows}})
        else:
            self.vendor.says({"error": "path not found"}, "404 Not Found")

    def _tells(self, event: str, client: str, now: datetime) -> Hook:
        told = urlencode({"event": event, "path": f"live/{self.name}", "id": client})
        return Hook("POST", HOOK_SECRET, {}, {}, told.encode(), now)


class TencentLine(Line):
    def began(self, client: str, now: datetime) -> list[Hook]:
        return [self.tells(now, event_type=1, sequence=client)]

    def stopped(self, client: str, now: datetime) -> Hook:
        return self.tells(now, event_type=0, sequence=client)

    def recorded(self, url: str, began_at: datetime, now: datetime) -> Hook:
        return self.tells(now, event_type=100, video_url=url, start_time=int(began_at.timestamp()))

    def answer(self, asked: Asked) -> None:
        if asked.headers.get("x-tc-action") == "DropLiveStream":
            self.drop()
        self.vendor.says({"Response": {"RequestId": "1", "StreamState": "active" if self.shows else "inactive"}})

    def tells(self, now: datetime, **more: object) -> Hook:
        until = int(now.timestamp()) + 600
        signed = {"t": until, "sign": md5(f"{HOOK_SECRET}{until}"), "stream_id": self.name, "appname": "live"}
        return Hook("POST", "", {}, {}, orjson.dumps({**signed, **more}), now)


class AliyunLine(Line):
    def began(self, client: str, now: datetime) -> list[Hook]:
        return [self._tells(now, {"action": "publish", "id": self.name, "appname": "live", "ip": "1.1.1.1"})]

    def stopped(self, client: str, now: datetime) -> Hook:
        return self._tells(now, {"action": "publish_done", "id": self.name, "appname": "live", "ip": "1.1.1.1"})

    def recorded(self, url: str, began_at: datetime, now: datetime) -> Hook:
        """`url` lies in the bucket; they name it without."""
        told = {"stream": self.name, "uri": url.rpartition("/")[2], "start_time": int(began_at.timestamp())}
        return self._tells(now, {}, orjson.dumps(told))

    def answer(self, asked: Asked) -> None:
        if asked.headers.get("x-acs-action") == "ForbidLiveStream":
            self.drop()
        self.vendor.says({"RequestId": "1", "StreamState": "online" if self.shows else "offline"})

    def _tells(self, now: datetime, query: dict[str, str], body: bytes = b"") -> Hook:
        at = str(int(now.timestamp()))
        headers = {"host": "academy.example.com", "ali-live-timestamp": at}
        headers["ali-live-signature"] = md5(f"academy.example.com|{at}|{HOOK_SECRET}")
        return Hook("POST" if body else "GET", "", query, headers, body, now)


LINES: dict[str, type[Line]] = {
    "srs": SrsLine, "mediamtx": MediaMtxLine, "tencent": TencentLine, "aliyun": AliyunLine,
}  # fmt: skip
