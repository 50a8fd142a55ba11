from gamification.facts import Fact, ReplayWatched
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "replay.watched"
FACT = ReplayWatched
TITLE = Title("看完直播回放", "Replay watched")
ONCE_PER = OncePer.LIVE_LESSON
LIMITS = Limits(200, 1_000)


def claim(fact: Fact) -> Claim | None:
    """For those who had missed the live lesson, at the price of its replay, if it has one: no lesson is paid twice."""
    if not isinstance(fact, ReplayWatched) or fact.attended:
        return None
    return Claim(CODE, "LiveLesson", fact.live_lesson_id, "", fact.occurred_at, fact.points)
