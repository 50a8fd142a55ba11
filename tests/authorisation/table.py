"""The expected outcomes, as a text that can be read: one line for each field, one cell for each role."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from kit.words import Role

FILE = Path(__file__).with_name("matrix.txt")

Key = str
"""A row: "Member.level", "Member.level on a board", "Query.node Member"."""
Cells = dict[Key, dict[str, str]]
"""Row -> column -> outcomes, as "v v - -"."""

COLUMNS = [*(role.value for role in Role), "SIGNED_OUT"]
LEGEND = """\
# Who may see and do what, as the server really answers. Written by `python -m tests.authorisation`, read by a person.
#
# A cell has four signs, for a thing that is the viewer's own, of their outlet, of their area, far away.
# `cast.py` says exactly. Signed out there is one sign, for a thing of somebody's.
#
#   v  a value, or done        U  UNAUTHENTICATED     B  BAD_USER_INPUT      A  ALREADY_DONE
#   -  null                    F  FORBIDDEN           S  STATE_FORBIDS       L  LESSON_UNAVAILABLE
#   e  an empty list           N  NOT_FOUND           C  CODE_WRONG          X  SESSION_EXPIRED, CREDENTIALS_WRONG
#   .  there is no such thing
"""
SIGNS = {
    "UNAUTHENTICATED": "U", "FORBIDDEN": "F", "NOT_FOUND": "N", "BAD_USER_INPUT": "B", "STATE_FORBIDS": "S",
    "CODE_WRONG": "C", "ALREADY_DONE": "A", "LESSON_UNAVAILABLE": "L", "SESSION_EXPIRED": "X", "CREDENTIALS_WRONG": "X",
}  # fmt: skip
VALUE, NULL, EMPTY, NOTHING = "v", "-", "e", "."


def read() -> Cells:
    found: Cells = {}
    if not FILE.exists():
        return found
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or "|" not in line:
            continue
        key, *cells = (part.strip() for part in line.split("|"))
        if key != "field":
            found[key] = dict(zip(COLUMNS, cells, strict=True))
    return found


def write(cells: Mapping[Key, Mapping[str, str]], order: Iterable[Key]) -> None:
    keys = list(order)
    width = max(len(key) for key in keys)
    widths = [max(len(column), 7) for column in COLUMNS]
    lines = [LEGEND, _line("field", COLUMNS, width, widths)]
    previous = ""
    for key in keys:
        group = key.split(".")[0]
        if group != previous:
            lines.append("")
            previous = group
        lines.append(_line(key, [cells.get(key, {}).get(column, "?") for column in COLUMNS], width, widths))
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(key: str, cells: Iterable[str], width: int, widths: Iterable[int]) -> str:
    padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
    return " | ".join([key.ljust(width), *padded]).rstrip()
