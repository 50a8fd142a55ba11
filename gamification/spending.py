"""What points can be spent on. An entry of the ledger names one of these where an award names its rule."""

from typing import NamedTuple

from gamification.titles import Title


class Spending(NamedTuple):
    """`object_type` is the GraphQL type of what was bought."""

    code: str
    title: Title
    object_type: str


REWARD_REDEEMED = Spending("reward.redeemed", Title("兑换礼品", "Reward redeemed"), "Redemption")
DRAW_ENTERED = Spending("draw.entered", Title("参加抽奖", "Prize draw entered"), "DrawPurchase")

SPENDINGS = (REWARD_REDEEMED, DRAW_ENTERED)
TITLES = {spending.code: spending.title for spending in SPENDINGS}
