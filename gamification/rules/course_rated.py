from gamification.facts import CourseRated, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "course.rated"
FACT = CourseRated
TITLE = Title("评价课程", "Course rated")
ONCE_PER = OncePer.COURSE
LIMITS = Limits(20, 100)


def claim(fact: Fact) -> Claim | None:
    """For any number of stars."""
    if not isinstance(fact, CourseRated):
        return None
    return Claim(CODE, "Course", fact.course_id, "", fact.occurred_at)
