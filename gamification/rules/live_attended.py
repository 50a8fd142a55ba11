from gamification.facts import Fact, LiveLessonAttended
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "live.attended"
FACT = LiveLessonAttended
TITLE = Title("参加直播课", "Live lesson attended")
ONCE_PER = OncePer.LIVE_LESSON
LIMITS = Limits(300, 1_500)


def claim(fact: Fact) -> Claim | None:
    """At the price of the lesson, if it has one."""
    if not isinstance(fact, LiveLessonAttended):
        return None
    return Claim(CODE, "LiveLesson", fact.live_lesson_id, "", fact.occurred_at, fact.points)
