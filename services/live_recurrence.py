"""Rules by which live lessons recur: a part of RFC 5545, read in Asia/Shanghai, expanded by python-dateutil.

A rule is FREQ=DAILY, WEEKLY or MONTHLY with INTERVAL, BYDAY (by the month also with a number, as 2WE or -1FR),
BYMONTHDAY or BYSETPOS by the month, WKST, and COUNT or UNTIL. So it gives at most one lesson a day, and never nothing:
what else RFC 5545 knows is refused before anything is expanded, because python-dateutil looks for the next moment of
an empty rule until the year 9999. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule, weekday

from kit.clock import ZONE
from kit.errors import DomainError, bad_input

LONGEST_TEXT = 200
FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY}
INTERVALS = {"DAILY": range(1, 367), "WEEKLY": range(1, 53), "MONTHLY": range(1, 12)}
"""Of the months less than twelve: every twelfth month from a February on never has a 30th."""
PARTS = {
    "DAILY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"},
    "WEEKLY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"},
    "MONTHLY": {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYSETPOS"},
}
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
UNTIL = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?")
MOST_LESSONS = 1_000
"""The largest COUNT."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """`text` is the rule as it is kept and shown; `starts_at` its first moment."""

    text: str
    starts_at: datetime
    rule: rrule

    def moments(self, from_at: datetime, before: datetime) -> list[datetime]:
        """The moments of the rule in [from_at, before), in UTC, in order."""
        since = _local(from_at)
        return [_moment(each) for each in takewhile(lambda at: at < _local(before), self.rule) if each >= since]

    def goes_on(self, from_at: datetime) -> bool:
        """Whether the rule has a moment at or after `from_at`."""
        return self.rule.after(_local(from_at), inc=True) is not None


def read_recurrence(text: str, starts_at: datetime) -> Recurrence:
    """The rule in `text`, from `starts_at` on, which must be its first moment.

    BAD_USER_INPUT at `recurrence` for what is no such rule, and for one that does not begin at `starts_at`.
    """
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES or not parts.keys() <= PARTS[frequency]:
        raise _refused()
    days = [_day(each, numbered=frequency == "MONTHLY") for each in _listed(parts, "BYDAY")]
    month_days = [_number(each, range(-31, 32)) for each in _listed(parts, "BYMONTHDAY")]
    positions = [_number(each, range(-20, 21)) for each in _listed(parts, "BYSETPOS")]
    _check_by_parts(parts, days, month_days, positions)
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refused()
    rule = rrule(
        FREQUENCIES[frequency],
        dtstart=_local(starts_at),
        interval=_number(parts.get("INTERVAL", "1"), INTERVALS[frequency]),
        wkst=DAYS.index(_weekday(parts.get("WKST", "MO"))),
        count=_number(parts["COUNT"], range(1, MOST_LESSONS + 1)) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        byweekday=days or None,
        bymonthday=month_days or None,
        bysetpos=positions or None,
    )
    if next(iter(rule), None) != _local(starts_at):
        raise _refused()
    return Recurrence(";".join(f"{name}={value}" for name, value in parts.items()), starts_at, rule)


def _parts(text: str) -> dict[str, str]:
    if len(text) > LONGEST_TEXT:
        raise _refused()
    line = text.strip().upper().removeprefix("RRULE:")
    found: dict[str, str] = {}
    for part in line.removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise _refused()
        found[name] = value
    return found


def _check_by_parts(
    parts: dict[str, str], days: Sequence[weekday], month_days: Sequence[int], positions: Sequence[int]
) -> None:
    """A number of its own goes with nothing else, and a position is one that every month has: no rule is empty."""
    numbered = any(each.n for each in days)
    if month_days and days:
        raise _refused()
    if positions and (numbered or not days or any(abs(each) > 4 * len(days) for each in positions)):
        raise _refused()
    for name, found in (("BYDAY", days), ("BYMONTHDAY", month_days), ("BYSETPOS", positions)):
        if name in parts and len(set(found)) != len(found):
            raise _refused()


def _listed(parts: dict[str, str], name: str) -> Iterator[str]:
    if name in parts:
        yield from parts[name].split(",")


def _day(text: str, *, numbered: bool) -> weekday:
    found = DAY.fullmatch(text)
    if found is None or (found[1] and not numbered):
        raise _refused()
    return weekday(DAYS.index(found[2]), int(found[1]) if found[1] else None)


def _weekday(text: str) -> str:
    if text not in DAYS:
        raise _refused()
    return text


def _number(text: str, allowed: range) -> int:
    """A whole number of `allowed` that is not 0."""
    if not re.fullmatch(r"[+-]?[0-9]{1,4}", text) or int(text) not in allowed or int(text) == 0:
        raise _refused()
    return int(text)


def _until(text: str) -> datetime:
    """The last moment that may be one of the rule's; of a day alone, its end."""
    found = UNTIL.fullmatch(text)
    if found is None:
        raise _refused()
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups()[:6])
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC if found[7] else ZONE)
        return _local(at) if found[4] else _local(at) + timedelta(days=1) - timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise _refused() from error


def _local(at: datetime) -> datetime:
    """The wall clock in Shanghai, without its zone, as the rule counts."""
    return at.astimezone(ZONE).replace(tzinfo=None)


def _moment(local: datetime) -> datetime:
    return local.replace(tzinfo=ZONE).astimezone(UTC)


def _refused() -> DomainError:
    return bad_input("recurrence")
