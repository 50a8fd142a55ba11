"""The only place that reads a clock, and the academy's calendar: days, weeks and periods in Asia/Shanghai."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until told to move; for tests and for seeding a past."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None, at
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


def monotonic() -> float:
    """Seconds on a clock that never steps back; for time-outs and measuring, never stored."""
    return time.monotonic()


def day_of(at: datetime) -> date:
    """The Shanghai day that contains `at`."""
    return at.astimezone(ZONE).date()


def day_start(day: date) -> datetime:
    """The first moment of a Shanghai day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def week_of(day: date) -> date:
    """The Monday of the week that contains `day`."""
    return day - timedelta(days=day.weekday())
