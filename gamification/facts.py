"""What happened, as plain values: the input of every rule.

A fact is known by (member, kind, object) and happens once: said again it is the same fact. It may move in time, when
a late event shows that it happened earlier than was thought.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LessonCompleted:
    """`required`: the lesson belongs to a required course."""

    KIND: ClassVar[str] = "lesson.completed"

    member_id: UUID
    lesson_id: UUID
    course_id: UUID
    required: bool
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.lesson_id

    @property
    def details(self) -> dict[str, object]:
        return {"course_id": str(self.course_id), "required": self.required}


@dataclass(frozen=True, slots=True)
class CourseCompleted:
    KIND: ClassVar[str] = "course.completed"

    member_id: UUID
    course_id: UUID
    required: bool
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.course_id

    @property
    def details(self) -> dict[str, object]:
        return {"required": self.required}


@dataclass(frozen=True, slots=True)
class WeekLearned:
    """Every day of a week was a learned day. Concluded from other facts, never stored.

    `occurred_at` is the first learning on its Sunday, the moment at which the week was full.
    """

    KIND: ClassVar[str] = "week.learned"

    member_id: UUID
    monday: date
    occurred_at: datetime


Recorded = LessonCompleted | CourseCompleted
Fact = Recorded | WeekLearned


def makes_a_learned_day(fact: Recorded) -> bool:
    """Whether the Shanghai day of this fact counts for streaks and full weeks."""
    return isinstance(fact, LessonCompleted)


def recorded(
    kind: str, member_id: UUID, object_id: UUID, occurred_at: datetime, details: dict[str, object]
) -> Recorded:
    """The fact that was stored as these values; the inverse of `KIND`, `object_id` and `details`."""
    required = bool(details["required"])
    if kind == LessonCompleted.KIND:
        return LessonCompleted(member_id, object_id, UUID(str(details["course_id"])), required, occurred_at)
    assert kind == CourseCompleted.KIND, kind
    return CourseCompleted(member_id, object_id, required, occurred_at)
