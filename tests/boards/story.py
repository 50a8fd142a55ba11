"""A small tree of regions, outlets with learners in them, and what is counted for them."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from gamification.periods import period_of
from gamification.standings import Answer, Board, Family, Question, Scope
from kit.clock import day_of
from kit.db import transaction
from kit.ids import new_id
from kit.paging import Ask
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier, RegionKind, Role
from models.accounts import Member, RoleGrant
from models.outlets import Outlet, Placement, Region
from services.board_projection import project_marked_regions, project_members
from services.boards import count, read_board
from services.outbox import announce
from services.ports import Ports
from workers.relay import drain

POINTS = BoardMetric.POINTS


@dataclass(frozen=True, slots=True)
class Learner:
    id: UUID
    placement: Placement


async def region(code: str, kind: RegionKind, parent: Region | None = None) -> Region:
    path = f"{parent.path if parent else ''}{code}/"
    return await Region.create(id=new_id(), code=code, name=f"{code}区", kind=kind, parent=parent, path=path)


@dataclass(frozen=True, slots=True)
class Tree:
    """One city of two counties; the first county has two stations, the second one."""

    city: Region
    counties: tuple[Region, Region]
    stations: tuple[Region, Region, Region]


async def tree() -> Tree:
    city = await region("4419", RegionKind.CITY)
    east = await region("E", RegionKind.COUNTY, city)
    west = await region("W", RegionKind.COUNTY, city)
    stations = (
        await region("E1", RegionKind.STATION, east),
        await region("E2", RegionKind.STATION, east),
        await region("W1", RegionKind.STATION, west),
    )
    return Tree(city, (east, west), stations)


async def outlet(ports: Ports, station: Region, tier: OutletTier = OutletTier.NEW) -> Outlet:
    code = str(new_id())[-12:]
    return await Outlet.create(
        id=new_id(), code=code, name=f"{code}店", region=station, tier=tier, segment=1, created_at=ports.clock.now()
    )


async def learner(ports: Ports, shop: Outlet, member_id: UUID | None = None) -> Learner:
    """A learner who stands in this outlet, as far as counting is concerned."""
    now = ports.clock.now()
    member = await Member.create(id=member_id or new_id(), display_name="阿May", joined_at=now)
    await RoleGrant.create(id=new_id(), member=member, role=Role.LEARNER, granted_at=now)
    station = await Region.get(id=shop.region_id)
    return Learner(member.id, Placement(shop.id, shop.region_id, station.path, shop.tier))


def moved_to(who: Learner, shop: Outlet, station: Region) -> Learner:
    return replace(who, placement=Placement(shop.id, station.id, station.path, shop.tier))


async def earn(
    ports: Ports, who: Learner, amount: int, at: datetime | None = None, metric: BoardMetric = POINTS
) -> None:
    """Count an amount, without rows behind it, and announce the member."""

    async def work() -> None:
        await count(who.id, metric, amount, at or ports.clock.now(), who.placement)
        await announce("member", str(who.id))

    await transaction(work)


async def settle(ports: Ports) -> None:
    """Let the worker bring everything onto the boards."""
    await drain(ports)
    await project_marked_regions(ports)


async def changed(ports: Ports, who: Learner) -> None:
    await project_members(ports, [who.id])


def board(
    ports: Ports,
    metric: BoardMetric = POINTS,
    period: BoardPeriod = BoardPeriod.WEEK,
    scope: Scope | None = None,
    of: BoardSubjectKind = BoardSubjectKind.MEMBER,
    day: date | None = None,
) -> Board:
    return Board(Family(metric, period_of(period, day or day_of(ports.clock.now()), ()), of), scope or Scope())


async def answer(ports: Ports, of: Board, limit: int = 100, viewer: UUID | None = None) -> Answer:
    reading = await read_board(ports, of, Question(Ask(limit=limit), viewer))
    assert not reading.stale
    return reading.answer


def shown(found: Answer) -> list[tuple[UUID, int]]:
    return [(line.subject_id, line.points) for line in found.page.rows]
