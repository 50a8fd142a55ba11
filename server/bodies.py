"""The body of a request, read and unpacked no further than we are ready to hold.

Bodies hold 256 KB at most, but for batches of learning events from phones that were offline: 1 MB, of members alone
(`server/admission.py` knows which they are). gzip is taken, as far as it packs like text; what swells more is a bomb.
"""

import zlib
from collections.abc import Mapping

from starlette.requests import Request

from kit.errors import DomainError, ErrorCode, bad_input

MOST_BYTES = 256 * 1024
MOST_BATCH_BYTES = 1024 * 1024
MOST_SWELLING = 100
"""Bytes unpacked from one that was sent. Batches of events come to about 10."""
SMALL_BYTES = 16 * 1024
"""So much may come of any byte."""
PIECE_BYTES = 64 * 1024

PACKED = {"": False, "identity": False, "gzip": True}


class Malformed(Exception):
    """Not a GraphQL request at all; answered with this HTTP status."""

    def __init__(self, status: int, error: DomainError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.error = error
        self.headers = headers


def too_large() -> Malformed:
    return Malformed(413, DomainError(ErrorCode.QUERY_TOO_COMPLEX))


def announced_bytes(request: Request) -> int:
    """How large a body may turn out, before it is read: a packed one swells, and one that does not say is the largest.
    `Malformed` if it says that it is more than a batch."""
    length = request.headers.get("content-length")
    if length is None:
        return MOST_BATCH_BYTES if "transfer-encoding" in request.headers else 0
    if not length.isdecimal() or len(length) > 10 or int(length) > MOST_BATCH_BYTES:
        raise too_large()
    return int(length) * (MOST_SWELLING if "content-encoding" in request.headers else 1)


async def read_body(request: Request) -> bytes:
    """The body as it was before it was packed; `Malformed` if that is more than a batch, or not to be unpacked."""
    packed = PACKED.get(request.headers.get("content-encoding", "").strip().lower())
    if packed is None:
        raise Malformed(415, bad_input("content-encoding"), {"accept-encoding": "gzip"})
    unpacking = _Unpacking() if packed else None
    body = bytearray()
    async for chunk in request.stream():
        body += unpacking.of(chunk) if unpacking is not None else chunk
        if len(body) > MOST_BATCH_BYTES:
            raise too_large()
    if unpacking is not None and not unpacking.is_whole:
        raise Malformed(400, bad_input())
    return bytes(body)


class _Unpacking:
    """One gzip member, unpacked as it comes."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self._taken = 0
        self._given = 0

    @property
    def is_whole(self) -> bool:
        return self._zlib.eof and not self._zlib.unused_data

    def of(self, chunk: bytes) -> bytes:
        """What a chunk unpacks to; stops as soon as it swells too much, whatever is left of it."""
        found = bytearray()
        self._taken += len(chunk)
        try:
            while chunk and not self._zlib.eof:
                piece = self._zlib.decompress(chunk, PIECE_BYTES)
                found += piece
                self._given += len(piece)
                if self._given > max(SMALL_BYTES, MOST_SWELLING * self._taken) or self._given > MOST_BATCH_BYTES:
                    raise too_large()
                chunk = self._zlib.unconsumed_tail
        except zlib.error as error:
            raise Malformed(400, bad_input()) from error
        return bytes(found)
