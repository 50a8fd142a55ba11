"""Rows as a file that a spreadsheet opens: CSV or xlsx, a piece in memory at a time, and no cell that computes.

A text that a spreadsheet would take for a formula is somebody's name or title here, and may be an attack on whoever
opens the file: in a CSV it gets an apostrophe in front, in xlsx every text is written as a text.
"""

import asyncio
import csv
import datetime as dt
import io
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from xlsxwriter import Workbook

from kit.clock import ZONE

Cell: TypeAlias = str | int | bool | dt.datetime | dt.date | None

ROWS_AT_ONCE = 500
PIECE_BYTES = 64 * 1024
ROWS_A_SHEET = 1_000_000
"""Excel reads 1,048,576."""
LONGEST_CELL = 32_000
"""Excel reads 32,767 characters."""
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel does not take a CSV for UTF-8."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


async def csv_pieces(headings: Sequence[str], rows: AsyncIterator[Sequence[Cell]]) -> AsyncIterator[bytes]:
    """A CSV after RFC 4180 in UTF-8, its times in Shanghai."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(BYTE_ORDER_MARK)
    writer.writerow(headings)
    async for row in rows:
        writer.writerow([neutralised(shown(cell)) for cell in row])
        if text.tell() >= PIECE_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


async def xlsx_pieces(
    headings: Sequence[str], rows: AsyncIterator[Sequence[Cell]], folder: Path
) -> AsyncIterator[bytes]:
    """An xlsx, its times in Shanghai, a new sheet after a million rows; written in `folder`, which is emptied first and
    gone afterwards."""
    await asyncio.to_thread(_empty, folder)
    path = folder / "book.xlsx"
    book = _Book(path, headings)
    try:
        waiting: list[Sequence[Cell]] = []
        async for row in rows:
            waiting.append(row)
            if len(waiting) == ROWS_AT_ONCE:
                await asyncio.to_thread(book.add, waiting)
                waiting = []
        await asyncio.to_thread(book.add, waiting)
        await asyncio.to_thread(book.close)
        file = await asyncio.to_thread(path.open, "rb")
        try:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece
        finally:
            file.close()
    finally:
        book.let_go()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def neutralised(cell: object) -> object:
    """A text that no spreadsheet takes for a formula; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def shown(cell: Cell) -> str | int:
    """As it is read: times in Shanghai to the second, days as days, nothing as nothing."""
    if isinstance(cell, dt.datetime):
        return cell.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if cell is None:
        return ""
    return cell[:LONGEST_CELL] if isinstance(cell, str) else int(cell)


class _Book:
    """A workbook that keeps one row in memory; the rest lies beside it in its folder until it is closed."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._book = Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        self._headings = headings
        self._bold = self._book.add_format({"bold": True})
        self._sheet: Any = None
        self._row = 0
        self._turn()

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        for row in rows:
            if self._row > ROWS_A_SHEET:
                self._turn()
            for column, cell in enumerate(row):
                value = shown(cell)
                if isinstance(value, int):
                    self._sheet.write_number(self._row, column, value)
                elif value:
                    self._sheet.write_string(self._row, column, value)
            self._row += 1

    def close(self) -> None:
        self._book.close()

    def let_go(self) -> None:
        """Close what a book that came to no end holds open; nothing, of one that was closed."""
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()

    def _turn(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for column, heading in enumerate(self._headings):
            self._sheet.write_string(0, column, heading, self._bold)
            self._sheet.set_column(column, column, 18)
        self._row = 1


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
