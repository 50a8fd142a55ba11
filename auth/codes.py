"""The rules of the doors: how often a code may be asked for, what a try is worth, how long wrong ones must wait. Pure.

Every figure counts for a phone, for a device (an installation of the app) and for the network a request comes from,
known phone or not. What a device that has signed in with a phone before does there is judged by that device's own
deeds: whoever plays with somebody's number from elsewhere does not lock them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network

DIGITS = 6
LIFE = timedelta(minutes=5)
TRIES = 5
PAUSE = timedelta(minutes=1)
DEMO_CODE = "888888"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Limits = tuple[tuple[timedelta, int], ...]
"""(window, most within it), each of them."""

LIMITS: Limits = ((HOUR, 5), (DAY, 10))
"""Codes for one phone. Nobody mislays more; each costs money, and rings on a table that may be a stranger's."""
DEVICE_LIMITS: Limits = ((HOUR, 10), (DAY, 20))
"""Codes asked for by one device: a shop's phone goes from hand to hand, between an owner and three clerks or so."""
NETWORK_LIMITS: Limits = ((HOUR, 100), (DAY, 500))
"""Codes asked for from one network: a class of 30 behind one router asks up to three times each; carriers put whole
streets behind one address. What a network can make us spend is a few tens of yuan a day."""
TOTAL_WINDOW = HOUR
"""Of the fuse for all messages together; how many is a setting, because only the operator knows the town."""
WINDOW = DAY
"""How far back requests matter."""

IPV6_SUBSCRIBER_BITS = 64
"""An IPv6 subscriber has at least a /64 to himself: addresses inside cost him nothing and count as one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Up to `free` wrong tries within `window` cost no pause; each further one doubles it."""

    window: timedelta
    free: int


PHONE_PATIENCE = Patience(DAY, TRIES)
"""Fingers slip; one code may be used up without a pause."""
DEVICE_PATIENCE = Patience(DAY, 2 * TRIES)
NETWORK_PATIENCE = Patience(HOUR, 50)
"""Of the hundred who may ask for a code in an hour every second may slip once."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)
"""Nobody is ever locked out for longer. At this pace a password may be guessed at 96 times a day, and a code, which no
phone gets more than 10 of, 50 times in a million."""


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
        return Wait(seconds_until(asked_at[0] + PAUSE, now), throttled=False)
    seconds = wait_of(asked_at, LIMITS, now)
    return Wait(seconds, throttled=True) if seconds else None


def wait_of(asked_at: Sequence[datetime], limits: Limits, now: datetime) -> int:
    """The seconds until `limits` allow another, of which these were asked for (newest first); 0: they do now."""
    ends = [
        inside[most - 1] + window
        for window, most in limits
        if len(inside := [each for each in asked_at if each + window > now]) >= most
    ]
    return seconds_until(max(ends), now) if ends else 0


def pause_after(failures: int, patience: Patience) -> timedelta:
    """How long after the newest of so many wrong tries none is taken."""
    beyond = failures - patience.free
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(beyond - 1, 10)) if beyond > 0 else timedelta()


def pause_of(failures: int, newest: datetime | None, patience: Patience, now: datetime) -> int:
    """The seconds until another try is taken, after so many wrong ones within the window; 0: now."""
    if newest is None:
        return 0
    end = newest + pause_after(failures, patience)
    return seconds_until(end, now) if end > now else 0


def is_suspicious(
    asked_at: Sequence[datetime], limits: Limits, failures: int, patience: Patience, now: datetime
) -> bool:
    """Whether half of what a device or network may do is done: time to ask for a proof that a person sits there."""
    asked = any(2 * sum(each + window > now for each in asked_at) >= most for window, most in limits)
    return asked or 2 * failures >= patience.free


def network_of(address: str) -> str:
    """What an address is counted as: an IPv4 address itself, of an IPv6 one the /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, IPV6_SUBSCRIBER_BITS), strict=False))


def judge(*, right: bool, tries: int, used: bool, expires_at: datetime, now: datetime) -> Verdict:
    """What a try is worth after `tries` earlier ones.

    Whether the code is old or tried too often does not depend on `right`, and a used one is just wrong: the answer
    never tells whether the phone is known.
    """
    if now >= expires_at or tries >= TRIES:
        return Verdict.EXPIRED
    return Verdict.RIGHT if right and not used else Verdict.WRONG


def seconds_until(moment: datetime, now: datetime) -> int:
    return max(1, -(-(moment - now) // timedelta(seconds=1)))
