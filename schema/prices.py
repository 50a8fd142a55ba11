"""What the rules pay now, read once however much of an answer shows it."""

from gamification.tariff import Tariff
from kit.clock import day_of
from schema.context import Info
from services.tariff import tariffs_of_days


async def tariff_today(info: Info) -> Tariff:
    """The lines in force today, those that change within the day among them."""
    return await info.context.loaders.of(tariffs_of_days).load(day_of(info.context.ports.clock.now()))
