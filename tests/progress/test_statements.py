"""A report is a few statements, however long it is."""

import pytest

from auth.actor import Actor, Grant
from kit import db
from kit.ids import new_id
from kit.words import OutletTier, Role
from tests.paths.story import arrange, paid, stage
from tests.pool import counted
from tests.progress.desk import ACCEPTED, DUPLICATE, HOUR, MINUTE, learner, send, station, told, watched


@pytest.fixture
async def pool(ports, world):
    """The pool, each of its connections past what it does once in its life."""
    course = await world.course(seconds=60)
    await send(ports, await learner(ports), watched(course.lesson_ids[0], (0, 60), at=ports.clock.now()))
    return await db._pool()


def evening(course, at, count, *, again=0):
    """`count` events all over the course, in order."""
    lessons = course.lesson_ids
    return [
        watched(
            lessons[number * len(lessons) // count],
            (number * 60 % 100, number * 60 % 100 + 20),
            at=at + number * MINUTE,
            name=("evening", number, again),
        )
        for number in range(count)
    ]


async def test_twenty_events_that_complete_nothing_take_some_twenty_statements(ports, world, pool):
    course = await world.course(lessons=1, seconds=1200)
    may = await learner(ports, await station(ports))
    batch = evening(course, ports.clock.now() - HOUR, 20)

    with counted(pool) as statements:
        outcome = await send(ports, may, *batch)

    assert told(outcome) == [ACCEPTED] * 20
    assert len(statements) <= 27  # five of them look for a badge, on the member's first evening


async def test_a_hundred_events_take_as_many_statements_as_twenty(ports, world, pool):
    course = await world.course(lessons=1, seconds=1200)
    may, lin = await learner(ports), await learner(ports)
    at = ports.clock.now() - 2 * HOUR

    with counted(pool) as few:
        await send(ports, may, *evening(course, at, 20))
    with counted(pool) as many:
        await send(ports, lin, *evening(course, at, 100))

    assert len(many) == len(few)


async def test_lessons_and_a_course_completed_with_their_rewards_take_some_forty_statements(ports, world, pool):
    course = await world.course(lessons=4, seconds=100)
    may = await learner(ports, await station(ports))
    at = ports.clock.now() - HOUR
    batch = [
        watched(lesson, (start, start + 20), at=at + (5 * number + start / 20) * MINUTE)
        for number, lesson in enumerate(course.lesson_ids)
        for start in range(0, 100, 20)
    ]

    with counted(pool) as statements:
        outcome = await send(ports, may, *batch)

    assert told(outcome) == [ACCEPTED] * 20
    # Two of them announce the region's days for the overview, once with the points and once with what was learned.
    assert len(statements) <= 47


async def test_a_stage_passed_with_the_course_costs_no_statement_of_its_own(ports, world, pool):
    plain, staged = await world.course(), await world.course()
    may = await world.learner(outlet=await station(ports, tier=OutletTier.ORDINARY))
    lin = await world.learner()
    actors = [Actor(member.id, new_id(), (Grant(Role.LEARNER, None, ""),)) for member in (may, lin)]
    await arrange(world, ports, stage("one", staged))

    with counted(pool) as without:
        await send(ports, actors[0], watched(plain.lesson_ids[0], (0, 60), at=ports.clock.now()))
    with counted(pool) as passing:
        await send(ports, actors[1], watched(staged.lesson_ids[0], (0, 60), at=ports.clock.now()))

    assert len(await paid(lin)) == 1
    assert len(passing) <= len(without) + 1  # its points reach a level, which is told
    assert sum("path_stages" in statement for statement in without) == 1


async def test_a_batch_sent_again_takes_a_handful(ports, world, pool):
    course = await world.course(lessons=1, seconds=1200)
    may = await learner(ports)
    batch = evening(course, ports.clock.now() - HOUR, 20)
    await send(ports, may, *batch)

    with counted(pool) as statements:
        outcome = await send(ports, may, *batch)

    assert told(outcome) == [DUPLICATE] * 20
    assert len(statements) <= 6
