"""What each rule pays, by version. An entry of the ledger remembers the version it was paid under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Rate:
    """`daily_cap`: the most points of one rule for one Shanghai day of occurrence; None: no limit."""

    points: int
    daily_cap: int | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates by rule code, in force for what occurred on `since` or later, until the next tariff's `since`."""

    version: int
    since: date
    rates: Mapping[str, Rate]


TARIFFS: tuple[Tariff, ...] = (
    Tariff(
        version=1,
        since=date(2020, 1, 1),
        rates=MappingProxyType(
            {
                "lesson.completed": Rate(10, daily_cap=100),
                "course.completed": Rate(30),
                "course.required": Rate(50),
                "day.first_lesson": Rate(5),
                "week.full": Rate(50),
            }
        ),
    ),
)


def tariff_on(day: date, tariffs: tuple[Tariff, ...] = TARIFFS) -> Tariff:
    """The tariff in force on a Shanghai day. `tariffs` ascends by `since`; before the first one, the first holds."""
    in_force = [tariff for tariff in tariffs if tariff.since <= day]
    return in_force[-1] if in_force else tariffs[0]
