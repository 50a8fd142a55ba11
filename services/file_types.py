"""What may be uploaded, and how its first bytes show that it is what it says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

MEGABYTE = 1024 * 1024
MOST_BOXES = 64

Bytes = Callable[[int, int], Awaitable[bytes]]
"""The bytes [start, stop) of a file, fewer at its end."""
Looks = Callable[[Bytes, int], Awaitable[bool]]
"""Whether a file of this size is what its type says."""


@dataclass(frozen=True, slots=True)
class FileType:
    """`kind` is that of the media asset; None for a sheet, which becomes none: it is read once and then erased."""

    content_type: str
    kind: str | None
    suffix: str
    most_bytes: int
    looks: Looks


async def _is_iso_media(read: Bytes, size: int) -> bool:
    """MP4 and M4A: boxes from the first byte on, `ftyp` first, and one that says where everything is (`moov`)."""
    place = 0
    for number in range(MOST_BOXES):
        head = await read(place, place + 16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - place
        if len(head) < 8 or length < 8 or place + length > size or (number == 0) != (kind == b"ftyp"):
            return False
        if kind == b"moov":
            return True
        place += length
    return False


async def _is_mp3(read: Bytes, size: int) -> bool:
    """A tag, or a frame: eleven set bits, then a version, layer, bit rate and sampling rate that exist."""
    head = await read(0, 10)
    if head[:3] == b"ID3":
        return len(head) == 10 and head[3] in (2, 3, 4) and all(byte < 0x80 for byte in head[6:10])
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, sampling = (head[1] >> 3) & 3, (head[1] >> 1) & 3, head[2] >> 4, (head[2] >> 2) & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sampling != 3


async def _is_jpeg(read: Bytes, size: int) -> bool:
    return await read(0, 3) == b"\xff\xd8\xff" and (await read(max(0, size - 2), size)) == b"\xff\xd9"


async def _is_png(read: Bytes, size: int) -> bool:
    head = await read(0, 16)
    return head == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


async def _is_text(read: Bytes, size: int) -> bool:
    """No control characters but those that lay out text; UTF-16 with its mark has its NULs."""
    head = await read(0, 4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not head.startswith((b"PK\x03\x04", b"%PDF")) and not any(byte < 9 or 13 < byte < 32 for byte in head)


async def _is_zip(read: Bytes, size: int) -> bool:
    """A zip; whether there is a workbook in it, and no bomb, is for `services/workbooks.py` when it is read."""
    return await read(0, 4) == b"PK\x03\x04" and b"PK\x05\x06" in await read(max(0, size - 65557), size)


FILE_TYPES = {
    each.content_type: each
    for each in (
        FileType("video/mp4", "VIDEO", "mp4", 200 * MEGABYTE, _is_iso_media),
        FileType("audio/mp4", "AUDIO", "m4a", 50 * MEGABYTE, _is_iso_media),
        FileType("audio/mpeg", "AUDIO", "mp3", 50 * MEGABYTE, _is_mp3),
        FileType("image/jpeg", "IMAGE", "jpg", 10 * MEGABYTE, _is_jpeg),
        FileType("image/png", "IMAGE", "png", 10 * MEGABYTE, _is_png),
        FileType("text/csv", None, "csv", 20 * MEGABYTE, _is_text),
        FileType(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            None, "xlsx", 20 * MEGABYTE, _is_zip,
        ),
    )
}  # fmt: skip
"""Every type that is taken. SVG is not: it may hold scripts."""

SHEETS = tuple(each.content_type for each in FILE_TYPES.values() if each.kind is None)
