"""GET and HEAD /media/<id>: signed, expiring, in ranges. The address names an asset by id and never a file.

Where media are in a bucket, the answer sends the client there, to an address that is signed for this one object.
"""

import re
from collections.abc import AsyncIterator
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kit.errors import DomainError, ErrorCode
from models.courses import MediaAsset
from providers.storage.base import Storage
from services.media import signed_media
from services.ports import Ports

RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
ELSEWHERE_SECONDS = 3600
"""How long the address of a bucket is good for: long enough to watch what was begun, in ranges."""
KEPT_SECONDS = 1800
"""How long a client may follow the same redirection again."""
STATUS = {ErrorCode.FORBIDDEN: 403, ErrorCode.NOT_FOUND: 404}


async def media(request: Request) -> Response:
    ports: Ports = request.app.state.ports
    try:
        asset = await signed_media(ports, *_named(request))
    except DomainError as error:
        return Response(status_code=STATUS[error.code])
    elsewhere = ports.storage.get_address(
        asset.storage_key, request.method, asset.content_type, now=ports.clock.now(), seconds=ELSEWHERE_SECONDS
    )
    if elsewhere is not None:
        headers = {"location": elsewhere, "cache-control": f"private, max-age={KEPT_SECONDS}"}
        return Response(status_code=307, headers=headers)
    if not await ports.storage.holds(asset.storage_key, asset.size_bytes):
        return Response(status_code=404)
    return _answer(ports.storage, asset, request)


def _named(request: Request) -> tuple[UUID, int, str]:
    """(media id, end of validity, signature) of the address; what cannot be read was never signed."""
    query = request.query_params
    try:
        return UUID(request.path_params["media_id"]), int(query.get("until", "")[:12]), query.get("signature", "")
    except ValueError as error:
        raise DomainError(ErrorCode.FORBIDDEN) from error


def _answer(storage: Storage, asset: MediaAsset, request: Request) -> Response:
    etag = f'"{asset.sha256}"'
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
        "etag": etag,
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") in (etag, "*"):
        return Response(status_code=304, headers=headers)
    wanted = _range(request.headers, etag, asset.size_bytes)
    if wanted is None:
        start, stop, status = 0, asset.size_bytes, 200
    elif wanted[0] >= wanted[1]:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{asset.size_bytes}"})
    else:
        (start, stop), status = wanted, 206
        headers["content-range"] = f"bytes {start}-{stop - 1}/{asset.size_bytes}"
    headers["content-length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=asset.content_type)
    body: AsyncIterator[bytes] = storage.read(asset.storage_key, start, stop)
    return StreamingResponse(body, status, headers, asset.content_type)


def _range(headers: Headers, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """[start, stop) asked for; empty if it lies beyond the end; None if the whole is wanted.

    Several ranges at once, or anything else than bytes, are answered with the whole, as HTTP allows.
    """
    found = RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or found.groups() == ("", "") or headers.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    stop = min(int(last) + 1, size_bytes) if last else size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), stop
