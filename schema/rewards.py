"""Rewards and redemptions as clients see them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import segno
import strawberry

from kit.words import Role
from models import accounts, rewards
from schema.accounts import Member
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.viewer_part import ViewerPart
from schema.words import RedemptionStatus
from services.media import media_url
from services.rewards import RewardPlan

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="Something to be had for points (积分礼品).")
class Reward(Node):
    row: strawberry.Private[rewards.Reward]
    title: str = strawberry.field(description="What it is.")
    description: str = strawberry.field(description="More about it; may be empty.")
    cost: int = strawberry.field(description="Points of the balance for one.")
    stock_left: int = strawberry.field(description="How many are left.")
    per_member_limit: int | None = strawberry.field(description="The most one member may have; null: no limit.")
    available_from: datetime = strawberry.field(description="From when it can be redeemed.")
    available_until: datetime | None = strawberry.field(description="The first moment it cannot; null: no end.")

    @classmethod
    def of(cls, row: rewards.Reward) -> Self:
        return cls(
            id=encode("Reward", row.id),
            row=row,
            title=row.title,
            description=row.description,
            cost=row.cost,
            stock_left=row.stock_left,
            per_member_limit=row.per_member_limit,
            available_from=row.available_from,
            available_until=row.available_until,
        )

    @strawberry.field(description="A picture of it; null without one.")
    def image_url(self, info: Info) -> str | None:
        media_id = self.row.image_media_id
        return media_url(info.context.ports, media_id).url if media_id is not None else None


@strawberry.type(description="A state that a redemption came into.")
class RedemptionStep:
    status: RedemptionStatus = strawberry.field(description="The state.")
    at: datetime = strawberry.field(description="When it came into it.")
    note: str = strawberry.field(description="What whoever moved it noted; may be empty.")


@strawberry.type(description="One reward redeemed by one member (兑换单).")
class Redemption(Node):
    row: strawberry.Private[rewards.Redemption]
    status: RedemptionStatus = strawberry.field(description="Where it is on its way.")
    cost: int = strawberry.field(description="The points it took.")
    created_at: datetime = strawberry.field(description="When it was redeemed.")

    @classmethod
    def of(cls, row: rewards.Redemption) -> Self:
        return cls(
            id=encode("Redemption", row.id),
            row=row,
            status=row.status,
            cost=row.cost,
            created_at=row.created_at,
        )

    @strawberry.field(
        description="The pick-up code (取货码): 8 letters and digits, shown at the counter; null to auditors."
    )
    def code(self, info: Info) -> str | None:
        return self.row.code if self._may_collect(info) else None

    @strawberry.field(description="The pick-up code as a QR code: an SVG image as a data URI; null to auditors.")
    def code_qr(self, info: Info) -> str | None:
        if not self._may_collect(info):
            return None
        return segno.make(self.row.code, error="m", micro=False).svg_data_uri(scale=8)

    @strawberry.field(description="What was redeemed.")
    async def reward(self, info: Info) -> Reward | None:
        row = await info.context.loaders.of(rewards.rewards_by_ids).load(self.row.reward_id)
        return Reward.of(row) if row is not None else None

    @strawberry.field(description="Who redeemed it.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None else None

    def _may_collect(self, info: Info) -> bool:
        """Whoever holds the code gets the goods: that is the member, and admins who hand them over."""
        actor = info.context.actor
        return actor is not None and (actor.member_id == self.row.member_id or actor.has(Role.ADMIN))

    @strawberry.field(description="Its way so far, the oldest step first.")
    async def steps(self, info: Info) -> list[RedemptionStep]:
        found = await info.context.loaders.of(rewards.steps_of).load(self.row.id)
        return [RedemptionStep(status=step.status, at=step.at, note=step.note) for step in found]


@strawberry.type
class RewardsViewer(ViewerPart):
    @strawberry.field(description="What the viewer has redeemed, the newest first.")
    async def redemptions(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Redemption] | None:
        member_id = self.member_id
        scope = f"redemptions of {member_id}"
        return connection(
            info,
            await rewards.redemptions_of(member_id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Redemption.of,
            key=lambda row: [row.created_at, row.id],
            count=lambda: rewards.count_redemptions_of(member_id),
        )


@strawberry.input(description="A reward to put on offer.")
class CreateRewardInput:
    title: str = strawberry.field(description="1-80 characters.")
    description: str | None = strawberry.field(default=None, description="At most 1,000 characters.")
    image_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture among the media.")
    cost: int = strawberry.field(description="Points for one, 1-1,000,000.")
    stock: int = strawberry.field(description="How many there are, 1-1,000,000.")
    per_member_limit: int | None = strawberry.field(default=None, description="The most one member may have.")
    available_from: datetime | None = strawberry.field(default=None, description="Default: now.")
    available_until: datetime | None = strawberry.field(default=None, description="Default: while stock lasts.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose learners it is for; default: all that the viewer administers."
    )

    def plain(self) -> RewardPlan:
        image = self.image_media_id
        return RewardPlan(
            title=self.title,
            description=self.description or "",
            cost=self.cost,
            stock=self.stock,
            per_member_limit=self.per_member_limit,
            image_media_id=decode(image, "Media", "imageMediaId") if image is not None else None,
            region_id=decode(self.region_id, "Region", "regionId") if self.region_id is not None else None,
            available_from=self.available_from,
            available_until=self.available_until,
        )


@strawberry.type(description="What became of CreateRewardInput.")
class CreateRewardPayload(Payload):
    reward: Reward | None = strawberry.field(default=None, description="The new reward.")


@strawberry.input(description="A reward to redeem.")
class RedeemRewardInput:
    reward_id: strawberry.ID = strawberry.field(description="The reward.")
    idempotency_key: UUID = strawberry.field(description="Made once per purchase: sent again, nothing is bought again.")


@strawberry.type(description="What became of RedeemRewardInput.")
class RedeemRewardPayload(Payload):
    redemption: Redemption | None = strawberry.field(default=None, description="The redemption with its pick-up code.")
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="The viewer with the points that are left."
    )


@strawberry.input(description="A redemption to move on.")
class AdvanceRedemptionInput:
    redemption_id: strawberry.ID = strawberry.field(description="The redemption.")
    to: RedemptionStatus = strawberry.field(description="Its next state; CANCELLED gives points and stock back.")
    note: str | None = strawberry.field(default=None, description="At most 200 characters.")


@strawberry.type(description="What became of AdvanceRedemptionInput.")
class AdvanceRedemptionPayload(Payload):
    redemption: Redemption | None = strawberry.field(default=None, description="The redemption in its new state.")
