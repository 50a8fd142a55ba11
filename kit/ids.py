"""The only place that makes random ids and secrets, and the codec of global ids."""

import base64
import binascii
import os
import secrets
from uuid import NAMESPACE_URL, UUID, uuid5

from kit.clock import SystemClock


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits; sorts by time of making."""
    milliseconds = int(SystemClock().now().timestamp() * 1000)
    tail = int.from_bytes(os.urandom(10), "big")
    value = (
        (milliseconds << 80) | (0x7 << 76) | ((tail >> 68) << 64 & (0xFFF << 64)) | (0b10 << 62) | (tail & (2**62 - 1))
    )
    return UUID(int=value)


def derived_id(*parts: object) -> UUID:
    """The same id for the same parts, on every machine (version 5); for data that is made again from a seed."""
    return uuid5(NAMESPACE_URL, "growth-academy/" + "/".join(str(part) for part in parts))


def new_secret() -> str:
    """256 random bits as 43 characters of base64url; for tokens that are stored hashed."""
    return secrets.token_urlsafe(32)


def new_bytes(count: int) -> bytes:
    """`count` random bytes; for nonces."""
    return os.urandom(count)


def new_digits(count: int) -> str:
    """`count` random decimal digits, leading zeros included."""
    return f"{secrets.randbelow(10**count):0{count}d}"


READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters and digits that nobody takes for one another."""


def new_word(length: int) -> str:
    """A random word of `READABLE` characters, to be read aloud or typed; 8 of them are 39 bits."""
    return "".join(secrets.choice(READABLE) for _ in range(length))


def to_global(kind: str, key: object) -> str:
    """The opaque id a client sees: base64url of `Kind:key`, unpadded."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def from_global(text: str) -> tuple[str, str]:
    """(kind, key) of a global id; ValueError if it is none."""
    if len(text) > 512:
        raise ValueError("not a global id")
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a global id") from error
    kind, colon, key = plain.partition(":")
    if not colon or not kind.isalpha() or not key or "\0" in key:
        raise ValueError("not a global id")
    return kind, key
