from gamification.facts import Fact, WeekLearned
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "week.full"
FACT = WeekLearned
TITLE = Title("全勤一周", "A full week of learning")
ONCE_PER = OncePer.WEEK
LIMITS = Limits(1_000)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, WeekLearned):
        return None
    return Claim(CODE, "Member", fact.member_id, fact.monday.isoformat(), fact.occurred_at)
