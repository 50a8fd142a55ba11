"""Seasons as clients see them."""

from datetime import date, datetime
from typing import Self

import strawberry

from models.seasons import NamedSeason
from schema.board_prizes import BoardPrize, BoardPrizeInput, prize_list
from schema.errors import Payload
from schema.ids import encode
from schema.node import Node
from schema.words import PrizeOrder
from services.seasons import SeasonPlan, period_of_season, prizes_of_season


@strawberry.type(description="A season (赛季) with a title and dates. Its main board ranks everyone by POINTS.")
class Season(Node):
    title: str = strawberry.field(description="Chinese, as 春季赛.")
    starts_at: datetime = strawberry.field(description="Its first moment: midnight in Shanghai.")
    ends_at: datetime = strawberry.field(description="The first moment after it.")
    prizes: list[BoardPrize] = strawberry.field(description="What its main board pays, the best places first.")
    prizes_by: PrizeOrder = strawberry.field(description="What the places of `prizes` are.")

    @classmethod
    def of(cls, row: NamedSeason) -> Self:
        period, prizes = period_of_season(row), prizes_of_season(row)
        assert period.ends_at is not None
        return cls(
            id=encode("Season", row.id),
            title=row.title,
            starts_at=period.starts_at,
            ends_at=period.ends_at,
            prizes=[BoardPrize.of(line) for line in prizes.lines],
            prizes_by=prizes.by,
        )


@strawberry.input(description="A season to name.")
class StartSeasonInput:
    title: str = strawberry.field(description="1-40 characters.")
    starts_on: date = strawberry.field(description="Its first day: today or later, at most two years ahead.")
    ends_on: date = strawberry.field(description="Its last day (含当天); at most 366 days in all.")
    prizes: list[BoardPrizeInput] | None = strawberry.field(
        default=None, description="What its main board, of everyone's points, pays; none unless given."
    )
    prizes_by: PrizeOrder | None = strawberry.field(
        default=None, description="What the places of `prizes` are; POSITION unless given."
    )

    def plain(self) -> SeasonPlan:
        return SeasonPlan(self.title, self.starts_on, self.ends_on, prize_list(self.prizes, self.prizes_by))


@strawberry.type(description="What became of StartSeasonInput.")
class StartSeasonPayload(Payload):
    season: Season | None = strawberry.field(default=None, description="The new season.")
