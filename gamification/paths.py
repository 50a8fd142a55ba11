"""The path (通关): stages in order, each with courses; a stage opens when the one before it is passed. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.words import StageState


@dataclass(frozen=True, slots=True)
class StageCourse:
    """A course as one member stands in it. `open`: they may still learn it."""

    course_id: UUID
    open: bool
    completed_at: datetime | None
    lessons_done: int
    lesson_count: int

    @property
    def counts(self) -> bool:
        """What was retired before the member completed it is asked of nobody."""
        return self.open or self.completed_at is not None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as one member stands before it. `since`: from when it has asked for these courses of this member.

    `passed_at`: as it was recorded; None: not yet. `points`: what passing pays, or has paid.
    """

    stage_id: UUID
    position: int
    title: str
    points: int
    since: datetime
    courses: tuple[StageCourse, ...]
    passed_at: datetime | None

    @property
    def asked(self) -> tuple[StageCourse, ...]:
        """The courses that count for this member."""
        return tuple(course for course in self.courses if course.counts)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member stands before one stage. `passed_at`: when it was passed, by what is known now.

    None although PASSED: nothing in it is left to learn, so it holds up nobody and pays nothing.
    """

    stage: Stage
    state: StageState
    passed_at: datetime | None


def standings(stages: Sequence[Stage]) -> Iterator[Standing]:
    """The path in order. What was passed stays passed, wherever the stage stands now and whatever it asks by now.

    A stage is passed with the last of its courses, but not before it is open, nor before it asked for them. A late
    event may move that moment back, never on.
    """
    open_since: datetime | None = None
    is_open = True
    for stage in stages:
        done = [course.completed_at for course in stage.asked if course.completed_at is not None]
        passed_at = stage.passed_at
        if is_open and stage.asked and len(done) == len(stage.asked):
            by_now = max([stage.since, *done, *([open_since] if open_since is not None else [])])
            passed_at = min(by_now, passed_at) if passed_at is not None else by_now
        if passed_at is not None:
            yield Standing(stage, StageState.PASSED, passed_at)
            is_open, open_since = True, passed_at
        elif is_open and not stage.asked:
            yield Standing(stage, StageState.PASSED, None)
        else:
            yield Standing(stage, StageState.OPEN if is_open else StageState.LOCKED, None)
            is_open = False
