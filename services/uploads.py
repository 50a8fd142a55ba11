"""Files on their way in: a signed address to put one, its bytes as they come, and the proof that it is what it says.

Nothing the client names is ever a path, an id or a type that we believe: keys are made here, size, checksum and type
are found in the bytes themselves. Sheets hold people's phones: they become no media, and are erased after a week.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import tempfile
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

import structlog

from auth.actor import STAFF, Actor
from auth.permissions import may_upload
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from models.courses import MediaAsset, media_by_id
from models.making import makes_courses
from models.uploads import Upload, count_open_uploads, count_uploads_since, locked_upload, upload_by_id, uploads_over
from providers.probe.base import Unplayable
from services.file_types import FILE_TYPES, SHEETS
from services.ports import Ports

A_DAY = timedelta(days=1)
LIFE = timedelta(hours=2)
"""From the request to the last moment of putting and completing."""
SHEET_KEPT = timedelta(days=7)
MOST_OPEN = 20
"""Uploads a member may have under way."""
MOST_A_DAY = 20
"""Uploads a member may begin in 24 hours who is not staff: a picture of oneself is not changed more often."""
MOST_ATTEMPTS = 10
LONGEST_NAME = 200
SWEPT_AT_ONCE = 100
SWEPT_AFTER = timedelta(minutes=10)
"""Past its end: whatever began in time has ended one way or the other by then."""
SHA256 = re.compile(r"[0-9a-f]{64}")
PLAYED = ("VIDEO", "AUDIO")
PROBES_AT_ONCE = 2
"""Measuring a large film takes a second or two of one core; others wait."""

_probes = asyncio.Semaphore(PROBES_AT_ONCE)
_log = structlog.get_logger("uploads")


@dataclass(frozen=True, slots=True)
class WantedUpload:
    """What a client says about its file; `sha256` in lower-case hex."""

    file_name: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """Where a client puts the bytes, with which headers."""

    upload: Upload
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of one PUT go."""

    upload: Upload
    attempt: int

    @property
    def key(self) -> str:
        return _key(self.upload, self.attempt)


async def request_upload(ports: Ports, actor: Actor, wanted: WantedUpload) -> UploadTarget:
    """Promise to take a file. UPLOAD_INVALID for a type or size that is not taken, LIMIT_REACHED with too many open."""
    name, kind = _file_name(wanted.file_name), FILE_TYPES.get(wanted.content_type)
    if kind is None:
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["contentType"])
    if not may_upload(actor, kind.kind) and not (
        kind.kind is not None and may_upload(actor, kind.kind, makes_courses=await makes_courses(actor.member_id))
    ):
        raise DomainError(ErrorCode.FORBIDDEN)
    if wanted.size_bytes < 1:
        raise bad_input("sizeBytes")
    if wanted.size_bytes > kind.most_bytes:
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["sizeBytes"])
    if not SHA256.fullmatch(wanted.sha256):
        raise bad_input("sha256")
    now = ports.clock.now()
    if await count_open_uploads(actor.member_id, now) >= MOST_OPEN:
        raise DomainError(ErrorCode.LIMIT_REACHED)
    if not actor.has(*STAFF) and await count_uploads_since(actor.member_id, now - A_DAY) >= MOST_A_DAY:
        raise DomainError(ErrorCode.LIMIT_REACHED)
    upload = await Upload.create(
        id=new_id(),
        member_id=actor.member_id,
        file_name=name,
        content_type=wanted.content_type,
        size_bytes=wanted.size_bytes,
        sha256=wanted.sha256,
        created_at=now,
        expires_at=now + LIFE,
    )
    direct = ports.storage.put_address(
        _incoming(upload),
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        now=now,
        seconds=int(LIFE.total_seconds()),
    )
    if direct is not None:
        return UploadTarget(upload, direct.url, dict(direct.headers))
    base = ports.settings.public_url.rstrip("/")
    url = f"{base}/uploads/{upload.id}?signature={_signature(ports, upload.id)}"
    return UploadTarget(upload, url, {"content-type": upload.content_type})


async def begin_receiving(ports: Ports, upload_id: UUID, signature: str) -> Place:
    """The place for one PUT to a signed address.

    FORBIDDEN for an address that was not signed or is over, ALREADY_DONE for a completed upload, LIMIT_REACHED after
    ten tries.
    """
    if not hmac.compare_digest(signature.encode(), _signature(ports, upload_id).encode()):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> Place:
        upload = await locked_upload(upload_id)
        if upload is None or upload.expires_at <= ports.clock.now():
            raise DomainError(ErrorCode.FORBIDDEN)
        if upload.completed_at is not None:
            raise DomainError(ErrorCode.ALREADY_DONE)
        if upload.attempts >= MOST_ATTEMPTS:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        upload.attempts += 1
        await upload.save(update_fields=["attempts"])
        return Place(upload, upload.attempts)

    return await transaction(work)


async def receive(ports: Ports, place: Place, pieces: AsyncIterator[bytes]) -> None:
    """Keep what comes, if it is exactly as long as was said. UPLOAD_INVALID otherwise, as soon as it is too long."""
    size = await ports.storage.put_pieces(place.key, _at_most(pieces, place.upload.size_bytes))
    if size != place.upload.size_bytes:
        await ports.storage.delete(place.key)
        raise DomainError(ErrorCode.UPLOAD_INVALID)

    async def work() -> bool:
        upload = await locked_upload(place.upload.id)
        if upload is None or upload.completed_at is not None or upload.expires_at <= ports.clock.now():
            return False
        upload.received_attempt = max(place.attempt, upload.received_attempt or 0)
        await upload.save(update_fields=["received_attempt"])
        return True

    if not await transaction(work):
        await ports.storage.delete(place.key)
        raise DomainError(ErrorCode.ALREADY_DONE)


async def complete_upload(ports: Ports, actor: Actor, upload_id: UUID) -> MediaAsset:
    """Verify what has arrived and make it a media asset; of a sheet one that is kept nowhere. Again: the same answer.

    Only of one's own. STATE_FORBIDS while nothing has arrived, UPLOAD_INVALID if it is not what was said, or cannot be
    played: then it may be put again. How long a film or recording plays is measured here, before any transaction.
    """
    upload = await own_upload(actor, upload_id)
    duration_seconds: int | None = None
    if upload.completed_at is None:
        if upload.expires_at <= ports.clock.now():
            raise not_found("uploadId")
        upload = await _fetched(ports, upload)
        if upload.received_attempt is None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["uploadId"])
        if upload.completed_at is None:
            duration_seconds = await _verify(ports, upload)

    async def work() -> MediaAsset:
        current = await locked_upload(upload_id)
        if current is None or (current.completed_at is None and current.expires_at <= ports.clock.now()):
            raise not_found("uploadId")
        if current.completed_at is None:
            if current.received_attempt != upload.received_attempt:
                raise DomainError(ErrorCode.CONFLICT, field=["uploadId"])  # other bytes came while these were verified
            current.completed_at = ports.clock.now()
            await current.save(update_fields=["completed_at"])
            if FILE_TYPES[current.content_type].kind is not None:
                await _asset(current, duration_seconds).save(force_create=True)
        known = await media_by_id(upload_id)
        return known or _asset(current, None)

    return await transaction(work)


async def own_upload(actor: Actor, upload_id: UUID) -> Upload:
    """The actor's upload; somebody else's does not exist."""
    upload = await upload_by_id(upload_id)
    if upload is None or upload.member_id != actor.member_id:
        raise not_found("uploadId")
    return upload


async def read_sheet(ports: Ports, actor: Actor, upload_id: UUID) -> bytes:
    """The bytes of a completed sheet of the actor's. UPLOAD_INVALID for what is no sheet, STATE_FORBIDS before it is
    completed, NOT_FOUND once it is erased."""
    upload = await own_upload(actor, upload_id)
    if upload.content_type not in SHEETS:
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["uploadId"])
    if upload.completed_at is None:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["uploadId"])
    if upload.swept_at is not None:
        raise not_found("uploadId")
    return b"".join([piece async for piece in ports.storage.read(_received(upload), 0, upload.size_bytes)])


async def sweep_uploads(ports: Ports) -> int:
    """Erase what nobody finished, what was put in vain, and sheets after a week; how many uploads were swept."""
    now = ports.clock.now()
    over = await uploads_over(now - SWEPT_AFTER, now - SHEET_KEPT, SHEETS, SWEPT_AT_ONCE)
    for upload in over:
        keep = upload.received_attempt if upload.completed_at and upload.content_type not in SHEETS else None
        for attempt in range(1, upload.attempts + 1):
            if attempt != keep:
                await ports.storage.delete(_key(upload, attempt))
        await ports.storage.delete(_incoming(upload))
        await Upload.filter(id=upload.id).update(swept_at=now)
    return len(over)


async def _fetched(ports: Ports, upload: Upload) -> Upload:
    """The upload with what a client has put into the storage itself, as a try of its own.

    It is copied to a key that no address of the client's can write, and only the copy is verified: the address stays
    good until it expires.
    """
    if not await ports.storage.holds(_incoming(upload), upload.size_bytes):
        return upload

    async def begin() -> Upload:
        current = await locked_upload(upload.id)
        if current is None:
            raise not_found("uploadId")
        if current.completed_at is not None:
            return current
        if current.attempts >= MOST_ATTEMPTS:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["uploadId"])
        current.attempts += 1
        await current.save(update_fields=["attempts"])
        return current

    begun = await transaction(begin)
    if begun.completed_at is not None:
        return begun
    attempt = begun.attempts
    await ports.storage.copy(_incoming(upload), _key(upload, attempt))

    async def received() -> Upload:
        current = await locked_upload(upload.id)
        if current is None:
            raise not_found("uploadId")
        if current.completed_at is None:
            current.received_attempt = max(attempt, current.received_attempt or 0)
            await current.save(update_fields=["received_attempt"])
        return current

    return await transaction(received)


async def _verify(ports: Ports, upload: Upload) -> int | None:
    """UPLOAD_INVALID unless size, checksum and type are as was said; of films and recordings the seconds they play."""
    key, kind = _received(upload), FILE_TYPES[upload.content_type]

    async def read(start: int, stop: int) -> bytes:
        return b"".join([piece async for piece in ports.storage.read(key, start, stop)])

    if kind.kind not in PLAYED:
        await _require_as_said(ports, upload, None)
        if not await kind.looks(read, upload.size_bytes):
            raise _invalid()
        return None
    # A name of ours in a folder of ours: what measures it sees nothing else, and one crash leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="academy-probe-") as folder:
        path = Path(folder) / f"upload.{kind.suffix}"
        with path.open("wb") as file:
            await _require_as_said(ports, upload, file)
        if not await kind.looks(read, upload.size_bytes):
            raise _invalid()
        try:
            async with _probes:
                probed = await ports.probe.probe(path, upload.content_type)
        except Unplayable as error:
            _log.info("upload cannot be played", upload_id=str(upload.id), why=str(error))
            raise _invalid() from error
    if kind.kind == "VIDEO" and not probed.has_video:
        raise _invalid()
    return probed.duration_seconds


async def _require_as_said(ports: Ports, upload: Upload, copy: IO[bytes] | None) -> None:
    """Read all that was received, and keep a copy if one is asked for; UPLOAD_INVALID for other bytes than promised."""
    digest, size = hashlib.sha256(), 0
    async for piece in ports.storage.read(_received(upload), 0, upload.size_bytes + 1):
        digest.update(piece)
        size += len(piece)
        if copy is not None:
            await asyncio.to_thread(copy.write, piece)
    if size != upload.size_bytes or not hmac.compare_digest(digest.hexdigest(), upload.sha256):
        raise _invalid()


def _invalid() -> DomainError:
    return DomainError(ErrorCode.UPLOAD_INVALID, field=["uploadId"])


def _asset(upload: Upload, duration_seconds: int | None) -> MediaAsset:
    kind = FILE_TYPES[upload.content_type]
    return MediaAsset(
        id=upload.id,
        kind=kind.kind or "SHEET",
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        duration_seconds=duration_seconds,
        storage_key=_received(upload),
        created_at=upload.completed_at,
    )


def _key(upload: Upload, attempt: int) -> str:
    return f"uploads/{upload.id}-{attempt}.{FILE_TYPES[upload.content_type].suffix}"


def _incoming(upload: Upload) -> str:
    """Where a storage that takes bytes from clients itself is to put them."""
    return f"uploads/incoming/{upload.id}.{FILE_TYPES[upload.content_type].suffix}"


def _received(upload: Upload) -> str:
    assert upload.received_attempt is not None
    return _key(upload, upload.received_attempt)


async def _at_most(pieces: AsyncIterator[bytes], most_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most_bytes:
            raise DomainError(ErrorCode.UPLOAD_INVALID)
        yield piece


def _file_name(text: str) -> str:
    """What a person calls the file, without the folders some clients put in front."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", text)[-1]).strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name.strip(".") == "":
        raise bad_input("fileName")
    return name


def _signature(ports: Ports, upload_id: UUID) -> str:
    mac = hmac.new(ports.settings.key("uploads"), upload_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")
