"""Tables that people keep in spreadsheets, as they come: xlsx, or CSV of any usual encoding, separator and heading."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kit.errors import DomainError, ErrorCode
from services.workbooks import is_workbook, rows_of_workbook

if TYPE_CHECKING:
    from _csv import Reader

LONGEST_FILE = 64 * 1024 * 1024

Told = Callable[[int, int], None]
"""Called with (lines done, of how many)."""


@dataclass(frozen=True, slots=True)
class Line:
    """`number` is the line of the file it begins on, from 1; `cells` by column, trimmed."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was left out: why, and which column is at fault."""

    line: int
    code: ErrorCode
    column: str


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do. The same file again is all unchanged."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def lines_of(content: bytes, headings: Mapping[str, Sequence[str]]) -> list[Line]:
    """The lines below the heading, empty ones left out. `headings`: for each column the names it may have.

    UPLOAD_INVALID if this is no such table, with what is amiss as field: the missing column, or the broken line.
    """
    if len(content) > LONGEST_FILE:
        raise DomainError(ErrorCode.UPLOAD_INVALID)
    if is_workbook(content):
        return _lines(enumerate(rows_of_workbook(content), start=1), headings)
    text = _decoded(content)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        return _lines(_numbered(reader), headings)
    except csv.Error as error:
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["line", str(reader.line_num)]) from error


def _lines(numbered: Iterator[tuple[int, list[str]]], headings: Mapping[str, Sequence[str]]) -> list[Line]:
    heading = [cell.strip().lower().replace(" ", "_") for cell in next(numbered, (1, []))[1]]
    places = {column: _place(heading, column, names) for column, names in headings.items()}
    found: list[Line] = []
    for number, cells in numbered:
        if any(cell.strip() for cell in cells):
            padded = [*cells, *[""] * len(heading)]
            found.append(Line(number, {column: padded[place].strip() for column, place in places.items()}))
    return found


def _numbered(reader: "Reader") -> Iterator[tuple[int, list[str]]]:
    """Each row with the line of the file it begins on: a quoted cell may go over several."""
    begins = 1
    for cells in reader:
        yield begins, cells
        begins = reader.line_num + 1


def _place(heading: Sequence[str], column: str, names: Sequence[str]) -> int:
    for name in names:
        if name in heading:
            return heading.index(name)
    raise DomainError(ErrorCode.UPLOAD_INVALID, field=[column])


def _decoded(content: bytes) -> str:
    """Text as spreadsheets save it: UTF-8 or UTF-16 with their marks, UTF-8 without, or GB 18030 (GBK)."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DomainError(ErrorCode.UPLOAD_INVALID)
