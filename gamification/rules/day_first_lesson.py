from gamification.facts import Fact, LessonCompleted
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.clock import day_of
from kit.words import OncePer

CODE = "day.first_lesson"
FACT = LessonCompleted
TITLE = Title("今日首学", "First lesson of the day")
ONCE_PER = OncePer.DAY
LIMITS = Limits(100)


def claim(fact: Fact) -> Claim | None:
    """Every lesson of a day claims the one award of that day, so it does not matter which was first."""
    if not isinstance(fact, LessonCompleted):
        return None
    return Claim(CODE, "Member", fact.member_id, day_of(fact.occurred_at).isoformat(), fact.occurred_at)
