"""What the media servers that one runs oneself have in common: they ask before they let a publisher in, their hooks
carry a secret in the address, what they play is signed by nginx in front of them (deploy/live/play.conf), and what
they record lies in a directory that this machine sees.
"""

import hmac
import re
from datetime import UTC, datetime

from kit.settings import Settings
from providers.live.base import Hook, Ingest, LiveUnavailable, Piece, Playback, Stream
from providers.live.signing import secure_link
from providers.live.vendors import text_of
from providers.wire import NotAnswered, RawAnswer, Wire

APP = "live"
_RECORDED = re.compile(r"(?P<name>[a-z0-9]{16,64})[-/.](?P<seconds>[0-9]{10})(?P<part>[0-9]{3})?[0-9.-]*\.(flv|mp4|ts)")


class MediaServer:
    """Address book and wire of one media server."""

    def __init__(self, settings: Settings) -> None:
        self._ingest = text_of(settings.live_ingest_url, settings)
        self._play = text_of(settings.live_play_url, settings)
        self._play_key = text_of(settings.live_play_key, settings)
        self._hook_secret = text_of(settings.live_hook_secret, settings)
        self._control = text_of(settings.live_control_url, settings)
        self._recordings = settings.live_recordings_dir
        self._wire = Wire(largest_answer=4 * 1024 * 1024)

    def open(self, stream: Stream) -> Ingest:
        return Ingest("RTMP", self._ingest, f"{stream.name}?key={stream.secret}")

    def playback(self, name: str, expires_at: datetime) -> Playback:
        link = secure_link(self._play_key, name, expires_at)
        return Playback("HLS", f"{self._play}/{link}/{name}/index.m3u8", expires_at)

    def authorize(self, hook: Hook) -> bool:
        return hmac.compare_digest(hook.token.encode(), self._hook_secret.encode())

    async def ask(self, method: str, path: str, content: bytes = b"") -> RawAnswer:
        """One request to the server's own API; `LiveUnavailable` if there is no answer."""
        headers = {"content-type": "application/json"} if content else {}
        try:
            return await self._wire.ask(method, f"{self._control}{path}", headers=headers, content=content)
        except NotAnswered as error:
            raise LiveUnavailable(error.reason) from None

    def pieces(self, name: str) -> tuple[Piece, ...]:
        """The files of this stream in the directory of recordings, the first first."""
        if self._recordings is None or not self._recordings.is_dir():
            return ()
        found = []
        for path in [*self._recordings.glob(f"{name}*"), *self._recordings.glob(f"{name}/*")]:
            named = _RECORDED.fullmatch(path.relative_to(self._recordings).as_posix())
            if named and named["name"] == name and path.is_file() and path.stat().st_size:
                found.append(Piece(str(path.resolve()), _began(named)))
        return tuple(sorted(found, key=lambda piece: piece.started_at))


def _began(named: re.Match[str]) -> datetime:
    return datetime.fromtimestamp(int(named["seconds"]) + int(named["part"] or 0) / 1000, UTC)
