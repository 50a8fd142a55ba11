"""What is asked for when a course is made, changed and moved, and what is answered."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from models.making import MakerRow
from schema.courses import Course, Lesson
from schema.errors import Payload
from schema.ids import decode
from schema.words import CourseForm, CourseKind, CoursePart, CourseStatus, OutletTier
from services.making import Changes, Proposal
from services.making_lessons import LessonPlan


@strawberry.input(description="A part of the team, and who takes it.")
class CourseMakerInput:
    member_id: strawberry.ID = strawberry.field(description="Anybody with an account.")
    part: CoursePart = strawberry.field(description="What they do; one may have several parts.")


TEAM = "Who makes it, at most 20 lines; with it the proposer. From publication on they are its lecturers."
POINTS = "What its makers think completing it is worth; kept for who sets the rules, which alone decide what it pays."
VERSION = "The course's `version` as it was shown; CONFLICT if it was changed since."


@strawberry.input(description="A course that somebody would make.")
class CreateCourseInput:
    code: str = strawberry.field(description="Letters, digits, dots, dashes; at most 40; of this course alone.")
    title: str = strawberry.field(description="1-200 characters.")
    module_id: strawberry.ID = strawberry.field(description="The subject it belongs to.")
    form: CourseForm = strawberry.field(description="How it is to be given.")
    kind: CourseKind = strawberry.field(description="How binding it is to be.")
    summary: str | None = strawberry.field(default=None, description="What one learns; at most 1,000 characters.")
    tags: list[str] | None = strawberry.field(default=None, description="At most 10, of 20 characters each.")
    cover_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture of the proposer's.")
    audience_tiers: list[OutletTier] | None = strawberry.field(default=None, description="For whom; empty: everyone.")
    points: int | None = strawberry.field(default=None, description=POINTS)
    adults_only: bool | None = strawberry.field(default=None, description="Whether it is for adults alone.")
    team: list[CourseMakerInput] | None = strawberry.field(default=None, description=TEAM)

    def plain(self) -> Proposal:
        return Proposal(
            code=self.code,
            title=self.title,
            summary=self.summary or "",
            tags=tuple(self.tags or ()),
            cover_media_id=_media(self.cover_media_id, "coverMediaId"),
            module_id=decode(self.module_id, "Module", "moduleId"),
            form=self.form,
            kind=self.kind,
            audience_tiers=tuple(self.audience_tiers or ()),
            points_proposed=self.points,
            adults_only=bool(self.adults_only),
            team=_team(self.team or ()),
        )


@strawberry.input(description="What is to be changed of a course; what is left out stays as it is.")
class UpdateCourseInput:
    course_id: strawberry.ID = strawberry.field(description="A course the viewer makes.")
    expected_version: int = strawberry.field(description=VERSION)
    title: str | None = strawberry.field(default=None, description="1-200 characters.")
    summary: str | None = strawberry.field(default=None, description="At most 1,000 characters; may be empty.")
    tags: list[str] | None = strawberry.field(default=None, description="All of them, at most 10.")
    cover_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture of a maker's.")
    module_id: strawberry.ID | None = strawberry.field(default=None, description="Another subject.")
    form: CourseForm | None = strawberry.field(default=None, description="Another one, while there are no lessons.")
    kind: CourseKind | None = strawberry.field(default=None, description="How binding it is.")
    audience_tiers: list[OutletTier] | None = strawberry.field(default=None, description="All; empty: everyone.")
    points: int | None = strawberry.field(default=None, description=POINTS)
    adults_only: bool | None = strawberry.field(default=None, description="Whether it is for adults alone.")
    team: list[CourseMakerInput] | None = strawberry.field(
        default=None, description="All of it; holds at once. Admins of the course's region may set it too."
    )

    def plain(self) -> Changes:
        return Changes(
            title=self.title,
            summary=self.summary,
            tags=tuple(self.tags) if self.tags is not None else None,
            cover_media_id=_media(self.cover_media_id, "coverMediaId"),
            module_id=decode(self.module_id, "Module", "moduleId") if self.module_id is not None else None,
            form=self.form,
            kind=self.kind,
            audience_tiers=tuple(self.audience_tiers) if self.audience_tiers is not None else None,
            points_proposed=self.points,
            adults_only=self.adults_only,
            team=_team(self.team) if self.team is not None else None,
        )


SECONDS = "How long reading an article takes; of films and recordings it is measured, and this is not believed."
BODY = "Markdown: the article, or a script; at most 50,000 characters."
MEDIA = "A film or recording that a maker uploaded."
SAME_VERSION = "The course's `version` as it was shown, if it matters."


@strawberry.input(description="A lesson to be added.")
class AddLessonInput:
    course_id: strawberry.ID = strawberry.field(description="A course the viewer makes.")
    title: str = strawberry.field(description="1-200 characters.")
    duration_seconds: int | None = strawberry.field(default=None, description=SECONDS)
    media_id: strawberry.ID | None = strawberry.field(default=None, description=MEDIA)
    body: str | None = strawberry.field(default=None, description=BODY)
    position: int | None = strawberry.field(default=None, description="From 1; left out: at the end.")
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)

    def plain(self) -> LessonPlan:
        return LessonPlan(self.title, self.duration_seconds, _media(self.media_id, "mediaId"), self.body)


@strawberry.input(description="What is to be changed of a lesson; what is left out stays as it is.")
class UpdateLessonInput:
    lesson_id: strawberry.ID = strawberry.field(description="Of a course the viewer makes.")
    title: str | None = strawberry.field(default=None, description="1-200 characters.")
    duration_seconds: int | None = strawberry.field(default=None, description=SECONDS)
    media_id: strawberry.ID | None = strawberry.field(default=None, description=MEDIA)
    body: str | None = strawberry.field(default=None, description=BODY)
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)

    def plain(self) -> LessonPlan:
        return LessonPlan(self.title, self.duration_seconds, _media(self.media_id, "mediaId"), self.body)


@strawberry.input(description="A lesson to be taken out.")
class RemoveLessonInput:
    lesson_id: strawberry.ID = strawberry.field(description="Of a course the viewer makes.")
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)


@strawberry.input(description="The order lessons are to have.")
class ReorderLessonsInput:
    course_id: strawberry.ID = strawberry.field(description="A course the viewer makes.")
    lesson_ids: list[strawberry.ID] = strawberry.field(description="All lessons of the course, each once.")
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)


@strawberry.input(description="Where a course is to go.")
class MoveCourseInput:
    course_id: strawberry.ID = strawberry.field(description="One the viewer makes, or reviews.")
    to: CourseStatus = strawberry.field(description="Of a published course the next edition is moved, unless RETIRED.")
    note: str | None = strawberry.field(
        default=None, description="Why; required but for handing in and publishing. At most 500 characters."
    )
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)


@strawberry.input(description="Whose next edition is to be thrown away.")
class DiscardCourseDraftInput:
    course_id: strawberry.ID = strawberry.field(description="One the viewer makes, or runs as an admin.")
    expected_version: int | None = strawberry.field(default=None, description=SAME_VERSION)


@strawberry.type(description="The course that was proposed.")
class CreateCoursePayload(Payload):
    course: Course | None = strawberry.field(default=None, description="A draft without lessons; null if refused.")


@strawberry.type(description="The course that was changed.")
class UpdateCoursePayload(Payload):
    course: Course | None = strawberry.field(
        default=None, description="What readers see; what is changed is its `draft` once it was published."
    )


@strawberry.type(description="The lesson that was added.")
class AddLessonPayload(Payload):
    lesson: Lesson | None = strawberry.field(default=None, description="As its makers have it; null if refused.")


@strawberry.type(description="The lesson that was changed.")
class UpdateLessonPayload(Payload):
    lesson: Lesson | None = strawberry.field(default=None, description="As its makers have it; null if refused.")


@strawberry.type(description="The course without the lesson.")
class RemoveLessonPayload(Payload):
    course: Course | None = strawberry.field(default=None, description="Its lessons as they are now worked on.")


@strawberry.type(description="The course in its new order.")
class ReorderLessonsPayload(Payload):
    course: Course | None = strawberry.field(default=None, description="Its lessons as they are now worked on.")


@strawberry.type(description="The course where it is now.")
class MoveCoursePayload(Payload):
    course: Course | None = strawberry.field(default=None, description="After the move; null if refused.")


@strawberry.type(description="The course without its next edition.")
class DiscardCourseDraftPayload(Payload):
    course: Course | None = strawberry.field(default=None, description="As readers see it; null if refused.")


def _media(gid: strawberry.ID | None, field: str) -> UUID | None:
    return decode(gid, "Media", field) if gid is not None else None


def _team(lines: Sequence[CourseMakerInput]) -> tuple[MakerRow, ...]:
    return tuple(
        MakerRow(decode(line.member_id, "Member", "team", str(place), "memberId"), line.part)
        for place, line in enumerate(lines)
    )
