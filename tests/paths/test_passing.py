"""Passing stages: in the report that completes the last course, once, whichever way it comes about."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.words import OutletTier
from models.paths import path_of_tier
from services import paths as service
from services.ledger import ledger_verify
from services.outlets import set_current_outlet
from services.paths import path_of, settle_paths, settle_some
from services.ports import Ports
from tests.paths.story import LOCKED, OPEN, PASSED, arrange, paid, passages, retire, stage, states
from tests.progress.desk import send, watched
from tests.world import World
from workers.relay import drain

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def later(ports: Ports, by: timedelta) -> datetime:
    assert isinstance(ports.clock, FrozenClock)
    ports.clock.advance(by)
    return ports.clock.now()


async def test_the_last_course_passes_its_stage_in_the_same_report(world: World, ports: Ports) -> None:
    first, second = await world.course(lessons=2), await world.course()
    may = await world.learner()
    await arrange(world, ports, stage("one", first, points=40), stage("two", second))
    await world.studies(may, first, lessons=1)
    before = await states(may)

    await world.studies(may, first)

    assert before == [OPEN, LOCKED]
    assert await states(may) == [PASSED, OPEN]
    assert [points for points, _ in await paid(may)] == [40]
    found = await path_of(may.id)
    assert found is not None
    assert [(len(each.stage.asked), sum(course.lessons_done for course in each.stage.asked)) for each in found] == [
        (1, 2),
        (1, 0),
    ]
    assert await ledger_verify() == []


async def test_passing_one_stage_passes_the_next_at_once_if_it_was_learned_before(world: World, ports: Ports) -> None:
    first, second, third = await world.course(), await world.course(), await world.course()
    may = await world.learner()
    await arrange(world, ports, stage("one", first), stage("two", second, points=20), stage("three", third))
    await world.studies(may, second)
    before = (await states(may), await paid(may))
    at = later(ports, HOUR)

    await world.studies(may, first)

    assert before == ([OPEN, LOCKED, LOCKED], [])
    assert await states(may) == [PASSED, PASSED, OPEN]
    assert await paid(may) == [(20, at), (30, at)]
    assert await ledger_verify() == []


async def test_two_last_courses_reported_at_once_pay_one_stage_once(world: World, ports: Ports) -> None:
    courses = [await world.course() for _ in range(6)]
    may = await world.learner()
    await arrange(world, ports, stage("one", *courses))

    await asyncio.gather(*(world.studies(may, course) for course in courses))

    assert await states(may) == [PASSED]
    assert [points for points, _ in await paid(may)] == [30]
    assert await passages([may.id]) == 1
    assert await ledger_verify() == []


async def test_a_late_event_moves_the_passage_to_where_it_was(world: World, ports: Ports) -> None:
    first, second = await world.course(), await world.course()
    may = await world.learner()
    actor = await world.actor(may)
    await arrange(world, ports, stage("one", first), stage("two", second))
    later(ports, 5 * HOUR)
    at = ports.clock.now()
    await send(ports, actor, watched(first.lesson_ids[0], (0, 60), at=at - HOUR, name="late"))
    await send(ports, actor, watched(second.lesson_ids[0], (0, 60), at=at - 3 * HOUR, name="early"))
    before = await paid(may)

    await send(ports, actor, watched(first.lesson_ids[0], (0, 60), at=at - 4 * HOUR, name="earlier"))

    assert before == [(30, at - HOUR), (30, at - HOUR)]
    assert await paid(may) == [(30, at - 4 * HOUR), (30, at - 3 * HOUR)]
    assert await ledger_verify() == []


async def test_who_learned_before_there_was_a_path_is_paid_by_the_worker_once(world: World, ports: Ports) -> None:
    first, second = await world.course(), await world.course()
    learners = [await world.learner(name) for name in ("阿May", "阿林", "老王")]
    for learner in learners[:2]:
        await world.studies(learner, first)
        await world.studies(learner, second)
    at = later(ports, HOUR)
    plan = await arrange(world, ports, stage("one", first), stage("two", second))
    before = await passages([learner.id for learner in learners])

    await asyncio.gather(*(settle_paths(ports) for _ in range(4)))

    assert (plan.members_to_settle, plan.settled_at, before) == (2, None, 0)
    assert [await paid(learner) for learner in learners] == [[(30, at), (30, at)], [(30, at), (30, at)], []]
    assert await passages([learner.id for learner in learners]) == 4
    after = await path_of_tier(OutletTier.ORDINARY)
    assert after is not None
    assert after.settled_at == at
    assert await ledger_verify() == []


async def test_a_worker_that_died_is_gone_on_from_where_it_was(
    world: World, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = await world.course()
    learners = [await world.learner() for _ in range(5)]
    for learner in learners:
        await world.studies(learner, course)
    await arrange(world, ports, stage("one", course))
    monkeypatch.setattr(service, "MEMBERS_AT_ONCE", 2)
    await settle_some(ports)
    halfway = await path_of_tier(OutletTier.ORDINARY)

    await settle_paths(ports)

    assert halfway is not None
    assert (halfway.settled_members, halfway.settled_up_to) == (2, sorted(each.id for each in learners)[1])
    after = await path_of_tier(OutletTier.ORDINARY)
    assert after is not None
    assert (after.settled_members, after.settled_at) == (5, ports.clock.now())
    assert await passages([learner.id for learner in learners]) == 5


async def test_a_path_arranged_anew_while_the_worker_is_at_it_is_settled_from_the_start(
    world: World, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await world.course(), await world.course()
    learners = [await world.learner() for _ in range(3)]
    for learner in learners:
        await world.studies(learner, one)
        await world.studies(learner, two)
    await arrange(world, ports, stage("one", one))
    monkeypatch.setattr(service, "MEMBERS_AT_ONCE", 2)
    await settle_some(ports)

    plan = await arrange(world, ports, stage("one", one), stage("two", two))
    await settle_paths(ports)

    assert (plan.settled_members, plan.settled_up_to) == (0, None)
    assert [len(await paid(learner)) for learner in learners] == [2, 2, 2]
    assert await passages([learner.id for learner in learners]) == 6


async def test_what_was_passed_stays_passed_at_its_price(world: World, ports: Ports) -> None:
    first, second = await world.course(), await world.course()
    may = await world.learner()
    await arrange(world, ports, stage("one", first, points=30))
    await world.studies(may, first)
    at = ports.clock.now()
    later(ports, HOUR)

    await arrange(world, ports, stage("new", second), stage("one", first, points=90))
    await settle_paths(ports)

    assert await states(may) == [OPEN, PASSED]
    assert await paid(may) == [(30, at)]
    found = await path_of(may.id)
    assert found is not None
    assert [standing.stage.points for standing in found] == [30, 30]


async def test_a_stage_that_was_gone_and_comes_back_pays_nobody_again(world: World, ports: Ports) -> None:
    course, other = await world.course(), await world.course()
    may = await world.learner()
    await arrange(world, ports, stage("one", course))
    await world.studies(may, course)
    await arrange(world, ports, stage("two", other))
    without = await states(may)

    await arrange(world, ports, stage("one", course), stage("two", other))
    await settle_paths(ports)

    assert without == [OPEN]
    assert await states(may) == [PASSED, OPEN]
    assert await passages([may.id]) == 1


async def test_a_retired_course_locks_nobody_for_ever(world: World, ports: Ports) -> None:
    first, doomed, last = await world.course(), await world.course(), await world.course()
    may, lin = await world.learner("阿May"), await world.learner("阿林")
    await arrange(world, ports, stage("one", first, doomed), stage("two", last))
    await settle_paths(ports)
    await world.studies(may, first)
    at = ports.clock.now()
    later(ports, HOUR)

    await retire(doomed)
    await settle_paths(ports)
    await world.studies(lin, first)

    assert await states(may) == await states(lin) == [PASSED, OPEN]
    assert await paid(may) == [(30, at)]
    assert await paid(lin) == [(30, ports.clock.now())]
    assert await ledger_verify() == []


async def test_a_stage_of_retired_courses_alone_is_walked_past_and_pays_nothing(world: World, ports: Ports) -> None:
    first, doomed, last = await world.course(), await world.course(), await world.course()
    may = await world.learner()
    await arrange(world, ports, stage("one", first), stage("empty", doomed), stage("three", last))
    await retire(doomed)
    await world.studies(may, first)

    await settle_paths(ports)

    assert await states(may) == [PASSED, PASSED, OPEN]
    assert await passages([may.id]) == 1


async def test_a_course_for_adults_holds_up_no_one_who_may_not_see_it(world: World, ports: Ports) -> None:
    first, adult = await world.course(), await world.course(adults_only=True)
    may = await world.learner()
    await arrange(world, ports, stage("one", first, adult))

    await world.studies(may, first)

    assert await states(may) == [PASSED]


async def test_who_comes_into_another_tier_is_paid_for_what_they_know_from_then_on(world: World, ports: Ports) -> None:
    course = await world.course()
    shop = await world.outlet(tier=OutletTier.ORDINARY)
    flagship = await world.outlet(tier=OutletTier.MODERN)
    may = await world.learner(outlet=shop)
    await world.post(may, flagship)
    await arrange(world, ports, stage("one", course), tier=OutletTier.MODERN)
    await settle_paths(ports)
    later(ports, HOUR)
    await world.studies(may, course)
    before = (await states(may), await paid(may))
    at = later(ports, HOUR)

    await set_current_outlet(ports, await world.actor(may), flagship.id)
    await drain(ports)
    await drain(ports)

    assert before == ([], [])
    assert await states(may) == [PASSED]
    assert await paid(may) == [(30, at)]


async def test_a_path_of_another_tier_is_nothing_to_a_learner(world: World, ports: Ports) -> None:
    course = await world.course()
    may, nobody = await world.learner(), await world.member()
    await arrange(world, ports, stage("one", course), tier=OutletTier.PARTNER)

    await world.studies(may, course)
    await settle_paths(ports)

    assert await path_of(may.id) == []
    assert await path_of(nobody.id) is None
    assert await passages([may.id]) == 0


async def test_one_who_cannot_be_settled_holds_up_nobody(world: World, ports: Ports) -> None:
    course = await world.course()
    learners = sorted([await world.learner() for _ in range(3)], key=lambda each: each.id)
    for learner in learners:
        await world.studies(learner, course)
    await execute(
        "INSERT INTO facts (member_id, kind, object_id, occurred_at, day, details, recorded_at)"
        " SELECT member_id, 'of.tomorrow', object_id, occurred_at, day, details, recorded_at FROM facts"
        " WHERE member_id = $1 AND kind = 'course.completed'",
        learners[0].id,
    )
    await arrange(world, ports, stage("one", course))

    await settle_paths(ports)

    assert [len(await paid(learner)) for learner in learners] == [0, 1, 1]
    plan = await path_of_tier(OutletTier.ORDINARY)
    assert plan is not None
    assert plan.settled_at is not None
