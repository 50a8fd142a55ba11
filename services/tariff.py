"""The tariff: read where something is paid or shown, and changed by admins for the time to come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from auth.actor import Actor
from auth.permissions import may_change_rules
from gamification.rules import BY_CODE
from gamification.tariff import Rate, Tariff
from kit.clock import day_start
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import derived_id
from models.tariff import StoredRate, add_rate, every_rate, next_rates, rates_between
from services.audit import record
from services.ports import Ports

NOTICE = timedelta(minutes=5)
"""How soon a change can be in force: by then every booking that could not see it is over, and no phone's clock is
accepted that is so fast. So nothing that is paid can be worth something else later."""
LONGEST_NOTICE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """The whole of a rule's new line. `points` None for what brings its own price; `effective_from` None: soon."""

    code: str
    points: int | None
    daily_cap: int | None
    enabled: bool
    effective_from: datetime | None


async def update_point_rule(ports: Ports, actor: Actor, change: RuleChange) -> Rate:
    """Give a rule its next version, for what occurs from `effective_from` on and at the soonest after `NOTICE`.

    What occurred before is worth what it was, however late it comes.
    """
    if not may_change_rules(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    rule = BY_CODE.get(change.code)
    if rule is None:
        raise not_found("code")
    if fault := rule.LIMITS.fault(change.points, change.daily_cap):
        raise bad_input(fault)
    now = ports.clock.now()
    wanted = change.effective_from or now
    if not now <= wanted <= now + LONGEST_NOTICE:
        raise bad_input("effectiveFrom")
    return await transaction(partial(_change, ports, actor, change, max(wanted, now + NOTICE), now))


async def next_lines(ports: Ports, codes: Sequence[str]) -> list[Rate | None]:
    """What each rule changes to next, None where nothing is planned; in the order of `codes`."""
    return [rate_of(row) if row is not None else None for row in await next_rates(codes, ports.clock.now())]


async def tariff_of(days: Iterable[date]) -> Tariff:
    """All lines in force on these Shanghai days; read anew each time, so that no process pays by an old one."""
    ordered = sorted(days)
    until = day_start(ordered[-1] + timedelta(days=1))
    return Tariff(rate_of(row) for row in await rates_between(day_start(ordered[0]), until))


async def tariffs_of_days(days: Sequence[date]) -> list[Tariff]:
    """`tariff_of` each of these days alone, in their order."""
    return [await tariff_of([day]) for day in days]


async def tariff_at(moment: datetime) -> Tariff:
    """The lines in force at one moment."""
    return Tariff(rate_of(row) for row in await rates_between(moment, moment))


async def whole_tariff() -> Tariff:
    """Every line there ever was."""
    return Tariff(rate_of(row) for row in await every_rate())


def rate_of(row: StoredRate) -> Rate:
    return Rate(row.rule, row.version, row.effective_from, row.points, row.daily_cap, row.enabled)


async def _change(ports: Ports, actor: Actor, change: RuleChange, since: datetime, now: datetime) -> Rate:
    made = await add_rate(
        change.code,
        change.points,
        change.daily_cap,
        enabled=change.enabled,
        effective_from=since,
        made_at=now,
        made_by=actor.member_id,
    )
    details = {
        "code": change.code,
        "version": made.version,
        "points": change.points,
        "daily_cap": change.daily_cap,
        "enabled": change.enabled,
        "effective_from": since.isoformat(),
    }
    await record(ports, actor, "rule.changed", "PointRule", derived_id("point rule", change.code), details)
    return rate_of(made)
