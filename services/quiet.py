"""The hours in which nobody is disturbed: 22:00 to 7:00 in Asia/Shanghai."""

from datetime import datetime, timedelta

from kit.clock import ZONE, day_of, day_start

FROM_HOUR, UNTIL_HOUR = 22, 7


def waking(at: datetime) -> datetime:
    """`at` itself, or if that is in quiet hours, the moment at which they end."""
    hour = at.astimezone(ZONE).hour
    if UNTIL_HOUR <= hour < FROM_HOUR:
        return at
    day = day_of(at) + timedelta(days=1 if hour >= FROM_HOUR else 0)
    return day_start(day) + timedelta(hours=UNTIL_HOUR)
