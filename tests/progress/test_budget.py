"""What the learning budget pays at once, what it pays later, and what a script gains."""

import asyncio
from datetime import timedelta

from kit.db import execute, rows
from kit.words import CourseStatus
from models.courses import Course
from models.progress import enrolments_of, lesson_progress_of
from services.ledger import ledger_verify
from services.points import Award
from services.progress import pay_all_due, pay_if_due, pay_pending
from tests.progress.desk import (
    ACCEPTED,
    DAY,
    HOUR,
    MINUTE,
    everything,
    learner,
    lifetime,
    named,
    progress_in,
    send,
    station,
    told,
    watched,
)
from workers.scheduler import TICKS


async def test_an_evening_watched_offline_is_paid_at_once(ports, world):
    course = await world.course(lessons=60, seconds=120)
    may = await learner(ports, joined=DAY)
    at = ports.clock.now() - 3 * HOUR
    batch = [watched(lesson, (0, 120), at=at + n * 2 * MINUTE, name=n) for n, lesson in enumerate(course.lesson_ids)]

    outcome = await send(ports, may, *batch)

    assert told(outcome) == [ACCEPTED] * 60
    assert (await enrolments_of(may.member_id, [course.id]))[course.id].completed_at == at + 118 * MINUTE


async def test_a_script_gains_ten_minutes_and_then_two_seconds_a_second(ports, world):
    course = await world.course(lessons=30, seconds=120)
    may = await learner(ports, joined=timedelta(0))
    now = ports.clock.now()
    batch = [watched(lesson, (0, 120), at=now + n * MINUTE / 60, name=n) for n, lesson in enumerate(course.lesson_ids)]

    first = await send(ports, may, *batch)
    assert told(first) == [ACCEPTED] * 5 + ["TOO_FAST"] * 25
    enrolment = (await enrolments_of(may.member_id, [course.id]))[course.id]
    assert enrolment.lessons_completed == 5

    for _ in range(10):
        ports.clock.advance(timedelta(seconds=6))
        await send(ports, may, *batch, watched(course.lesson_ids[0], (0, 120), at=ports.clock.now()))
    seconds = sum(row.watched_seconds for row in (await lesson_progress_of(may.member_id, course.lesson_ids)).values())
    assert seconds == 600 + 2 * 60


async def test_two_devices_have_one_budget(ports, world):
    one, two = await world.course(seconds=900), await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    now = ports.clock.now()

    await asyncio.gather(
        send(ports, may, watched(one.lesson_ids[0], (0, 900), at=now)),
        send(ports, may, watched(two.lesson_ids[0], (0, 900), at=now)),
    )

    found = await lesson_progress_of(may.member_id, [*one.lesson_ids, *two.lesson_ids])
    assert sum(row.watched_seconds for row in found.values()) == 600


async def test_pending_credit_opens_the_next_lesson_and_is_paid_oldest_first_with_its_own_time(ports, world):
    course = await world.course(lessons=2, seconds=900)
    first, second = course.lesson_ids
    may = await learner(ports, await station(ports), joined=timedelta(0))
    at = ports.clock.now()

    outcome = await send(ports, may, watched(first, (0, 900), at=at), watched(second, (0, 900), at=at + MINUTE))
    assert told(outcome) == ["TOO_FAST", "TOO_FAST"]
    waiting = await lesson_progress_of(may.member_id, course.lesson_ids)
    assert (waiting[first].watched_seconds, waiting[second].watched_seconds) == (600, 0)
    assert waiting[first].credit_due_at == at + timedelta(seconds=(810 - 600) / 2)
    assert waiting[second].credit_due_at == at + timedelta(seconds=(900 + 810 - 600) / 2)

    ports.clock.at = waiting[first].credit_due_at
    await pay_pending(ports, may.member_id)
    found = await lesson_progress_of(may.member_id, course.lesson_ids)
    assert (found[first].watched_seconds, found[first].completed_at, found[first].credit_due_at) == (810, at, None)
    assert found[second].completed_at is None

    ports.clock.at = waiting[second].credit_due_at
    await pay_pending(ports, may.member_id)
    found = await lesson_progress_of(may.member_id, course.lesson_ids)
    assert (found[second].watched_seconds, found[second].completed_at) == (810, at + MINUTE)
    assert await lifetime(may) == 10 + 10 + 30 + 5
    assert await ledger_verify() == []


async def test_the_next_report_pays_what_is_pending(ports, world):
    long, other = await world.course(seconds=900), await world.course(seconds=60)
    may = await learner(ports, joined=timedelta(0))
    at = ports.clock.now()
    await send(ports, may, watched(long.lesson_ids[0], (0, 900), at=at))

    ports.clock.advance(HOUR)
    outcome = await send(ports, may, watched(other.lesson_ids[0], (0, 5), at=ports.clock.now()))

    assert told(outcome) == [ACCEPTED]
    assert set(outcome.lesson_ids) == {long.lesson_ids[0], other.lesson_ids[0]}
    assert Award("lesson.completed", 10, "Lesson", long.lesson_ids[0]) in outcome.awards
    assert (await progress_in(may, long.lesson_ids[0])).completed_at == at


def test_the_worker_looks_for_what_is_due():
    assert pay_all_due in [tick.run for tick in TICKS]


async def test_one_member_who_cannot_be_paid_holds_up_nobody_else(ports, world):
    course = await world.course(seconds=900)
    broken, may = await learner(ports, joined=timedelta(0)), await learner(ports, joined=timedelta(0))
    at = ports.clock.now()
    for actor in (broken, may):
        await send(ports, actor, watched(course.lesson_ids[0], (0, 900), at=at))
    # Progress that its table would not take again: what was paid and what was watched disagree.
    await execute(
        "UPDATE lesson_progress SET creditable_seconds = 810, paid = '{0,850}' WHERE member_id = $1", broken.member_id
    )

    ports.clock.advance(HOUR)
    await pay_all_due(ports)

    assert (await progress_in(may, course.lesson_ids[0])).completed_at == at
    assert (await progress_in(broken, course.lesson_ids[0])).completed_at is None


async def test_the_worker_pays_when_the_time_has_come(ports, world):
    course = await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    at = ports.clock.now()
    await send(ports, may, watched(course.lesson_ids[0], (0, 900), at=at))

    ports.clock.advance(timedelta(seconds=104))
    await pay_all_due(ports)
    assert (await progress_in(may, course.lesson_ids[0])).watched_seconds == 600

    ports.clock.advance(timedelta(seconds=1))
    await pay_all_due(ports)
    assert (await progress_in(may, course.lesson_ids[0])).completed_at == at

    ports.clock.advance(HOUR)
    await pay_all_due(ports)
    before = await everything()
    await pay_all_due(ports)
    await pay_if_due(ports, may.member_id, ports.clock.now())
    assert (await progress_in(may, course.lesson_ids[0])).watched_seconds == 900
    assert await everything() == before


async def test_what_is_pending_when_a_course_retires_is_still_paid(ports, world):
    course = await world.course(seconds=900)
    may = await learner(ports, joined=timedelta(0))
    at = ports.clock.now()
    await send(ports, may, watched(course.lesson_ids[0], (0, 900), at=at))
    await Course.filter(id=course.id).update(status=CourseStatus.RETIRED)

    ports.clock.advance(HOUR)
    await pay_all_due(ports)

    assert (await progress_in(may, course.lesson_ids[0])).completed_at == at


async def test_a_redundant_late_event_takes_the_credit_over_without_being_paid_again(ports, world):
    course = await world.course(seconds=600)
    lesson = course.lesson_ids[0]
    may = await learner(ports, await station(ports), joined=timedelta(0))
    now = ports.clock.now()
    ports.clock.advance(HOUR)
    await send(ports, may, watched(lesson, (0, 500), at=now + 2 * MINUTE, name="later"))
    [before] = await rows("SELECT available_ms FROM learning_budgets WHERE member_id = $1", may.member_id)

    await send(ports, may, watched(lesson, (0, 300), at=now + MINUTE, name="earlier"))

    [after] = await rows("SELECT available_ms FROM learning_budgets WHERE member_id = $1", may.member_id)
    assert after == before
    booked = await rows(
        "SELECT event_id, sum(seconds) AS seconds FROM learning_seconds WHERE member_id = $1 GROUP BY 1", may.member_id
    )
    assert {row["event_id"]: row["seconds"] for row in booked} == {named("later"): 200, named("earlier"): 300}
