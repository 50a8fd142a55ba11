"""The schedule: what falls into a stretch of time, for whom, in one statement however long it is."""

from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import LiveStatus, OutletTier, Role
from models.accounts import Member
from models.live import LiveSeat
from models.outlets import Outlet, Region
from tests.gql import Gql
from tests.world import World

LIST = """
query ($from: DateTime, $to: DateTime, $first: Int, $after: String, $status: [LiveStatus!]) {
  liveLessons(from: $from, to: $to, first: $first, after: $after, status: $status) {
    totalCount nodes { title } pageInfo { hasNextPage endCursor }
  }
}
"""
ONE = "query ($id: ID!) { liveLesson(id: $id) { title } node(id: $id) { id } }"


async def listed(gql: Gql, by: Member, clock: FrozenClock, days: float = 30, **other: object) -> dict[str, Any]:
    """The page of what comes in the next `days`."""
    asked = {"from": clock.now().isoformat(), "to": (clock.now() + timedelta(days=days)).isoformat(), **other}
    answer = await gql.ask(LIST, asked, by=by)
    assert "errors" not in answer, answer
    return dict(answer["data"]["liveLessons"])


def titles(page: dict[str, Any]) -> list[str]:
    return [each["title"] for each in page["nodes"]]


@pytest.fixture
async def city(world: World) -> Region:
    return await world.region("东莞市", parent=await world.region("广东省"))


@pytest.fixture
async def outlet(world: World, city: Region) -> Outlet:
    return await world.outlet(region=await world.region("虎门", parent=city), tier=OutletTier.MODERN)


@pytest.fixture
async def may(world: World, outlet: Outlet) -> Member:
    return await world.learner(outlet=outlet)


async def test_lessons_come_in_order_of_their_start_page_by_page(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    for day in (3, 1, 2):
        await world.live_lesson(f"第{day}天", starts_at=clock.now() + timedelta(days=day))

    first = await listed(gql, may, clock, first=2)
    second = await listed(gql, may, clock, first=2, after=first["pageInfo"]["endCursor"])

    assert (titles(first), first["totalCount"], first["pageInfo"]["hasNextPage"]) == (["第1天", "第2天"], 3, True)
    assert (titles(second), second["pageInfo"]["hasNextPage"]) == (["第3天"], False)


async def test_a_stretch_holds_what_overlaps_it_and_nothing_else(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    now = clock.now()
    await world.live_lesson("正在上", starts_at=now - timedelta(hours=3), minutes=240)
    await world.live_lesson("刚结束", starts_at=now - timedelta(hours=1), minutes=60)
    await world.live_lesson("就要开始", starts_at=now + timedelta(days=1) - timedelta(seconds=1))
    await world.live_lesson("明天才有", starts_at=now + timedelta(days=1))

    page = await listed(gql, may, clock, days=1)

    assert titles(page) == ["正在上", "就要开始"]


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_a_stretch_that_is_none_or_too_long_is_refused(
    gql: Gql, clock: FrozenClock, may: Member, days: int
) -> None:
    asked = {"from": clock.now().isoformat(), "to": (clock.now() + timedelta(days=days)).isoformat()}

    answer = await gql.ask(LIST, asked, by=may)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_status_may_be_asked_for(gql: Gql, world: World, clock: FrozenClock, may: Member) -> None:
    await world.live_lesson("取消了", status=LiveStatus.CANCELLED)
    await world.live_lesson("照常")

    page = await listed(gql, may, clock, status=["CANCELLED"])
    none = await listed(gql, may, clock, status=[])

    assert (titles(page), page["totalCount"]) == (["取消了"], 1)
    assert (titles(none), none["totalCount"]) == ([], 0)


async def ahead(gql: Gql, by: Member, **asked: object) -> dict[str, Any]:
    """The page of what is still to be seen."""
    answer = await gql.ask(LIST, asked, by=by)
    assert "errors" not in answer, answer
    return dict(answer["data"]["liveLessons"])


async def test_without_a_start_what_is_on_air_comes_first_and_nothing_that_is_over(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    now = clock.now()
    await world.live_lesson("明天", starts_at=now + timedelta(days=1))
    await world.live_lesson("主讲人迟到", starts_at=now - timedelta(minutes=5))
    await world.live_lesson("断线了", starts_at=now - timedelta(minutes=2), status=LiveStatus.INTERRUPTED)
    await world.live_lesson("拖堂", starts_at=now - timedelta(hours=6), minutes=60, status=LiveStatus.LIVE)
    await world.live_lesson("提前下课", starts_at=now - timedelta(minutes=30), status=LiveStatus.ENDED)
    await world.live_lesson("昨天", starts_at=now - timedelta(days=1))
    await world.live_lesson("取消了", starts_at=now + timedelta(hours=1), status=LiveStatus.CANCELLED)
    await world.live_lesson("明年", starts_at=now + timedelta(days=367))

    whole = await ahead(gql, may)
    coming = await ahead(gql, may, status=["SCHEDULED", "CANCELLED"])
    until = await ahead(gql, may, to=(now + timedelta(hours=1)).isoformat())

    assert (titles(whole), whole["totalCount"]) == (["拖堂", "断线了", "主讲人迟到", "明天"], 4)
    assert titles(coming) == ["主讲人迟到", "取消了", "明天"]
    assert titles(until) == ["拖堂", "断线了", "主讲人迟到"]


async def test_pages_without_a_start_go_on_as_time_goes_on(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    now = clock.now()
    await world.live_lesson("明天", starts_at=now + timedelta(days=1))
    await world.live_lesson("马上", starts_at=now + timedelta(minutes=10))
    await world.live_lesson("正在上", starts_at=now, status=LiveStatus.LIVE)

    pages = [await ahead(gql, may, first=1)]
    while pages[-1]["pageInfo"]["hasNextPage"]:
        clock.advance(timedelta(seconds=30))
        pages.append(await ahead(gql, may, first=1, after=pages[-1]["pageInfo"]["endCursor"]))

    assert [titles(page) for page in pages] == [["正在上"], ["马上"], ["明天"]]


async def test_a_lesson_outside_the_audience_does_not_exist(
    gql: Gql, world: World, clock: FrozenClock, city: Region, outlet: Outlet, may: Member
) -> None:
    station = await Region.get(id=outlet.region_id)
    elsewhere = await world.region(parent=city)
    invited = [
        await world.live_lesson("全省", region=await Region.get(id=city.parent_id)),
        await world.live_lesson("本站", region=station, tiers=[OutletTier.MODERN, OutletTier.PARTNER]),
        await world.live_lesson("所有人"),
    ]
    others = [
        await world.live_lesson("别的站", region=elsewhere),
        await world.live_lesson("新店", tiers=[OutletTier.NEW]),
        await world.live_lesson("草稿", status=LiveStatus.DRAFT),
    ]

    page = await listed(gql, may, clock)

    assert sorted(titles(page)) == sorted(each.title for each in invited)
    for lesson in (*invited, *others):
        gid = to_global("LiveLesson", lesson.id)
        found = (await gql.ask(ONE, {"id": gid}, by=may))["data"]
        expected = ({"title": lesson.title}, {"id": gid}) if lesson in invited else (None, None)
        assert (found["liveLesson"], found["node"]) == expected, lesson.title


async def test_who_has_reserved_goes_on_seeing_the_lesson(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    lesson = await world.live_lesson(tiers=[OutletTier.NEW])
    await LiveSeat.create(
        id=new_id(), lesson=lesson, member=may, state="SEATED", arrival=1, reserved_at=clock.now(),
        seated_at=clock.now(),
    )  # fmt: skip

    assert titles(await listed(gql, may, clock)) == [lesson.title]


async def test_staff_see_the_lessons_of_their_regions_and_those_made_for_them(
    gql: Gql, world: World, clock: FrozenClock, city: Region
) -> None:
    county, beside = await world.region(parent=city), await world.region(parent=await Region.get(id=city.parent_id))
    await world.live_lesson("全市", region=city, tiers=[OutletTier.NEW])
    await world.live_lesson("本县", region=county, status=LiveStatus.DRAFT)
    await world.live_lesson("全市草稿", region=city, status=LiveStatus.DRAFT)
    await world.live_lesson("别的市", region=beside)
    admin, manager = await world.staff(Role.ADMIN, county), await world.staff(Role.ACCOUNT_MANAGER, county)

    seen = [sorted(titles(await listed(gql, each, clock))) for each in (admin, manager)]

    assert seen == [["全市", "本县"], ["全市"]]


async def test_signed_out_the_schedule_is_empty(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson()

    listed = (await gql.ask(LIST))["data"]["liveLessons"]
    one = await gql.ask(ONE, {"id": to_global("LiveLesson", lesson.id)})

    assert (listed["nodes"], listed["totalCount"]) == ([], 0)
    assert one["data"] == {"liveLesson": None, "node": None}


async def test_the_credit_rule_shows_the_own_price_or_that_of_the_tariff(gql: Gql, world: World, may: Member) -> None:
    source = "query ($id: ID!) { liveLesson(id: $id) { creditRule { minPercent minSeconds points replayPoints } } }"
    own, standard = await world.live_lesson(points=7, percent=60), await world.live_lesson()

    shown = [
        (await gql.ask(source, {"id": to_global("LiveLesson", each.id)}, by=may))["data"]["liveLesson"]["creditRule"]
        for each in (own, standard)
    ]

    assert shown == [
        {"minPercent": 60, "minSeconds": 0, "points": 7, "replayPoints": 15},
        {"minPercent": 80, "minSeconds": 0, "points": 30, "replayPoints": 15},
    ]
