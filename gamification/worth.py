"""What a course is worth to whoever completes all of it, for its card in the catalogue."""

from datetime import datetime
from uuid import UUID

from gamification.facts import CourseCompleted, LessonCompleted, Recorded
from gamification.rules import claims_of
from gamification.tariff import Tariff

NOBODY = COURSE = UUID(int=0)


def course_worth(tariff: Tariff, at: datetime, *, required: bool, lessons: int) -> int:
    """What the rules pay for the lessons and the course at that moment; no caps, and nothing that a day, a week or a
    streak pays."""
    facts: list[Recorded] = [CourseCompleted(NOBODY, COURSE, required, at)]
    facts += [LessonCompleted(NOBODY, UUID(int=number), COURSE, required, at) for number in range(lessons)]
    return sum(tariff.pays(claim) for claim in claims_of(facts) if not claim.period_key)
