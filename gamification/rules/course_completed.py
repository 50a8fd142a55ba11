from gamification.facts import CourseCompleted, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "course.completed"
FACT = CourseCompleted
TITLE = Title("学完课程", "Course completed")
ONCE_PER = OncePer.COURSE
LIMITS = Limits(500)


def claim(fact: Fact) -> Claim | None:
    """Courses that nobody has to take; required ones are paid by their own rule."""
    if not isinstance(fact, CourseCompleted) or fact.required:
        return None
    return Claim(CODE, "Course", fact.course_id, "", fact.occurred_at)
