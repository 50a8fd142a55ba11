"""What text may come in, in one place; text is stored as it came and escaped where it is shown.

NUL and lone surrogates are refused: no database holds them and nobody types them. The rest is brought to Unicode's
composed form (NFC), so that what looks equal is equal. Length is bounded: 2,000 characters unless `LONGER` names the
input field. Too long a text in a mutation's input is a userError, for a person can shorten it; elsewhere the request is
refused.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from strawberry.types.base import StrawberryContainer, has_object_definition
from strawberry.utils.str_converters import to_camel_case

from kit.errors import bad_input

MOST_CHARACTERS = 2_000

LONGER = {
    "body": 50_000,  # an article
    "captchaToken": 8_000,
}
"""Input fields that hold more, by their name in GraphQL."""

MOST_MARKS = 30

LONGEST = max(LONGER.values())


def settled(text: str) -> str:
    """`text` in NFC; ValueError if it holds what no text of ours may, or more than any may."""
    if text.isascii():
        if "\0" in text or len(text) > LONGEST:
            raise ValueError("text")
        return text
    if len(text) > LONGEST or "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text")
    if _has_endless_marks(text):
        raise ValueError("text")
    return unicodedata.normalize("NFC", text)


def _has_endless_marks(text: str) -> bool:
    """Whether one letter bears more marks than Unicode's stream-safe format allows: to put them in order takes time
    that grows with the square of their number."""
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MOST_MARKS:
            return True
    return False


def is_long(text: str, name: str) -> bool:
    """Whether a text is longer than the input field `name` may hold."""
    return len(text) > MOST_CHARACTERS and len(text) > LONGER.get(name, MOST_CHARACTERS)


def refuse_long(value: object) -> None:
    """BAD_USER_INPUT with the path of the first text in a mutation's input that is too long."""
    for path in _long(value, ()):
        raise bad_input(*path)


def _long(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, str):
        if is_long(value, next((name for name in reversed(path) if not name.isdecimal()), "")):
            yield path
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _long(each, (*path, str(index)))
    elif value is not None:
        kind: Any = type(value)
        for attribute, name in _texts(kind):
            yield from _long(getattr(value, attribute), (*path, name))


@cache
def _texts(kind: type) -> Sequence[tuple[str, str]]:
    """(attribute, name in GraphQL) of those fields of an input type that may hold text, near or far."""
    if not has_object_definition(kind):
        return ()
    fields = kind.__strawberry_definition__.fields
    return [(field.python_name, to_camel_case(field.python_name)) for field in fields if _may_hold_text(field.type)]


def _may_hold_text(kind: Any) -> bool:
    while isinstance(kind, StrawberryContainer):
        kind = kind.of_type
    if has_object_definition(kind):
        return bool(_texts(kind))
    return (isinstance(kind, type) and issubclass(kind, str)) or getattr(kind, "__name__", "") == "ID"
