"""Which courses to show a learner next, and why. Pure: a better scoring may replace `recommend` and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.words import CourseKind, OutletTier

# What is asked for stands above all that merely fits: the parts below the line add up to less than REQUIRED.
ASSIGNED = 20_000
REQUIRED = 10_000
BEGUN = 3_000
TIER_FITS = 1_000
MODULE_LIKED = 800
SIMILAR_DID = 1_200


class Reason(StrEnum):
    """Why a course is recommended; the reader's sentence for it is written in `schema/courses.py`."""

    ASSIGNED = "ASSIGNED"
    REQUIRED = "REQUIRED"
    BEGUN = "BEGUN"
    SIMILAR_DID = "SIMILAR_DID"
    TIER_FITS = "TIER_FITS"
    MODULE_LIKED = "MODULE_LIKED"
    NEW = "NEW"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A published course the learner has not completed. `due_at`: it is assigned to them.

    `tier_completions`: how many people of outlets of the learner's tier have completed it. `taken_up`: how many courses
    of its module the learner has begun, those completed among them.
    """

    course_id: UUID
    kind: CourseKind
    audience_tiers: tuple[OutletTier, ...]
    published_at: datetime
    due_at: datetime | None = None
    lessons_completed: int = 0
    lesson_count: int = 0
    tier_completions: int = 0
    taken_up: int = 0

    @property
    def begun(self) -> bool:
        return self.lesson_count > 0


@dataclass(frozen=True, slots=True)
class Taste:
    """What is known of a learner: the tier of the current outlet, and the most courses they took up of one module."""

    tier: OutletTier | None
    most_taken_up: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    course: Candidate
    score: int
    reason: Reason

    @property
    def place(self) -> tuple[int, float, str]:
        """Where it stands in the list: higher scores first, then newer courses. Ascending and total."""
        return (-self.score, -self.course.published_at.timestamp(), str(self.course.course_id))


def recommend(candidates: Iterable[Candidate], taste: Taste) -> list[Recommendation]:
    """The candidates worth showing, best first.

    A course for other tiers than the learner's is left out unless it is assigned or begun.
    """
    pool = [each for each in candidates if each.due_at or each.begun or _for_tier(each, taste.tier)]
    most_completed = max((each.tier_completions for each in pool), default=0)
    return sorted((_judge(each, taste, most_completed) for each in pool), key=lambda each: each.place)


def _judge(course: Candidate, taste: Taste, most_completed: int) -> Recommendation:
    parts: dict[Reason, int] = {}
    if course.due_at is not None:
        parts[Reason.ASSIGNED] = ASSIGNED
    if course.kind is CourseKind.REQUIRED and _for_tier(course, taste.tier):
        parts[Reason.REQUIRED] = REQUIRED
    if course.begun:
        # Not quite the full bonus at the start, so that of two courses begun the one nearer its end stands first.
        parts[Reason.BEGUN] = BEGUN // 2 + BEGUN // 2 * course.lessons_completed // course.lesson_count
    if course.tier_completions:
        parts[Reason.SIMILAR_DID] = SIMILAR_DID * course.tier_completions // most_completed
    if taste.tier in course.audience_tiers:
        # A course made for few tiers fits more than one made for all four.
        parts[Reason.TIER_FITS] = TIER_FITS // len(course.audience_tiers)
    if course.taken_up:
        parts[Reason.MODULE_LIKED] = MODULE_LIKED * course.taken_up // taste.most_taken_up
    reason = max(parts, key=lambda each: parts[each], default=Reason.NEW)
    return Recommendation(course, sum(parts.values()), reason)


def _for_tier(course: Candidate, tier: OutletTier | None) -> bool:
    """No audience named means everyone; a learner without an outlet may take anything."""
    return not course.audience_tiers or tier is None or tier in course.audience_tiers
