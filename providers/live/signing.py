"""Playback addresses that carry their own permission: an end and a signature, in the path, so that the segments named
beside the playlist inherit both.

    /<end in Unix seconds>.<signature>/<name>/index.m3u8
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime

NAME = re.compile(r"[a-z0-9]{16,64}")
_TOKEN = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})")


def known(name: str) -> str:
    """A stream's name on its way into an address, a directory or an API."""
    if not NAME.fullmatch(name):
        raise ValueError("not a stream's name")
    return name


def token_for(key: bytes, name: str, expires_at: datetime) -> str:
    """The permission to play `name` until `expires_at`, to the second."""
    until = int(expires_at.timestamp())
    return f"{until}.{_signature(key, name, until)}"


def is_good(key: bytes, token: str, name: str, now: datetime) -> bool:
    """Whether a token permits to play `name` now."""
    found = _TOKEN.fullmatch(token)
    if found is None or not NAME.fullmatch(name):
        return False
    until = int(found[1])
    right = hmac.compare_digest(found[2].encode(), _signature(key, name, until).encode())
    return right and now.timestamp() < until


def secure_link(secret: str, name: str, expires_at: datetime) -> str:
    """The same for nginx's secure_link module, which knows MD5 alone: <signature>/<end>, for
    `secure_link_md5 "$secure_link_expires <name> <secret>"`."""
    until = int(expires_at.timestamp())
    digest = hashlib.md5(f"{until} {name} {secret}".encode(), usedforsecurity=False).digest()
    return f"{base64.urlsafe_b64encode(digest).decode().rstrip('=')}/{until}"


def _signature(key: bytes, name: str, until: int) -> str:
    mac = hmac.new(key, f"{until} {name}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")
