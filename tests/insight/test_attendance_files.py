"""Who was there, as a file: at the classes of one's regions, and one's own people at those of others."""

from datetime import timedelta
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.ids import new_id, to_global
from kit.words import LiveStatus, ReportKind, Role
from models.accounts import Member
from models.live import LiveAiring, LiveLesson
from models.outlets import Region
from models.reports import ReportExport
from services.class_plans import settle_classes
from services.live_attendance import beat_live_lesson, join_live_lesson, settle_live_lessons
from services.ports import Ports
from services.report_columns import COLUMNS
from tests.classes.school import LASTS, School
from tests.gql import Gql
from tests.insight.files import ask, lines
from tests.insight.story import Tree, tree
from tests.world import World


@pytest.fixture
async def school(ports: Ports, gql: Gql, world: World, clock: FrozenClock) -> School:
    return await School.open(ports, gql, world, clock)


async def test_a_class_says_of_everybody_who_had_a_seat_whether_they_came(gql: Gql, school: School) -> None:
    class_id = await school.scheduled()
    may, late, walked_in = [await school.learner(name) for name in ("May", "老王", "小李")]
    for member in (may, late, await school.learner("阿强")):
        await school.sign_up(member, class_id)
    await school.begins(class_id)
    await school.check_in(may, await school.payload(class_id))
    await school.begins(class_id, timedelta(minutes=16))
    await school.check_in(late, await school.payload(class_id))
    await school.check_in_for(class_id, walked_in)
    await school.begins(class_id, LASTS)
    await school.rate(may, class_id, 4)
    await settle_classes(school.ports)

    found = await lines(gql, school.admin, "CLASS_ATTENDANCE", objectId=class_id)

    assert found[0] == [
        "Begins", "Class", "Place", "Region of the class", "Trainer", "Name", "Outlet code", "Outlet", "Region",
        "Attendance", "Checked in", "Checked in by", "Stars",
    ]  # fmt: skip
    assert {tuple(line[:5]) for line in found[1:]} == {
        ("2026-03-04 12:00:00", "陈列实操", "二楼会议室", "城东服务站", "陈老师")
    }
    assert [(line[5], *line[8:]) for line in found[1:]] == [
        ("May", "城东服务站", "Present", "2026-03-04 12:00:00", "", "4"),
        ("老王", "城东服务站", "Late", "2026-03-04 12:16:00", "", ""),
        ("小李", "城东服务站", "Present", "2026-03-04 12:16:00", "陈老师", ""),
        ("阿强", "城东服务站", "Absent", "", "", ""),
    ]


async def attended(school: School, title: str, *members: Member, **plan: object) -> str:
    """A class at whose door the members were checked in; it is over."""
    class_id = await school.scheduled(title=title, **plan)
    await school.begins(class_id)
    for member in members:
        assert (await school.check_in_for(class_id, member))["userErrors"] == []
    await school.begins(class_id, LASTS)
    return class_id


async def test_the_own_classes_are_there_whole_and_others_with_the_own_people(
    gql: Gql, world: World, school: School
) -> None:
    boss = await world.staff(Role.ADMIN)
    school.admin, own_admin = boss, school.admin
    far = await world.region("海南服务站")
    may, stranger = await school.learner("May"), await school.learner("远方", far)
    own = await attended(school, "本站", may, stranger)
    for_all = await attended(school, "全国", may, stranger, regionId=None)
    elsewhere = await attended(school, "海南", stranger, regionId=to_global("Region", far.id))

    found = [(line[1], line[5]) for line in (await lines(gql, own_admin, "CLASS_ATTENDANCE"))[1:]]
    one = [(line[1], line[5]) for line in (await lines(gql, own_admin, "CLASS_ATTENDANCE", objectId=for_all))[1:]]
    refused = await ask(gql, own_admin, "CLASS_ATTENDANCE", objectId=elsewhere)

    assert found == [("本站", "May"), ("本站", "远方"), ("全国", "May")]
    assert one == [("全国", "May")]
    assert [(each["code"], each["field"]) for each in refused["userErrors"]] == [("NOT_FOUND", ["objectId"])]
    assert await ReportExport.all().count() == 2
    everything = await lines(gql, boss, "CLASS_ATTENDANCE")
    assert len(everything) == 1 + 5
    assert own != for_all


async def test_classes_are_those_that_began_on_the_days(gql: Gql, school: School) -> None:
    may = await school.learner("May")
    await attended(school, "周三", may)
    await attended(school, "周五", may)

    found = await lines(gql, school.admin, "CLASS_ATTENDANCE", **{"from": "2026-03-04", "to": "2026-03-05"})

    assert [line[1] for line in found[1:]] == ["周三"]


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


@pytest.fixture
async def boss(world: World, place: Tree) -> Member:
    return await world.staff(Role.ADMIN, place.city)


async def aired(world: World, title: str, stays: dict[UUID, int], region: Region | None = None) -> LiveLesson:
    """A lesson on air for a minute, in which members stayed for so many seconds; it is over and not settled."""
    ports, clock = world.ports, world.ports.clock
    assert isinstance(clock, FrozenClock)
    lesson = await world.live_lesson(title, starts_at=clock.now(), region=region, host=await world.staff(Role.LECTURER))
    start = clock.now()
    await LiveLesson.filter(id=lesson.id).update(status=LiveStatus.LIVE, started_at=start)
    await LiveAiring.create(id=new_id(), lesson_id=lesson.id, from_at=start)
    tickets = {}
    for member_id in stays:
        actor = await world.actor(await Member.get(id=member_id))
        tickets[member_id] = (actor, await join_live_lesson(ports, actor, lesson.id, "device-1"))
    for member_id, seconds in sorted(stays.items(), key=lambda each: each[1]):
        clock.at = start + timedelta(seconds=seconds)
        actor, ticket = tickets[member_id]
        await beat_live_lesson(ports, actor, ticket.id)
    over = start + timedelta(seconds=60)
    await LiveAiring.filter(lesson_id=lesson.id).update(until_at=over)
    await LiveLesson.filter(id=lesson.id).update(status=LiveStatus.ENDED, ended_at=over)
    clock.at = over
    return lesson


async def settle(world: World) -> None:
    clock = world.ports.clock
    assert isinstance(clock, FrozenClock)
    clock.advance(timedelta(seconds=90))
    await settle_live_lessons(world.ports)


async def test_a_live_lesson_says_how_long_everybody_was_there_once_it_is_settled(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    may, wang = await world.learner("May", outlet=place.shops[0]), await world.learner("老王", outlet=place.shops[1])
    lesson = await aired(world, "陈列直播", {may.id: 60, wang.id: 15}, place.city)
    gid = to_global("LiveLesson", lesson.id)

    before = await lines(gql, boss, "LIVE_ATTENDANCE", objectId=gid)
    await settle(world)
    found = await lines(gql, boss, "LIVE_ATTENDANCE", objectId=gid)

    assert before == [[
        "Begins", "Live lesson", "Region of the lesson", "Host", "Name", "Outlet code", "Outlet", "Region",
        "Attendance", "Seconds there", "Percent", "Check-ins answered", "First joined", "Last left",
    ]]  # fmt: skip
    assert [(*line[:3], line[4], *line[6:]) for line in found[1:]] == [
        ("2026-03-02 12:00:00", "陈列直播", "东莞", "May", "城东服务站小店", "城东服务站", "Present", "60", "100", "0",
         "2026-03-02 12:00:00", "2026-03-02 12:01:00"),
        ("2026-03-02 12:00:00", "陈列直播", "东莞", "老王", "城西服务站小店", "城西服务站", "In part", "15", "25", "0",
         "2026-03-02 12:00:00", "2026-03-02 12:00:15"),
    ]  # fmt: skip


async def test_the_own_live_lessons_are_there_whole_and_others_with_the_own_people(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock
) -> None:
    may, gone = await world.learner("May", outlet=place.shops[0]), await world.learner("小李", outlet=place.shops[1])
    stranger = await world.learner("远方", outlet=await world.outlet())
    await aired(world, "本市", {may.id: 60, gone.id: 60}, place.city)
    await aired(world, "全国", {may.id: 60, gone.id: 60, stranger.id: 60})
    await settle(world)
    await execute("UPDATE posts SET is_current = false, until_at = $2 WHERE member_id = $1", gone.id, clock.now())

    found = [(line[1], line[4], line[6]) for line in (await lines(gql, boss, "LIVE_ATTENDANCE"))[1:]]
    everywhere = await lines(gql, await world.staff(Role.AUDITOR), "LIVE_ATTENDANCE")

    shop = place.shops[0].name
    assert found == [("本市", "May", shop), ("本市", "小李", ""), ("全国", "May", shop)]
    assert len(everywhere) == 1 + 5


async def test_live_lessons_of_others_and_drafts_are_not_found(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    elsewhere = await world.live_lesson(region=await world.region("海南"))
    draft = await world.live_lesson(status=LiveStatus.DRAFT, region=place.city)

    answers = [
        await ask(gql, boss, "LIVE_ATTENDANCE", objectId=to_global("LiveLesson", key))
        for key in (elsewhere.id, draft.id, new_id())
    ]

    for answer in answers:
        assert [(each["code"], each["field"]) for each in answer["userErrors"]] == [("NOT_FOUND", ["objectId"])]
    assert await ReportExport.all().count() == 0


def test_every_kind_of_file_has_columns() -> None:
    assert set(COLUMNS) == set(ReportKind)
