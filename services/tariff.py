"""The tariff: read where something is paid or shown, and changed by admins for the time to come."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from gamification.tariff import Rate, Tariff
from kit.clock import day_start
from models.tariff import StoredRate, every_rate, rates_between


async def tariff_of(days: Iterable[date]) -> Tariff:
    """All lines in force on these Shanghai days; read anew each time, so that no process pays by an old one."""
    ordered = sorted(days)
    until = day_start(ordered[-1] + timedelta(days=1))
    return Tariff(rate_of(row) for row in await rates_between(day_start(ordered[0]), until))


async def tariff_at(moment: datetime) -> Tariff:
    """The lines in force at one moment."""
    return Tariff(rate_of(row) for row in await rates_between(moment, moment))


async def whole_tariff() -> Tariff:
    """Every line there ever was."""
    return Tariff(rate_of(row) for row in await every_rate())


def rate_of(row: StoredRate) -> Rate:
    return Rate(row.rule, row.version, row.effective_from, row.points, row.daily_cap, row.enabled)
