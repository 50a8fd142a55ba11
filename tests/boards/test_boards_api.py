"""Honour boards as the apps read them: their own operations over the whole server."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

import services.boards
from gamification.boards import HonourBoards
from gamification.standings import Answer, Board, Question
from kit.clock import FrozenClock, day_start
from kit.ids import from_global, to_global
from kit.words import OutletTier, PostRole
from models.accounts import Member
from models.outlets import Outlet, Region, placement_at
from services.board_building import check_boards
from services.ports import Ports
from tests.boards.story import Learner, earn, settle
from tests.gql import Gql
from tests.world import World

WEEK = {"metric": "POINTS", "period": "WEEK"}


async def earns(ports: Ports, member: Member, amount: int) -> None:
    placement = await placement_at(member.id, ports.clock.now())
    assert placement is not None
    await earn(ports, Learner(member.id, placement), amount)


@pytest.fixture
async def shop(world: World) -> Outlet:
    city = await world.region("东莞")
    county = await world.region("厚街", parent=city)
    await world.region("虎门", parent=city)
    return await world.outlet(
        "厚街便利店", region=await world.region("厚街站", parent=await world.region(parent=county))
    )


async def ranked(ports: Ports, world: World, shop: Outlet, points: Sequence[int]) -> list[Member]:
    """Learners of the shop with these points, on their boards."""
    await check_boards(ports)
    people = [await world.learner(f"学员{number}", outlet=shop, role=PostRole.CLERK) for number in range(len(points))]
    for member, amount in zip(people, points, strict=True):
        await earns(ports, member, amount)
    await settle(ports)
    return people


def gid(member: Member) -> str:
    return to_global("Member", member.id)


async def test_a_board_says_everything_its_screen_shows(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    first, second, third = await ranked(ports, world, shop, [30, 10, 10])

    found = (await gql.data("HonourBoard", WEEK, by=third))["honourBoard"]

    assert (found["title"], found["metric"], found["period"], found["phase"]) == ("积分周榜", "POINTS", "WEEK", "OPEN")
    assert (found["startsAt"], found["endsAt"]) == ("2026-03-01T16:00:00Z", "2026-03-08T16:00:00Z")
    assert (found["stale"], found["asOf"]) == (False, "2026-03-02T04:00:00Z")
    standings = found["standings"]
    assert standings["totalCount"] == 3
    assert (standings["pageInfo"]["hasNextPage"], standings["pageInfo"]["hasPreviousPage"]) == (False, False)
    rows = [
        (row["rank"], row["position"], row["tiedWith"], row["score"], row["movement"]) for row in standings["nodes"]
    ]
    assert rows == [(1, 1, 0, 30, None), (2, 2, 1, 10, None), (2, 3, 1, 10, None)]
    top = standings["nodes"][0]
    assert top["reachedAt"] == "2026-03-02T04:00:00Z"
    assert top["subject"] == {
        "__typename": "Member",
        "id": gid(first),
        "displayName": "学员0",
        "avatarUrl": None,
        "level": {"number": 1},
        "outlet": {"id": to_global("Outlet", shop.id), "name": "厚街便利店", "tier": "ORDINARY"},
    }
    assert {row["subject"]["id"] for row in standings["nodes"][1:]} == {gid(second), gid(third)}
    mine = found["viewerStanding"]
    assert (mine["rank"], mine["score"], mine["gapToNext"], mine["gapToPrize"]) == (2, 10, 20, None)
    assert [row["position"] for row in found["aroundViewer"]] == [1, 2, 3]
    assert found["previous"] is None


async def test_who_is_not_ranked_has_no_standing_and_nobody_around(
    gql: Gql, world: World, ports: Ports, shop: Outlet
) -> None:
    await ranked(ports, world, shop, [30])

    found = (await gql.data("HonourBoard", WEEK, by=await world.learner("新人")))["honourBoard"]

    assert (found["viewerStanding"], found["aroundViewer"], found["standings"]["totalCount"]) == (None, [], 1)


async def test_boards_are_for_those_who_are_signed_in(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    [who] = await ranked(ports, world, shop, [30])
    board_id = (await gql.data("HonourBoard", WEEK, by=who))["honourBoard"]["id"]

    seen = await gql.data("HonourBoard", WEEK)
    page = await gql.data("BoardPage", {"boardId": board_id})

    assert (seen["honourBoard"], page["node"]) == (None, None)


async def test_later_pages_keep_reading_the_board_they_were_made_on(
    gql: Gql, world: World, ports: Ports, shop: Outlet, clock: FrozenClock
) -> None:
    people = await ranked(ports, world, shop, [50, 40, 30, 20, 10])
    who = people[0]
    first = (await gql.data("HonourBoard", {**WEEK, "first": 2}, by=who))["honourBoard"]
    cursor = first["standings"]["pageInfo"]["endCursor"]

    clock.advance(timedelta(days=7))
    await check_boards(ports)
    second = (await gql.data("BoardPage", {"boardId": first["id"], "first": 2, "after": cursor}, by=who))["node"]
    info = second["standings"]["pageInfo"]
    back = {"boardId": first["id"], "last": 2, "before": info["startCursor"]}
    again = (await gql.data("BoardPage", back, by=who))["node"]
    elsewhere = await gql.run("HonourBoard", {**WEEK, "after": cursor}, by=who)
    backwards_elsewhere = await gql.run(
        "BoardPage", {**back, "boardId": elsewhere_id(first["id"]), "before": cursor}, by=who
    )

    assert (second["phase"], [row["score"] for row in second["standings"]["nodes"]]) == ("GRACE", [30, 20])
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (True, True)
    assert again["standings"]["nodes"] == [{**row, "movement": 0} for row in first["standings"]["nodes"]]
    assert elsewhere["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert backwards_elsewhere["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def elsewhere_id(board_id: str) -> str:
    """The same board of the month."""
    return to_global("HonourBoard", from_global(board_id)[1].replace("WEEK.2026-03-02", "MONTH.2026-03-01"))


async def test_last_weeks_board_is_the_previous_one(
    gql: Gql, world: World, ports: Ports, shop: Outlet, clock: FrozenClock
) -> None:
    [who] = await ranked(ports, world, shop, [30])
    clock.advance(timedelta(days=7))
    await check_boards(ports)

    now = (await gql.data("HonourBoard", WEEK, by=who))["honourBoard"]
    by_date = (await gql.data("HonourBoard", {**WEEK, "date": "2026-03-05"}, by=who))["honourBoard"]

    assert now["previous"]["id"] == by_date["id"]
    assert now["previous"]["startsAt"] == "2026-03-01T16:00:00Z"
    assert by_date["previous"] is None
    assert [row["score"] for row in by_date["standings"]["nodes"]] == [30]


async def test_what_cannot_be_asked_for_is_said(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    who = await world.learner(outlet=shop)

    async def code(**variables: object) -> str:
        answer = await gql.run("HonourBoard", {**WEEK, **variables}, by=who)
        found: str = answer["errors"][0]["extensions"]["code"]
        return found

    assert await code(date="2026-03-03") == "BAD_USER_INPUT"
    assert await code(date="2019-12-31") == "BAD_USER_INPUT"
    assert await code(first=101) == "BAD_USER_INPUT"
    assert await code(scope={"regionId": to_global("Region", shop.id)}) == "NOT_FOUND"
    assert await code(scope={"regionId": "nonsense"}) == "NOT_FOUND"
    for key in ("POINTS.WEEK.2026-03-03.MEMBER.-.-", "POINTS.WEEK.2026-03-02.MEMBER.-.OLD", "x", "....."):
        assert (await gql.data("BoardPage", {"boardId": to_global("HonourBoard", key)}, by=who))["node"] is None


async def test_null_arguments_are_arguments_left_out(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    [who] = await ranked(ports, world, shop, [30])

    nulls = {"date": None, "scope": {"regionId": None, "tier": None}, "of": None, "first": None, "after": None}
    found = (await gql.data("HonourBoard", {**WEEK, **nulls}, by=who))["honourBoard"]

    assert [row["score"] for row in found["standings"]["nodes"]] == [30]


async def test_live_attendances_answer_an_empty_board(gql: Gql, world: World, ports: Ports) -> None:
    await check_boards(ports)
    found = await gql.data(
        "HonourBoard", {"metric": "LIVE_ATTENDANCES", "period": "ALL_TIME"}, by=await world.learner()
    )

    board = found["honourBoard"]
    assert (board["standings"]["totalCount"], board["viewerStanding"], board["stale"]) == (0, None, False)
    assert board["endsAt"] is None


async def test_on_boards_of_shops_and_regions_the_viewer_is_theirs(
    gql: Gql, world: World, ports: Ports, shop: Outlet
) -> None:
    people = await ranked(ports, world, shop, [10, 20, 30, 40, 50])
    county = await Region.get(name="厚街")

    of_outlets = (await gql.data("HonourBoard", {**WEEK, "of": "OUTLET"}, by=people[0]))["honourBoard"]
    of_regions = (await gql.data("HonourBoard", {**WEEK, "of": "REGION"}, by=people[0]))["honourBoard"]

    assert (of_outlets["title"], of_regions["title"]) == ("门店积分周榜", "区域积分周榜")
    assert of_outlets["viewerStanding"]["score"] == 150
    assert of_outlets["standings"]["nodes"][0]["subject"]["id"] == to_global("Outlet", shop.id)
    assert of_regions["viewerStanding"]["score"] == 30
    assert of_regions["standings"]["nodes"][0]["subject"] == {
        "__typename": "Region",
        "id": to_global("Region", county.id),
        "name": "厚街",
    }


async def test_a_scope_of_region_and_tier_is_answered(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    [who] = await ranked(ports, world, shop, [30])
    city = await Region.get(name="东莞")

    async def total(tier: OutletTier) -> int:
        scope = {"regionId": to_global("Region", city.id), "tier": tier.value}
        board = (await gql.data("HonourBoard", {**WEEK, "scope": scope}, by=who))["honourBoard"]
        assert board["stale"] is False
        count: int = board["standings"]["totalCount"]
        return count

    assert (await total(OutletTier.ORDINARY), await total(OutletTier.NEW)) == (1, 0)


async def test_a_hidden_member_keeps_the_row_and_only_they_see_whose_it_is(
    gql: Gql, world: World, ports: Ports, shop: Outlet
) -> None:
    hidden, other = await ranked(ports, world, shop, [30, 10])
    await Member.filter(id=hidden.id).update(hidden_on_boards=True)

    for_others = (await gql.data("HonourBoard", WEEK, by=other))["honourBoard"]
    for_themselves = (await gql.data("HonourBoard", WEEK, by=hidden))["honourBoard"]
    asked = {"boardId": for_others["id"], "subjectIds": [gid(hidden), gid(other)]}
    by_others = (await gql.data("Standings", asked, by=other))["node"]["standingsOf"]
    by_themselves = (await gql.data("Standings", asked, by=hidden))["node"]["standingsOf"]

    assert (for_others["standings"]["nodes"][0]["score"], for_others["standings"]["nodes"][0]["subject"]) == (30, None)
    assert for_others["aroundViewer"][0]["subject"] is None
    assert for_themselves["standings"]["nodes"][0]["subject"]["id"] == gid(hidden)
    assert by_others == [None, {"rank": 2, "position": 2, "score": 10}]
    assert by_themselves[0] == {"rank": 1, "position": 1, "score": 30}


async def test_standings_of_others_come_in_the_order_asked(gql: Gql, world: World, ports: Ports, shop: Outlet) -> None:
    first, second = await ranked(ports, world, shop, [30, 10])
    idle = await world.learner(outlet=shop, role=PostRole.CLERK)
    board_id = (await gql.data("HonourBoard", WEEK, by=idle))["honourBoard"]["id"]

    asked = [gid(second), gid(idle), to_global("Outlet", shop.id), "nonsense", gid(first), gid(second)]
    found = (await gql.data("Standings", {"boardId": board_id, "subjectIds": asked}, by=idle))["node"]["standingsOf"]
    too_many = await gql.run("Standings", {"boardId": board_id, "subjectIds": [gid(first)] * 101}, by=idle)

    assert [row and row["position"] for row in found] == [2, None, None, None, 1, 2]
    assert too_many["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_without_valkey_the_answer_is_the_same_but_for_stale(
    gql: Gql, world: World, ports: Ports, shop: Outlet
) -> None:
    people = await ranked(ports, world, shop, [50, 40, 40, 20, 10])
    fresh = (await gql.data("HonourBoard", WEEK, by=people[2]))["honourBoard"]

    await ports.redis.flushdb()
    stale = (await gql.data("HonourBoard", WEEK, by=people[2]))["honourBoard"]
    await check_boards(ports)
    again = (await gql.data("HonourBoard", WEEK, by=people[2]))["honourBoard"]

    assert (fresh["stale"], stale["stale"], again["stale"]) == (False, True, False)
    assert stale == {**fresh, "stale": True}
    assert again == fresh


async def test_scopes_are_the_viewers_own_places(gql: Gql, world: World, shop: Outlet) -> None:
    found = (await gql.data("BoardScopes", by=await world.learner(outlet=shop)))["viewer"]["outlet"]

    assert found["tier"] == "ORDINARY"
    assert [region["name"] for region in found["region"]["ancestors"]][-2:] == ["厚街", "东莞"]


async def test_the_feed_starts_with_the_present_and_follows_the_board(
    gql: Gql, world: World, ports: Ports, shop: Outlet, clock: FrozenClock
) -> None:
    end_of_week = day_start(date(2026, 3, 9))
    clock.at = end_of_week - timedelta(minutes=5)
    leader, chaser = await ranked(ports, world, shop, [30, 10])
    board_id = (await gql.data("HonourBoard", WEEK, by=chaser))["honourBoard"]["id"]

    async with gql.subscription("BoardMoved", {"boardId": board_id, "top": 1}, by=chaser) as events:
        present = (await events.next())["data"]["honourBoardMoved"]
        await earns(ports, chaser, 25)
        await settle(ports)
        moved = (await events.next())["data"]["honourBoardMoved"]
        clock.at = end_of_week
        over = (await events.next())["data"]["honourBoardMoved"]
        ended: Any = await events.receive()

    assert present["phase"] == "OPEN"
    assert [row["subject"]["id"] for row in present["standings"]] == [gid(leader)]
    assert present["viewerStanding"] == {"rank": 2, "position": 2, "score": 10, "gapToNext": 20}
    assert [row["subject"]["id"] for row in moved["standings"]] == [gid(chaser)]
    assert moved["viewerStanding"] == {"rank": 1, "position": 1, "score": 35, "gapToNext": None}
    assert over["phase"] == "GRACE"
    assert ended["type"] == "complete"


async def test_the_first_move_follows_the_present_at_once(
    gql: Gql, world: World, ports: Ports, shop: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.boards, "UPDATE_SECONDS", 3600.0)
    [learner] = await ranked(ports, world, shop, [10])
    board_id = (await gql.data("HonourBoard", WEEK, by=learner))["honourBoard"]["id"]

    async with gql.subscription("BoardMoved", {"boardId": board_id}, by=learner) as events:
        await events.next()
        await earns(ports, learner, 5)
        await settle(ports)
        moved = (await events.next())["data"]["honourBoardMoved"]

    assert moved["viewerStanding"]["score"] == 15


async def test_the_feed_of_no_board_is_refused(gql: Gql, world: World) -> None:
    who = await world.learner()

    async with gql.subscription("BoardMoved", {"boardId": to_global("Member", who.id)}, by=who) as events:
        refused = await events.receive()

    assert "NOT_FOUND" in str(refused)


class CountedBoards(HonourBoards):
    """The real boards; counts how often they are read."""

    reads = 0

    async def read(self, board: Board, question: Question, day: date | None) -> Answer:
        self.reads += 1
        return await super().read(board, question, day)


async def test_one_script_answers_a_screen_and_a_longer_page_takes_no_more_questions(
    world: World, ports: Ports, shop: Outlet, caplog: pytest.LogCaptureFixture
) -> None:
    people = await ranked(ports, world, shop, [30, 20, 10, 10, 10, 9, 8, 7, 6, 5])
    boards = CountedBoards(ports.redis)

    async def questions(gql: Gql, first: int, of: str) -> tuple[int, int]:
        """How often PostgreSQL and Valkey are asked for a screen."""
        caplog.clear()
        before = boards.reads
        with caplog.at_level("DEBUG", "tortoise.db_client"):
            await gql.data("HonourBoard", {**WEEK, "first": first, "of": of}, by=people[0])
        return sum(record.name == "tortoise.db_client" for record in caplog.records), boards.reads - before

    async with Gql.over(replace(ports, boards=boards)) as gql:
        await questions(gql, 1, "MEMBER")
        short, long = await questions(gql, 1, "MEMBER"), await questions(gql, 10, "MEMBER")
        of_outlets, of_regions = await questions(gql, 10, "OUTLET"), await questions(gql, 10, "REGION")

    assert short == long
    assert (long[1], of_outlets[1], of_regions[1]) == (1, 1, 1)


@pytest.fixture
async def discreet(ports: Ports) -> AsyncIterator[Gql]:
    """An academy whose boards show shops with the middle of their names left out."""
    settings = ports.settings.model_copy(update={"board_names": "shop"})
    async with Gql.over(replace(ports, settings=settings)) as client:
        yield client


async def test_boards_may_show_shops_without_the_middle_of_their_names(
    discreet: Gql, world: World, ports: Ports, shop: Outlet
) -> None:
    first, second = await ranked(ports, world, shop, [30, 10])
    bar = await world.learner("小店", outlet=await world.outlet("好", region=await shop.region))
    await earns(ports, bar, 5)
    await settle(ports)

    board = (await discreet.data("HonourBoard", WEEK, by=second))["honourBoard"]

    shown = [line["subject"] for line in board["standings"]["nodes"]]
    assert [subject["displayName"] for subject in shown] == ["厚**店", second.display_name, "好**"]
    assert [subject["outlet"]["name"] for subject in shown] == ["厚**店", "厚街便利店", "好**"]
    assert [subject["avatarUrl"] for subject in shown] == [None, None, None]
    assert shown[0]["id"] == gid(first)
