"""What people may be called."""

import unicodedata

from kit.errors import bad_input

LONGEST = 24
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of what cannot be seen or turns the text around it: controls, directions, private use."""
JOINER = "\u200d"
"""Holds emoji of several parts together; the one unseen character that belongs in a name."""


def clean_name(text: str, *field: str) -> str:
    """The name in NFC, spaces trimmed and single.

    BAD_USER_INPUT at the input field `field` unless 1 to 24 characters are left, all of them to be seen.
    """
    name = " ".join(part for part in unicodedata.normalize("NFC", text).split(" ") if part)
    if not 1 <= len(name) <= LONGEST or not is_seen(name):
        raise bad_input(*field)
    return name


def is_seen(line: str) -> bool:
    """Whether a line of text shows something, and nothing in it hides."""
    seen = all(each == JOINER or unicodedata.category(each) not in UNSEEN for each in line)
    return seen and bool(line.strip(JOINER + " "))


def without_middle(name: str) -> str:
    """A shop's name of which only the ends can be read; of a short one, only the beginning."""
    return f"{name[:1]}**{name[-1:] if len(name) > 2 else ''}"
