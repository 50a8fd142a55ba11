"""The lines of a prize list: which places of a board win how much, and what is still missing to win more."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kit.words import PrizeOrder

MOST_LINES = 50
LAST_PLACE = 100_000
MOST_POINTS = 1_000_000
"""What one prize may be worth."""


@dataclass(frozen=True, slots=True)
class PrizeLine:
    """The places `first` to `last`, both included, win `points` each."""

    first: int
    last: int
    points: int


@dataclass(frozen=True, slots=True)
class PrizeList:
    """`by` POSITION: equals are told apart by who got there first. RANK: they all win the same."""

    lines: tuple[PrizeLine, ...]
    by: PrizeOrder

    @property
    def last_place(self) -> int:
        """The last place that wins anything; 0 without prizes."""
        return max((line.last for line in self.lines), default=0)

    def points_for(self, place: int) -> int:
        """What a place wins; 0: nothing."""
        return next((line.points for line in self.lines if line.first <= place <= line.last), 0)

    def next_better(self, place: int) -> int | None:
        """The last place of the next line that pays more than this place wins; None where there is none."""
        won = self.points_for(place)
        better = [line.last for line in self.lines if line.last < place and line.points > won]
        return max(better, default=None)


def fault_of(lines: Sequence[PrizeLine]) -> tuple[str, ...] | None:
    """Where a list is wrong, as a path below it; () for the list as a whole, None if it is right.

    At most 50 lines, places up to 100,000, points up to a million each; no place twice, and no worse place wins more.
    """
    if len(lines) > MOST_LINES:
        return ()
    for index, line in enumerate(lines):
        if not 1 <= line.first <= LAST_PLACE:
            return str(index), "fromPosition"
        if not line.first <= line.last <= LAST_PLACE:
            return str(index), "toPosition"
        if not 1 <= line.points <= MOST_POINTS:
            return str(index), "points"
    order = sorted(range(len(lines)), key=lambda index: lines[index].first)
    for before, after in pairwise(order):
        if lines[after].first <= lines[before].last:
            return str(after), "fromPosition"
        if lines[after].points > lines[before].points:
            return str(after), "points"
    return None
