"""The rules of sign-in codes: how often one may be asked for, and what a try is worth. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DIGITS = 6
LIFE = timedelta(minutes=5)
TRIES = 5
PAUSE = timedelta(minutes=1)
LIMITS = ((timedelta(hours=1), 5), (timedelta(days=1), 10))
WINDOW = max(window for window, _ in LIMITS)
"""How far back requests matter."""
DEMO_CODE = "888888"
WRONG_PASSWORDS = (timedelta(hours=1), 10)


class Purpose(StrEnum):
    """What a code is for; it opens nothing else."""

    SIGN_IN = "SIGN_IN"
    CHANGE_PHONE_OLD = "CHANGE_PHONE_OLD"
    CHANGE_PHONE_NEW = "CHANGE_PHONE_NEW"
    DELETE_ACCOUNT = "DELETE_ACCOUNT"


@dataclass(frozen=True, slots=True)
class Wait:
    """No code now. `throttled`: a limit is reached; otherwise the last one is less than a minute old."""

    seconds: int
    throttled: bool


class Verdict(StrEnum):
    RIGHT = "RIGHT"
    WRONG = "WRONG"
    EXPIRED = "EXPIRED"


def wait_for(asked_at: Sequence[datetime], now: datetime) -> Wait | None:
    """How long a phone must wait that asked at these moments (newest first); None: it may have a code now."""
    if asked_at and now < asked_at[0] + PAUSE:
        return Wait(_seconds_until(asked_at[0] + PAUSE, now), throttled=False)
    ends = [
        inside[most - 1] + window
        for window, most in LIMITS
        if len(inside := [each for each in asked_at if each + window > now]) >= most
    ]
    return Wait(_seconds_until(max(ends), now), throttled=True) if ends else None


def judge(*, right: bool, tries: int, used: bool, expires_at: datetime, now: datetime) -> Verdict:
    """What a try is worth after `tries` earlier ones.

    Whether the code is old or tried too often does not depend on `right`, and a used one is just wrong: the answer
    never tells whether the phone is known.
    """
    if now >= expires_at or tries >= TRIES:
        return Verdict.EXPIRED
    return Verdict.RIGHT if right and not used else Verdict.WRONG


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(1, -(-(moment - now) // timedelta(seconds=1)))
