"""Seasons: named by admins, and what the calendar is without them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_run_seasons
from gamification.periods import DAY, Period, Season, period_of
from gamification.prize_lines import PrizeLine, PrizeList, fault_of
from kit.clock import day_of
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import BoardPeriod
from models import seasons
from models.audit import Details
from models.seasons import NamedSeason
from services.audit import record
from services.outbox import announce
from services.ports import Ports

LONGEST_TITLE = 40
LONGEST = timedelta(days=366)
FARTHEST = timedelta(days=731)
"""How far ahead a season may begin."""


@dataclass(frozen=True, slots=True)
class SeasonPlan:
    """The days from `starts_on` to `last_day`, both included, and what its main board pays."""

    title: str
    starts_on: date
    last_day: date
    prizes: PrizeList


async def start_season(ports: Ports, actor: Actor, plan: SeasonPlan) -> NamedSeason:
    """Name a season. What ran without a name until its first day ends there.

    CONFLICT if it shares a day with another season.
    """
    if not may_run_seasons(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    title, now = plan.title.strip(), ports.clock.now()
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_input("title")
    if not timedelta() <= plan.starts_on - day_of(now) <= FARTHEST:
        raise bad_input("startsOn")
    if not DAY <= plan.last_day - plan.starts_on + DAY <= LONGEST:
        raise bad_input("endsOn")
    if (fault := fault_of(plan.prizes.lines)) is not None:
        raise bad_input("prizes", *fault)
    ends_on = plan.last_day + DAY

    async def work() -> NamedSeason:
        await seasons.lock_seasons()
        if await seasons.overlapping(plan.starts_on, ends_on):
            raise DomainError(ErrorCode.CONFLICT, field=["startsOn"])
        cut = period_of(BoardPeriod.SEASON, day_of(now), await named_seasons())
        season = await NamedSeason.create(
            id=new_id(),
            title=title,
            starts_on=plan.starts_on,
            ends_on=ends_on,
            prizes=[asdict(line) for line in plan.prizes.lines],
            prizes_by=plan.prizes.by,
            created_at=now,
        )
        details: Details = {"title": title, "first": plan.starts_on.isoformat(), "last": plan.last_day.isoformat()}
        await record(ports, actor, "season.started", "Season", season.id, details)
        await announce("season", str(season.id), {"starts_on": cut.starts_on, "ends_on": cut.ends_on})
        return season

    return await transaction(work)


async def named_seasons() -> list[Season]:
    """Every named season, as `gamification/periods.py` wants them."""
    return [Season(row.starts_on, row.ends_on) for row in await seasons.all_seasons()]


def period_of_season(row: NamedSeason) -> Period:
    return Period(BoardPeriod.SEASON, row.starts_on, row.ends_on)


def prizes_of_season(row: NamedSeason) -> PrizeList:
    return PrizeList(tuple(PrizeLine(**line) for line in row.prizes), row.prizes_by)


async def list_seasons(ask: Ask) -> Page[NamedSeason]:
    """The last to begin first, those to come among them."""
    return await seasons.seasons_page(ask)


async def seasons_on(starts: Sequence[date]) -> list[NamedSeason | None]:
    """The named seasons that begin on these days, in the order of `starts`."""
    return await seasons.seasons_by_starts(starts)


async def seasons_by_ids(ids: Sequence[UUID]) -> list[NamedSeason | None]:
    return await seasons.seasons_by_ids(ids)
