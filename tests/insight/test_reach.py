"""Nobody's region but one's own: the reach of who asks is part of every question, and is asked for again when a file is
made and when it is fetched."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.ids import new_id, to_global
from kit.words import ExportStatus, Role
from models.accounts import Member
from models.outlets import Region
from models.reports import ReportExport
from services.ports import Ports
from services.reports import make_reports
from tests.gql import Gql
from tests.insight.files import ask, lines, newest
from tests.insight.story import OVERVIEW, PROGRESS, Tree, settle, studied, tree
from tests.world import MadeCourse, World

HOUR = timedelta(hours=1)
STAFF = (Role.ADMIN, Role.AUDITOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
DAYS = {"from": "2026-03-02", "to": "2026-03-03"}


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


@pytest.fixture
async def course(world: World, place: Tree, clock: FrozenClock, ports: Ports) -> MadeCourse:
    """A course that is asked of both shops, in two counties of one city; each has somebody who studied it."""
    course = await world.course("陈列")
    await world.assigned(course, region=place.city)
    for name, shop in zip(("May", "Chen"), place.shops, strict=True):
        learner = await world.learner(name, outlet=shop)
        clock.advance(HOUR)
        await studied(ports, learner, course, clock.now())
    await settle(ports)
    return course


async def progress(gql: Gql, by: Member, course: MadeCourse, region: Region | None = None) -> Any:
    gid = to_global("Region", region.id) if region is not None else None
    answer = await gql.ask(PROGRESS, {"courseId": course.gid, "regionId": gid}, by=by)
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"]
    found = answer["data"]["assignmentProgress"]
    shops = [(line["outlet"]["name"], line["assigned"]) for line in found["outlets"]["nodes"]]
    assert found["outlets"]["totalCount"] == len(shops)
    return found["assigned"], found["done"], shops


@pytest.mark.parametrize("role", STAFF)
async def test_progress_is_of_the_own_people_also_where_a_course_is_asked_of_more(
    role: Role, gql: Gql, world: World, place: Tree, course: MadeCourse
) -> None:
    east, west = place.counties
    boss, chief = await world.staff(role, east), await world.staff(role, place.city)

    own, named = await progress(gql, boss, course), await progress(gql, boss, course, place.stations[0])
    others = [await progress(gql, boss, course, region) for region in (west, place.stations[1], place.city)]

    assert own == named == (1, 1, [("城东服务站小店", 1)])
    assert others == ["NOT_FOUND"] * 3
    assert (await progress(gql, chief, course))[:2] == (2, 2)


@pytest.mark.parametrize("role", STAFF)
async def test_who_lost_the_role_sees_nothing_from_then_on(
    role: Role, gql: Gql, world: World, place: Tree, course: MadeCourse, clock: FrozenClock
) -> None:
    boss = await world.staff(role, place.counties[0])
    before = await gql.ask(OVERVIEW, DAYS, by=boss)

    await withdraw(boss, clock)

    after = await gql.ask(OVERVIEW, DAYS, by=boss)
    assert before["data"]["academyOverview"]["activeLearners"] == 1
    assert after["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await progress(gql, boss, course) == "FORBIDDEN"
    asked = await gql.run("RequestExport", {"input": {"kind": "MEMBERS", "format": "CSV"}}, by=boss)
    assert asked["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_files_are_about_the_own_people_whatever_the_kind(
    gql: Gql, world: World, place: Tree, course: MadeCourse
) -> None:
    boss = await world.staff(Role.ADMIN, place.counties[0])
    board = to_global("HonourBoard", f"LEARNING_SECONDS.WEEK.2026-03-02.MEMBER.{place.counties[0].id}.-")

    found = {
        "MEMBERS": [line[0] for line in await lines(gql, boss, "MEMBERS")],
        "POINTS": sorted({line[1] for line in await lines(gql, boss, "POINTS", **DAYS)}),
        "ASSIGNMENTS": [line[4] for line in await lines(gql, boss, "ASSIGNMENTS", objectId=course.gid)],
        "BOARD": [line[2] for line in await lines(gql, boss, "BOARD", objectId=board)],
    }

    assert found == {
        "MEMBERS": ["Name", "May"], "POINTS": ["May", "Name"], "ASSIGNMENTS": ["Name", "May"], "BOARD": ["Name", "May"],
    }  # fmt: skip


async def test_a_region_and_a_board_beside_or_above_the_own_are_not_found(
    gql: Gql, world: World, place: Tree, course: MadeCourse
) -> None:
    boss = await world.staff(Role.ADMIN, place.counties[0])
    foreign = (place.counties[1], place.stations[1], place.city)
    key = "LEARNING_SECONDS.WEEK.2026-03-02.MEMBER.{}.-"

    faults = [
        (await ask(gql, boss, "MEMBERS", regionId=to_global("Region", region.id)))["userErrors"] for region in foreign
    ] + [
        (await ask(gql, boss, "BOARD", objectId=to_global("HonourBoard", key.format(region.id))))["userErrors"]
        for region in foreign
    ]  # fmt: skip

    assert [each[0]["code"] for each in faults] == ["NOT_FOUND"] * 6
    assert await ReportExport.all().count() == 0


async def test_the_address_of_one_file_opens_no_other(gql: Gql, world: World, place: Tree, course: MadeCourse) -> None:
    boss, other = [await world.staff(Role.ADMIN, county) for county in place.counties]
    await ask(gql, other, "MEMBERS")
    await ask(gql, boss, "MEMBERS")
    await make_reports(gql.ports)
    own, foreign = (await newest(gql, boss)), (await newest(gql, other))
    path, query = own["url"].split("?")
    [theirs] = await ReportExport.filter(member_id=other.id)

    answers = [await gql.http.get(url) for url in (own["url"], foreign["url"], f"{path[:-36]}{theirs.id}?{query}")]

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert ("May" in answers[0].text, "Chen" in answers[0].text) == (True, False)
    assert ("May" in answers[1].text, "Chen" in answers[1].text) == (False, True)


async def withdraw(boss: Member, clock: FrozenClock) -> None:
    await execute("UPDATE role_grants SET revoked_at = $1 WHERE member_id = $2", clock.now(), boss.id)


async def give(boss: Member, role: Role, region: Region, clock: FrozenClock) -> None:
    await execute(
        "INSERT INTO role_grants (id, member_id, role, region_id, granted_at) VALUES ($1, $2, $3, $4, $5)",
        new_id(), boss.id, role.value, region.id, clock.now(),
    )  # fmt: skip


async def suspend(boss: Member, clock: FrozenClock) -> None:
    await execute("UPDATE members SET suspended_at = $1 WHERE id = $2", clock.now(), boss.id)


Change = Callable[[Member, Tree, FrozenClock], Awaitable[None]]


async def withdrawn(boss: Member, _: Tree, clock: FrozenClock) -> None:
    await withdraw(boss, clock)


async def narrowed(boss: Member, place: Tree, clock: FrozenClock) -> None:
    await withdraw(boss, clock)
    await give(boss, Role.ADMIN, place.counties[0], clock)


async def moved_aside(boss: Member, place: Tree, clock: FrozenClock) -> None:
    await withdraw(boss, clock)
    await give(boss, Role.ADMIN, place.counties[1], clock)


async def lowered(boss: Member, place: Tree, clock: FrozenClock) -> None:
    """Supervisors of the same region have no files made."""
    await withdraw(boss, clock)
    await give(boss, Role.SUPERVISOR, place.city, clock)


async def suspended(boss: Member, _: Tree, clock: FrozenClock) -> None:
    await suspend(boss, clock)


@pytest.mark.parametrize("change", [withdrawn, narrowed, moved_aside, lowered, suspended])
async def test_what_changes_between_asking_and_writing_ends_the_file_and_nothing_is_written(
    change: Change, gql: Gql, world: World, place: Tree, course: MadeCourse, clock: FrozenClock
) -> None:
    boss = await world.staff(Role.ADMIN, place.city)
    await ask(gql, boss, "MEMBERS")
    await change(boss, place, clock)

    await make_reports(gql.ports)

    row = await ReportExport.get()
    assert (row.status, row.rows_expected, row.rows_made, row.size_bytes) == (ExportStatus.FAILED, 0, 0, None)
    assert not (gql.ports.settings.data_dir / "media" / row.storage_key).exists()


@pytest.mark.parametrize("change", [withdrawn, narrowed, moved_aside, lowered, suspended])
async def test_what_changes_between_writing_and_fetching_shuts_the_address_until_it_is_given_back(
    change: Change, gql: Gql, world: World, place: Tree, course: MadeCourse, clock: FrozenClock
) -> None:
    boss = await world.staff(Role.ADMIN, place.city)
    await ask(gql, boss, "MEMBERS")
    await make_reports(gql.ports)
    url = (await newest(gql, boss))["url"]
    before = await gql.http.get(url)
    await change(boss, place, clock)

    shut = await gql.http.get(url)
    await execute("UPDATE members SET suspended_at = NULL WHERE id = $1", boss.id)
    await give(boss, Role.AUDITOR, place.city, clock)
    again = await gql.http.get(url)

    assert (before.status_code, shut.status_code, shut.content, again.status_code) == (200, 404, b"", 200)
    assert again.content == before.content


async def test_another_role_over_the_same_regions_is_enough(
    gql: Gql, world: World, place: Tree, course: MadeCourse, clock: FrozenClock
) -> None:
    boss = await world.staff(Role.ADMIN, place.city)
    await ask(gql, boss, "MEMBERS")
    await withdraw(boss, clock)
    await give(boss, Role.AUDITOR, place.city, clock)

    await make_reports(gql.ports)

    row = await ReportExport.get()
    assert (row.status, row.rows_made) == (ExportStatus.READY, 2)
