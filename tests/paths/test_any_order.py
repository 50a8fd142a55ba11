"""Whatever the order in which completions become known, and whatever happens at the same time: the same passages."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from kit.clock import FrozenClock
from models.paths import path_of_tier
from services.ledger import ledger_verify
from services.paths import Arrangement, arrange_path, settle_paths
from services.ports import Ports
from tests.paths.story import ORDINARY, PASSED, admin, arrange, paid, passages, stage, states
from tests.progress.desk import send, watched
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("seed", range(4))
async def test_stages_are_passed_where_their_courses_say_in_whatever_order_those_are_told(
    world: World, ports: Ports, seed: int
) -> None:
    random = Random(seed)
    courses = [await world.course() for _ in range(6)]
    may = await world.learner()
    actor = await world.actor(may)
    await arrange(world, ports, stage("one", *courses[:2]), stage("two", *courses[2:5]), stage("three", courses[5]))
    assert isinstance(ports.clock, FrozenClock)
    ports.clock.advance(timedelta(hours=10))
    moments = [NOON + random.randint(10, 590) * MINUTE for _ in courses]
    told = [(course, at) for course, first in zip(courses, moments, strict=True) for at in (first, first + 5 * MINUTE)]
    random.shuffle(told)  # of many a course, the later viewing becomes known first

    for course, at in told:
        await send(ports, actor, watched(course.lesson_ids[0], (0, 60), at=at))

    one = max(moments[:2])
    two = max([one, *moments[2:5]])
    assert await paid(may) == [(30, one), (30, two), (30, max(two, moments[5]))]
    assert await ledger_verify() == []


async def test_learning_arranging_and_settling_at_once_pay_each_stage_once(world: World, ports: Ports) -> None:
    courses = [await world.course() for _ in range(3)]
    learners = [await world.learner() for _ in range(4)]
    boss = await admin(world)
    stages = [stage(f"s{number}", course) for number, course in enumerate(courses)]

    async def arrange_again_and_again() -> None:
        for length in (1, 2, 3):
            before = await path_of_tier(ORDINARY)
            version = before.version if before is not None else 0
            await arrange_path(ports, boss, Arrangement(ORDINARY, version, tuple(stages[:length])))
            await settle_paths(ports)

    await asyncio.gather(
        arrange_again_and_again(),
        settle_paths(ports),
        *(world.studies(learner, course) for learner in learners for course in courses),
    )
    await settle_paths(ports)

    assert [await states(learner) for learner in learners] == [[PASSED] * 3] * 4
    assert await passages([learner.id for learner in learners]) == 12
    assert await ledger_verify() == []
