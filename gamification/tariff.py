"""What each rule pays, by version. An entry of the ledger remembers the version it was paid under.

A claim is priced by the line in force when it occurred, however late it comes; lines are only ever added for the time
to come, so what the past is worth never changes.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gamification.rules.claim import Claim


@dataclass(frozen=True, slots=True)
class Rate:
    """One version of a rule's line, in force for what occurs from `since` on, until another's `since`.

    `points` None: what is done brings its own price. `daily_cap`: the most points of one rule for one Shanghai day of
    occurrence; None: no limit. A rule that is not `enabled` pays nothing.
    """

    rule: str
    version: int
    since: datetime
    points: int | None
    daily_cap: int | None = None
    enabled: bool = True

    def price(self, claim: Claim) -> int:
        """What the claim is worth before the day's cap, were the rule enabled."""
        if claim.points is not None:
            return claim.points
        assert self.points is not None, claim.rule
        return self.points

    def pays(self, claim: Claim) -> int:
        """What the claim is worth before the day's cap."""
        return self.price(claim) if self.enabled else 0


class Tariff:
    """The lines of all rules over some stretch of time."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._lines: defaultdict[str, list[Rate]] = defaultdict(list)
        for rate in sorted(rates, key=lambda rate: (rate.since, rate.version)):
            self._lines[rate.rule].append(rate)
        self._since = {rule: [rate.since for rate in rates] for rule, rates in self._lines.items()}

    def rate(self, rule: str, at: datetime) -> Rate | None:
        """The line in force; of several from the same moment the last version. None before the rule's first one."""
        place = bisect_right(self._since.get(rule, ()), at)
        return self._lines[rule][place - 1] if place else None

    def has(self, rule: str, version: int) -> bool:
        """Whether there is such a line."""
        return any(rate.version == version for rate in self._lines.get(rule, ()))

    def pays(self, claim: Claim) -> int:
        """What the claim is worth before the day's cap."""
        rate = self.rate(claim.rule, claim.occurred_at)
        return rate.pays(claim) if rate is not None else 0

    def with_rate(self, rate: Rate) -> "Tariff":
        """This tariff with one line for that rule, as if it had always been in force."""
        others = [each for rule, line in self._lines.items() for each in line if rule != rate.rule]
        return Tariff([*others, rate])
