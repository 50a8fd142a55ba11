"""Catalogue: finding, opening and rating courses."""

from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from models import courses as rows
from models.course_lists import CourseFilter as Wanted
from models.course_lists import count_courses, course_key
from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.courses import (
    AssignedCourse,
    Course,
    CourseFilter,
    Lesson,
    Media,
    Module,
    RateCourseInput,
    RateCoursePayload,
    RecommendedCourse,
)
from schema.ids import decode, decode_if, row_key
from schema.lecturers import LecturerCredit
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.words import CourseSort
from services import courses
from services.lecturers import credit_of


async def module_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    row = await info.context.loaders.of(rows.modules_by_ids).load(row_id) if row_id else None
    return Module.of(row) if row is not None else None


async def course_node(info: Info, key: str) -> Node | None:
    return await _course(info, row_key(key))


async def lesson_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    row = await info.context.loaders.of(courses.visible_lessons, info.context.actor).load(row_id) if row_id else None
    return Lesson.of(row) if row is not None else None


async def media_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    row = await info.context.loaders.of(courses.visible_media, info.context.actor).load(row_id) if row_id else None
    return Media.of(row) if row is not None else None


@strawberry.type
class CourseQueries:
    @strawberry.field(description="The academy's subjects, in its own order.")
    async def modules(self) -> list[Module] | None:
        return [Module.of(row) for row in await rows.modules()]

    @strawberry.field(description="One course; null for what does not exist or may not be seen.")
    async def course(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Of a course.")]
    ) -> Course | None:
        return await _course(info, decode_if(id, "Course"))

    @strawberry.field(description="The catalogue. Sorted newest first unless asked otherwise.")
    async def courses(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[
            CourseFilter | None, strawberry.argument(description="Which of them; all that are published unless given.")
        ] = None,
        sort: Annotated[CourseSort | None, strawberry.argument(description="In which order.")] = CourseSort.NEWEST,
    ) -> Connection[Course] | None:
        wanted = courses.readable(info.context.actor, filter.plain() if filter is not None else Wanted())
        order = sort or CourseSort.NEWEST
        scope = f"courses {order} {wanted}"
        page = await courses.list_courses(
            info.context.actor, wanted, order, ask(info, scope, first, after, last, before)
        )
        return connection(
            info,
            page,
            scope=scope,
            of=partial(Course.card, info),
            key=lambda card: course_key(order, card.course),
            count=lambda: count_courses(wanted),
        )

    @strawberry.field(description="What the viewer was asked to do and has not completed, the one due first ahead.")
    async def assigned_courses(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AssignedCourse] | None:
        member_id = info.context.actor.member_id if info.context.actor is not None else None
        scope = f"assigned courses {member_id}"
        page = await courses.assigned_courses(member_id, ask(info, scope, first, after, last, before))
        return connection(
            info,
            page,
            scope=scope,
            of=AssignedCourse.of,
            key=lambda row: [row.due_at, row.card.course.id],
            count=lambda: courses.count_assigned(member_id),
        )

    @strawberry.field(description="What to learn next, best first; never what is completed.")
    async def recommended_courses(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[RecommendedCourse] | None:
        member_id = info.context.actor.member_id if info.context.actor is not None else None
        scope = f"recommended courses {member_id}"
        ranked = await courses.recommended_courses(member_id)

        async def count() -> int:
            return len(ranked)

        page = courses.recommendation_page(ranked, ask(info, scope, first, after, last, before))
        return connection(
            info,
            page,
            scope=scope,
            of=lambda found: RecommendedCourse(found=found),
            key=lambda found: found.place,
            count=count,
        )

    @strawberry.field(
        description="How what a lecturer made is received (讲师成绩): for themselves, their admins and auditors."
    )
    async def lecturer_credit(
        self,
        info: Info,
        member_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Whose; the viewer's own unless given.")
        ] = None,
    ) -> LecturerCredit | None:
        actor = viewer(info)
        row_id = decode_if(member_id, "Member") if member_id is not None else actor.member_id
        row = await info.context.loaders.of(credit_of, actor).load(row_id) if row_id is not None else None
        return LecturerCredit.of(row) if row is not None else None


@strawberry.type
class CourseMutations:
    @mutation(description="Give a completed course 1-5 stars; again changes them.")
    async def rate_course(self, info: Info, input: RateCourseInput) -> RateCoursePayload:
        course_id = decode(input.course_id, "Course", "courseId")
        rated = await courses.rate_course(info.context.ports, viewer(info), course_id, input.stars, input.comment or "")
        return RateCoursePayload(course=Course.of(rated))


async def _course(info: Info, course_id: UUID | None) -> Course | None:
    visible = info.context.loaders.of(courses.visible_courses, info.context.actor)
    row = await visible.load(course_id) if course_id else None
    return Course.of(row) if row is not None else None
