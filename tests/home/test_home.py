"""The screen the app opens on: one round trip, a handful of statements, and something for who is signed out."""

from datetime import timedelta
from typing import Any

import pytest

from kit import db
from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import LiveStatus, OutletTier
from models.accounts import Member
from models.live import LiveSeat
from tests.gql import Gql
from tests.notices.story import told
from tests.pool import counted
from tests.world import World
from workers.relay import drain

MOST_STATEMENTS = 40
"""Some 36; which of its loaders meet in one statement depends on who is answered first."""
DRIVERS = ("SELECT pg_advisory_unlock_all()", "SELECT current_setting('jit')", "WITH RECURSIVE typeinfo_tree")
"""What the driver asks for itself: when a connection comes back, and the first time that it meets a type."""


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
        await world.assigned(await world.course(f"任务{days}", lessons=2), member=member, due_in=timedelta(days=days))
    begun = await world.course("学到一半", lessons=2)
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


async def test_the_whole_screen_takes_a_bounded_number_of_statements(gql: Gql, may: Member) -> None:
    await gql.data("Home", by=may)

    with counted(await db._pool()) as seen:
        home = await gql.data("Home", by=may)

    statements = [each for each in seen if not each.startswith(DRIVERS)]
    assert len(home["assignedCourses"]["nodes"]) + len(home["recommendedCourses"]["nodes"]) > 10
    assert 1 < len(statements) <= MOST_STATEMENTS, "\n".join(statements)


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
