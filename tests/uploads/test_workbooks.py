"""Workbooks: read as people see them, and what could not be held is refused before it is read."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date

import pytest
import xlsxwriter

from kit.errors import DomainError, ErrorCode
from services.workbooks import MOST_COLUMNS, MOST_ENTRIES, MOST_ROWS, MOST_UNPACKED_BYTES, rows_of_workbook
from tests.uploads.files import workbook

SHEET = "xl/worksheets/sheet1.xml"
PLAIN = workbook(["编码", "店名"], ["A1", "好又来"])


def changed(content: bytes, name: str, change: Callable[[bytes], bytes], more: dict[str, bytes] | None = None) -> bytes:
    """The workbook with one of its parts changed, and others put in."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, change(old.read(entry)) if entry == name else old.read(entry))
        for entry, part in (more or {}).items():
            new.writestr(entry, part)
    return file.getvalue()


def sheet(*rows: str) -> bytes:
    """The workbook with these rows, as XML, for its sheet."""

    def change(part: bytes) -> bytes:
        head, _, rest = part.partition(b"<sheetData>")
        return head + b"<sheetData>" + "".join(rows).encode() + b"</sheetData>" + rest.partition(b"</sheetData>")[2]

    return changed(PLAIN, SHEET, change)


def test_cells_are_read_as_people_see_them() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet("店铺")
        page.write_row(0, 0, ["编码", 12, 12.5, 13800138000, True, "  x "])
        page.write_datetime(1, 0, date(2026, 3, 2), book.add_format({"num_format": "yyyy-mm-dd"}))
        page.write_formula(2, 0, "=1+1", None, 2)
        book.add_worksheet("第二页").write(0, 0, "不读")

    rows = list(rows_of_workbook(file.getvalue()))

    assert rows[0] == ["编码", "12", "12.5", "13800138000", "TRUE", "  x "]
    assert rows[1][0] == date(2026, 3, 2).isoformat()
    assert rows[2][0] == "2"
    assert len(rows) == 3


def test_a_row_keeps_its_number_behind_empty_ones() -> None:
    rows = list(rows_of_workbook(sheet('<row r="3"><c r="B3"><v>7</v></c></row>')))

    assert [("7" in row) for row in rows] == [False, False, True]
    assert rows[2][1] == "7"


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
        with new.open("xl/media/image1.bin", "w") as part:
            for _ in range(MOST_UNPACKED_BYTES // 2**20 + 1):
                part.write(bytes(2**20))
    return file.getvalue()


def lying_bomb() -> bytes:
    """The same, but its headers say that it unpacks to ten bytes."""
    content = bytearray(bomb())
    size = ((MOST_UNPACKED_BYTES // 2**20 + 1) * 2**20).to_bytes(4, "little")
    place = content.find(size)
    while place >= 0:
        content[place : place + 4] = (10).to_bytes(4, "little")
        place = content.find(size)
    return bytes(content)


def overlapping() -> bytes:
    """A directory that names the same bytes again and again."""
    end = PLAIN.rindex(b"PK\x05\x06")
    count, size, start = (
        int.from_bytes(PLAIN[end + at : end + at + width], "little") for at, width in ((10, 2), (12, 4), (16, 4))
    )
    directory = PLAIN[start : start + size] * 20
    tail = bytearray(PLAIN[end:])
    tail[8:10] = tail[10:12] = (count * 20).to_bytes(2, "little")
    tail[12:16] = len(directory).to_bytes(4, "little")
    return PLAIN[:start] + directory + bytes(tail)


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        for name, part in parts.items():
            new.writestr(name, part)
    return file.getvalue()


def page(text: str, encoding: str = "utf-8") -> bytes:
    """The workbook with this text for its sheet."""
    return changed(PLAIN, SHEET, lambda _: text.encode(encoding))


ROWS = "".join(f"<row><c><v>{number}</v></c></row>" for number in range(MOST_ROWS + 1))
CELLS = "<c><v>1</v></c>" * (MOST_COLUMNS + 1)
FAR = '<worksheet><sheetData><row r="9999999"><c r="XFD9999999"><v>1</v></c></row></sheetData></worksheet>'
EVIL: dict[str, Callable[[], bytes]] = {
    "no zip at all": lambda: b"PK\x03\x04" + bytes(100),
    "a workbook cut off": lambda: PLAIN[: len(PLAIN) // 2],
    "a zip without a workbook": lambda: zipped({"a.txt": b"x"}),
    "a binary workbook beside": lambda: changed(PLAIN, "", bytes, {"xl/workbook.bin": b"x"}),
    "an OpenDocument beside": lambda: changed(PLAIN, "", bytes, {"content.xml": b"<x/>"}),
    "too many entries": lambda: changed(PLAIN, "", bytes, {f"x{n}": b"" for n in range(MOST_ENTRIES)}),
    "a bomb": bomb,
    "a bomb that says it is small": lying_bomb,
    "entries over each other": overlapping,
    "a row far below": lambda: sheet(f'<row r="{MOST_ROWS + 1}"><c r="A{MOST_ROWS + 1}"><v>1</v></c></row>'),
    "a cell far below": lambda: sheet('<row r="1"><c r="A1048576"><v>1</v></c></row>'),
    "a cell far right": lambda: sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>'),
    "cells without names, too many": lambda: sheet(f"<row>{CELLS}</row>"),
    "rows without numbers, too many": lambda: sheet(ROWS),
    "rows behind a far one": lambda: sheet(f'<row r="{MOST_ROWS}"/><row><c><v>1</v></c></row>'),
    "a cell with a made-up name": lambda: sheet('<row r="1"><c r="A-1"><v>1</v></c></row>'),
    "a row with a made-up number": lambda: sheet('<row r="-1"><c><v>1</v></c></row>'),
    "a far cell in another prefix": lambda: page(FAR.replace("<", "<x:").replace("<x:/", "</x:")),
    "a far cell in UTF-16": lambda: page(FAR, "utf-16"),
    "a far cell behind what is no XML": lambda: page("no xml " + FAR),
    "a far cell by references": lambda: page(FAR.replace('"XFD', '"&#88;FD')),
    "entities": lambda: page('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'),
    "XML that breaks off": lambda: page("<worksheet><sheetData><row>"),
}


@pytest.mark.parametrize("made", EVIL.values(), ids=list(EVIL))
def test_what_could_not_be_held_or_is_no_workbook_is_refused(made: Callable[[], bytes]) -> None:
    with pytest.raises(DomainError) as refused:
        list(rows_of_workbook(made()))

    assert (refused.value.code, refused.value.field) == (ErrorCode.UPLOAD_INVALID, None)


def test_a_bomb_costs_no_more_memory_than_its_limit() -> None:
    content = bomb()
    tracemalloc.start()

    with pytest.raises(DomainError):
        rows_of_workbook(content)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_as_much_as_is_allowed_is_read() -> None:
    rows = list(rows_of_workbook(sheet(f'<row r="{MOST_ROWS}"><c r="AN{MOST_ROWS}"><v>1</v></c></row>')))

    assert (len(rows), len(rows[-1]), rows[-1][-1]) == (MOST_ROWS, MOST_COLUMNS, "1")
