"""Keyset pages: what a list is asked for, what it answers, and the sealed cursors between the two.

A list query of `models/` takes an `Ask`, orders by a total order (an id last), reads `ask.limit + 1` rows beyond the
key given, and hands them to `page_of`:

    async def newest_courses(ask: Ask) -> Page[Course]:
        query = Course.all().order_by(*(("published_at", "id") if ask.backwards else ("-published_at", "-id")))
        if ask.after is not None:
            published_at, course_id = ask.after
            ...                                 # rows that come after this key in the list's order
        if ask.before is not None:
            ...                                 # rows that come before it
        return page_of(await query.limit(ask.limit + 1), ask)
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kit.errors import bad_input

LONGEST_CURSOR = 1024

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Ask:
    """One page of a list: at most `limit` rows, strictly between the keys `after` and `before`.

    The keys are what the list sealed into its cursors: the values it is ordered by. `backwards`: the last rows of that
    stretch are wanted, so read in reversed order; `page_of` turns them round again.
    """

    limit: int
    after: Sequence[object] | None = None
    before: Sequence[object] | None = None
    backwards: bool = False


@dataclass(frozen=True)  # no slots: with them `Page[Row](...)` fails on setting __orig_class__
class Page(Generic[Row]):
    """Rows in the list's own order, whichever way they were read."""

    rows: Sequence[Row]
    has_next: bool = False
    has_previous: bool = False


def page_of(rows: Sequence[Row], ask: Ask) -> Page[Row]:
    """The page in `rows`, which are up to `ask.limit + 1` rows read in the order `ask` wants them."""
    more = len(rows) > ask.limit
    kept = list(rows[: ask.limit])
    if ask.backwards:
        return Page(kept[::-1], has_next=ask.before is not None, has_previous=more)
    return Page(kept, has_next=more, has_previous=ask.after is not None)


class Cursors:
    """Seals keys into opaque cursors and opens them again.

    A cursor is bound to its scope, the name of the list it was made on with everything that decides the order and the
    members of that list (`"courses NEWEST 5d41…"`), so that it opens on no other list and cannot be made up. Nor can
    it be read: a board's key names members who do not want to be shown. Keys may hold text, int, float, bool, None,
    UUID, aware datetime and date, and come back as such.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(hashlib.sha512(key).digest())

    def seal(self, scope: str, key: Sequence[object]) -> str:
        plain = orjson.dumps([_packed(value) for value in key], option=orjson.OPT_PASSTHROUGH_DATETIME)
        return _written(self._cipher.encrypt(plain, [scope.encode()]))

    def open(self, scope: str, text: str, field: str = "after") -> list[object]:
        """The key in a cursor; BAD_USER_INPUT at `field` if it is damaged or was made on another list."""
        if len(text) > LONGEST_CURSOR:
            raise bad_input(field)
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            plain = self._cipher.decrypt(sealed, [scope.encode()])
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise bad_input(field) from error
        if _written(sealed) != text:
            raise bad_input(field)
        return [_unpacked(value) for value in orjson.loads(plain)]


def _written(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _packed(value: object) -> object:
    if isinstance(value, UUID):
        return {"u": value.hex}
    if isinstance(value, datetime):
        assert value.tzinfo is not None, value
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    return value


def _unpacked(value: object) -> object:
    if not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    if kind == "u":
        return UUID(text)
    return datetime.fromisoformat(text) if kind == "t" else date.fromisoformat(text)
