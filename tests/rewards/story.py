"""Learners with points to spend, rewards to spend them on, and the operations the apps send for both."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from kit.db import transaction
from kit.ids import to_global
from kit.words import PostRole, Role
from models.accounts import Member
from models.ledger import locked_account
from models.outlets import Outlet, Region
from models.rewards import Reward
from services.ledger import ledger_verify
from services.ports import Ports
from services.rewards import RewardPlan, create_reward
from tests.gql import Gql
from tests.points.story import course, say
from tests.world import World

REWARDS = """query Rewards($first: Int = 20, $after: String) {
  rewards(first: $first, after: $after) {
    nodes { id title description imageUrl cost stockLeft perMemberLimit availableUntil }
    pageInfo { hasNextPage endCursor }
  }
}"""
REDEEM = """mutation RedeemReward($input: RedeemRewardInput!) {
  redeemReward(input: $input) {
    redemption { id status code reward { id stockLeft } }
    viewer { id points { lifetime balance today thisWeek } } userErrors { code message field }
  }
}"""
MY_REDEMPTIONS = """query MyRedemptions($first: Int = 20, $after: String) {
  viewer { id redemptions(first: $first, after: $after) {
    nodes { id status createdAt code reward { id title } } pageInfo { hasNextPage endCursor } } }
}"""
CREATE = """mutation CreateReward($input: CreateRewardInput!) {
  createReward(input: $input) { reward { id stockLeft } userErrors { code message field } }
}"""
ADVANCE = """mutation AdvanceRedemption($input: AdvanceRedemptionInput!) {
  advanceRedemption(input: $input) { redemption { id status } userErrors { code message field } }
}"""


class Shop:
    """One outlet, its learners, and an admin of everywhere."""

    def __init__(self, ports: Ports, gql: Gql, world: World, outlet: Outlet, admin: Member) -> None:
        self.ports = ports
        self.gql = gql
        self.world = world
        self.outlet = outlet
        self.admin = admin

    @classmethod
    async def open(cls, ports: Ports, gql: Gql, world: World) -> "Shop":
        return cls(ports, gql, world, await world.outlet(), await world.staff(Role.ADMIN))

    async def learner(self, points: int, *, outlet: Outlet | None = None) -> Member:
        """Somebody who has earned `points`, a multiple of 50."""
        member = await self.world.learner(outlet=outlet or self.outlet, role=PostRole.CLERK)
        now = self.ports.clock.now()
        facts = [course(member.id, uuid4(), now, required=True) for _ in range(points // 50)]
        if facts:
            await say(self.ports, *facts)
        return member

    async def reward(
        self, cost: int = 50, stock: int = 10, *, limit: int | None = None, region: Region | None = None, **more: Any
    ) -> Reward:
        plan = RewardPlan(
            "保温杯", "", cost, stock, per_member_limit=limit, region_id=region.id if region else None, **more
        )
        return await create_reward(self.ports, await self.world.actor(self.admin), plan)

    async def redeem(self, member: Member, reward: Reward, key: UUID | None = None) -> dict[str, Any]:
        """The payload of one redemption."""
        asked = {"rewardId": to_global("Reward", reward.id), "idempotencyKey": str(key or uuid4())}
        answer = await self.gql.ask(REDEEM, {"input": asked}, by=member)
        payload: dict[str, Any] = answer["data"]["redeemReward"]
        return payload

    async def advance(self, by: Member, redemption_id: str, to: str, note: str | None = None) -> dict[str, Any]:
        """The whole answer."""
        asked = {"redemptionId": redemption_id, "to": to, "note": note}
        return await self.gql.ask(ADVANCE, {"input": asked}, by=by)

    async def balance(self, member: Member) -> tuple[int, int]:
        """(lifetime, balance)"""
        account = await transaction(lambda: locked_account(member.id))
        return account.lifetime, account.balance

    async def books_are_clean(self) -> None:
        assert await ledger_verify() == []


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


A_DAY = timedelta(days=1)
