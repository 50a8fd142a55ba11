"""The demo's game: a running season, draws, rewards on their way; told through the use cases, in the past."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from auth.actor import Actor, Grant
from gamification.prize_lines import PrizeLine, PrizeList
from kit.clock import FrozenClock, day_of, day_start, week_of
from kit.db import transaction
from kit.ids import new_id
from kit.words import PrizeOrder, RedemptionStatus, Role
from models.bulk import add_missing
from models.courses import MediaAsset
from models.draws import PrizeDraw
from models.paths import Path
from models.points import accounts_by_member
from models.rewards import Redemption, Reward
from models.seasons import all_seasons
from seeds import prizes
from seeds.paths import PATHS
from seeds.prizes import SeedReward
from services.demo_city import City, Resident
from services.draws import DrawPlan, PrizePlan, create_prize_draw, enter_prize_draw, run_prize_draw
from services.notices import mark_notices_read
from services.paths import Arrangement, StagePlan, arrange_path
from services.ports import Ports
from services.rewards import NEXT, advance_redemption, redeem_reward
from services.seasons import SeasonPlan, start_season
from services.tasks import claim_task, list_tasks

DAY = timedelta(days=1)
A_MONTH = timedelta(days=30)
PATHS_BEGAN_AGO = timedelta(days=50)
SEASON_BEGAN_AGO = timedelta(weeks=3)
SEASON_LASTS = timedelta(weeks=12)
BUYERS = 24
REDEEMERS = 8
TICKET = 20
MOST_TICKETS = 5
SAVED = 240
"""Who has as much buys tickets, and some of them a reward."""

WAYS: tuple[tuple[RedemptionStatus, ...], ...] = (
    (),
    (RedemptionStatus.APPROVED,),
    (RedemptionStatus.APPROVED, RedemptionStatus.SHIPPED, RedemptionStatus.DELIVERED),
    (RedemptionStatus.CANCELLED,),
    (RedemptionStatus.APPROVED, RedemptionStatus.SHIPPED),
)
"""How far redemptions are."""


async def tell_game(ports: Ports, city: City) -> None:
    """Everything that begins with somebody's decision, once everybody has points; begun again, it goes on.

    The learner's bag on its way is the last of it, and so the sign that the whole demo has been told.
    """
    *others, learner = city.residents()
    admin = _admin(city)
    buyers = await _with_points(others)
    await transaction(partial(add_missing, [*_pictures(city), *_rewards(city)]))
    if not await all_seasons():
        await _begin_season(ports, city, admin)
    if not await PrizeDraw.exists():
        await _hold_draws(ports, city, admin, buyers, learner)
    await _claim_first_course(ports, learner)
    for number, buyer in enumerate(buyers[:REDEEMERS]):
        await _redeem(ports, city, admin, buyer, prizes.REWARDS[number % 3], WAYS[number % len(WAYS)])
    for resident in (*others, learner):  # levels and badges of months that were told in a moment are no news
        await mark_notices_read(ports, _as(resident), None, ports.clock.now())
    await _redeem(ports, city, admin, learner, prizes.REWARDS[0], WAYS[-1])


async def lay_paths(ports: Ports, city: City) -> None:
    """A path for every tier, from before anybody in the story learned; again: nothing."""
    began = _at(ports, city.now - PATHS_BEGAN_AGO)
    for tier, stages in PATHS.items():
        if await Path.exists(tier=tier):
            continue
        plans = (
            StagePlan(each.code, each.title, each.points, tuple(city.id("course", code) for code in each.courses))
            for each in stages
        )
        await arrange_path(began, _admin(city), Arrangement(tier, 0, tuple(plans)))


async def is_game_told(learner_id: UUID) -> bool:
    return await Redemption.filter(member_id=learner_id).exists()


def game_files(city: City) -> Iterator[tuple[str, bytes]]:
    """(storage key, bytes) of the rewards' pictures."""
    for reward in prizes.REWARDS:
        yield _picture_key(city, reward), prizes.picture(reward).encode()


async def _with_points(residents: Sequence[Resident]) -> list[Resident]:
    """Some who saved enough to buy something, in the order of the city."""
    accounts = await accounts_by_member([each.member_id for each in residents])
    rich = [each for each, account in zip(residents, accounts, strict=True) if account.balance >= SAVED]
    return rich[:BUYERS]


def _pictures(city: City) -> Iterator[MediaAsset]:
    for reward in prizes.REWARDS:
        content = prizes.picture(reward).encode()
        yield MediaAsset(
            id=city.id("reward picture", reward.key),
            kind="IMAGE",
            content_type="image/svg+xml",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            storage_key=_picture_key(city, reward),
            created_at=city.now - A_MONTH,
        )


def _rewards(city: City) -> Iterator[Reward]:
    for reward in prizes.REWARDS:
        yield Reward(
            id=city.id("reward", reward.key),
            title=reward.title,
            description=reward.description,
            image_media_id=city.id("reward picture", reward.key),
            cost=reward.cost,
            stock=reward.stock,
            per_member_limit=reward.per_member_limit,
            available_from=city.now - A_MONTH,
            created_at=city.now - A_MONTH,
        )


def _picture_key(city: City, reward: SeedReward) -> str:
    return f"demo/{city.seed}/reward-{reward.key}.svg"


async def _begin_season(ports: Ports, city: City, admin: Actor) -> None:
    starts_on = week_of(day_of(city.now)) - SEASON_BEGAN_AGO
    lines = tuple(PrizeLine(*line) for line in prizes.PRIZES_OF_SEASON)
    plan = SeasonPlan(prizes.SEASON, starts_on, starts_on + SEASON_LASTS - DAY, PrizeList(lines, PrizeOrder.POSITION))
    await start_season(_at(ports, day_start(starts_on)), admin, plan)


async def _hold_draws(ports: Ports, city: City, admin: Actor, buyers: Sequence[Resident], learner: Resident) -> None:
    """One that is drawn, one that sells tickets, to the learner too."""
    last = await _announce(
        ports, admin, prizes.LAST_DRAW, _morning(city, -12), _morning(city, -3), prizes.PRIZES_OF_LAST_DRAW
    )
    this = await _announce(
        ports, admin, prizes.THIS_DRAW, _morning(city, -2), _morning(city, 9), prizes.PRIZES_OF_THIS_DRAW
    )
    for number, buyer in enumerate(buyers):
        await _enter(_at(ports, _morning(city, -6)), city, buyer, last, 1 + number % 3)
    await run_prize_draw(_at(ports, _morning(city, -2)), admin, last.id)
    for number, buyer in enumerate([*buyers[::2], learner]):
        await _enter(_at(ports, _morning(city, -1)), city, buyer, this, 1 + number % 2)


async def _announce(
    ports: Ports,
    admin: Actor,
    title: str,
    opens_at: datetime,
    closes_at: datetime,
    of: Sequence[tuple[str, int]],
) -> PrizeDraw:
    won = tuple(PrizePlan(*prize) for prize in of)
    plan = DrawPlan(title, opens_at, closes_at, ticket_cost=TICKET, max_tickets=MOST_TICKETS, prizes=won)
    return await create_prize_draw(_at(ports, opens_at), admin, plan)


async def _enter(ports: Ports, city: City, buyer: Resident, draw: PrizeDraw, tickets: int) -> None:
    key = city.id("tickets", f"{buyer.person.key} {draw.title}")
    await enter_prize_draw(ports, _as(buyer), draw.id, tickets, key)


async def _claim_first_course(ports: Ports, learner: Resident) -> None:
    """One task is claimed, so that a visitor sees both kinds; the others that are done are theirs to claim."""
    for found in await list_tasks(ports, learner.member_id):
        if found.task.code == "once.course" and found.completed_at is not None:
            await claim_task(ports, _as(learner), found.task.id, found.turn.key)


async def _redeem(
    ports: Ports, city: City, admin: Actor, buyer: Resident, reward: SeedReward, way: Sequence[RedemptionStatus]
) -> None:
    """Redeemed some days ago, and moved on a day at a time; what was begun before is gone on with."""
    key = city.id("redemption", f"{buyer.person.key} {reward.key}")
    begun = _morning(city, -len(way) - 1)
    redemption = await redeem_reward(_at(ports, begun), _as(buyer), city.id("reward", reward.key), key)
    for days, to in enumerate(way, start=1):
        if redemption.status is not to and to in NEXT[redemption.status]:
            redemption = await advance_redemption(_at(ports, begun + days * DAY), admin, redemption.id, to, "")


def _morning(city: City, days: int) -> datetime:
    """Ten o'clock, some days from today on."""
    return day_start(day_of(city.now) + days * DAY) + timedelta(hours=10)


def _admin(city: City) -> Actor:
    return Actor(city.id("member", "staff-admin"), new_id(), (Grant(Role.ADMIN, None, ""),))


def _as(resident: Resident) -> Actor:
    return Actor(resident.member_id, new_id(), ())


def _at(ports: Ports, moment: datetime) -> Ports:
    """The same academy at another moment."""
    return replace(ports, clock=FrozenClock(moment))
