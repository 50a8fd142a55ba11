"""Rows of an xlsx workbook, read in memory and never unpacked to disk; what could not be held is refused before it is.

An xlsx is a zip of XML. A few hundred kilobytes of it can stand for gigabytes (a bomb), name the same bytes many times
over (overlapping entries), or hold two cells so far apart that the rectangle between them fills the memory. So first
every entry is inflated piece by piece and counted, and every part is parsed for the place of its farthest cell; only
then does python-calamine read the sheet.
"""

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.parsers import expat

from python_calamine import CalamineError, load_workbook

from kit.errors import DomainError, ErrorCode

MOST_ENTRIES = 500
MOST_UNPACKED_BYTES = 128 * 1024 * 1024
MOST_ROWS = 50_000
MOST_COLUMNS = 40
MOST_ELEMENTS = 5_000_000
PIECE_BYTES = 256 * 1024
CELL, ROW = re.compile(r"([A-Z]{1,3})([0-9]{1,7})"), re.compile(r"[0-9]{1,7}")
OTHER_FORMATS = frozenset({"xl/workbook.bin", "content.xml"})
"""What makes a zip an xlsb or an OpenDocument sheet, whose cells we cannot count beforehand."""
LOCAL_HEADER_BYTES = 30


class _Refused(Exception):
    """No workbook, or one that we do not read."""


def is_workbook(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04")


def rows_of_workbook(content: bytes) -> Iterator[list[str]]:
    """The rows of the first sheet as text, from the first that is not empty. UPLOAD_INVALID for anything amiss.

    Numbers and days are written as people do in a CSV: 12 and not 12.0, 2026-03-02.
    """
    try:
        _refuse_what_does_not_fit(content)
        with load_workbook(io.BytesIO(content)) as book:
            sheet = book.get_sheet_by_index(0)
            if sheet.total_height > MOST_ROWS or sheet.total_width > MOST_COLUMNS:
                raise _Refused("too large")
            found = sheet.to_python(skip_empty_area=False)
    except (_Refused, CalamineError, zipfile.BadZipFile, zlib.error, expat.ExpatError, IndexError, ValueError) as error:
        raise DomainError(ErrorCode.UPLOAD_INVALID) from error
    return ([_text(cell) for cell in row] for row in found)


def _refuse_what_does_not_fit(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_ENTRIES or "xl/workbook.xml" not in names or names & OTHER_FORMATS:
        raise _Refused("no workbook")
    if sum(entry.compress_size for entry in entries) > len(content):
        raise _Refused("entries overlap")
    limits = _Limits()
    for entry in entries:
        part = _Part(limits)
        for piece in _pieces(content, entry):
            limits.take_bytes(len(piece))
            part.feed(piece)


class _Limits:
    """What all parts of a workbook share."""

    def __init__(self) -> None:
        self.bytes = 0
        self.elements = 0

    def take_bytes(self, count: int) -> None:
        self.bytes += count
        if self.bytes > MOST_UNPACKED_BYTES:
            raise _Refused("too large")

    def take_element(self) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise _Refused("too large")


class _Part:
    """One entry, parsed as it comes: where its cells lie."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._element
        self._parser.EntityDeclHandler = self._entity
        self._begun = False
        self._is_xml = True
        self._tail = b""
        self._row, self._column = 0, 0

    def feed(self, piece: bytes) -> None:
        if self._is_xml:
            try:
                self._parser.Parse(piece, False)
            except expat.ExpatError:
                if self._begun:
                    raise
                self._is_xml = False
        if not self._is_xml:  # a picture, or what another parser than ours might take for a sheet
            if b"sheetData" in self._tail + piece:
                raise _Refused("a sheet that is no XML")
            self._tail = piece[-16:]

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        self._begun = True
        self._limits.take_element()
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._row, self._column = _number(attributes.get("r")) or self._row + 1, 0
        elif kind == "c" and "r" in attributes:
            self._column, self._row = _cell(attributes["r"])
        elif kind == "c":
            self._column += 1
        if self._row > MOST_ROWS or self._column > MOST_COLUMNS:
            raise _Refused("cells too far apart")

    def _entity(self, *_: object) -> None:
        raise _Refused("entities")


def _pieces(content: bytes, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What an entry really holds, whatever its header says about its length."""
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Refused("encrypted, or packed in a way that workbooks are not")
    header = content[entry.header_offset : entry.header_offset + LOCAL_HEADER_BYTES]
    if len(header) < LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
        raise _Refused("no entry where one should be")
    start = (
        entry.header_offset
        + LOCAL_HEADER_BYTES
        + sum(int.from_bytes(header[place : place + 2], "little") for place in (26, 28))
    )
    packed = memoryview(content)[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        yield from (bytes(packed[at : at + PIECE_BYTES]) for at in range(0, len(packed), PIECE_BYTES))
        return
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    waiting: bytes | memoryview = packed
    while not inflate.eof and (piece := inflate.decompress(waiting, PIECE_BYTES)):
        yield piece
        waiting = inflate.unconsumed_tail


def _cell(place: str) -> tuple[int, int]:
    """(column, row) of a cell's name, as BC123, both from 1."""
    found = CELL.fullmatch(place)
    if found is None:
        raise _Refused("no cell's name")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not ROW.fullmatch(text):
        raise _Refused("no row's number")
    return int(text)


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell)
