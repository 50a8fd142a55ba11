"""The catalogue as clients see it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from kit import words
from kit.clock import ZONE
from models import accounts, courses, lessons
from models.assignments import AssignedRow
from models.course_lists import CourseFilter as Wanted
from models.courses import CourseRow
from models.lessons import LessonRow, MediaRow
from schema.accounts import Member
from schema.context import Context, Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.progress import CourseProgress, LessonProgress
from schema.words import CourseForm, CourseKind, CourseStatus, OutletTier, ProgressState
from services.media import MediaUrl, media_url
from services.recommend import Reason, Recommendation

REASONS: dict[Reason, tuple[str, str]] = {  # (zh-CN, en)
    Reason.ASSIGNED: ("安排给您的课程，请在{month}月{day}日前完成", "Assigned to you, due on {month}/{day}"),
    Reason.REQUIRED: ("您这类门店的必修课", "Required for shops like yours"),
    Reason.BEGUN: ("已学{completed}/{count}课，继续学完吧", "{completed} of {count} lessons done: carry on"),
    Reason.SIMILAR_DID: ("同类门店有{people}人学完了这门课", "{people} people of similar shops completed it"),
    Reason.TIER_FITS: ("适合您这类门店", "Made for shops like yours"),
    Reason.MODULE_LIKED: ("与您学过的内容相关", "Related to what you have learned"),
    Reason.NEW: ("新课推荐", "New in the academy"),
}
LOCKED = ("学完上一课《{title}》后解锁", "Complete “{title}” first")


def in_language(context: Context, texts: tuple[str, str], **values: object) -> str:
    chinese, english = texts
    return (english if context.language is words.Language.ENGLISH else chinese).format(**values)


@strawberry.type(description="One of the academy's subjects.")
class Module(Node):
    code: str
    name: str
    row_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, row: courses.Module) -> Self:
        return cls(id=encode("Module", row.id), code=row.code, name=row.name, row_id=row.id)

    @strawberry.field(description="Published courses.")
    async def course_count(self, info: Info) -> int:
        return await info.context.loaders.of(courses.course_counts).load(self.row_id)


@strawberry.type(description="Bytes that never change; new bytes have a new id.")
class Media(Node):
    content_type: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, row: MediaRow) -> Self:
        return cls(
            id=encode("Media", row.id), content_type=row.content_type, size_bytes=row.size_bytes, sha256=row.sha256
        )


@strawberry.type
class CourseRating:
    average: float | None = strawberry.field(description="1-5, two decimals; null while nobody has rated.")
    count: int


@strawberry.type
class Lesson(Node):
    row: strawberry.Private[LessonRow]
    position: int = strawberry.field(description="From 1.")
    title: str
    duration_seconds: int = strawberry.field(description="For an article: how long reading it takes.")
    media: Media | None

    @classmethod
    def of(cls, row: LessonRow) -> Self:
        return cls(
            id=encode("Lesson", row.id),
            row=row,
            position=row.position,
            title=row.title,
            duration_seconds=row.duration_seconds,
            media=Media.of(row.media) if row.media is not None else None,
        )

    @strawberry.field(description="Locked lessons earn no credit yet: the one before comes first.")
    async def locked(self, info: Info) -> bool:
        return await self._gate(info) is not None

    @strawberry.field
    async def locked_reason(self, info: Info) -> str | None:
        gate = await self._gate(info)
        return in_language(info.context, LOCKED, title=gate) if gate is not None else None

    @strawberry.field(description="Signed, expires, takes ranges. Null when signed out.")
    def media_url(self, info: Info) -> str | None:
        found = self._media_url(info)
        return found.url if found is not None else None

    @strawberry.field
    def media_url_expires_at(self, info: Info) -> datetime | None:
        found = self._media_url(info)
        return found.expires_at if found is not None else None

    @strawberry.field(description="Markdown; the article, or notes beside the media. Null when signed out.")
    def body(self, info: Info) -> str | None:
        return self.row.body if info.context.actor is not None else None

    @strawberry.field
    async def course(self, info: Info) -> Annotated["Course", strawberry.lazy("schema.courses")] | None:
        row = await info.context.loaders.of(courses.courses_by_ids).load(self.row.course_id)
        return Course.of(row) if row is not None else None

    @strawberry.field(description="Null when signed out.")
    async def viewer_progress(self, info: Info) -> LessonProgress | None:
        return await LessonProgress.load(info, self.row)

    async def _gate(self, info: Info) -> str | None:
        """The title of the lesson to be done first; None if this one is open."""
        actor = info.context.actor
        if actor is None:
            return self.row.previous_title
        return await info.context.loaders.of(lessons.gates_before, actor.member_id).load(self.row.id)

    def _media_url(self, info: Info) -> MediaUrl | None:
        if self.row.media is None or info.context.actor is None:
            return None
        return media_url(info.context.ports, self.row.media.id)


@strawberry.type
class Course(Node):
    row: strawberry.Private[CourseRow]
    code: str
    title: str
    summary: str
    form: CourseForm
    kind: CourseKind
    status: CourseStatus
    audience_tiers: list[OutletTier] = strawberry.field(description="Empty: for everyone.")
    duration_seconds: int
    points: int = strawberry.field(description="What completing all of it pays.")
    published_at: datetime | None
    edition: int | None = strawberry.field(description="Counts publications, from 1; null before the first.")
    view_count: int = strawberry.field(description="Learners who have begun it.")
    completion_count: int
    rating: CourseRating

    @classmethod
    def of(cls, row: CourseRow) -> Self:
        average = round(row.rating_average, 2) if row.rating_count else None
        return cls(
            id=encode("Course", row.id),
            row=row,
            code=row.code,
            title=row.title,
            summary=row.summary,
            form=row.form,
            kind=row.kind,
            status=row.status,
            audience_tiers=list(row.audience_tiers),
            duration_seconds=row.duration_seconds,
            points=row.points,
            published_at=row.published_at,
            edition=row.edition,
            view_count=row.view_count,
            completion_count=row.completion_count,
            rating=CourseRating(average=average, count=row.rating_count),
        )

    @strawberry.field
    def cover_url(self, info: Info) -> str | None:
        media_id = self.row.cover_media_id
        return media_url(info.context.ports, media_id).url if media_id is not None else None

    @strawberry.field
    async def module(self, info: Info) -> Module | None:
        row = await info.context.loaders.of(courses.modules_by_ids).load(self.row.module_id)
        return Module.of(row) if row is not None else None

    @strawberry.field
    async def lecturers(self, info: Info) -> list[Member]:
        member_ids = await info.context.loaders.of(courses.lecturers_by_courses).load(self.row.id)
        found = await info.context.loaders.of(accounts.members_by_ids).load_many(member_ids)
        return [Member.of(row) for row in found if row is not None]

    @strawberry.field(description="Of the current edition, in order.")
    async def lessons(self, info: Info) -> list[Lesson]:
        return [Lesson.of(row) for row in await info.context.loaders.of(lessons.lessons_by_courses).load(self.row.id)]

    @strawberry.field(description="Null when signed out.")
    async def viewer_progress(self, info: Info) -> CourseProgress | None:
        return await CourseProgress.load(info, self.row)

    @strawberry.field(description="The viewer's stars, 1-5.")
    async def viewer_rating(self, info: Info) -> int | None:
        actor = info.context.actor
        if actor is None:
            return None
        return await info.context.loaders.of(courses.stars_by_courses, actor.member_id).load(self.row.id)


@strawberry.type(description="A course somebody asked the viewer to do.")
class AssignedCourse:
    row: strawberry.Private[AssignedRow]
    due_at: datetime
    reason: str

    @classmethod
    def of(cls, row: AssignedRow) -> Self:
        return cls(row=row, due_at=row.due_at, reason=row.reason)

    @strawberry.field
    def overdue(self, info: Info) -> bool:
        return self.due_at <= info.context.ports.clock.now()

    @strawberry.field
    async def course(self, info: Info) -> Course | None:
        row = await info.context.loaders.of(courses.courses_by_ids).load(self.row.course_id)
        return Course.of(row) if row is not None else None


@strawberry.type
class RecommendedCourse:
    found: strawberry.Private[Recommendation]

    @strawberry.field(description="Why it is shown, for the learner to read.")
    def reason(self, info: Info) -> str:
        candidate = self.found.course
        due = candidate.due_at.astimezone(ZONE) if candidate.due_at is not None else None
        return in_language(
            info.context,
            REASONS[self.found.reason],
            month=due.month if due else None,
            day=due.day if due else None,
            completed=candidate.lessons_completed,
            count=candidate.lesson_count,
            people=candidate.tier_completions,
        )

    @strawberry.field
    async def course(self, info: Info) -> Course | None:
        row = await info.context.loaders.of(courses.courses_by_ids).load(self.found.course.course_id)
        return Course.of(row) if row is not None else None


@strawberry.input(description="All that is given must hold. Text: title, summary and tags, at most 100 characters.")
class CourseFilter:
    module_id: strawberry.ID | None = None
    form: CourseForm | None = None
    kind: CourseKind | None = None
    tier: OutletTier | None = None
    text: str | None = None
    viewer_state: ProgressState | None = None
    status: CourseStatus | None = strawberry.field(default=None, description="Staff only; others see PUBLISHED.")

    def plain(self) -> Wanted:
        return Wanted(
            status=self.status or words.CourseStatus.PUBLISHED,
            module_id=decode(self.module_id, "Module", "filter", "moduleId") if self.module_id is not None else None,
            form=self.form,
            kind=self.kind,
            tier=self.tier,
            text=self.text,
            state=self.viewer_state,
        )


@strawberry.input
class RateCourseInput:
    course_id: strawberry.ID
    stars: int = strawberry.field(description="1-5.")
    comment: str | None = strawberry.field(default=None, description="At most 500 characters.")


@strawberry.type
class RateCoursePayload(Payload):
    course: Course | None = None
