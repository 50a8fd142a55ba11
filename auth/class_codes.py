"""The check-in code of an offline class: on the trainer's screen for 15 seconds, good for 20, and of no use elsewhere.

A code is "GAC1." and base64url of 36 bytes: the class (16), the time step (4, big-endian) and half an HMAC-SHA256 of
both (16). A step begins every 15 seconds of Unix time; its code is good from its beginning for 20 seconds, so that one
that is scanned as it disappears still arrives. Nothing is stored: whoever has the key can make and judge any code.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from auth.codes import Verdict

NEW_EVERY = timedelta(seconds=15)
GOOD_FOR = timedelta(seconds=20)
PREFIX = "GAC1."
MAC_BYTES = 16
FORM = re.compile(r"GAC1\.([A-Za-z0-9_-]{48})")
"""No bits of the last letter are left over: each code has one spelling."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClassCode:
    """Shown in [shown_at, next_at), accepted in [shown_at, valid_until)."""

    payload: str
    shown_at: datetime
    next_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """`class_id` of a code that this server made, however old; None of any other text."""

    verdict: Verdict
    class_id: UUID | None


def code_at(key: bytes, class_id: UUID, now: datetime) -> ClassCode:
    """The code that the screen of the class shows at `now`."""
    step = (now - _EPOCH) // NEW_EVERY
    shown_at = _EPOCH + step * NEW_EVERY
    claim = class_id.bytes + step.to_bytes(4, "big")
    payload = PREFIX + base64.urlsafe_b64encode(claim + _mac(key, claim)).decode()
    return ClassCode(payload, shown_at, shown_at + NEW_EVERY, shown_at + GOOD_FOR)


def judge(key: bytes, payload: str, now: datetime) -> Judged:
    """What a scanned text is worth at `now`. WRONG is what nobody made, and what is from a time to come."""
    form = FORM.fullmatch(payload)
    if form is None:
        return Judged(Verdict.WRONG, None)
    body = base64.urlsafe_b64decode(form[1])
    claim, mac = body[:-MAC_BYTES], body[-MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, claim)):
        return Judged(Verdict.WRONG, None)
    class_id, step = UUID(bytes=claim[:16]), int.from_bytes(claim[16:], "big")
    shown_at = _EPOCH + step * NEW_EVERY
    if now < shown_at:
        return Judged(Verdict.WRONG, class_id)
    return Judged(Verdict.RIGHT if now < shown_at + GOOD_FOR else Verdict.EXPIRED, class_id)


def _mac(key: bytes, claim: bytes) -> bytes:
    return hmac.new(key, b"class check-in" + claim, hashlib.sha256).digest()[:MAC_BYTES]
