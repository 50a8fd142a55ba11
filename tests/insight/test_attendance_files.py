"""Who was there, as a file: at the classes of one's regions, and one's own people at those of others."""

from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.reports import ReportExport
from services.class_plans import settle_classes
from services.ports import Ports
from tests.classes.school import LASTS, School
from tests.gql import Gql
from tests.insight.files import ask, lines
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
    await school.rate(may, class_id, 4)
    await school.begins(class_id, timedelta(minutes=16))
    await school.check_in(late, await school.payload(class_id))
    await school.check_in_for(class_id, walked_in)
    await school.begins(class_id, LASTS)
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
