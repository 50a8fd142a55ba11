"""The lessons of a course in the making. How long a film or recording is, its probe says, never its makers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import CourseForm
from models import making
from models.courses import Course, CourseRow, EditionLesson, Lesson, MediaAsset
from models.lessons import LessonRow, working_lesson
from services.making import Desk, at_work, change, clean_title, wrong_for
from services.ports import Ports

MOST_LESSONS = 100
LONGEST_BODY = 50_000
LONGEST_LESSON_SECONDS = 86_400
UNTIL_FILMED_SECONDS = 60
"""How long a lesson is taken to be while there is no film of it yet, unless its makers say otherwise."""


@dataclass(frozen=True, slots=True)
class LessonPlan:
    """A lesson to be added, or what is to be changed of one (None: left as it is).

    `duration_seconds` is how long reading an article takes, or what is planned while there is no film.
    """

    title: str | None = None
    duration_seconds: int | None = None
    media_id: UUID | None = None
    body: str | None = None


async def add_lesson(
    ports: Ports, actor: Actor, course_id: UUID, plan: LessonPlan, position: int | None, expected_version: int | None
) -> LessonRow:
    """Put a new lesson at `position`, from 1; None: at the end. It needs a text or a film; both may come later too."""
    lesson_id = new_id()

    async def work(desk: Desk) -> str:
        desk = await at_work(ports, desk)
        present = await making.lessons_in(desk.edition_id)
        if len(present) >= MOST_LESSONS:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["courseId"])
        if position is not None and not 1 <= position <= len(present) + 1:
            raise bad_input("position")
        row = EditionLesson(
            id=new_id(), edition_id=desk.edition_id, lesson_id=lesson_id, position=len(present) + 1,
            title=clean_title(plan.title or "", "title"), body=None, media_id=None,
            duration_seconds=0, dwell_seconds=None,
        )  # fmt: skip
        await _fill(desk, row, plan)
        await Lesson.create(id=lesson_id, course_id=course_id)
        await row.save(force_create=True)
        order = [each.lesson_id for each in present]
        order.insert((position or len(present) + 1) - 1, lesson_id)
        await making.put_in_order(desk.edition_id, order)
        await _total(desk)
        return row.title

    await change(ports, actor, course_id, expected_version, work)
    return await working_lesson(course_id, lesson_id)


async def update_lesson(
    ports: Ports, actor: Actor, lesson_id: UUID, plan: LessonPlan, expected_version: int | None
) -> LessonRow:
    """Change what is given of a lesson. Its id stays, and with it all that was learned in it."""

    async def work(desk: Desk) -> str:
        desk = await at_work(ports, desk)
        row = await _lesson(desk, lesson_id)
        if plan.title is not None:
            row.title = clean_title(plan.title, "title")
        await _fill(desk, row, plan)
        await row.save()
        await _total(desk)
        return row.title

    course_id = await _course_of(lesson_id)
    await _change_lesson(ports, actor, course_id, expected_version, work)
    return await working_lesson(course_id, lesson_id)


async def remove_lesson(ports: Ports, actor: Actor, lesson_id: UUID, expected_version: int | None) -> CourseRow:
    """Take a lesson out of what is worked on; those after it move up."""

    async def work(desk: Desk) -> str:
        desk = await at_work(ports, desk)
        row = await _lesson(desk, lesson_id)
        await making.remove_lesson(desk.edition_id, lesson_id)
        left = await making.lessons_in(desk.edition_id)
        await making.put_in_order(desk.edition_id, [each.lesson_id for each in left])
        await _total(desk)
        return row.title

    return await _change_lesson(ports, actor, await _course_of(lesson_id), expected_version, work)


async def reorder_lessons(
    ports: Ports, actor: Actor, course_id: UUID, lesson_ids: Sequence[UUID], expected_version: int | None
) -> CourseRow:
    """Put the lessons in this order: each of them, once. CONFLICT if there are other lessons than these."""
    if len(set(lesson_ids)) != len(lesson_ids) or len(lesson_ids) > MOST_LESSONS:
        raise bad_input("lessonIds")

    async def work(desk: Desk) -> str:
        desk = await at_work(ports, desk)
        present = {each.lesson_id for each in await making.lessons_in(desk.edition_id)}
        for place, lesson_id in enumerate(lesson_ids):
            if lesson_id not in present:
                raise not_found("lessonIds", str(place))
        if len(lesson_ids) != len(present):
            raise DomainError(ErrorCode.CONFLICT, field=["lessonIds"])  # somebody has added one meanwhile
        await making.put_in_order(desk.edition_id, lesson_ids)
        return "order"

    return await change(ports, actor, course_id, expected_version, work)


async def _change_lesson(
    ports: Ports, actor: Actor, course_id: UUID, expected_version: int | None, work: Callable[[Desk], Awaitable[str]]
) -> CourseRow:
    """`change`, for whom the course is only known by a lesson: what they may not see is the lesson."""
    try:
        return await change(ports, actor, course_id, expected_version, work)
    except DomainError as error:
        if error.field == ("courseId",):
            raise DomainError(error.code, field=["lessonId"]) from error
        raise


async def _course_of(lesson_id: UUID) -> UUID:
    course_id = await making.course_of_lesson(lesson_id)
    if course_id is None:
        raise not_found("lessonId")
    return course_id


async def _lesson(desk: Desk, lesson_id: UUID) -> EditionLesson:
    row = await EditionLesson.get_or_none(edition_id=desk.edition_id, lesson_id=lesson_id)
    if row is None:
        raise not_found("lessonId")
    return row


async def _fill(desk: Desk, row: EditionLesson, plan: LessonPlan) -> None:
    """Give a lesson its text and film, and the duration that follows from them."""
    if plan.body is not None:
        body = plan.body.strip()
        if len(body) > LONGEST_BODY:
            raise bad_input("body")
        row.body = body or None
    seconds = plan.duration_seconds
    if seconds is not None and not 1 <= seconds <= LONGEST_LESSON_SECONDS:
        raise bad_input("durationSeconds")
    if plan.media_id is not None:
        row.media_id = (await _media(desk, plan.media_id)).id
    if row.media_id is not None:
        asset = await MediaAsset.get(id=row.media_id)
        # What was there before there was a probe keeps the duration it has.
        row.duration_seconds = asset.duration_seconds or row.duration_seconds
        row.dwell_seconds = None
    elif desk.course.form is CourseForm.ARTICLE:
        row.duration_seconds = seconds or row.duration_seconds
        if not row.duration_seconds:
            raise bad_input("durationSeconds")
        row.dwell_seconds = row.duration_seconds
    else:
        row.duration_seconds = seconds or row.duration_seconds or UNTIL_FILMED_SECONDS
    if row.media_id is None and row.body is None:
        raise bad_input("body" if plan.body is not None or desk.course.form is CourseForm.ARTICLE else "mediaId")


async def _media(desk: Desk, media_id: UUID) -> MediaAsset:
    """A film or recording that a maker uploaded, or that is in the course already, and whose duration is known."""
    uploaders = {desk.actor.member_id, *await making.had_a_hand(desk.course.id)}
    found = await making.usable_media(desk.course.id, list(uploaders), [media_id])
    if not found:
        raise not_found("mediaId")
    if wrong_for(desk.course.form, found[0]):
        raise bad_input("mediaId")
    if found[0].duration_seconds is None:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["mediaId"])
    return found[0]


async def _total(desk: Desk) -> None:
    """A course that was never published shows what is worked on."""
    if isinstance(desk.working, Course):
        desk.course.duration_seconds = await making.duration_of(desk.edition_id)
        await desk.course.save(update_fields=["duration_seconds"])
