from gamification.facts import CourseCompleted, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "course.in_time"
FACT = CourseCompleted
TITLE = Title("按期学完指派课程", "Assigned course completed in time")
ONCE_PER = OncePer.COURSE
LIMITS = Limits(500)


def claim(fact: Fact) -> Claim | None:
    """On top of what the course itself pays."""
    if not isinstance(fact, CourseCompleted) or fact.due_at is None or fact.occurred_at >= fact.due_at:
        return None
    return Claim(CODE, "Course", fact.course_id, "", fact.occurred_at)
