"""Tables that people keep in spreadsheets, read from CSV as they come: any usual encoding, separator and heading."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.errors import DomainError, ErrorCode

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
    text = _decoded(content)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    found: list[Line] = []
    try:
        heading = [cell.strip().lower().replace(" ", "_") for cell in next(reader, [])]
        places = {column: _place(heading, column, names) for column, names in headings.items()}
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * len(heading)]
                found.append(Line(begins, {column: padded[place].strip() for column, place in places.items()}))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["line", str(reader.line_num)]) from error
    return found


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
