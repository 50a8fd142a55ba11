"""Who has done what was assigned: each person once, where it reaches them, overdue first."""

from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.ids import new_id, to_global
from kit.words import OutletTier, PostRole, Role
from models.accounts import Member
from models.outlets import Outlet, Region
from services.ports import Ports
from tests.gql import Gql
from tests.insight.story import PROGRESS, Tree, studied, tree
from tests.world import MadeCourse, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


@pytest.fixture
async def boss(world: World, place: Tree) -> Member:
    return await world.staff(Role.SUPERVISOR, place.city)


async def progress(gql: Gql, by: Member, course: MadeCourse, region: Region | None = None, **page: object) -> Any:
    gid = to_global("Region", region.id) if region is not None else None
    answer = await gql.ask(PROGRESS, {"courseId": course.gid, "regionId": gid, **page}, by=by)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["assignmentProgress"]


def sums(seen: Any) -> tuple[int, int, int, int]:
    return seen["assigned"], seen["done"], seen["running"], seen["overdue"]


def lines(seen: Any) -> list[tuple[str, int, int, int]]:
    return [
        (line["outlet"]["name"], line["assigned"], line["done"], line["overdue"]) for line in seen["outlets"]["nodes"]
    ]


async def test_people_are_done_running_or_overdue(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock, ports: Ports
) -> None:
    east, west = place.shops
    may, _ = await world.learner("May", outlet=east), await world.learner("店员", outlet=east, role=PostRole.CLERK)
    await world.learner("老王", outlet=west)
    course = await world.course()
    await world.assigned(course, outlet=east, due_in=DAY)
    await world.assigned(course, region=place.city, due_in=3 * DAY)
    clock.advance(HOUR)
    await studied(ports, may, course, clock.now())
    clock.advance(2 * DAY)

    seen = await progress(gql, boss, course)
    part = await progress(gql, boss, course, place.counties[1])

    assert sums(seen) == (3, 1, 1, 1)
    assert lines(seen) == [("城东服务站小店", 2, 1, 1), ("城西服务站小店", 1, 0, 0)]
    assert seen["outlets"]["totalCount"] == 2
    assert [line["dueAt"] for line in seen["outlets"]["nodes"]] == ["2026-03-03T04:00:00Z", "2026-03-05T04:00:00Z"]
    assert (sums(part), lines(part)) == ((1, 0, 1, 0), [("城西服务站小店", 1, 0, 0)])


async def test_who_comes_later_is_reached_and_who_left_is_not(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    course = await world.course()
    await world.assigned(course, region=place.counties[0], tier=OutletTier.ORDINARY)
    before = await progress(gql, boss, course)

    await world.learner(outlet=place.shops[0])
    after = await progress(gql, boss, course)
    await Outlet.filter(id=place.shops[0].id).update(tier=OutletTier.MODERN)

    assert (sums(before), sums(after)) == ((0, 0, 0, 0), (1, 0, 1, 0))
    assert sums(await progress(gql, boss, course)) == (0, 0, 0, 0)


async def test_a_person_of_two_shops_is_asked_once(gql: Gql, world: World, place: Tree, boss: Member) -> None:
    may = await world.learner(outlet=place.shops[0])
    await world.post(may, place.shops[1])
    course = await world.course()
    await world.assigned(course, region=place.city)
    await world.assigned(course, member=may, due_in=9 * DAY)

    seen = await progress(gql, boss, course)

    assert (sums(seen), lines(seen)) == ((1, 0, 1, 0), [("城东服务站小店", 1, 0, 0)])


async def test_what_was_withdrawn_is_asked_of_nobody(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock
) -> None:
    await world.learner(outlet=place.shops[0])
    course = await world.course()
    assignment = await world.assigned(course, region=place.city)
    before = await progress(gql, boss, course)

    await execute("UPDATE assignments SET withdrawn_at = $2, withdrawn_by = $3 WHERE id = $1",
                  assignment.id, clock.now(), boss.id)  # fmt: skip

    assert (sums(before), sums(await progress(gql, boss, course))) == ((1, 0, 1, 0), (0, 0, 0, 0))


async def test_pages_follow_each_other_in_both_directions(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock
) -> None:
    course = await world.course()
    for number in range(5):
        shop = await world.outlet(f"{number}号店", region=place.stations[0])
        for _ in range(number % 3):
            await world.learner(outlet=shop, role=PostRole.CLERK)
        await world.assigned(course, outlet=shop, due_in=timedelta(days=number + 1))
    clock.advance(timedelta(days=3, hours=1))

    whole = lines(await progress(gql, boss, course))
    found, after = [], None
    while True:
        page = await progress(gql, boss, course, first=1, after=after)
        found += lines(page)
        after = page["outlets"]["pageInfo"]["endCursor"]
        if not page["outlets"]["pageInfo"]["hasNextPage"]:
            break
    source = PROGRESS.replace("$first: Int = 50, $after: String", "$before: String").replace(
        "first: $first, after: $after", "last: 2, before: $before"
    )
    asked = {"courseId": course.gid, "before": after}
    back = (await gql.ask(source, asked, by=boss))["data"]["assignmentProgress"]

    assert whole == [("2号店", 2, 0, 2), ("1号店", 1, 0, 1), ("4号店", 1, 0, 0)]
    assert found == whole
    assert lines(back) == whole[:2]


async def test_what_is_not_there_or_not_theirs_is_not_found(gql: Gql, world: World, place: Tree, boss: Member) -> None:
    course, stranger = await world.course(), await world.region("海南")
    asks = (
        ({"courseId": to_global("Course", new_id())}, "courseId"),
        ({"courseId": course.gid, "regionId": to_global("Region", stranger.id)}, "regionId"),
        ({"courseId": course.gid, "regionId": course.gid}, "regionId"),
    )

    answers = [(await gql.ask(PROGRESS, asked, by=boss), field) for asked, field in asks]

    for answer, field in answers:
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert answer["errors"][0]["extensions"]["field"] == [field]
    refused = await gql.ask(PROGRESS, {"courseId": course.gid}, by=await world.learner())
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
