from gamification.facts import Fact, LessonCompleted
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "lesson.completed"
FACT = LessonCompleted
TITLE = Title("完成课时", "Lesson completed")
ONCE_PER = OncePer.LESSON
LIMITS = Limits(100, 1_000)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, LessonCompleted):
        return None
    return Claim(CODE, "Lesson", fact.lesson_id, "", fact.occurred_at)
