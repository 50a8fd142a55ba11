"""Live streams on this machine alone: the ingest process (`ingest.py`) and the web processes meet in a directory."""

from datetime import datetime
from pathlib import Path

import orjson

from kit.clock import Clock
from kit.settings import Settings
from providers.live.base import Heard, Hook, Ingest, Playback, Status, Stream
from providers.live.ingest import AIR, APP, FRESH_SECONDS, STOPPED
from providers.live.recorder import PLAYLIST, pieces_in
from providers.live.signing import known, token_for


def streams_root(settings: Settings) -> Path:
    """Where streams are kept, one directory each."""
    return settings.data_dir.absolute() / "live"


def ingest_url(settings: Settings) -> str:
    """How hosts reach the ingest."""
    return settings.live_ingest_url or f"rtmp://127.0.0.1:{settings.live_ingest_port}/{APP}"


class EmbeddedLive:
    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._url = ingest_url(settings)
        self._root = streams_root(settings)
        self._public = settings.public_url.rstrip("/")
        self._key = settings.key("live")
        self._clock = clock

    def open(self, stream: Stream) -> Ingest:
        return Ingest("RTMP", self._url, f"{stream.name}?key={stream.secret}")

    def playback(self, name: str, expires_at: datetime) -> Playback:
        token = token_for(self._key, name, expires_at)
        return Playback("HLS", f"{self._public}/live/{token}/{name}/{PLAYLIST}", expires_at)

    def authorize(self, hook: Hook) -> bool:
        """The ingest calls no address: it is one of us, and asks the database itself."""
        return False

    def parse_event(self, hook: Hook) -> Heard:
        raise ValueError("the embedded ingest sends no hooks")

    async def stop(self, name: str) -> None:
        directory = self._directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / STOPPED).touch()

    async def status(self, name: str) -> Status:
        directory = self._directory(name)
        pieces = pieces_in(directory) if directory.is_dir() else ()
        try:
            beat = orjson.loads((directory / AIR).read_bytes())
        except FileNotFoundError:
            return Status(False, pieces=pieces)
        except (OSError, orjson.JSONDecodeError):
            return Status(None, pieces=pieces)
        fresh = self._clock.now().timestamp() - beat["at"] < FRESH_SECONDS
        return Status(fresh, beat["client"] if fresh else None, pieces)

    def _directory(self, name: str) -> Path:
        return self._root / known(name)
