"""What prizes are given for. An entry of the ledger names one of these where an award names its rule."""

from typing import NamedTuple

from gamification.titles import Title


class PrizeKind(NamedTuple):
    """`source_type` is the GraphQL type of what was won."""

    code: str
    title: Title
    source_type: str


SEASON_PRIZE = PrizeKind("prize.season", Title("赛季奖励", "Season prize"), "HonourBoard")
BOARD_PRIZE = PrizeKind("prize.board", Title("光荣榜奖励", "Honour board prize"), "HonourBoard")
STORY_PRIZE = PrizeKind("prize.story", Title("征文奖励", "Story contest prize"), "StoryCampaign")

PRIZES = (SEASON_PRIZE, BOARD_PRIZE, STORY_PRIZE)
TITLES = {kind.code: kind.title for kind in PRIZES}
