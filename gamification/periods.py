"""The stretches of time an honour board covers: half-open, in whole Shanghai days.

The season of a day is the named one that holds it. Where none is named it is what named seasons leave of the day's
calendar year: the whole year if there are none in it. Seasons tile the calendar like every other kind of period.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kit.clock import day_of, day_start, week_of
from kit.words import BoardPeriod, BoardPhase

BEGINNING = date(2020, 1, 1)
"""ALL_TIME starts here; no board reaches further back."""
GRACE = timedelta(hours=72)
"""How long after its end a period still takes what phones report late."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Season:
    """The days [starts_on, ends_on) of a named season."""

    starts_on: date
    ends_on: date

    def holds(self, day: date) -> bool:
        return self.starts_on <= day < self.ends_on


Seasons = Sequence[Season]
"""The named seasons, none of which overlap, in any order. Their past is never rewritten: they begin today or later."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days [starts_on, ends_on); `ends_on` None: it never ends. At most 366 days unless it never ends."""

    kind: BoardPeriod
    starts_on: date
    ends_on: date | None

    @property
    def starts_at(self) -> datetime:
        return day_start(self.starts_on)

    @property
    def ends_at(self) -> datetime | None:
        """The first moment after the period."""
        return day_start(self.ends_on) if self.ends_on is not None else None

    @property
    def closes_at(self) -> datetime | None:
        """When the grace for late reports is over."""
        return self.ends_at + GRACE if self.ends_at is not None else None

    @property
    def tick_seconds(self) -> int:
        """The unit in which a board's score keeps who was first: a second; a minute where it must last for decades."""
        return 60 if self.ends_on is None else 1

    def holds(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)

    def phase_by_clock(self, now: datetime) -> BoardPhase:
        """OPEN or GRACE. FROZEN is not a matter of the clock: the snapshot must have been taken."""
        return BoardPhase.OPEN if self.ends_at is None or now < self.ends_at else BoardPhase.GRACE

    def takes_late_reports(self, now: datetime) -> bool:
        return self.closes_at is None or now < self.closes_at


def period_of(kind: BoardPeriod, day: date, seasons: Seasons) -> Period:
    """The period of this kind that contains a Shanghai day."""
    if kind is BoardPeriod.ALL_TIME:
        return Period(kind, BEGINNING, None)
    if kind is BoardPeriod.DAY:
        return Period(kind, day, day + DAY)
    if kind is BoardPeriod.WEEK:
        return Period(kind, week_of(day), week_of(day) + 7 * DAY)
    if kind is BoardPeriod.SEASON:
        return _season_of(day, seasons)
    months = 1 if kind is BoardPeriod.MONTH else 3
    first = (day.month - 1) // months * months + 1
    starts_on = date(day.year, first, 1)
    ends_on = date(day.year + (first + months > 12), (first + months - 1) % 12 + 1, 1)
    return Period(kind, starts_on, ends_on)


def previous(period: Period, seasons: Seasons) -> Period | None:
    """The period just before; None before the beginning, and for ALL_TIME."""
    if period.ends_on is None or period.starts_on <= BEGINNING:
        return None
    return period_of(period.kind, period.starts_on - DAY, seasons)


def following(period: Period, seasons: Seasons) -> Period:
    assert period.ends_on is not None, period
    return period_of(period.kind, period.ends_on, seasons)


def counting(now: datetime, seasons: Seasons) -> list[Period]:
    """Every period that still takes what happened in it: the running ones and those in grace, oldest first."""
    found: list[Period] = []
    for kind in BoardPeriod:
        running: list[Period] = []
        period: Period | None = period_of(kind, day_of(now), seasons)
        while period is not None and period.takes_late_reports(now):
            running.append(period)
            period = previous(period, seasons)
        found += reversed(running)
    return found


def ended(day: date, now: datetime, seasons: Seasons) -> list[Period]:
    """The periods with this day in them that are over."""
    found = [period_of(kind, day, seasons) for kind in BoardPeriod]
    return [period for period in found if period.phase_by_clock(now) is not BoardPhase.OPEN]


def due_to_close(kind: BoardPeriod, first_day: date, now: datetime, seasons: Seasons) -> Iterator[Period]:
    """The periods from the one with `first_day` on whose grace is over, oldest first."""
    period = period_of(kind, max(first_day, BEGINNING), seasons)
    while not period.takes_late_reports(now):
        yield period
        period = following(period, seasons)


def _season_of(day: date, seasons: Seasons) -> Period:
    starts_on, ends_on = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    for season in seasons:
        if season.holds(day):
            return Period(BoardPeriod.SEASON, season.starts_on, season.ends_on)
        if season.ends_on <= day:
            starts_on = max(starts_on, season.ends_on)
        else:
            ends_on = min(ends_on, season.starts_on)
    return Period(BoardPeriod.SEASON, starts_on, ends_on)
