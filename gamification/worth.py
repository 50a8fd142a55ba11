"""What a course or a live lesson is worth to whoever completes it, for its card."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from gamification.facts import CourseCompleted, LessonCompleted, LiveLessonAttended, Recorded, ReplayWatched
from gamification.rules import claims_of
from gamification.rules.claim import Claim
from gamification.tariff import Tariff

NOBODY = COURSE = LESSON = UUID(int=0)


def course_worth(tariff: Tariff, at: datetime, *, required: bool, lessons: int) -> int:
    """What the rules pay for the lessons and the course at that moment; no caps, and nothing that a day, a week or a
    streak pays."""
    facts: list[Recorded] = [CourseCompleted(NOBODY, COURSE, required, at)]
    facts += [LessonCompleted(NOBODY, UUID(int=number), COURSE, required, at) for number in range(lessons)]
    return sum(tariff.pays(claim) for claim in claims_of(facts) if not claim.period_key)


def live_worth(tariff: Tariff, at: datetime, points: int | None, replay_points: int | None) -> tuple[int, int]:
    """What the rules pay for having been in a live lesson, and for its replay to who missed it; no caps. `points` and
    `replay_points` are the lesson's own prices; None: the tariff's."""
    attended = claims_of([LiveLessonAttended(NOBODY, LESSON, at)])
    replay = claims_of([ReplayWatched(NOBODY, LESSON, attended=False, occurred_at=at)])
    return _paid(tariff, attended, points), _paid(tariff, replay, replay_points)


def _paid(tariff: Tariff, claims: Iterable[Claim], price: int | None) -> int:
    """What claims that no period pays are worth; where they have a price of their own, at that."""
    return sum(tariff.pays(replace(claim, points=price)) for claim in claims if not claim.period_key)
