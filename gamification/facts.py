"""What happened, as plain values: the input of every rule.

A fact is known by (member, kind, object) and happens once: said again it is the same fact. It may move in time, when
a late event shows that it happened earlier than was thought. So that an award is never claimed from two weeks at once,
what a rule pays once for ever must belong to one fact alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from kit.ids import derived_id
from kit.words import OutletTier


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
    """`due_at`: when an assignment asked for it to be done, the earliest of several; None: nobody had assigned it."""

    KIND: ClassVar[str] = "course.completed"

    member_id: UUID
    course_id: UUID
    required: bool
    occurred_at: datetime
    due_at: datetime | None = None

    @property
    def object_id(self) -> UUID:
        return self.course_id

    @property
    def details(self) -> dict[str, object]:
        due = {"due_at": self.due_at.isoformat()} if self.due_at is not None else {}
        return {"required": self.required, **due}


@dataclass(frozen=True, slots=True)
class CourseRated:
    """The first rating a member gave a course; a changed mind is the same fact."""

    KIND: ClassVar[str] = "course.rated"

    member_id: UUID
    course_id: UUID
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.course_id

    @property
    def details(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True)
class QuizPassed:
    """`tries`: how many attempts it took, this one included."""

    KIND: ClassVar[str] = "quiz.passed"

    member_id: UUID
    quiz_id: UUID
    tries: int
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.quiz_id

    @property
    def details(self) -> dict[str, object]:
        return {"tries": self.tries}


@dataclass(frozen=True, slots=True)
class LiveLessonAttended:
    """Present in a live lesson for as long as it asks. `points`: what this lesson pays; None: as the tariff says."""

    KIND: ClassVar[str] = "live.attended"

    member_id: UUID
    live_lesson_id: UUID
    occurred_at: datetime
    points: int | None = None

    @property
    def object_id(self) -> UUID:
        return self.live_lesson_id

    @property
    def details(self) -> dict[str, object]:
        return {"points": self.points} if self.points is not None else {}


@dataclass(frozen=True, slots=True)
class ReplayWatched:
    """As much of the replay of a live lesson as it asks for. `attended`: the member had already been there when it was
    live. `points`: what this replay pays; None: as the tariff says."""

    KIND: ClassVar[str] = "replay.watched"

    member_id: UUID
    live_lesson_id: UUID
    attended: bool
    occurred_at: datetime
    points: int | None = None

    @property
    def object_id(self) -> UUID:
        return self.live_lesson_id

    @property
    def details(self) -> dict[str, object]:
        price = {"points": self.points} if self.points is not None else {}
        return {"attended": self.attended, **price}


@dataclass(frozen=True, slots=True)
class ClassCheckedIn:
    """Checked in at an offline class, at the door."""

    KIND: ClassVar[str] = "class.checked_in"

    member_id: UUID
    class_id: UUID
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.class_id

    @property
    def details(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True)
class TaskClaimed:
    """A task of one period, done and claimed, by the member or by itself. `points`: what this task pays.

    `task_id` is that of the task in its period: next week's is another one.
    """

    KIND: ClassVar[str] = "task.claimed"

    member_id: UUID
    task_id: UUID
    points: int
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.task_id

    @property
    def details(self) -> dict[str, object]:
        return {"points": self.points}


@dataclass(frozen=True, slots=True)
class StagePassed:
    """A stage of the path (通关). `points`: what this stage pays."""

    KIND: ClassVar[str] = "stage.passed"

    member_id: UUID
    stage_id: UUID
    points: int
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.stage_id

    @property
    def details(self) -> dict[str, object]:
        return {"points": self.points}


@dataclass(frozen=True, slots=True)
class DuelWon:
    KIND: ClassVar[str] = "duel.won"

    member_id: UUID
    duel_id: UUID
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.duel_id

    @property
    def details(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True)
class ContestPlaced:
    """A skill contest ended with the member in this place; 1 is the winner."""

    KIND: ClassVar[str] = "contest.placed"

    member_id: UUID
    contest_id: UUID
    place: int
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.contest_id

    @property
    def details(self) -> dict[str, object]:
        return {"place": self.place}


@dataclass(frozen=True, slots=True)
class StoryPublished:
    """A photo-story of the member's passed its review."""

    KIND: ClassVar[str] = "story.published"

    member_id: UUID
    entry_id: UUID
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return self.entry_id

    @property
    def details(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True)
class OutletUpgraded:
    """The member's outlet rose to `tier`. To fall back and rise again to the same tier is the same fact."""

    KIND: ClassVar[str] = "outlet.upgraded"

    member_id: UUID
    outlet_id: UUID
    tier: OutletTier
    occurred_at: datetime

    @property
    def object_id(self) -> UUID:
        return derived_id("outlet upgraded", self.outlet_id, self.tier.value)

    @property
    def details(self) -> dict[str, object]:
        return {"outlet_id": str(self.outlet_id), "tier": self.tier.value}


@dataclass(frozen=True, slots=True)
class WeekLearned:
    """Every day of a week was a learned day. Concluded from other facts, never stored.

    `occurred_at` is the first learning on its Sunday, the moment at which the week was full.
    """

    KIND: ClassVar[str] = "week.learned"

    member_id: UUID
    monday: date
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class StreakReached:
    """A streak was `days` long for the first time ever. Concluded from the learned days, never stored.

    `occurred_at` is the first learning of the day that made it so long.
    """

    KIND: ClassVar[str] = "streak.reached"

    member_id: UUID
    days: int
    occurred_at: datetime


Recorded = (
    LessonCompleted
    | CourseCompleted
    | CourseRated
    | QuizPassed
    | LiveLessonAttended
    | ReplayWatched
    | ClassCheckedIn
    | TaskClaimed
    | StagePassed
    | DuelWon
    | ContestPlaced
    | StoryPublished
    | OutletUpgraded
)
Fact = Recorded | WeekLearned | StreakReached

LEARNING = (LessonCompleted, QuizPassed, LiveLessonAttended, ReplayWatched, ClassCheckedIn)
"""A day is learned by taking something in or proving that one has. A course completed comes with its last lesson, a
task or a stage with what it asked for, perhaps days before it was claimed; to rate, win, write or be upgraded is
worth points, but no learning, and none of it may carry a streak over a day without."""


def makes_a_learned_day(fact: Recorded) -> bool:
    """Whether the Shanghai day of this fact counts for streaks and full weeks."""
    return isinstance(fact, LEARNING)


def recorded(
    kind: str, member_id: UUID, object_id: UUID, occurred_at: datetime, details: Mapping[str, Any]
) -> Recorded:
    """The fact that was stored as these values; the inverse of `KIND`, `object_id` and `details`."""
    return _READ[kind](member_id, object_id, occurred_at, details)


@lru_cache(maxsize=4096)
def _id(text: str) -> UUID:
    """All lessons ever completed are of a few hundred courses."""
    return UUID(text)


def _course_completed(member_id: UUID, course_id: UUID, at: datetime, details: Mapping[str, Any]) -> Recorded:
    due = details.get("due_at")
    return CourseCompleted(
        member_id, course_id, details["required"], at, datetime.fromisoformat(due) if due is not None else None
    )


_READ: Mapping[str, Callable[[UUID, UUID, datetime, Mapping[str, Any]], Recorded]] = {
    LessonCompleted.KIND: lambda member, lesson, at, details: LessonCompleted(
        member, lesson, _id(details["course_id"]), details["required"], at
    ),
    CourseCompleted.KIND: _course_completed,
    CourseRated.KIND: lambda member, course, at, _: CourseRated(member, course, at),
    QuizPassed.KIND: lambda member, quiz, at, details: QuizPassed(member, quiz, details["tries"], at),
    LiveLessonAttended.KIND: lambda member, live, at, details: LiveLessonAttended(
        member, live, at, details.get("points")
    ),
    ReplayWatched.KIND: lambda member, live, at, details: ReplayWatched(
        member, live, details["attended"], at, details.get("points")
    ),
    ClassCheckedIn.KIND: lambda member, offline_class, at, _: ClassCheckedIn(member, offline_class, at),
    TaskClaimed.KIND: lambda member, task, at, details: TaskClaimed(member, task, details["points"], at),
    StagePassed.KIND: lambda member, stage, at, details: StagePassed(member, stage, details["points"], at),
    DuelWon.KIND: lambda member, duel, at, _: DuelWon(member, duel, at),
    ContestPlaced.KIND: lambda member, contest, at, details: ContestPlaced(member, contest, details["place"], at),
    StoryPublished.KIND: lambda member, entry, at, _: StoryPublished(member, entry, at),
    OutletUpgraded.KIND: lambda member, _, at, details: OutletUpgraded(
        member, UUID(details["outlet_id"]), OutletTier(details["tier"]), at
    ),
}
