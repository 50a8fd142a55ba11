"""A city of full size, seeded: a year of learning by COPY, and everything that follows from it.

Three parts. The ground (regions, shops, people, catalogue, paths) is one transaction. The year is another: its tables
are filled without keys and indexes, which are built again at its end, so that there is a whole year or none. What is
only a view (statistics, boards, snapshots of closed periods) comes last, and can be made again at any time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from auth.actor import Actor, Grant
from gamification.boards import BoardsAway
from kit.clock import FrozenClock
from kit.db import bulk_transaction, copy_rows, transaction
from kit.errors import DomainError, ErrorCode, bad_input
from kit.ids import new_id
from kit.tasks import beside
from kit.words import OutletTier, Role
from models.badges import Badge
from models.bulk import add_missing, finish_year, set_aside
from models.courses import Course
from models.outlet_import import regions_within
from models.outlets import Outlet, region_by_code
from models.paths import Path, stages_of
from models.progress import CourseEnrolment
from seeds import big_city
from seeds.big_city import CitySize
from seeds.year import shares
from services.board_building import rebuild
from services.board_closing import close_periods
from services.city import BEFORE_ALL, PEOPLE_COLUMNS, BigCity
from services.city_tellers import Matter, loads, tenure
from services.city_year import TABLES, Row
from services.day_totals import count_everything
from services.demo_city import Rows
from services.paths import Arrangement, arrange_path, settle_paths
from services.ports import Ports
from services.tariff import whole_tariff

BOARD_TRIES = 5
PEOPLE_AT_ONCE = 2_000
"""Rows in one statement, each of which has to end in time on a slow machine too."""

Tell = Callable[[str, int, int], None]
"""Called with (what is being done, done, of how many); two things may be done at the same time."""

_log = structlog.get_logger("city")


async def seed_city(ports: Ports, size: CitySize, seed: int = 1, tell: Tell | None = None) -> None:
    """Make the city of this seed number and size; again it changes nothing, and after a failure it goes on.

    CONFLICT where there is anything else; BAD_USER_INPUT for more events than the people have days for.
    """
    progress = tell or _silent
    city = await city_of(ports, size, seed)
    _shares(city)
    with _part(progress, "Founding the city"):
        founded = await CourseEnrolment.exists()
        if not founded:
            await lay_ground(ports, city)
    if not founded:
        await _tell_year(city, progress)
    async with beside(1) as hand:  # boards are mostly Valkey's work, what is done here is PostgreSQL's
        await hand(partial(_build_boards, ports, progress))
        with _part(progress, "Counting the regions' days"):
            await count_everything(ports)
        with _part(progress, "Closing the periods that are over"):
            await close_periods(ports)


async def lay_ground(ports: Ports, city: BigCity) -> None:
    """Regions, shops, people and the catalogue, all of it or nothing; then the paths. What is there stays."""
    if not await Outlet.exists():
        for key, content in city.files():
            if not await ports.storage.holds(key, len(content)):
                await ports.storage.put(key, content)
        # Made before the transaction: PostgreSQL ends one in which nothing is asked for a while.
        ground, crowd, catalogue = list(city.ground()), city.crowd(), list(city.catalogue())
        await transaction(partial(_found, iter(ground), crowd, iter(catalogue)))
    began = replace(ports, clock=FrozenClock(city.now - timedelta(days=big_city.YEAR_DAYS + 5)))
    admin = Actor(city.id("member", "staff-admin"), new_id(), (Grant(Role.ADMIN, None, ""),))
    for tier in OutletTier:
        plans = tuple(city.stages(tier))
        if plans and not await Path.exists(tier=tier):
            await arrange_path(began, admin, Arrangement(tier, 0, plans))
    await settle_paths(began)  # nobody has learned anything: there is nobody to look at


async def _found(ground: Rows, crowd: Mapping[str, list[Row]], catalogue: Rows) -> None:
    await add_missing(ground)
    for table, people in crowd.items():
        for start in range(0, len(people), PEOPLE_AT_ONCE):
            await copy_rows(table, PEOPLE_COLUMNS[table], people[start : start + PEOPLE_AT_ONCE])
    await add_missing(catalogue)


async def city_of(ports: Ports, size: CitySize, seed: int) -> BigCity:
    """The city of this seed and size, as of the day it was founded, today if it is not; CONFLICT for any other."""
    top = await region_by_code(big_city.PROVINCE[0])
    if top is None:
        if await regions_within([""]):
            raise DomainError(ErrorCode.CONFLICT, field=["seed"])
        return BigCity(ports.phones, size, seed, ports.clock.now())
    sizes = (await Outlet.all().count(), await Course.all().count())
    outlet = await Outlet.all().order_by("code").first()
    if outlet is None or sizes != (size.outlets, size.courses):
        raise DomainError(ErrorCode.CONFLICT, field=["seed"])
    city = BigCity(ports.phones, size, seed, outlet.created_at + BEFORE_ALL)
    if top.id != city.id("region", big_city.PROVINCE[0]):
        raise DomainError(ErrorCode.CONFLICT, field=["seed"])
    return city


async def matter_of(city: BigCity) -> Matter:
    """What the city's year follows from, under the rules as the database has them. BAD_USER_INPUT: too many events."""
    stages = dict(zip(OutletTier, await stages_of(list(OutletTier)), strict=True))
    badges = await Badge.filter(enabled=True).order_by("measure", "threshold", "id")
    return Matter(city.seed, city.size, city.now, await whole_tariff(), badges, stages, _shares(city))


def _shares(city: BigCity) -> list[int]:
    """How many events each learner reports, in the order of the city."""
    people = [person for outlet in big_city.outlets(city.seed, city.size) for person in outlet.people]
    try:
        return shares([person.diligence for person in people], [tenure(each) for each in people], city.size.events)
    except ValueError as error:
        raise bad_input("events") from error


async def _tell_year(city: BigCity, tell: Tell) -> None:
    """The whole year in one transaction."""
    matter = await matter_of(city)
    async with bulk_transaction() as bulk:
        back = await set_aside(bulk, list(TABLES))
        told = 0
        tell("Telling a year of learning", told, city.size.events)
        async with aclosing(loads(matter)) as year:
            async for load in year:
                for table, text in load.text.items():
                    await bulk.copy(table, TABLES[table], text)
                told += load.events
                tell("Telling a year of learning", told, city.size.events)
        for number, statement in enumerate(back):
            tell("Building keys and indexes", number, len(back))
            await bulk.execute(statement)
        tell("Building keys and indexes", len(back), len(back))
        with _part(tell, "Counting what was learned"):
            await finish_year(bulk)
        with _part(tell, "Taking statistics"):
            await bulk.execute("ANALYZE")


async def _build_boards(ports: Ports, tell: Tell) -> None:
    """Build them all; a Valkey that is busy for a moment is asked again, one that stays away is the worker's matter."""
    for _ in range(BOARD_TRIES):
        tell("Building the honour boards", 0, 1)
        with suppress(BoardsAway):
            await rebuild(ports, partial(tell, "Building the honour boards"))
            return
    _log.warning("the boards are away; the worker builds them later")


@contextmanager
def _part(tell: Tell, text: str) -> Iterator[None]:
    """What is done in one go."""
    tell(text, 0, 1)
    yield
    tell(text, 1, 1)


def _silent(_: str, __: int, ___: int) -> None:
    pass
