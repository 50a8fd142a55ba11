"""The catalogue as clients see it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from kit import words
from kit.clock import ZONE
from kit.errors import ErrorCode as Code
from models import accounts, courses, lessons, making
from models.assignments import AssignedRow
from models.course_cards import CourseCard, cards_by_ids
from models.course_lists import CourseFilter as Wanted
from models.courses import CourseRow, MediaAsset
from models.lessons import LessonRow, MediaRow
from models.progress import enrolment_by_course
from schema.accounts import Member
from schema.context import Context, Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.making import MadeByPeople
from schema.node import Node
from schema.prices import tariff_today
from schema.progress import CourseProgress, LessonProgress
from schema.words import CourseForm, CourseKind, CourseStatus, ErrorCode, OutletTier, ProgressState
from services.courses import course_points
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
FOR_ADULTS = ("仅限已确认成年的学员学习，请联系管理员确认", "For confirmed adults; an administrator can confirm you")
LOCKED = ("学完上一课《{title}》后解锁", "Complete “{title}” first")


def in_language(context: Context, texts: tuple[str, str], **values: object) -> str:
    chinese, english = texts
    return (english if context.language is words.Language.ENGLISH else chinese).format(**values)


@strawberry.type(description="A module (模块): one of the academy's subjects, as marketing or logistics.")
class Module(Node):
    code: str = strawberry.field(description="Short and stable, for people and files.")
    name: str = strawberry.field(description="Chinese, as the academy calls it.")
    row_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, row: courses.Module) -> Self:
        return cls(id=encode("Module", row.id), code=row.code, name=row.name, row_id=row.id)

    @strawberry.field(description="Published courses.")
    async def course_count(self, info: Info) -> int:
        return await info.context.loaders.of(courses.course_counts).load(self.row_id)


@strawberry.type(description="Bytes that never change; new bytes have a new id.")
class Media(Node):
    content_type: str = strawberry.field(description="A MIME type, as video/mp4.")
    size_bytes: int = strawberry.field(description="Length of the whole file.")
    sha256: str = strawberry.field(description="Of the whole file, in hex; check a finished download by it.")
    duration_seconds: int | None = strawberry.field(description="Of a video or recording; null until it was probed.")

    @classmethod
    def of(cls, row: MediaRow | MediaAsset) -> Self:
        return cls(
            id=encode("Media", row.id),
            content_type=row.content_type,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            duration_seconds=row.duration_seconds,
        )


@strawberry.type(description="What those who completed it think of it.")
class CourseRating:
    average: float | None = strawberry.field(description="1-5, two decimals; null while nobody has rated.")
    count: int = strawberry.field(description="Members who have rated.")


@strawberry.type(description="A lesson (课时) of a course: a video, a recording or an article.")
class Lesson(Node):
    row: strawberry.Private[LessonRow]
    position: int = strawberry.field(description="Place in its course, from 1.")
    title: str = strawberry.field(description="Chinese, as its makers wrote it.")
    duration_seconds: int = strawberry.field(description="For an article: how long reading it takes.")
    media: Media | None = strawberry.field(description="What is watched or listened to; null for an article.")

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
        return await self._is_withheld(info) or await self._gate(info) is not None

    @strawberry.field(description="What opens it, for the learner to read; null when it is open.")
    async def locked_reason(self, info: Info) -> str | None:
        if await self._is_withheld(info):
            return in_language(info.context, FOR_ADULTS)
        gate = await self._gate(info)
        return in_language(info.context, LOCKED, title=gate) if gate is not None else None

    @strawberry.field(description="Signed, expires, takes ranges. Null when signed out.")
    async def media_url(self, info: Info) -> str | None:
        found = await self._media_url(info)
        return found.url if found is not None else None

    @strawberry.field(description="When `mediaUrl` stops working; ask for the lesson again.")
    async def media_url_expires_at(self, info: Info) -> datetime | None:
        found = await self._media_url(info)
        return found.expires_at if found is not None else None

    @strawberry.field(description="Markdown; the article, or notes beside the media. Null when signed out.")
    async def body(self, info: Info) -> str | None:
        return self.row.body if info.context.actor is not None and not await self._is_withheld(info) else None

    @strawberry.field(
        description="Why media and body are null: ADULTS_ONLY until the viewer is known to be an adult (成年确认)."
    )
    async def withheld(self, info: Info) -> ErrorCode | None:
        return Code.ADULTS_ONLY if await self._is_withheld(info) else None

    @strawberry.field(description="The course it belongs to.")
    async def course(self, info: Info) -> Annotated["Course", strawberry.lazy("schema.courses")] | None:
        return await Course.load(info, self.row.course_id)

    @strawberry.field(description="How far the viewer is in it; null when signed out.")
    async def viewer_progress(self, info: Info) -> LessonProgress | None:
        return await LessonProgress.load(info, self.row)

    async def _gate(self, info: Info) -> str | None:
        """The title of the lesson to be done first; None if this one is open."""
        actor = info.context.actor
        if actor is None:
            return self.row.previous_title
        return await info.context.loaders.of(lessons.gates_before, actor.member_id).load(self.row.id)

    async def _is_withheld(self, info: Info) -> bool:
        """Whether this is for adults and the viewer is not known to be one; False when signed out."""
        actor = info.context.actor
        if not self.row.adults_only or actor is None:
            return False
        member = await info.context.loaders.of(accounts.members_by_ids).load(actor.member_id)
        return member is None or member.adult_confirmed_at is None

    async def _media_url(self, info: Info) -> MediaUrl | None:
        if self.row.media is None or info.context.actor is None or await self._is_withheld(info):
            return None
        return media_url(info.context.ports, self.row.media.id)


@strawberry.type(description="A course (课程) of the catalogue: lessons in one form on one subject.")
class Course(Node, MadeByPeople):
    code: str = strawberry.field(description="Short and stable, for people and files.")
    title: str = strawberry.field(description="Chinese, as its makers wrote it.")
    summary: str = strawberry.field(description="What one learns, in a few sentences; may be empty.")
    form: CourseForm = strawberry.field(description="How it is given.")
    kind: CourseKind = strawberry.field(description="How binding it is.")
    status: CourseStatus = strawberry.field(
        description="PUBLISHED for all but staff, its makers, and who began it before it was RETIRED."
    )
    audience_tiers: list[OutletTier] = strawberry.field(description="The outlets it is made for; empty: for everyone.")
    duration_seconds: int = strawberry.field(description="Of all its lessons together.")
    adults_only: bool = strawberry.field(description="Its lessons open for members known to be adults (仅限成年人).")
    published_at: datetime | None = strawberry.field(description="When it came into the catalogue; null before.")
    edition: int | None = strawberry.field(description="Counts publications, from 1; null before the first.")
    version: int = strawberry.field(description="Counts every change of it and of what is made; for expectedVersion.")
    tags: list[str] = strawberry.field(description="Words it is found by, beside those of title and summary (标签).")
    view_count: int = strawberry.field(description="Learners who have begun it.")
    completion_count: int = strawberry.field(description="Learners who have completed it.")
    rating: CourseRating = strawberry.field(description="The stars it was given.")
    as_made: strawberry.Private[bool] = False

    @classmethod
    def as_its_makers_have_it(cls, row: CourseRow) -> Self:
        """The course that somebody has just changed: its lessons are those that are worked on."""
        course = cls.of(row)
        course.as_made = True
        return course

    @classmethod
    async def load(cls, info: Info, course_id: UUID) -> Self | None:
        """The course of this id, whatever its status; for who may see what leads to it."""
        actor = info.context.actor
        card = await info.context.loaders.of(cards_by_ids, actor.member_id if actor is not None else None).load(
            course_id
        )
        return cls.card(info, card) if card is not None else None

    @classmethod
    def card(cls, info: Info, card: CourseCard) -> Self:
        """A course that was read for the viewer: how far they are in it is known already."""
        if info.context.actor is not None:
            begun = info.context.loaders.of(enrolment_by_course, info.context.actor.member_id)
            begun.prime(card.course.id, card.enrolment)
        return cls.of(card.course)

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
            adults_only=row.adults_only,
            published_at=row.published_at,
            edition=row.edition,
            version=row.version,
            tags=list(row.tags),
            view_count=row.view_count,
            completion_count=row.completion_count,
            rating=CourseRating(average=average, count=row.rating_count),
        )

    @strawberry.field(description="What completing all of it pays, as the rules are today.")
    async def points(self, info: Info) -> int:
        points = info.context.loaders.of(course_points, info.context.ports, await tariff_today(info))
        return await points.load((self.row.kind, self.row.lesson_count))

    @strawberry.field(description="Its picture, signed; null without one.")
    def cover_url(self, info: Info) -> str | None:
        media_id = self.row.cover_media_id
        return media_url(info.context.ports, media_id).url if media_id is not None else None

    @strawberry.field(description="The subject it belongs to.")
    def module(self) -> Module | None:
        return Module.of(self.row.module)

    @strawberry.field(description="Who made it.")
    def lecturers(self) -> list[Member]:
        return [Member.named(each) for each in self.row.lecturers]

    @strawberry.field(description="In order, of the edition the viewer is in the middle of, else of the current one.")
    async def lessons(self, info: Info) -> list[Lesson]:
        loaders, actor = info.context.loaders, info.context.actor
        if self.as_made:
            found = await loaders.of(lessons.lessons_in_making).load(self.row.id)
        else:
            member_id = actor.member_id if actor is not None else None
            found = await loaders.of(lessons.lessons_by_courses, member_id).load(self.row.id)
        return [Lesson.of(row) for row in found]

    @strawberry.field(description="Its next edition, while there is one; null for all but its makers and staff.")
    async def draft(self, info: Info) -> Annotated["CourseDraft", strawberry.lazy("schema.courses")] | None:
        row = await info.context.loaders.of(making.drafts_of).load(self.row.id)
        return CourseDraft.of(row) if row is not None and await self.is_known(info) else None

    @strawberry.field(description="How far the viewer is in it; null when signed out.")
    async def viewer_progress(self, info: Info) -> CourseProgress | None:
        return await CourseProgress.load(info, self.row)

    @strawberry.field(description="The viewer's stars, 1-5.")
    async def viewer_rating(self, info: Info) -> int | None:
        actor = info.context.actor
        if actor is None:
            return None
        return await info.context.loaders.of(courses.stars_by_courses, actor.member_id).load(self.row.id)


@strawberry.type(description="The next edition of a published course (新版草稿): what the course will be.")
class CourseDraft:
    row: strawberry.Private[making.CourseDraft]
    status: CourseStatus = strawberry.field(description="DRAFT or IN_REVIEW.")
    title: str = strawberry.field(description="As its makers write it.")
    summary: str = strawberry.field(description="What one will learn; may be empty.")
    tags: list[str] = strawberry.field(description="Words it will be found by.")
    kind: CourseKind = strawberry.field(description="How binding it will be.")
    audience_tiers: list[OutletTier] = strawberry.field(description="The outlets it will be for; empty: for everyone.")
    adults_only: bool = strawberry.field(description="Whether its lessons will open for adults alone.")
    points_proposed: int | None = strawberry.field(description="What its makers think it is worth.")
    opened_at: datetime = strawberry.field(description="When it was begun.")

    @classmethod
    def of(cls, row: making.CourseDraft) -> Self:
        return cls(
            row=row,
            status=row.status,
            title=row.title,
            summary=row.summary,
            tags=list(row.tags),
            kind=row.kind,
            audience_tiers=[OutletTier(tier) for tier in row.audience_tiers],
            adults_only=row.adults_only,
            points_proposed=row.points_proposed,
            opened_at=row.opened_at,
        )

    @strawberry.field(description="Its picture, signed; null without one.")
    def cover_url(self, info: Info) -> str | None:
        media_id = self.row.cover_media_id
        return media_url(info.context.ports, media_id).url if media_id is not None else None

    @strawberry.field(description="The subject it will belong to.")
    async def module(self, info: Info) -> Module | None:
        row = await info.context.loaders.of(courses.modules_by_ids).load(self.row.module_id)
        return Module.of(row) if row is not None else None

    @strawberry.field(description="Its lessons as they are worked on, in order.")
    async def lessons(self, info: Info) -> list[Lesson]:
        found = await info.context.loaders.of(lessons.lessons_in_making).load(self.row.course_id)
        return [Lesson.of(row) for row in found]


@strawberry.type(description="A course somebody asked the viewer to do.")
class AssignedCourse:
    row: strawberry.Private[AssignedRow]
    due_at: datetime = strawberry.field(description="By when it is to be completed.")
    reason: str = strawberry.field(description="Why, in the words of who assigned it.")

    @classmethod
    def of(cls, row: AssignedRow) -> Self:
        return cls(row=row, due_at=row.due_at, reason=row.reason)

    @strawberry.field(description="Whether `dueAt` has passed.")
    def overdue(self, info: Info) -> bool:
        return self.due_at <= info.context.ports.clock.now()

    @strawberry.field(description="What is to be learned; null once it is gone.")
    def course(self, info: Info) -> Course | None:
        return Course.card(info, self.row.card)


@strawberry.type(description="A course the viewer might learn next.")
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

    @strawberry.field(description="What is recommended; null once it is gone.")
    async def course(self, info: Info) -> Course | None:
        return await Course.load(info, self.found.course.course_id)


@strawberry.input(description="Which courses; all that is given must hold.")
class CourseFilter:
    module_id: strawberry.ID | None = strawberry.field(default=None, description="On this subject.")
    form: CourseForm | None = strawberry.field(default=None, description="Given in this way.")
    kind: CourseKind | None = strawberry.field(default=None, description="As binding as this.")
    tier: OutletTier | None = strawberry.field(default=None, description="Made for such outlets, or for everyone.")
    text: str | None = strawberry.field(
        default=None, description="Words of title, summary or tags; at most 100 characters, in Chinese one is enough."
    )
    viewer_state: ProgressState | None = strawberry.field(default=None, description="As far as the viewer is in it.")
    status: CourseStatus | None = strawberry.field(
        default=None,
        description="Other than PUBLISHED for staff, or of what one makes. IN_REVIEW: the queue.",
    )
    made_by_viewer: bool | None = strawberry.field(
        default=None, description="Those the viewer proposed or is in the team of, of any status unless one is given."
    )
    lecturer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Named as having been made by this member."
    )

    def plain(self) -> Wanted:
        any_status = None if self.made_by_viewer else words.CourseStatus.PUBLISHED
        lecturer = self.lecturer_id
        return Wanted(
            status=self.status or any_status,
            made_by_viewer=bool(self.made_by_viewer),
            lecturer_id=decode(lecturer, "Member", "filter", "lecturerId") if lecturer is not None else None,
            module_id=decode(self.module_id, "Module", "filter", "moduleId") if self.module_id is not None else None,
            form=self.form,
            kind=self.kind,
            tier=self.tier,
            text=self.text,
            state=self.viewer_state,
        )


@strawberry.input(description="What the viewer thinks of a course.")
class RateCourseInput:
    course_id: strawberry.ID = strawberry.field(description="A course the viewer has completed.")
    stars: int = strawberry.field(description="1 is worst, 5 is best.")
    comment: str | None = strawberry.field(default=None, description="For its makers; at most 500 characters.")


@strawberry.type(description="The course with its new rating.")
class RateCoursePayload(Payload):
    course: Course | None = strawberry.field(default=None, description="After the rating; null if refused.")
