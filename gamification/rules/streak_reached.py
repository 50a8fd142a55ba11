from gamification.facts import Fact, StreakReached
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "streak.reached"
FACT = StreakReached
TITLE = Title("连续学习达标", "Streak reached")
ONCE_PER = OncePer.STREAK
LIMITS = Limits(1_000)
_UNIT = " days"


def claim(fact: Fact) -> Claim | None:
    """Each length once for ever, so that to break a streak never pays."""
    if not isinstance(fact, StreakReached):
        return None
    return Claim(CODE, "Member", fact.member_id, f"{fact.days}{_UNIT}", fact.occurred_at)


def days_of(period_key: str) -> int:
    """The length that an award under this key is for."""
    return int(period_key.removesuffix(_UNIT))
