"""A town whose shopkeepers play: many at once, with the points that a story gives them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from kit.clock import FrozenClock, day_of, day_start, week_of
from kit.db import copy_rows, rows, transaction
from kit.ids import new_id
from kit.words import BoardMetric, LeagueZone, OutletTier, RegionKind
from models.outlets import Outlet, Placement, Region
from services.board_closing import close_periods
from services.boards import Counted, count_many
from services.leagues import keep_leagues
from services.outbox import announce_each
from tests.world import World

WEEK = timedelta(days=7)


class Town:
    """One city with a shop of each tier asked for. Points are counted without entries behind them."""

    def __init__(self, world: World, clock: FrozenClock, city: Region, station: Region) -> None:
        self.world, self.ports, self.clock = world, world.ports, clock
        self.city, self.station = city, station
        self.shops: dict[OutletTier, Outlet] = {}

    @classmethod
    async def founded(cls, world: World, clock: FrozenClock, name: str = "东莞") -> "Town":
        city = await world.region(name, kind=RegionKind.CITY)
        station = await world.region(parent=await world.region(parent=city))
        return cls(world, clock, city, station)

    async def shop(self, tier: OutletTier = OutletTier.NEW) -> Outlet:
        if tier not in self.shops:
            self.shops[tier] = await self.world.outlet(region=self.station, tier=tier)
        return self.shops[tier]

    async def learners(self, many: int, tier: OutletTier = OutletTier.NEW) -> list[UUID]:
        """Learners of a shop of that tier; they have learned nothing yet."""
        shop, now = await self.shop(tier), self.clock.now()
        ids = [new_id() for _ in range(many)]
        await copy_rows(
            "members",
            ("id", "display_name", "hidden_on_boards", "joined_at"),
            [(each, "阿May", False, now) for each in ids],
        )
        await copy_rows(
            "role_grants",
            ("id", "member_id", "role", "granted_at"),
            [(new_id(), each, "LEARNER", now) for each in ids],
        )
        await copy_rows(
            "posts",
            ("id", "member_id", "outlet_id", "role", "from_at", "is_current"),
            [(new_id(), each, shop.id, "CLERK", now, True) for each in ids],
        )
        return ids

    async def earn(
        self,
        member_ids: Sequence[UUID],
        points: Sequence[int] | int,
        at: datetime | None = None,
        metric: BoardMetric = BoardMetric.POINTS,
    ) -> None:
        """Each earns so many points, one second after the one before."""
        shop, start = next(iter(self.shops.values())), at or self.clock.now()
        place = Placement(shop.id, shop.region_id, self.station.path, shop.tier)
        amounts = [points] * len(member_ids) if isinstance(points, int) else points

        async def work() -> None:
            await count_many(
                [
                    Counted(member_id, metric, amount, start + timedelta(seconds=after), place)
                    for after, (member_id, amount) in enumerate(zip(member_ids, amounts, strict=True))
                ]
            )
            await announce_each("member", member_ids)

        await transaction(work)

    async def next_week(self) -> date:
        """Monday 00:00 comes, and the worker with it; the Monday."""
        monday = week_of(day_of(self.clock.now())) + WEEK
        self.clock.at = day_start(monday)
        await self.tick()
        return monday

    async def grace_ends(self) -> None:
        """72 hours go by, and the worker comes."""
        self.clock.advance(timedelta(hours=72))
        await self.tick()

    async def tick(self) -> None:
        await close_periods(self.ports)
        await keep_leagues(self.ports)


async def sizes(monday: date) -> dict[str, list[int]]:
    """How many members the leagues of each division have, the largest first."""
    found = await rows(
        "SELECT division, count(*)::int AS n FROM leagues JOIN league_members m ON m.league_id = leagues.id"
        " WHERE leagues.starts_on = $1 GROUP BY leagues.id ORDER BY n DESC",
        monday,
    )
    return {each["division"]: [row["n"] for row in found if row["division"] == each["division"]] for each in found}


async def results(monday: date) -> dict[UUID, tuple[int, int, str] | None]:
    """(position, points, zone) of everybody in the leagues of a week; None without a result."""
    found = await rows("SELECT member_id, position, points, zone FROM league_members WHERE starts_on = $1", monday)
    return {
        row["member_id"]: (row["position"], row["points"], row["zone"]) if row["zone"] is not None else None
        for row in found
    }


async def divisions(monday: date) -> dict[UUID, str]:
    """The division that each member holds in a week."""
    found = await rows("SELECT member_id, held_division FROM league_members WHERE starts_on = $1", monday)
    return {row["member_id"]: row["held_division"] for row in found}


def zone_of(found: dict[UUID, tuple[int, int, str] | None], member_id: UUID) -> LeagueZone | None:
    result = found[member_id]
    return LeagueZone(result[2]) if result is not None else None
