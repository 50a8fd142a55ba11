"""The values of variables: bounded, and their texts brought to the one form that we keep (`schema/texts.py`)."""

import math
from dataclasses import dataclass
from typing import Any

from kit.errors import bad_input
from schema.texts import is_long, settled
from server.bodies import Malformed, too_large
from server.literals import field_path

MOST_VALUES = 2_000
MOST_BATCH_VALUES = 62_000
"""A hundred events with two hundred spans each, three values a span: some 800 KB of compact JSON."""

DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Settled:
    """How many values there are, and where the first text is that is longer than its field may be."""

    count: int
    too_long: tuple[str, ...] | None


def settle_variables(variables: dict[str, Any], most: int) -> Settled:
    """Bring every text to NFC, in place. `Malformed`, with the path, for what no text or number of ours may be, for
    more than `most` values, and for what is nested deeper than any input."""
    settling = _Settling(most)
    settling.every(variables, variables.items())
    return Settled(settling.count, settling.too_long)


class _Settling:
    def __init__(self, most: int) -> None:
        self.count = 0
        self.too_long: tuple[str, ...] | None = None
        self._most = most
        self._path: list[Any] = []

    def every(self, parent: Any, items: Any) -> None:
        """Settle the values of a dict or a list; `items` are its keys, or indices, with their values."""
        path = self._path
        path.append(None)
        if len(path) > DEEPEST:
            del path[-1:]
            raise self._malformed()
        for key, value in items:
            self.count += 1
            path[-1] = key
            kind = value.__class__
            if kind is str:
                text = self._text(value)
                if text is not value:
                    parent[key] = text  # of a key that is there: no dict changes size
            elif kind is dict:
                self.every(value, value.items())
            elif kind is list:
                self.every(value, enumerate(value))
            elif kind is float and not math.isfinite(value):
                raise self._malformed()
        if self.count > self._most:
            raise too_large()
        path.pop()

    def _text(self, value: str) -> str:
        if len(value) > 2_000 and self.too_long is None and is_long(value, self._name()):
            self.too_long = self._field()
        try:
            return settled(value)
        except ValueError:
            raise self._malformed() from None

    def _name(self) -> str:
        return next((key for key in reversed(self._path) if isinstance(key, str)), "")

    def _field(self) -> tuple[str, ...]:
        return field_path(tuple(str(key) for key in self._path))

    def _malformed(self) -> Malformed:
        return Malformed(400, bad_input(*self._field()))
