"""What the academy asks of whoever carries a live stream from the host to the phones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kit.errors import DomainError, ErrorCode


class LiveUnavailable(DomainError):
    """The media server, or the vendor, did not do what it was asked, or did not answer. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, retry_after_seconds=5)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Stream:
    """What a host may send: one stream key. `name` is new for every key, random, and says nothing; letters and digits.

    Whoever has `secret` may publish under the name, in [valid_from, expires_at).
    """

    name: str
    valid_from: datetime
    expires_at: datetime
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ingest:
    """What a host types into OBS: an address, and beside it the key."""

    protocol: str
    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a phone plays a stream. Its segments inherit the signature, so it has to outlive the lesson."""

    protocol: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Hook:
    """A request by a media server or a vendor, as it arrived. `token` is what stands behind /hooks/live/ in its
    address; header names are in lower case."""

    method: str
    token: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HookAnswer:
    status: int
    body: bytes = b""
    content_type: str = "text/plain"


class StreamEvent(StrEnum):
    """What a hook tells of a stream."""

    ASKED = "ASKED"
    """Somebody wants to publish and waits for the answer."""
    PUBLISHED = "PUBLISHED"
    """Somebody publishes."""
    UNPUBLISHED = "UNPUBLISHED"
    """Somebody publishes no longer."""
    RECORDED = "RECORDED"
    """A piece of the recording is there."""
    OTHER = "OTHER"
    """Nothing that concerns us; it is to be answered all the same."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of recording: a file of ours by its path, or an https address; when its first picture was taken."""

    location: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and how its sender wants to hear yes or no. `client` tells one connection of a publisher from another;
    None where the sender does not say. `secret` is what the publisher brought."""

    event: StreamEvent
    name: str = ""
    client: str | None = None
    secret: str = field(default="", repr=False)
    address: str = ""
    piece: Piece | None = None
    yes: HookAnswer = HookAnswer(200)
    no: HookAnswer = HookAnswer(403)


@dataclass(frozen=True, slots=True)
class Status:
    """`on_air` None: it cannot be told now. `pieces`: what has been recorded and can be read from here, in order."""

    on_air: bool | None
    client: str | None = None
    pieces: tuple[Piece, ...] = ()


class Live(Protocol):
    def open(self, stream: Stream) -> Ingest:
        """Where and how a host publishes this stream. Nothing has to be told to anybody: the key itself is the
        permission, or the media server asks us."""
        ...

    def playback(self, name: str, expires_at: datetime) -> Playback:
        """Where a phone plays it until `expires_at`; the same for everybody, so that caches can keep it."""
        ...

    def authorize(self, hook: Hook) -> bool:
        """Whether a hook comes from whom it should. Only then is it read."""
        ...

    def parse_event(self, hook: Hook) -> Heard:
        """What an authorised hook tells; `ValueError` if it cannot be read."""
        ...

    async def stop(self, name: str) -> None:
        """Drop whoever publishes under this name, and let nobody do so again. Again: no difference. `LiveUnavailable`
        if that is not certain."""
        ...

    async def status(self, name: str) -> Status:
        """How the stream stands now. Never raises: what cannot be told is None."""
        ...
