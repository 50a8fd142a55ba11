"""Signed, expiring addresses of media, and what stands behind them."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kit.errors import DomainError, ErrorCode, not_found
from models.courses import MediaAsset, media_by_id
from services.ports import Ports

STEP_SECONDS = 3600
"""Ends of validity are rounded up to this, so that an address stays the same for a while and caches can keep it."""


@dataclass(frozen=True, slots=True)
class MediaUrl:
    url: str
    expires_at: datetime


def media_url(ports: Ports, media_id: UUID) -> MediaUrl:
    """Where a phone fetches these bytes, for at least `media_url_seconds` from now."""
    ends = ports.clock.now() + timedelta(seconds=ports.settings.media_url_seconds)
    until = -(-int(ends.timestamp()) // STEP_SECONDS) * STEP_SECONDS
    base = ports.settings.public_url.rstrip("/")
    url = f"{base}/media/{media_id}?until={until}&signature={_signature(ports, media_id, until)}"
    return MediaUrl(url, datetime.fromtimestamp(until, UTC))


async def signed_media(ports: Ports, media_id: UUID, until: int, signature: str) -> MediaAsset:
    """The asset behind a signed address; FORBIDDEN if the signature is wrong or the address has expired."""
    right = hmac.compare_digest(signature.encode(), _signature(ports, media_id, until).encode())
    if not right or ports.clock.now().timestamp() >= until:
        raise DomainError(ErrorCode.FORBIDDEN)
    asset = await media_by_id(media_id)
    if asset is None:
        raise not_found()
    return asset


def _signature(ports: Ports, media_id: UUID, until: int) -> str:
    mac = hmac.new(ports.settings.key("media"), f"{media_id} {until}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")
