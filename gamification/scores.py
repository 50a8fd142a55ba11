"""The one order of honour boards, packed into an integer that a double holds exactly.

Points first; among equals who reached them first; then the subject's key, bytewise descending, as `ZRANGE REV` gives.
"""

from datetime import datetime, timedelta

from gamification.periods import Period

TICK_BITS = 25
LAST_TICK: int = 2**TICK_BITS - 1
"""388 days in seconds, 63 years in minutes."""
MOST_POINTS: int = 2**28 - 1


def pack(points: int, reached_at: datetime, period: Period) -> int:
    """points * 2^25 + (2^25 - 1 - t), t the ticks from the period's start to `reached_at`. What does not fit is cut."""
    assert points >= 0, points
    ticks = int((reached_at - period.starts_at).total_seconds() // period.tick_seconds)
    return (min(points, MOST_POINTS) << TICK_BITS) | (LAST_TICK - max(0, min(ticks, LAST_TICK)))


def points_of(packed: int) -> int:
    return packed >> TICK_BITS


def reached_at(packed: int, period: Period) -> datetime:
    """When the points were reached, to the whole second; to the minute for ALL_TIME."""
    ticks = LAST_TICK - (packed & LAST_TICK)
    return period.starts_at + timedelta(seconds=ticks * period.tick_seconds)
