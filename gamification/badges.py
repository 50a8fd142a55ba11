"""Badges: what facts and sums they are earned by. Pure; `models/badges.py` asks the tables for the values."""

from collections.abc import Mapping

from gamification.facts import (
    ClassCheckedIn,
    CourseCompleted,
    CourseRated,
    DuelWon,
    LessonCompleted,
    LiveLessonAttended,
    QuizPassed,
    ReplayWatched,
    StagePassed,
    StoryPublished,
    TaskClaimed,
)
from kit.words import BadgeMeasure

COUNTED: Mapping[BadgeMeasure, str] = {
    BadgeMeasure.LESSONS_COMPLETED: LessonCompleted.KIND,
    BadgeMeasure.COURSES_COMPLETED: CourseCompleted.KIND,
    BadgeMeasure.QUIZZES_PASSED: QuizPassed.KIND,
    BadgeMeasure.LIVE_ATTENDANCES: LiveLessonAttended.KIND,
    BadgeMeasure.REPLAYS_WATCHED: ReplayWatched.KIND,
    BadgeMeasure.CLASSES_ATTENDED: ClassCheckedIn.KIND,
    BadgeMeasure.COURSES_RATED: CourseRated.KIND,
    BadgeMeasure.STAGES_PASSED: StagePassed.KIND,
    BadgeMeasure.TASKS_CLAIMED: TaskClaimed.KIND,
    BadgeMeasure.DUELS_WON: DuelWon.KIND,
    BadgeMeasure.STORIES_PUBLISHED: StoryPublished.KIND,
}
"""Measures that are the number of a member's facts of one kind. A new one is a line here and a word in two lists."""

ICONS = (
    "sprout", "book", "books", "graduate", "trophy", "star", "flame", "calendar", "clock", "speech", "mountain",
    "medal",
)  # fmt: skip
"""The pictures that the server brings along: `server/static/badges/<name>.svg`."""
