"""What is refused: each with its own code, nothing changed, and the rest of the batch counts."""

from datetime import timedelta

import pytest

from kit.errors import DomainError, ErrorCode
from kit.words import CourseStatus, ProgressKind
from models.courses import Course
from tests.progress.desk import (
    ACCEPTED,
    DAY,
    HOUR,
    MINUTE,
    everything,
    learner,
    named,
    progress_in,
    send,
    told,
    watched,
)


def refusals(course, draft, now):
    lesson = course.lesson_ids[0]
    return {
        "unknown lesson": (watched(named("nowhere"), (0, 5), at=now), "LESSON_UNAVAILABLE"),
        "no lesson's id": (watched(None, (0, 5), at=now), "LESSON_UNAVAILABLE"),
        "unpublished": (watched(draft.lesson_ids[0], (0, 5), at=now), "LESSON_UNAVAILABLE"),
        "locked": (watched(course.lesson_ids[1], (0, 5), at=now), "LESSON_LOCKED"),
        "too late": (watched(lesson, (0, 5), at=now - 7 * DAY - MINUTE / 60), "TOO_LATE"),
        "long ago": (watched(lesson, (0, 5), at=now.replace(year=1)), "TOO_LATE"),
        "future": (watched(lesson, (0, 5), at=now + 2 * MINUTE + MINUTE / 60), "TIME_IN_FUTURE"),
        "far future": (watched(lesson, (0, 5), at=now.replace(year=9999)), "TIME_IN_FUTURE"),
        "reversed": (watched(lesson, (6, 5), at=now), "SPAN_IMPOSSIBLE"),
        "negative": (watched(lesson, (-1, 5), at=now), "SPAN_IMPOSSIBLE"),
        "beyond the end": (watched(lesson, (0, 61), at=now), "SPAN_IMPOSSIBLE"),
        "absurdly many": (watched(lesson, *[(0, 1)] * 201, at=now), "SPAN_IMPOSSIBLE"),
        "read a film": (watched(lesson, (0, 5), at=now, kind=ProgressKind.READ), "SPAN_IMPOSSIBLE"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "unknown lesson",
        "no lesson's id",
        "unpublished",
        "locked",
        "too late",
        "long ago",
        "future",
        "far future",
        "reversed",
        "negative",
        "beyond the end",
        "absurdly many",
        "read a film",
    ],
)
async def test_a_wrong_event_is_refused_with_its_code_and_changes_nothing(ports, world, what):
    course = await world.course(lessons=2, seconds=60)
    draft = await world.course(seconds=60, status=CourseStatus.DRAFT)
    may = await learner(ports)
    event, code = refusals(course, draft, ports.clock.now())[what]
    before = await everything()

    alone = await send(ports, may, event)
    assert told(alone) == [code]
    assert await everything() == before

    beside = await send(ports, may, event, watched(course.lesson_ids[0], (0, 5), at=ports.clock.now()))
    assert told(beside) == [code, ACCEPTED]
    assert (await progress_in(may, course.lesson_ids[0])).watched_seconds == 5


async def test_the_edges_of_time_still_count(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    now = ports.clock.now()

    outcome = await send(
        ports,
        may,
        watched(course.lesson_ids[0], (0, 5), at=now - 7 * DAY),
        watched(course.lesson_ids[0], (5, 9), at=now + 2 * MINUTE),
    )

    assert told(outcome) == [ACCEPTED, ACCEPTED]


async def test_nothing_counts_from_before_the_member_joined(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports, joined=HOUR)
    now = ports.clock.now()

    outcome = await send(
        ports,
        may,
        watched(course.lesson_ids[0], (0, 5), at=now - HOUR - MINUTE),
        watched(course.lesson_ids[0], (5, 9), at=now - HOUR),
    )

    assert told(outcome) == ["TOO_LATE", ACCEPTED]


@pytest.mark.parametrize("off", [-3 * DAY, -HOUR, 11 * MINUTE / 60, 30 * 365 * DAY], ids=str)
async def test_a_wrong_clock_of_the_phone_is_corrected(ports, world, off):
    course = await world.course(seconds=60)
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    outcome = await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=at + off), clock_off=off)

    assert told(outcome) == [ACCEPTED]
    assert (await progress_in(may, course.lesson_ids[0])).completed_at == at


async def test_a_slow_network_is_no_wrong_clock(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=at), clock_off=-timedelta(seconds=9))

    assert (await progress_in(may, course.lesson_ids[0])).completed_at == at


async def test_a_retired_course_may_be_finished_by_who_began_it_and_begun_by_nobody(ports, world):
    course = await world.course(seconds=60)
    may, late = await learner(ports), await learner(ports)
    await send(ports, may, watched(course.lesson_ids[0], (0, 5), at=ports.clock.now()))
    await Course.filter(id=course.id).update(status=CourseStatus.RETIRED)

    finished = await send(ports, may, watched(course.lesson_ids[0], (5, 60), at=ports.clock.now()))
    before = await everything()
    begun = await send(ports, late, watched(course.lesson_ids[0], (0, 60), at=ports.clock.now()))

    assert told(finished) == [ACCEPTED]
    assert told(begun) == ["LESSON_UNAVAILABLE"]
    assert await everything() == before


async def test_an_overlong_batch_is_refused_as_a_whole(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    events = [watched(course.lesson_ids[0], (0, 1), at=ports.clock.now()) for _ in range(101)]
    before = await everything()

    with pytest.raises(DomainError) as refused:
        await send(ports, may, *events)
    assert (refused.value.code, refused.value.field) == (ErrorCode.BATCH_TOO_LARGE, ("events",))
    assert await everything() == before

    assert told(await send(ports, may, *events[:100])) == [ACCEPTED] * 100
