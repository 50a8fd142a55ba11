"""What the places of a board win, as clients see it and as admins say it."""

from collections.abc import Sequence
from typing import Self

import strawberry

from gamification.prize_lines import PrizeLine, PrizeList
from schema.words import PrizeOrder


@strawberry.type(description="A line of a prize list: some places next to each other, and what each of them wins.")
class BoardPrize:
    from_position: int = strawberry.field(description="The best of these places.")
    to_position: int = strawberry.field(description="The last of them, included.")
    points: int = strawberry.field(description="What each of these places wins, onto the balance (奖励积分).")

    @classmethod
    def of(cls, line: PrizeLine) -> Self:
        return cls(from_position=line.first, to_position=line.last, points=line.points)


@strawberry.input(description="A line of a new prize list.")
class BoardPrizeInput:
    from_position: int = strawberry.field(description="The best of these places, from 1.")
    to_position: int = strawberry.field(description="The last of them, included; at most 100,000.")
    points: int = strawberry.field(description="What each of them wins, 1-1,000,000; no worse place wins more.")


def prize_list(lines: Sequence[BoardPrizeInput] | None, by: PrizeOrder | None) -> PrizeList:
    """No list is a list without prizes; places are positions unless said."""
    plain = (PrizeLine(line.from_position, line.to_position, line.points) for line in lines or ())
    return PrizeList(tuple(sorted(plain, key=lambda line: line.first)), by or PrizeOrder.POSITION)
