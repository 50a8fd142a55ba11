from kit.words import CourseForm, CourseKind, CourseStatus
from models.lessons import lessons_by_courses, lessons_by_ids
from tests.world import World


async def test_a_lesson_knows_the_one_before_it_and_what_judges_it(world: World) -> None:
    course = await world.course(lessons=3, seconds=80, kind=CourseKind.REQUIRED, percent=75)

    [second, first] = await lessons_by_ids(None, [course.lesson_ids[1], course.lesson_ids[0]])

    assert second is not None
    assert first is not None
    assert first.previous_lesson_id is None
    assert second.previous_lesson_id == first.id
    assert second.previous_title == "第1课"
    assert (second.position, second.lesson_count) == (2, 3)
    assert (second.duration_seconds, second.dwell_seconds, second.completion_percent) == (80, None, 75)
    assert second.required
    assert second.published


async def test_lessons_come_by_position_and_in_the_order_of_their_courses(world: World) -> None:
    one = await world.course(lessons=2)
    other = await world.course(lessons=1, form=CourseForm.ARTICLE)

    [of_other, of_one] = await lessons_by_courses(None, [other.id, one.id])

    assert [lesson.id for lesson in of_one] == one.lesson_ids
    assert [lesson.id for lesson in of_other] == other.lesson_ids
    assert of_other[0].dwell_seconds == 60
    assert of_other[0].media is None
    assert of_other[0].body == "正文"


async def test_a_lesson_keeps_its_id_in_the_next_edition_and_may_leave_it(world: World) -> None:
    course = await world.course(lessons=2)
    first, second = course.lesson_ids

    await world.edition(course, keep=[second], lessons=1)

    gone, kept = await lessons_by_ids(None, [first, second])
    assert gone is None
    assert kept is not None
    assert (kept.position, kept.previous_lesson_id, kept.lesson_count) == (1, None, 2)


async def test_a_lesson_of_a_draft_is_found_and_says_so(world: World) -> None:
    course = await world.course(status=CourseStatus.DRAFT)

    [lesson] = await lessons_by_ids(None, course.lesson_ids)

    assert lesson is not None
    assert not lesson.published
