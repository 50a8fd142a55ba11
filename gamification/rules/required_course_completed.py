from gamification.facts import CourseCompleted, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "course.required"
FACT = CourseCompleted
TITLE = Title("学完必修课程", "Required course completed")
ONCE_PER = OncePer.COURSE
LIMITS = Limits(500)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, CourseCompleted) or not fact.required:
        return None
    return Claim(CODE, "Course", fact.course_id, "", fact.occurred_at)
