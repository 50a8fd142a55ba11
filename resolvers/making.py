"""Making courses: proposing, changing, and moving them on their way."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.courses import Course, Lesson
from schema.ids import decode, decode_each
from schema.making_changes import (
    AddLessonInput,
    AddLessonPayload,
    CreateCourseInput,
    CreateCoursePayload,
    DiscardCourseDraftInput,
    DiscardCourseDraftPayload,
    MoveCourseInput,
    MoveCoursePayload,
    RemoveLessonInput,
    RemoveLessonPayload,
    ReorderLessonsInput,
    ReorderLessonsPayload,
    UpdateCourseInput,
    UpdateCoursePayload,
    UpdateLessonInput,
    UpdateLessonPayload,
)
from services import making, making_lessons, publishing


@strawberry.type
class MakingMutations:
    @mutation(description="Propose a course (课程选题). For shop people, lecturers, and staff who change things.")
    async def create_course(self, info: Info, input: CreateCourseInput) -> CreateCoursePayload:
        row = await making.create_course(info.context.ports, viewer(info), input.plain())
        return CreateCoursePayload(course=Course.as_its_makers_have_it(row))

    @mutation(description="Change a course, or the next edition of a published one (修改课程). For its makers.")
    async def update_course(self, info: Info, input: UpdateCourseInput) -> UpdateCoursePayload:
        actor, course_id = viewer(info), decode(input.course_id, "Course", "courseId")
        version, changes = input.expected_version, input.plain()
        row = await making.update_course(info.context.ports, actor, course_id, version, changes)
        return UpdateCoursePayload(course=Course.as_its_makers_have_it(row))

    @mutation(description="Throw away the next edition of a published course (放弃新版). For its makers and admins.")
    async def discard_course_draft(self, info: Info, input: DiscardCourseDraftInput) -> DiscardCourseDraftPayload:
        actor, course_id = viewer(info), decode(input.course_id, "Course", "courseId")
        row = await making.discard_draft(info.context.ports, actor, course_id, input.expected_version)
        return DiscardCourseDraftPayload(course=Course.of(row))

    @mutation(description="Add a lesson (新增课时). For the makers of the course.")
    async def add_lesson(self, info: Info, input: AddLessonInput) -> AddLessonPayload:
        actor, course_id = viewer(info), decode(input.course_id, "Course", "courseId")
        version, plan = input.expected_version, input.plain()
        row = await making_lessons.add_lesson(info.context.ports, actor, course_id, plan, input.position, version)
        return AddLessonPayload(lesson=Lesson.of(row))

    @mutation(description="Change a lesson (修改课时); its id stays. For the makers of its course.")
    async def update_lesson(self, info: Info, input: UpdateLessonInput) -> UpdateLessonPayload:
        actor, lesson_id = viewer(info), decode(input.lesson_id, "Lesson", "lessonId")
        version, plan = input.expected_version, input.plain()
        row = await making_lessons.update_lesson(info.context.ports, actor, lesson_id, plan, version)
        return UpdateLessonPayload(lesson=Lesson.of(row))

    @mutation(description="Take a lesson out of what is worked on (删除课时). For the makers of its course.")
    async def remove_lesson(self, info: Info, input: RemoveLessonInput) -> RemoveLessonPayload:
        actor, lesson_id = viewer(info), decode(input.lesson_id, "Lesson", "lessonId")
        row = await making_lessons.remove_lesson(info.context.ports, actor, lesson_id, input.expected_version)
        return RemoveLessonPayload(course=Course.as_its_makers_have_it(row))

    @mutation(description="Put the lessons in another order (课时排序). For the makers of the course.")
    async def reorder_lessons(self, info: Info, input: ReorderLessonsInput) -> ReorderLessonsPayload:
        actor, course_id = viewer(info), decode(input.course_id, "Course", "courseId")
        ids, version = decode_each(input.lesson_ids, "Lesson", "lessonIds"), input.expected_version
        row = await making_lessons.reorder_lessons(info.context.ports, actor, course_id, ids, version)
        return ReorderLessonsPayload(course=Course.as_its_makers_have_it(row))

    @mutation(description="Hand a course in, send it back, publish or retire it (课程流转). For makers and reviewers.")
    async def move_course(self, info: Info, input: MoveCourseInput) -> MoveCoursePayload:
        actor, course_id = viewer(info), decode(input.course_id, "Course", "courseId")
        note, version = input.note or "", input.expected_version
        row = await publishing.move_course(info.context.ports, actor, course_id, input.to, note, version)
        return MoveCoursePayload(course=Course.of(row))
