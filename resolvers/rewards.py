"""Rewards: what is on offer, buying it, and seeing it through."""

from typing import Annotated

import strawberry

from kit.words import Role
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.rewards import (
    AdvanceRedemptionInput,
    AdvanceRedemptionPayload,
    CreateRewardInput,
    CreateRewardPayload,
    RedeemRewardInput,
    RedeemRewardPayload,
    Redemption,
    Reward,
)
from schema.viewer import Viewer
from schema.words import RedemptionStatus
from services import rewards


async def reward_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(rewards.visible_rewards, actor).load(row_id)
    return Reward.of(row) if row is not None else None


async def redemption_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(rewards.visible_redemptions, actor).load(row_id)
    return Redemption.of(row) if row is not None else None


@strawberry.type
class RewardQueries:
    @strawberry.field(description="What the viewer is offered, the cheapest first; admins also see what is not open.")
    async def rewards(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Reward] | None:
        ports, actor = info.context.ports, viewer(info)
        scope = f"rewards {actor.member_id}"
        return connection(
            info,
            await rewards.list_rewards(ports, actor, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Reward.of,
            key=lambda row: [row.cost, row.id],
            count=lambda: rewards.count_listed_rewards(ports, actor),
        )

    @strawberry.field(description="For admins and auditors: redemptions of their regions, the newest first.")
    async def redemptions(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: Annotated[RedemptionStatus | None, strawberry.argument(description="Only those in this state.")] = None,
        code: Annotated[
            str | None, strawberry.argument(description="Only the one with this pick-up code, as somebody types it.")
        ] = None,
    ) -> Connection[Redemption] | None:
        actor = staff(info, Role.ADMIN, Role.AUDITOR)
        scope = f"redemptions {actor.member_id} {status} {code}"
        return connection(
            info,
            await rewards.list_redemptions(actor, status, code, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Redemption.of,
            key=lambda row: [row.created_at, row.id],
            count=lambda: rewards.count_listed_redemptions(actor, status, code),
        )


@strawberry.type
class RewardMutations:
    @mutation(description="Put a reward on offer (上架礼品). For admins.")
    async def create_reward(self, info: Info, input: CreateRewardInput) -> CreateRewardPayload:
        actor = staff(info, Role.ADMIN)
        return CreateRewardPayload(
            reward=Reward.of(await rewards.create_reward(info.context.ports, actor, input.plain()))
        )

    @mutation(description="Spend points of the balance on a reward (兑换礼品).")
    async def redeem_reward(self, info: Info, input: RedeemRewardInput) -> RedeemRewardPayload:
        actor, reward_id = viewer(info), decode(input.reward_id, "Reward", "rewardId")
        row = await rewards.redeem_reward(info.context.ports, actor, reward_id, input.idempotency_key)
        return RedeemRewardPayload(redemption=Redemption.of(row), viewer=Viewer.of(actor.member_id))

    @mutation(description="Move a redemption on, or cancel it and give points and stock back. For admins.")
    async def advance_redemption(self, info: Info, input: AdvanceRedemptionInput) -> AdvanceRedemptionPayload:
        actor, redemption_id = staff(info, Role.ADMIN), decode(input.redemption_id, "Redemption", "redemptionId")
        row = await rewards.advance_redemption(info.context.ports, actor, redemption_id, input.to, input.note or "")
        return AdvanceRedemptionPayload(redemption=Redemption.of(row))
