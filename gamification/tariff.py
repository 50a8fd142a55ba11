"""What each rule pays, by version. An entry of the ledger remembers the version it was paid under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from gamification.rules.claim import Claim


@dataclass(frozen=True, slots=True)
class Rate:
    """`points` None: what is done brings its own price. `daily_cap`: the most points of one rule for one Shanghai day
    of occurrence; None: no limit. A rule that is not `enabled` pays nothing."""

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


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates by rule code, in force for what occurred on `since` or later, until the next tariff's `since`."""

    version: int
    since: date
    rates: Mapping[str, Rate]


TARIFFS: tuple[Tariff, ...] = (
    Tariff(
        version=1,
        since=date(2020, 1, 1),
        rates=MappingProxyType(
            {
                "lesson.completed": Rate(10, daily_cap=100),
                "course.completed": Rate(30),
                "course.required": Rate(50),
                "course.in_time": Rate(20),
                "day.first_lesson": Rate(5),
                "week.full": Rate(50),
                "streak.reached": Rate(50),
                "task.claimed": Rate(None),
                "stage.passed": Rate(None),
                "quiz.passed": Rate(20, daily_cap=100),
                "quiz.first_try": Rate(10, daily_cap=50),
                "live.attended": Rate(30, daily_cap=90),
                "replay.watched": Rate(15, daily_cap=45),
                "class.checked_in": Rate(50),
                "course.rated": Rate(2, daily_cap=10),
                "duel.won": Rate(10, daily_cap=50),
                "contest.placed": Rate(100),
                "story.published": Rate(30),
                "outlet.upgraded": Rate(200),
            }
        ),
    ),
)


def tariff_on(day: date, tariffs: tuple[Tariff, ...] = TARIFFS) -> Tariff:
    """The tariff in force on a Shanghai day. `tariffs` ascends by `since`; before the first one, the first holds."""
    in_force = [tariff for tariff in tariffs if tariff.since <= day]
    return in_force[-1] if in_force else tariffs[0]
