"""What the academy brought: every figure by hand, every total counted anew, nobody's region but one's own."""

import asyncio
import importlib
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import execute, rows, transaction
from kit.ids import new_id, to_global
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member
from models.day_totals import count_marked_days
from models.outlets import Region
from services.corrections import CorrectionPlan, correct_points
from services.day_totals import count_days
from services.ports import Ports
from tests.faults.locks import until_waiting
from tests.gql import Gql
from tests.insight.story import (
    OVERVIEW,
    Tree,
    counted_anew,
    distinct,
    learned_where,
    settle,
    studied,
    totals,
    tree,
)  # fmt: skip
from tests.world import World
from workers.relay import drain

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


async def overview(
    gql: Gql, by: Member, starts_on: date = MONDAY, ends_on: date = MONDAY + 7 * DAY, region: Region | None = None
) -> Any:
    asked = {"from": starts_on.isoformat(), "to": ends_on.isoformat()}
    gid = to_global("Region", region.id) if region is not None else None
    answer = await gql.ask(OVERVIEW, {**asked, "regionId": gid}, by=by)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["academyOverview"]


async def leaves(member: Member, at: datetime) -> None:
    """The member holds no post any more."""
    await execute(
        "UPDATE posts SET is_current = false, until_at = $2 WHERE member_id = $1 AND until_at IS NULL", member.id, at
    )


async def test_a_week_of_two_learners_adds_up(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may, chen = [
        await world.learner(name, outlet=shop) for name, shop in zip(["May", "Chen"], place.shops, strict=True)
    ]
    course, other = await world.course("陈列", lessons=2), await world.course("物流")
    await world.assigned(course, region=place.city, due_in=3 * DAY)
    boss = await world.staff(Role.ADMIN, place.city)
    clock.advance(HOUR)
    await studied(ports, may, course, clock.now())
    clock.advance(DAY)
    await studied(ports, may, course, clock.now(), lesson=1)
    await studied(ports, chen, other, clock.now(), seconds=30)
    clock.advance(4 * DAY)
    await settle(ports)

    seen = await overview(gql, boss)

    assert {name: seen[name] for name in ("activeLearners", "newLearners", "lessonsCompleted", "coursesCompleted")} == {
        "activeLearners": 2, "newLearners": 2, "lessonsCompleted": 2, "coursesCompleted": 1,
    }  # fmt: skip
    assert seen["learningSeconds"] == 150
    [points] = await rows("SELECT sum(amount)::int AS points FROM ledger_entries WHERE account = 'LIFETIME'")
    assert seen["pointsEarned"] == points["points"] > 0
    assert (seen["assignmentsDone"], seen["assignmentsOverdue"]) == (1, 1)
    assert [(day["date"], day["activeLearners"], day["lessonsCompleted"], day["learningSeconds"])
            for day in seen["days"]] == [
        ("2026-03-02", 1, 1, 60), ("2026-03-03", 2, 1, 90), *((f"2026-03-0{day}", 0, 0, 0) for day in range(4, 9)),
    ]  # fmt: skip
    assert [(line["region"]["name"], line["activeLearners"], line["activePercent"], line["coursesCompleted"],
             line["learningSeconds"], line["assignmentsOverdue"]) for line in seen["regions"]] == [
        ("城东", 1, 100, 1, 120, 0), ("城西", 1, 100, 0, 30, 1),
    ]  # fmt: skip
    assert [(line["course"]["title"], line["views"], line["completions"], line["completionPercent"])
            for line in seen["topCourses"]] == [("陈列", 1, 1, 100), ("物流", 1, 0, 0)]  # fmt: skip


async def test_learners_are_counted_once_over_a_time_however_often_they_came(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may = await world.learner(outlet=place.shops[0])
    await world.learner("没来", outlet=place.shops[0], role=PostRole.CLERK)
    boss = await world.staff(Role.AUDITOR, place.city)
    for _ in range(3):
        clock.advance(DAY)
        await studied(ports, may, await world.course(), clock.now())
    await settle(ports)

    seen = await overview(gql, boss)
    later = await overview(gql, boss, MONDAY + 2 * DAY)

    assert [day["activeLearners"] for day in seen["days"]] == [0, 1, 1, 1, 0, 0, 0]
    assert (seen["activeLearners"], seen["newLearners"], seen["regions"][0]["activePercent"]) == (1, 1, 50)
    assert (later["activeLearners"], later["newLearners"]) == (1, 0)


async def test_a_move_drags_nothing_along_and_counts_the_day_once(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may = await world.learner(outlet=place.shops[0])
    boss = await world.staff(Role.ADMIN, place.city)
    east, west = place.counties
    clock.advance(HOUR)
    await studied(ports, may, await world.course(), clock.now())
    await settle(ports)
    await leaves(may, clock.now())
    clock.advance(HOUR)
    await world.post(may, place.shops[1])
    await studied(ports, may, await world.course(), clock.now(), seconds=40)
    clock.advance(DAY)
    await studied(ports, may, await world.course(), clock.now(), seconds=50)
    await settle(ports)

    whole, old, new = [await overview(gql, boss, region=region) for region in (place.city, east, west)]

    assert (whole["learningSeconds"], old["learningSeconds"], new["learningSeconds"]) == (150, 60, 90)
    assert [day["activeLearners"] for day in whole["days"]][:3] == [1, 1, 0]
    assert [day["activeLearners"] for day in old["days"]][:2] == [0, 0]
    assert [day["activeLearners"] for day in new["days"]][:2] == [1, 1]
    assert (whole["activeLearners"], old["activeLearners"], new["activeLearners"]) == (1, 0, 1)
    assert (whole["newLearners"], new["newLearners"]) == (1, 1)


async def test_what_comes_late_counts_on_its_day_and_takes_back_what_came_too_early(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may = await world.learner(outlet=place.shops[0])
    course, boss = await world.course(lessons=2), await world.staff(Role.ADMIN, place.city)
    clock.advance(3 * DAY)
    await studied(ports, may, course, clock.now())
    await settle(ports)
    before = await overview(gql, boss)

    await studied(ports, may, course, clock.now() - 2 * DAY)
    await settle(ports)
    after = await overview(gql, boss)

    assert [day["lessonsCompleted"] for day in before["days"]] == [0, 0, 0, 1, 0, 0, 0]
    assert [day["lessonsCompleted"] for day in after["days"]] == [0, 1, 0, 0, 0, 0, 0]
    assert [day["activeLearners"] for day in after["days"]] == [0, 1, 0, 0, 0, 0, 0]
    assert after["topCourses"][0]["views"] == before["topCourses"][0]["views"] == 1
    assert await rows("SELECT day FROM course_days WHERE views > 0") == [{"day": MONDAY + DAY}]


async def test_points_taken_back_are_not_earned(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may, boss = await world.learner(outlet=place.shops[0]), await world.staff(Role.ADMIN, place.city)
    clock.advance(HOUR)
    await studied(ports, may, await world.course(), clock.now())
    await settle(ports)
    earned = (await overview(gql, boss))["pointsEarned"]

    await correct_points(ports, await world.actor(boss), CorrectionPlan(may.id, -3, "弄错了", None, new_id()))
    await settle(ports)

    assert (await overview(gql, boss))["pointsEarned"] == earned - 3


async def test_totals_kept_along_the_way_are_those_counted_anew(
    world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    dice = random.Random(20260302)
    people = [
        await world.learner(f"学员{number}", outlet=place.shops[number % 2], role=PostRole.CLERK) for number in range(4)
    ]
    courses = [await world.course(lessons=2) for _ in range(3)]
    await world.assigned(courses[0], region=place.city)
    clock.advance(DAY)
    for _ in range(40):
        clock.advance(timedelta(hours=dice.choice([1, 7, 20])))
        may, course = dice.choice(people), dice.choice(courses)
        if dice.random() < 0.1:
            await leaves(may, clock.now())
            clock.advance(HOUR)
            await world.post(may, dice.choice(place.shops))
        at = clock.now() - timedelta(hours=dice.choice([0, 0, 3, 22]))
        seconds = dice.choice([20, 40, 60])
        await studied(ports, may, course, at, seconds=seconds)
        if dice.random() < 0.5:
            await settle(ports)
    await settle(ports)

    kept = await totals()
    anew = await counted_anew(ports)

    assert kept == anew
    assert all(kept.values())
    where = await learned_where()
    sums = await rows("SELECT day, sum(active_learners)::int AS learners FROM region_days GROUP BY 1 ORDER BY 1")
    assert {row["day"]: row["learners"] for row in sums if row["learners"]} == {
        day: distinct(where, place.stations, day, day + DAY) for day in sorted({day for _, day in where})
    }


async def test_two_who_count_at_once_and_a_change_in_between_lose_nothing(
    world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    people = [await world.learner(f"学员{number}", outlet=place.shops[0], role=PostRole.CLERK) for number in range(6)]
    course = await world.course()
    clock.advance(HOUR)

    async def count_on() -> None:
        for _ in range(6):
            await drain(ports)
            await count_days(ports)

    await asyncio.gather(count_on(), count_on(), *(studied(ports, each, course, clock.now()) for each in people))
    await settle(ports)

    assert (await totals())["region_days"][0]["active_learners"] == 6
    assert await rows("SELECT * FROM day_marks") == []


async def test_a_day_marked_while_it_is_counted_is_counted_again(
    world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may, chen = [await world.learner(name, outlet=place.shops[0], role=PostRole.CLERK) for name in ("May", "Chen")]
    course = await world.course()
    clock.advance(HOUR)
    await studied(ports, may, course, clock.now())
    await drain(ports)
    counted, told = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        await count_marked_days(10)
        counted.set()
        await told.wait()

    counting = asyncio.create_task(transaction(slowly))
    await counted.wait()
    await studied(ports, chen, course, clock.now())
    marking = asyncio.create_task(drain(ports))
    told.set()
    await asyncio.gather(counting, marking)
    await count_days(ports)

    assert (await totals())["region_days"][0]["active_learners"] == 2


async def test_two_who_count_other_days_of_one_region_at_once_keep_both_days(
    world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may = await world.learner("May", outlet=place.shops[0])
    course = await world.course(lessons=2)
    for lesson in range(2):
        clock.advance(DAY)
        await studied(ports, may, course, clock.now(), lesson=lesson)
    await drain(ports)
    counted, told = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        await count_marked_days(1)
        counted.set()
        await told.wait()

    first = asyncio.create_task(transaction(slowly))
    await counted.wait()
    second = asyncio.create_task(count_days(ports))
    await until_waiting(1)
    told.set()
    await asyncio.gather(first, second)
    kept = await totals()

    [line] = kept["active_years"]
    assert line["days"].as_string().count("1") == 2
    assert kept == await counted_anew(ports)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER])
async def test_staff_see_their_own_subtree_and_nothing_beside_it(
    role: Role, gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    boss = await world.staff(role, place.counties[0])
    for shop in place.shops:
        learner = await world.learner(outlet=shop)
        clock.advance(HOUR)
        await studied(ports, learner, await world.course(), clock.now())
    await settle(ports)

    own = await overview(gql, boss)
    asked = {"from": "2026-03-02", "to": "2026-03-03", "regionId": to_global("Region", place.counties[1].id)}
    foreign = await gql.ask(OVERVIEW, asked, by=boss)

    assert (own["activeLearners"], own["learningSeconds"], len(own["topCourses"])) == (1, 60, 1)
    assert [line["region"]["name"] for line in own["regions"]] == ["城东服务站"]
    assert foreign["data"]["academyOverview"] is None
    assert foreign["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_several_subtrees_are_seen_together_and_divided_by_themselves(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    boss = await world.staff(Role.ADMIN, place.counties[0])
    await world.staff(Role.ADMIN, place.city)
    for shop in place.shops:
        learner = await world.learner(outlet=shop)
        clock.advance(HOUR)
        await studied(ports, learner, await world.course(), clock.now())
    await execute(
        "INSERT INTO role_grants (id, member_id, role, region_id, granted_at) VALUES ($1, $2, 'AUDITOR', $3, $4)",
        new_id(), boss.id, place.stations[1].id, clock.now(),
    )  # fmt: skip
    await settle(ports)

    seen = await overview(gql, boss)

    assert seen["activeLearners"] == 2
    assert [line["region"]["name"] for line in seen["regions"]] == ["城东", "城西服务站"]


async def test_learners_are_refused(gql: Gql, world: World) -> None:
    asked = {"from": "2026-03-02", "to": "2026-03-03"}

    answer = await gql.ask(OVERVIEW, asked, by=await world.learner())

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "field"),
    [
        ("2026-03-02", "2026-03-02", "to"),
        ("2026-03-02", "2026-03-01", "to"),
        ("2026-03-02", "2027-04-07", "to"),
        ("1999-12-31", "2000-01-05", "from"),
        ("0001-01-01", "0001-01-05", "from"),
        ("9999-12-30", "9999-12-31", "from"),
    ],
)
async def test_a_time_that_is_none_is_refused(gql: Gql, world: World, starts_on: str, ends_on: str, field: str) -> None:
    boss = await world.staff(Role.ADMIN)

    answer = await gql.ask(OVERVIEW, {"from": starts_on, "to": ends_on}, by=boss)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answer["errors"][0]["extensions"]["field"] == [field]


async def test_four_hundred_days_over_the_end_of_a_leap_year_are_all_there(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    may, boss = await world.learner(outlet=place.shops[0]), await world.staff(Role.ADMIN)
    await execute("UPDATE members SET joined_at = '2027-01-01'")
    last = datetime(2028, 12, 31, 15, 30, tzinfo=UTC)  # half past eleven in the evening, the 366th day
    clock.advance(last - clock.now())
    await studied(ports, may, await world.course(), clock.now())
    await settle(ports)

    whole = await overview(gql, boss, date(2028, 12, 1), date(2028, 12, 1) + 400 * DAY)
    until, after = [
        await overview(gql, boss, *days)
        for days in ((date(2028, 1, 1), date(2028, 12, 31)), (date(2029, 1, 1), date(2029, 1, 2)))
    ]

    assert (len(whole["days"]), whole["activeLearners"], whole["newLearners"]) == (400, 1, 1)
    assert [day["date"] for day in whole["days"] if day["activeLearners"]] == ["2028-12-31"]
    assert (until["activeLearners"], after["activeLearners"]) == (0, 0)


async def test_a_shop_of_a_tier_that_is_asked_later_is_overdue_when_its_time_is_over(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    await world.learner(outlet=place.shops[0])
    boss = await world.staff(Role.ADMIN, place.city)
    await world.assigned(await world.course(), tier=OutletTier.MODERN, due_in=DAY)
    clock.advance(2 * DAY)
    await settle(ports)
    before = (await overview(gql, boss))["assignmentsOverdue"]

    await execute("UPDATE outlets SET tier = 'MODERN' WHERE id = $1", place.shops[0].id)
    clock.advance(timedelta(minutes=10))
    await settle(ports)

    seen = await overview(gql, boss)
    assert (before, seen["assignmentsOverdue"], seen["regions"][0]["assignmentsOverdue"]) == (0, 1, 1)


async def test_an_upgrade_finds_learners_that_two_workers_once_lost(
    world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    learners = [await world.learner(outlet=shop) for shop in place.shops]
    clock.advance(HOUR)
    for learner in learners:
        await studied(ports, learner, await world.course(), clock.now())
    await settle(ports)
    right = await totals()
    await execute("UPDATE active_years SET days = B'0'::bit(366) WHERE region_id = $1", place.stations[0].id)

    await execute(importlib.import_module("models.migrations.0043_days_anew").MARK)
    await count_days(ports)

    assert await totals() == right
    assert len(right["active_years"]) == 2
