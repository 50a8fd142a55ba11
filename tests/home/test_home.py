"""The screen the app opens on: one round trip, a handful of statements, and something for who is signed out."""

from datetime import timedelta
from typing import Any

import pytest

from kit import db
from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import LiveStatus, OutletTier, Role
from models.accounts import Member
from models.courses import CourseLecturer
from models.live import LiveSeat
from services.board_building import check_boards
from services.ports import Ports
from tests.gql import Gql
from tests.notices.story import told
from tests.pool import counted
from tests.world import MadeCourse, World
from workers.relay import drain

MOST_STATEMENTS = 12
"""One for each of these, however much of it there is: the session; who the viewer is; what they earned lately and have
not read; the streak; the courses assigned; what may be recommended, and the ten that are; the live lessons; what rules
pay; whether there is such a board, and its top three. While Valkey is away the board itself is the twelfth. Which
answer comes first changes nothing: a list brings all that its lines show. Credit that is due is paid on top of that.
"""
SCREENS = (
    pytest.param("CourseList", {}, 4, id="catalogue"),  # the session, a page of cards, their number, what rules pay
    # The session, the definition, the board itself, who stands there; what comes before it, its own title and prizes.
    pytest.param("HonourBoard", {"metric": "POINTS", "period": "WEEK"}, 7, id="board"),
)
DRIVERS = ("SELECT current_setting('jit')", "WITH RECURSIVE typeinfo_tree")
"""What the driver asks for itself, the first time that a connection meets a type."""


async def taught(course: MadeCourse, *lecturers: Member) -> None:
    for position, lecturer in enumerate(lecturers, start=1):
        await CourseLecturer.create(id=new_id(), course_id=course.id, member=lecturer, position=position)


@pytest.fixture
async def may(world: World, clock: FrozenClock) -> Member:
    """A learner with something in every part of the screen, on a board with two others."""
    station = await world.region("虎门", parent=await world.region("东莞"))
    shops = [
        await world.outlet(name, region=station, tier=OutletTier.MODERN) for name in ("好又来", "好再来", "天天来")
    ]
    names = ("阿May", "小李", "小陈")
    member, *others = [await world.learner(name, outlet=shop) for name, shop in zip(names, shops, strict=True)]
    clock.advance(timedelta(minutes=5))
    for number, each in enumerate((*others, member), start=1):
        for _ in range(number):
            await world.studies(each, await world.course(seconds=60))
    for days in range(1, 7):
        course = await world.course(f"任务{days}", lessons=2)
        await taught(course, await world.staff(Role.LECTURER, name=f"讲师{days}"))
        await world.assigned(course, member=member, due_in=timedelta(days=days))
    begun = await world.course("学到一半", lessons=2)
    await taught(begun, await world.staff(Role.LECTURER, name="老师"), others[0])
    await world.studies(member, begun, lessons=1)
    for status in (LiveStatus.SCHEDULED, LiveStatus.LIVE, LiveStatus.REHEARSAL):
        lesson = await world.live_lesson(f"{status}", status=status, capacity=30, cover=await world.picture(member))
        await LiveSeat.create(
            id=new_id(), lesson=lesson, member=member, state="SEATED", arrival=1, reserved_at=clock.now(),
            seated_at=clock.now(),
        )  # fmt: skip
    await told(world.ports, member, 9)
    await drain(world.ports)
    return member


async def test_the_whole_screen_comes_in_one_answer(gql: Gql, may: Member) -> None:
    home = await gql.data("Home", by=may)

    me = home["viewer"]
    assert (me["id"], me["outlet"]["name"], me["outlet"]["region"]["name"]) == (
        to_global("Member", may.id), "好又来", "虎门",
    )  # fmt: skip
    assert me["points"]["lifetime"] == me["points"]["today"] == me["points"]["thisWeek"] > 0
    assert (me["streak"]["days"], me["streak"]["learnedToday"]) == (1, True)
    assert me["unreadNoticeCount"] > 0
    assert [each["course"]["title"] for each in home["assignedCourses"]["nodes"]] == [f"任务{d}" for d in range(1, 6)]
    assert "学到一半" in [each["course"]["title"] for each in home["recommendedCourses"]["nodes"]]
    assert [each["status"] for each in home["liveLessons"]["nodes"]].index("LIVE") == 0
    assert {each["viewerHasSeat"] for each in home["liveLessons"]["nodes"]} == {True}
    assert [each["subject"]["displayName"] for each in home["honourBoard"]["standings"]["nodes"]] == [
        "阿May", "小陈", "小李",
    ]  # fmt: skip
    assert home["honourBoard"]["viewerStanding"]["rank"] == 1


async def statements_of(gql: Gql, operation: str, variables: dict[str, object], by: Member) -> list[str]:
    with counted(await db._pool()) as seen:
        await gql.data(operation, variables, by=by)
    return [each for each in seen if not each.startswith(DRIVERS)]


@pytest.mark.parametrize("boards_away", [False, True])
async def test_the_whole_screen_takes_at_most_a_dozen_statements(
    gql: Gql, ports: Ports, may: Member, boards_away: bool
) -> None:
    await check_boards(ports)
    if boards_away:
        await ports.redis.flushdb()
    home = await gql.data("Home", by=may)

    runs = [await statements_of(gql, "Home", {}, may) for _ in range(3)]

    assert len(home["assignedCourses"]["nodes"]) + len(home["recommendedCourses"]["nodes"]) > 10
    assert all(each["course"]["lecturers"] for each in home["assignedCourses"]["nodes"])
    assert max(map(len, runs)) <= MOST_STATEMENTS, "\n".join(max(runs, key=len))


@pytest.mark.parametrize(("operation", "variables", "most"), SCREENS)
async def test_what_is_opened_next_takes_few(
    gql: Gql, ports: Ports, may: Member, operation: str, variables: dict[str, object], most: int
) -> None:
    await ports.redis.flushdb()
    await gql.data(operation, variables, by=may)

    statements = await statements_of(gql, operation, variables, may)

    assert 1 < len(statements) <= most, "\n".join(statements)


async def test_each_change_of_one_request_shows_what_it_left_behind(gql: Gql, world: World, may: Member) -> None:
    other = await world.outlet("新店")
    await world.post(may, other)
    source = """mutation ($outlet: ID!, $upTo: DateTime!) {
      before: updateProfile(input: {displayName: "阿美"}) { viewer { ...Shown } }
      moved: setCurrentOutlet(input: {outletId: $outlet}) { viewer { ...Shown } }
      read: markNoticesRead(input: {upTo: $upTo}) { viewer { ...Shown } }
    } fragment Shown on Viewer { displayName outlet { name region { id } } unreadNoticeCount }"""
    until = (world.ports.clock.now() + timedelta(days=1)).isoformat()

    found = (await gql.ask(source, {"outlet": to_global("Outlet", other.id), "upTo": until}, by=may))["data"]

    shown = [found[change]["viewer"] for change in ("before", "moved", "read")]
    assert [each["displayName"] for each in shown] == ["阿美"] * 3
    assert [each["outlet"]["name"] for each in shown] == ["好又来", "新店", "新店"]
    assert shown[0]["outlet"]["region"] != shown[1]["outlet"]["region"] == {"id": to_global("Region", other.region_id)}
    assert [each["unreadNoticeCount"] > 0 for each in shown] == [True, True, False]


async def test_of_a_lecturer_on_a_card_no_more_is_shown_than_anywhere(gql: Gql, world: World, may: Member) -> None:
    lecturer = await world.staff(Role.LECTURER, name="老师")
    await Member.filter(id=lecturer.id).update(avatar_media_id=(await world.picture(lecturer)).id)
    course = await world.course("有图", lessons=1)
    await taught(course, lecturer)
    source = """query ($id: ID!, $course: ID!) {
      node(id: $course) { ... on Course { lecturers { ...Shown } } } node2: node(id: $id) { ...Shown }
    } fragment Shown on Member { displayName avatarUrl maskedPhone lastSeenAt suspendedAt
      level { number } outlet { id } }"""
    admin = await world.staff(Role.ADMIN)
    variables = {"id": to_global("Member", lecturer.id), "course": course.gid}

    for_may = (await gql.ask(source, variables, by=may))["data"]["node"]["lecturers"]
    for_admin = (await gql.ask(source, variables, by=admin))["data"]

    assert (for_may[0]["displayName"], for_may[0]["level"], for_may[0]["maskedPhone"]) == ("老师", {"number": 1}, None)
    assert for_may[0]["avatarUrl"] is not None
    assert for_admin["node"]["lecturers"] == [for_admin["node2"]]
    assert for_admin["node2"]["maskedPhone"] is not None


async def test_signed_out_nothing_personal_is_shown_and_nothing_fails(gql: Gql, may: Member) -> None:
    home = await gql.data("Home")

    assert home == {
        "viewer": None,
        "assignedCourses": {"nodes": []},
        "recommendedCourses": {"nodes": []},
        "liveLessons": {"nodes": []},
        "honourBoard": None,
    }


async def test_a_newcomer_finds_an_empty_screen(gql: Gql, world: World) -> None:
    newcomer = await world.learner("新人")

    home: dict[str, Any] = await gql.data("Home", by=newcomer)

    assert home["viewer"]["points"]["lifetime"] == home["viewer"]["unreadNoticeCount"] == 0
    assert home["honourBoard"]["viewerStanding"] is None
    assert [home[part]["nodes"] for part in ("assignedCourses", "recommendedCourses", "liveLessons")] == [[], [], []]
