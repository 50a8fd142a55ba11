"""The life of a live lesson in one place: which state follows which, and what may be done in each.

DRAFT > SCHEDULED > REHEARSAL > LIVE <-> INTERRUPTED > ENDED > REPLAY_READY > ARCHIVED, or to one of the ends CANCELLED
and EXPIRED before it was on air. Pure: plain values in, plain values out.
"""

from enum import StrEnum

from kit.errors import DomainError, ErrorCode
from kit.words import LiveStatus
from kit.words import LiveStatus as S

NEXT: dict[LiveStatus, frozenset[LiveStatus]] = {
    S.DRAFT: frozenset({S.SCHEDULED, S.CANCELLED, S.EXPIRED}),
    S.SCHEDULED: frozenset({S.REHEARSAL, S.LIVE, S.CANCELLED, S.EXPIRED}),
    S.REHEARSAL: frozenset({S.SCHEDULED, S.LIVE, S.CANCELLED, S.EXPIRED}),
    S.LIVE: frozenset({S.INTERRUPTED, S.ENDED}),
    S.INTERRUPTED: frozenset({S.LIVE, S.ENDED}),
    S.ENDED: frozenset({S.REPLAY_READY, S.ARCHIVED}),
    S.REPLAY_READY: frozenset({S.ARCHIVED}),
    S.ARCHIVED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}
"""Where a lesson may go from each state."""

ON_AIR = frozenset({S.LIVE, S.INTERRUPTED})
TO_COME = frozenset({S.SCHEDULED, S.REHEARSAL})
OVER = frozenset({S.ENDED, S.REPLAY_READY, S.ARCHIVED})
FAILED = frozenset({S.CANCELLED, S.EXPIRED})


class Deed(StrEnum):
    """What may be done with a lesson while its state lets one."""

    DESCRIBE = "title, description and cover"
    INVITE = "audience"
    SIZE = "capacity"
    APPOINT = "host"
    MOVE = "time"
    REWARD = "credit rule"
    SEAT = "reserve and give up a seat"
    ISSUE_KEY = "give the host a stream key"
    SHELVE = "products"
    ENTER = "join the room"
    TALK = "chat, polls, check-ins"
    ATTACH = "the replay"
    WATCH_REPLAY = "watch the replay"


ALLOWED: dict[Deed, frozenset[LiveStatus]] = {
    Deed.DESCRIBE: frozenset(S) - FAILED - {S.ARCHIVED},
    Deed.INVITE: frozenset({S.DRAFT, S.SCHEDULED}),
    Deed.SIZE: frozenset({S.DRAFT, *TO_COME, *ON_AIR}),
    Deed.APPOINT: frozenset({S.DRAFT, S.SCHEDULED}),
    Deed.MOVE: frozenset({S.DRAFT, S.SCHEDULED}),
    Deed.REWARD: frozenset({S.DRAFT, *TO_COME}),
    Deed.SEAT: TO_COME | ON_AIR,
    Deed.ISSUE_KEY: TO_COME | ON_AIR,
    Deed.SHELVE: frozenset({S.DRAFT, *TO_COME, *ON_AIR}),
    Deed.ENTER: TO_COME | ON_AIR,
    Deed.TALK: TO_COME | ON_AIR,
    Deed.ATTACH: frozenset({S.ENDED, S.REPLAY_READY}),
    Deed.WATCH_REPLAY: frozenset({S.REPLAY_READY}),
}
"""In which states each deed may be done."""


def may_move(before: LiveStatus, after: LiveStatus) -> bool:
    return after in NEXT[before]


def allows(status: LiveStatus, deed: Deed) -> bool:
    return status in ALLOWED[deed]


def require_state(status: LiveStatus, deed: Deed, *field: str) -> None:
    """STATE_FORBIDS, at the input field given if any, unless the state lets one do it."""
    if not allows(status, deed):
        raise DomainError(ErrorCode.STATE_FORBIDS, field=field or None)
