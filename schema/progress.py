"""How far the viewer is, in a lesson and in a course."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from gamification.credit import Goal, Missing, goal_of, missing, percent
from kit.clock import ZONE
from kit.words import Language
from models import lessons, progress
from models.courses import CourseRow
from models.lessons import LessonRow
from models.progress import EnrolmentRow, LessonProgressRow
from schema.context import Info

MOST_GAPS = 3
WATCH_MORE = ("还差第{gaps}秒", "seconds {gaps}")
WAIT_UNTIL = ("已学完，{moment}自动计入", "wait until {moment}: what was watched is credited by itself")


def missing_text(found: Missing | None, language: Language) -> str | None:
    """The sentence for what stands between a lesson and its completion; the first gaps if there are many."""
    if found is None:
        return None
    chinese, english = WAIT_UNTIL if found.wait_until is not None else WATCH_MORE
    template, comma = (english, ", ") if language is Language.ENGLISH else (chinese, "、")
    if found.wait_until is not None:
        return template.format(moment=found.wait_until.astimezone(ZONE).strftime("%m-%d %H:%M:%S"))
    shown = comma.join(f"{start}-{end}" for start, end in found.gaps[:MOST_GAPS])
    return template.format(gaps=shown + ("…" if len(found.gaps) > MOST_GAPS else ""))


@strawberry.type(description="How far the viewer is in a lesson.")
class LessonProgress:
    goal: strawberry.Private[Goal]
    row: strawberry.Private[LessonProgressRow | None]
    watched_seconds: int = strawberry.field(description="Seconds credited; the same second counts once.")
    furthest_seconds: int = strawberry.field(description="The furthest second that was watched.")
    resume_at_seconds: int = strawberry.field(description="Where to go on; 0 after the end.")
    percent: int = strawberry.field(description="Of the lesson, 0-100; 100 only when it is complete.")
    started_at: datetime | None = strawberry.field(description="The first report of it; null before.")
    completed_at: datetime | None = strawberry.field(description="When enough of it was watched; null before.")

    @classmethod
    async def load(cls, info: Info, lesson: LessonRow) -> Self | None:
        """The viewer's progress in a lesson, all zeros before the first report; None when signed out."""
        actor = info.context.actor
        if actor is None:
            return None
        row = await info.context.loaders.of(progress.progress_by_lesson, actor.member_id).load(lesson.id)
        goal = goal_of(
            duration_seconds=lesson.duration_seconds,
            dwell_seconds=lesson.dwell_seconds,
            completion_percent=lesson.completion_percent,
        )
        return cls.of(row, goal)

    @classmethod
    def of(cls, row: LessonProgressRow | None, goal: Goal) -> Self:
        """`goal` is that of a lesson not begun; one that was begun keeps the goal it began with."""
        if row is None:
            return cls(
                goal=goal,
                row=None,
                watched_seconds=0,
                furthest_seconds=0,
                resume_at_seconds=0,
                percent=0,
                started_at=None,
                completed_at=None,
            )
        begun = Goal(row.creditable_seconds, row.required_seconds)
        return cls(
            goal=begun,
            row=row,
            watched_seconds=row.watched_seconds,
            furthest_seconds=row.furthest_seconds,
            resume_at_seconds=row.resume_at_seconds,
            percent=percent(row.watched_seconds, begun, completed=row.completed_at is not None),
            started_at=row.started_at,
            completed_at=row.completed_at,
        )

    @strawberry.field(
        description="Why the lesson is not complete: what to watch, or until when to wait. Null once it is."
    )
    def missing(self, info: Info) -> str | None:
        found = missing(
            self.row.reported if self.row is not None else (),
            self.goal,
            completed=self.completed_at is not None,
            done_at=self.row.credit_due_at if self.row is not None else None,
        )
        return missing_text(found, info.context.language)


@strawberry.type(description="How far the viewer is in a course.")
class CourseProgress:
    course_id: strawberry.Private[UUID]
    row: strawberry.Private[EnrolmentRow | None]
    percent: int = strawberry.field(description="0-100; 100 only when it is complete.")
    started_at: datetime | None = strawberry.field(description="The first report of it; null before.")
    completed_at: datetime | None = strawberry.field(description="When its last lesson was complete; null before.")
    last_activity_at: datetime | None = strawberry.field(description="The newest report of it; null before.")
    lessons_completed: int = strawberry.field(description="Of the edition the viewer began; 0 before.")

    @classmethod
    async def load(cls, info: Info, course: CourseRow) -> Self | None:
        """The viewer's progress in a course, all zeros before the first report; None when signed out."""
        actor = info.context.actor
        if actor is None:
            return None
        row = await info.context.loaders.of(progress.enrolment_by_course, actor.member_id).load(course.id)
        return cls(
            course_id=course.id,
            row=row,
            percent=row.percent if row is not None else 0,
            started_at=row.started_at if row is not None else None,
            completed_at=row.completed_at if row is not None else None,
            last_activity_at=row.last_activity_at if row is not None else None,
            lessons_completed=row.lessons_completed if row is not None else 0,
        )

    @strawberry.field(description="Lessons of the edition the viewer began; before, of the current one.")
    async def lesson_count(self, info: Info) -> int:
        if self.row is not None:
            return self.row.lesson_count
        return len(await info.context.loaders.of(lessons.lessons_by_courses, None).load(self.course_id))
