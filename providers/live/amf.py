"""AMF0, as strangers send it: the values of one command, with a limit on how much there may be to read.

pyrtmp writes AMF. Its reader takes half a second for a command of 16 KiB that is made for it, and everybody who streams
waits meanwhile; this one takes a millisecond.
"""

import struct
from typing import Any

MOST_VALUES = 256
"""In one command, those inside others included. A camera sends some twenty."""
DEEPEST = 4

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _ECMA_ARRAY, _ARRAY = 0, 1, 2, 3, 5, 6, 8, 10
_END = b"\x00\x00\x09"


class Unreadable(Exception):
    """What came is no AMF0, or more of it than a command has."""


def values_of(content: bytes) -> list[Any]:
    """All values: float, bool, str, None, lists and dicts. `Unreadable` for anything else, and for a half one."""
    reader = _Reader(content)
    found = []
    try:
        while reader.at < len(content):
            found.append(reader.value(DEEPEST))
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise Unreadable("a value that is cut off, or no text") from error
    return found


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = MOST_VALUES
        self.at = 0

    def value(self, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth < 0:
            raise Unreadable("more values than a command has")
        kind = self._take(1)[0]
        if kind == _NUMBER:
            return struct.unpack(">d", self._take(8))[0]
        if kind == _BOOLEAN:
            return self._take(1)[0] != 0
        if kind == _STRING:
            return self._text()
        if kind in (_NULL, _UNDEFINED):
            return None
        if kind == _ARRAY:
            count = struct.unpack(">I", self._take(4))[0]
            if count > MOST_VALUES:
                raise Unreadable("more values than a command has")
            return [self.value(depth - 1) for _ in range(count)]
        if kind == _ECMA_ARRAY:
            self._take(4)  # how many there are, it says; the end says so too
        elif kind != _OBJECT:
            raise Unreadable("a kind of value that no command has")
        return self._fields(depth - 1)

    def _fields(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._content[self.at : self.at + 3] != _END:
            name = self._text()
            found[name] = self.value(depth)
        self.at += 3
        return found

    def _text(self) -> str:
        length = struct.unpack(">H", self._take(2))[0]
        return self._take(length).decode()

    def _take(self, count: int) -> bytes:
        taken = self._content[self.at : self.at + count]
        if len(taken) < count:
            raise Unreadable("a value that is cut off")
        self.at += count
        return taken
