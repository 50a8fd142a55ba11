"""Rewards: made by admins, redeemed for points, brought to the shop or taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_run_offers, may_see_redemptions, within
from gamification.spending import REWARD_REDEEMED
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id, new_word
from kit.paging import Ask, Page
from kit.words import NoticeKind, RedemptionStatus
from models import rewards
from models.audit import Details
from models.courses import media_by_id
from models.ledger import locked_account
from models.outlets import placement_at, regions_by_ids
from models.rewards import Redemption, RedemptionStep, Reward
from services.audit import record
from services.idempotency import first_time
from services.notices import tell
from services.offers import buyer_scope, offer_scope, path_of, region_for_offer
from services.ports import Ports
from services.spending import give_back, spend

COSTS = range(1, 1_000_001)
STOCKS = range(1, 1_000_001)
LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 1000
LONGEST_NOTE = 200
CODE_LENGTH = 8

NEXT: dict[RedemptionStatus, frozenset[RedemptionStatus]] = {
    RedemptionStatus.REQUESTED: frozenset({RedemptionStatus.APPROVED, RedemptionStatus.CANCELLED}),
    RedemptionStatus.APPROVED: frozenset(
        {RedemptionStatus.SHIPPED, RedemptionStatus.DELIVERED, RedemptionStatus.CANCELLED}
    ),
    RedemptionStatus.SHIPPED: frozenset({RedemptionStatus.DELIVERED, RedemptionStatus.CANCELLED}),
    RedemptionStatus.DELIVERED: frozenset(),
    RedemptionStatus.CANCELLED: frozenset(),
}
"""Where a redemption may go from each state. Handed over at the counter, it is never shipped."""


@dataclass(frozen=True, slots=True)
class RewardPlan:
    """`available_from` None: from now on. `available_until` None: while stock lasts."""

    title: str
    description: str
    cost: int
    stock: int
    per_member_limit: int | None = None
    image_media_id: UUID | None = None
    region_id: UUID | None = None
    available_from: datetime | None = None
    available_until: datetime | None = None


async def create_reward(ports: Ports, actor: Actor, plan: RewardPlan) -> Reward:
    """Put a reward on offer, for the region of the plan."""
    now = ports.clock.now()
    title, description = plan.title.strip(), plan.description.strip()
    begins = plan.available_from or now
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_input("title")
    if len(description) > LONGEST_DESCRIPTION:
        raise bad_input("description")
    if plan.cost not in COSTS:
        raise bad_input("cost")
    if plan.stock not in STOCKS:
        raise bad_input("stock")
    if plan.per_member_limit is not None and plan.per_member_limit not in STOCKS:
        raise bad_input("perMemberLimit")
    if plan.available_until is not None and plan.available_until <= max(begins, now):
        raise bad_input("availableUntil")
    if plan.image_media_id is not None:
        media = await media_by_id(plan.image_media_id)
        if media is None or media.kind != "IMAGE":
            raise not_found("imageMediaId")
    region_id = await region_for_offer(actor, plan.region_id)

    async def work() -> Reward:
        reward = await Reward.create(
            id=new_id(),
            title=title,
            description=description,
            image_media_id=plan.image_media_id,
            region_id=region_id,
            cost=plan.cost,
            stock=plan.stock,
            per_member_limit=plan.per_member_limit,
            available_from=begins,
            available_until=plan.available_until,
            created_at=now,
        )
        details: Details = {"title": title, "cost": plan.cost, "stock": plan.stock}
        path = await path_of(region_id) or None
        await record(ports, actor, "reward.created", "Reward", reward.id, details, region_path=path)
        return reward

    return await transaction(work)


async def redeem_reward(ports: Ports, actor: Actor, reward_id: UUID, key: UUID) -> Redemption:
    """Spend the reward's price for one of it. The same key again gives the same redemption and costs nothing."""
    scope = await buyer_scope(actor)

    async def work() -> Redemption:
        account = await locked_account(actor.member_id)
        redemption_id, is_new = await first_time(
            ports, actor.member_id, key, "redeemReward", {"reward": str(reward_id)}
        )
        if not is_new:
            return await Redemption.get(id=redemption_id)
        [reward] = await rewards.offered_rewards(scope, [reward_id]) if scope is not None else [None]
        now = ports.clock.now()
        if reward is None:
            raise not_found("rewardId")
        if now < reward.available_from:
            raise DomainError(ErrorCode.NOT_OPEN, field=["rewardId"])
        if reward.available_until is not None and now >= reward.available_until:
            raise DomainError(ErrorCode.CLOSED, field=["rewardId"])
        limit = reward.per_member_limit
        if limit is not None and await rewards.count_held(actor.member_id, reward_id) >= limit:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["rewardId"])
        if reward.stock_left == 0:
            raise DomainError(ErrorCode.OUT_OF_STOCK, field=["rewardId"])
        await spend(ports, account, reward.cost, REWARD_REDEEMED, redemption_id)
        place = await placement_at(actor.member_id, now)
        redemption = await Redemption.create(
            id=redemption_id,
            reward_id=reward_id,
            member_id=actor.member_id,
            region_id=place.region_id if place else None,
            status=RedemptionStatus.REQUESTED,
            code=new_word(CODE_LENGTH),
            cost=reward.cost,
            created_at=now,
        )
        await _step(redemption, now, actor.member_id, "")
        if not await rewards.take_one(reward_id):
            raise DomainError(ErrorCode.OUT_OF_STOCK, field=["rewardId"])
        return redemption

    return await transaction(work)


async def advance_redemption(
    ports: Ports, actor: Actor, redemption_id: UUID, to: RedemptionStatus, note: str
) -> Redemption:
    """Take a redemption to its next state; CANCELLED gives points and stock back. In that state already: no change."""
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise bad_input("note")

    async def work() -> Redemption:
        before = await Redemption.get_or_none(id=redemption_id)
        if before is None or not within(await path_of(before.region_id), may_see_redemptions(actor)):
            raise not_found("redemptionId")
        account = await locked_account(before.member_id)
        redemption = await rewards.locked_redemption(redemption_id)
        assert redemption is not None, "redemptions are never deleted"
        if not may_run_offers(actor, await path_of(redemption.region_id)):
            raise DomainError(ErrorCode.FORBIDDEN)
        if redemption.status is to:
            return redemption
        if to not in NEXT[redemption.status]:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["to"])
        redemption.status = to
        await redemption.save(update_fields=["status"], force_update=True)
        await _step(redemption, ports.clock.now(), actor.member_id, note)
        details: Details = {"to": to.value, "note": note}
        path = await path_of(redemption.region_id) or None
        await record(ports, actor, "redemption.advanced", "Redemption", redemption_id, details, region_path=path)
        if to is RedemptionStatus.CANCELLED:
            await give_back(ports, account, REWARD_REDEEMED, redemption_id)
            await rewards.put_back(redemption.reward_id)
        await _tell(ports, redemption)
        return redemption

    return await transaction(work)


async def list_rewards(ports: Ports, actor: Actor, ask: Ask) -> Page[Reward]:
    """What the actor is offered now, the cheapest first; who runs or audits offers sees all of them."""
    return await rewards.rewards_page(await offer_scope(actor), ports.clock.now(), ask)


async def count_listed_rewards(ports: Ports, actor: Actor) -> int:
    return await rewards.count_rewards(await offer_scope(actor), ports.clock.now())


async def visible_rewards(actor: Actor, ids: Sequence[UUID]) -> list[Reward | None]:
    """The rewards of these ids, in their order; None for what was neither offered to nor redeemed by the actor."""
    offered = await rewards.offered_rewards(await offer_scope(actor), ids)
    bought = set(await Redemption.filter(member_id=actor.member_id, reward_id__in=list(ids)).values_list("reward_id"))
    return [
        reward or (known if (each,) in bought else None)
        for each, reward, known in zip(ids, offered, await rewards.rewards_by_ids(ids), strict=True)
    ]


async def visible_redemptions(actor: Actor, ids: Sequence[UUID]) -> list[Redemption | None]:
    """The redemptions of these ids, in their order: the own ones, and those of the regions administered or audited."""
    found = await rewards.redemptions_by_ids(ids)
    paths = await _paths_of([each for each in found if each])
    return [
        each if each and (each.member_id == actor.member_id or within(paths[each.id], may_see_redemptions(actor)))
        else None
        for each in found
    ]  # fmt: skip


async def list_redemptions(
    actor: Actor, status: RedemptionStatus | None, code: str | None, ask: Ask
) -> Page[Redemption]:
    """The redemptions of the regions the actor administers or audits, the newest first."""
    return await rewards.redemptions_in(may_see_redemptions(actor), status, _typed(code), ask)


async def count_listed_redemptions(actor: Actor, status: RedemptionStatus | None, code: str | None) -> int:
    return await rewards.count_redemptions_in(may_see_redemptions(actor), status, _typed(code))


def _typed(code: str | None) -> str | None:
    """A pick-up code as somebody types it."""
    return code.strip().upper().replace(" ", "").replace("-", "") if code is not None else None


async def _step(redemption: Redemption, at: datetime, by: UUID, note: str) -> None:
    await RedemptionStep.create(redemption_id=redemption.id, status=redemption.status, at=at, by=by, note=note)


async def _tell(ports: Ports, redemption: Redemption) -> None:
    """Tell the member where it is now; a redemption comes into each state once."""
    [reward] = await rewards.rewards_by_ids([redemption.reward_id])
    assert reward is not None, "rewards are never deleted"
    values = {"reward": reward.title, "status": redemption.status.value}
    key = f"{redemption.id} {redemption.status}"
    about = ("Redemption", redemption.id)
    await tell(ports, redemption.member_id, NoticeKind.REDEMPTION_ADVANCED, key, values, about)


async def _paths_of(redemptions: Sequence[Redemption]) -> dict[UUID, str]:
    """The region paths of redemptions, by id; "" for who stood nowhere."""
    region_ids = list({each.region_id for each in redemptions if each.region_id is not None})
    paths = {region.id: region.path for region in await regions_by_ids(region_ids) if region is not None}
    return {each.id: paths[each.region_id] if each.region_id is not None else "" for each in redemptions}
