"""How far an admin may move what a rule pays. Each rule has its own; they guard against a nought too many."""

from typing import NamedTuple

MOST_A_DAY = 100_000


class Limits(NamedTuple):
    """`most_points` of one award, None for a rule whose facts bring their own price. `most_a_day`: the highest daily
    cap; None: the rule needs no cap, and may have one of up to `MOST_A_DAY`."""

    most_points: int | None
    most_a_day: int | None = None

    def fault(self, points: int | None, daily_cap: int | None) -> str | None:
        """The name of the value that is out of bounds, if one is. A cap below one award would never pay it whole."""
        if (points is None) != (self.most_points is None):
            return "points"
        if points is not None and self.most_points is not None and not 1 <= points <= self.most_points:
            return "points"
        if daily_cap is None:
            return "dailyCap" if self.most_a_day is not None else None
        return None if (points or 1) <= daily_cap <= (self.most_a_day or MOST_A_DAY) else "dailyCap"
