"""Seasons with a name: who starts them, when they may run, and what boards make of them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from gamification.periods import Period
from gamification.prize_lines import PrizeLine, PrizeList
from gamification.standings import Board, Scope
from kit.clock import FrozenClock
from kit.db import execute
from kit.words import BoardMetric, BoardPeriod, BoardPhase, BoardSubjectKind, PrizeOrder, Role
from models.accounts import Member
from models.boards import BoardPeriodRow
from models.seasons import NamedSeason
from services.board_building import check_boards
from services.board_closing import close_periods
from services.board_verifying import verify_boards
from services.boards import find_board, visible_boards
from services.ports import Ports
from tests.boards.story import Learner, answer, earn, learner, outlet, settle, shown, tree
from tests.gql import Gql
from tests.world import World

START = """mutation StartSeason($input: StartSeasonInput!) {
  startSeason(input: $input) { season { id title startsAt endsAt } userErrors { code message field } }
}"""
SEASONS = """{ seasons { totalCount nodes {
  id title startsAt endsAt prizesBy prizes { fromPosition toPosition points } } } }"""
BOARD = """query ($date: Date) { honourBoard(metric: POINTS, period: SEASON, date: $date) {
  id title startsAt endsAt phase stale season { title } previous { id startsAt endsAt }
  standings { nodes { score } } } }"""

SPRING = {"title": "春季赛", "startsOn": "2026-03-02", "endsOn": "2026-05-31"}
"""Begins on the Monday on which every test begins."""


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


async def start(gql: Gql, by: Member, **changed: object) -> dict[str, Any]:
    answer = await gql.ask(START, {"input": SPRING | changed}, by=by)
    payload: dict[str, Any] = answer["data"]["startSeason"]
    return payload


async def season_board(ports: Ports, day: date | None = None) -> Board:
    found = await find_board(ports, BoardMetric.POINTS, BoardPeriod.SEASON, day, Scope(), BoardSubjectKind.MEMBER)
    return found.board


async def somebody(ports: Ports) -> Learner:
    return await learner(ports, await outlet(ports, (await tree()).stations[0]))


async def test_a_season_runs_from_the_first_midnight_to_the_one_after_its_last_day(gql: Gql, admin: Member) -> None:
    prizes = [
        {"fromPosition": 2, "toPosition": 10, "points": 50},
        {"fromPosition": 1, "toPosition": 1, "points": 100},
    ]

    made = await start(gql, admin, title=" 春季赛 ", prizes=prizes, prizesBy="RANK")

    assert made["userErrors"] == []
    season = made["season"]
    assert (season["title"], season["startsAt"], season["endsAt"]) == (
        "春季赛",
        "2026-03-01T16:00:00Z",
        "2026-05-31T16:00:00Z",
    )
    listed = (await gql.ask(SEASONS, by=admin))["data"]["seasons"]
    assert (listed["totalCount"], listed["nodes"]) == (
        1,
        [season | {"prizesBy": "RANK", "prizes": [prizes[1], prizes[0]]}],
    )
    deeds = (await gql.ask("{ auditLog { nodes { action summary object { id } } } }", by=admin))["data"]["auditLog"]
    assert deeds["nodes"][0] == {
        "action": "season.started",
        "summary": "Named the season “春季赛”, 2026-03-02 to 2026-05-31.",
        "object": {"id": season["id"]},
    }


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": "  "}, ["title"]),
        ({"title": "赛" * 41}, ["title"]),
        ({"startsOn": "2026-03-01"}, ["startsOn"]),
        ({"startsOn": "2028-03-03", "endsOn": "2028-04-01"}, ["startsOn"]),
        ({"endsOn": "2026-03-01"}, ["endsOn"]),
        ({"endsOn": "2027-03-03"}, ["endsOn"]),
        ({"endsOn": "9999-12-31"}, ["endsOn"]),
        ({"prizes": [{"fromPosition": 0, "toPosition": 1, "points": 5}]}, ["prizes", "0", "fromPosition"]),
        ({"prizes": [{"fromPosition": 3, "toPosition": 2, "points": 5}]}, ["prizes", "0", "toPosition"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 100_001, "points": 5}]}, ["prizes", "0", "toPosition"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 1, "points": 0}]}, ["prizes", "0", "points"]),
        (
            {"prizes": [{"fromPosition": n, "toPosition": n + 1, "points": 5} for n in (1, 2)]},
            ["prizes", "1", "fromPosition"],
        ),
        (
            {"prizes": [{"fromPosition": n, "toPosition": n, "points": n} for n in (1, 2)]},
            ["prizes", "1", "points"],
        ),
        ({"prizes": [{"fromPosition": n, "toPosition": n, "points": 5} for n in range(1, 52)]}, ["prizes"]),
    ],
)
async def test_what_cannot_be_a_season_is_said_at_its_field(
    gql: Gql, admin: Member, changed: dict[str, object], field: list[str]
) -> None:
    refused = await start(gql, admin, **changed)

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("BAD_USER_INPUT", field)]
    assert await NamedSeason.all().count() == 0


async def test_a_season_may_take_a_leap_years_366_days_and_begin_today(gql: Gql, admin: Member) -> None:
    made = await start(gql, admin, endsOn="2027-03-02")

    assert made["userErrors"] == []


async def test_seasons_share_no_day_and_may_touch(gql: Gql, admin: Member) -> None:
    await start(gql, admin)

    overlapping = await start(gql, admin, title="夏季赛", startsOn="2026-05-31", endsOn="2026-08-31")
    within = await start(gql, admin, title="夏季赛", startsOn="2026-04-01", endsOn="2026-04-02")
    touching = await start(gql, admin, title="夏季赛", startsOn="2026-06-01", endsOn="2026-08-31")

    for refused in (overlapping, within):
        assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("CONFLICT", ["startsOn"])]
    assert touching["userErrors"] == []
    assert await NamedSeason.all().count() == 2


async def test_of_ten_that_name_the_same_days_at_once_one_does(gql: Gql, admin: Member) -> None:
    answers = await asyncio.gather(*(start(gql, admin, title=f"赛季{number}") for number in range(10)))

    codes = Counter(tuple(error["code"] for error in answer["userErrors"]) for answer in answers)
    assert codes == {(): 1, ("CONFLICT",): 9}
    assert await NamedSeason.all().count() == 1


async def test_the_database_itself_keeps_seasons_apart(gql: Gql, admin: Member) -> None:
    await start(gql, admin)

    with pytest.raises(asyncpg.ExclusionViolationError, match="seasons_apart"):
        await execute(
            "INSERT INTO seasons SELECT gen_random_uuid(), title, starts_on + 1, ends_on, prizes, prizes_by, created_at"
            " FROM seasons"
        )


async def test_only_admins_of_everywhere_start_a_season(gql: Gql, world: World) -> None:
    here = await world.staff(Role.ADMIN, await world.region())
    auditor, learned = await world.staff(Role.AUDITOR), await world.learner()

    answers = [await gql.ask(START, {"input": SPRING}, by=each) for each in (here, auditor, learned)]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN"] * 3
    assert await NamedSeason.all().count() == 0


async def board_on(gql: Gql, by: Member, day: str | None = None) -> Mapping[str, Any]:
    found: dict[str, Any] = (await gql.ask(BOARD, {"date": day}, by=by))["data"]["honourBoard"]
    return found


async def test_days_without_a_named_season_have_what_is_left_of_their_year(
    gql: Gql, ports: Ports, admin: Member, clock: FrozenClock
) -> None:
    who = await somebody(ports)
    before = await board_on(gql, admin)
    await earn(ports, who, 7)
    await start(gql, admin, startsOn="2026-03-09", endsOn="2026-03-15")
    named = await board_on(gql, admin)

    clock.advance(timedelta(days=7))
    await earn(ports, who, 20)
    running = await board_on(gql, admin)
    clock.advance(timedelta(days=7))
    after = await board_on(gql, admin)
    past = await board_on(gql, admin, "2026-03-02")

    assert (before["season"], before["title"], before["endsAt"]) == (None, "积分赛季榜", "2026-12-31T16:00:00Z")
    assert (named["id"], named["endsAt"]) == (before["id"], "2026-03-08T16:00:00Z")
    assert (running["season"], running["title"]) == ({"title": "春季赛"}, "春季赛·积分赛季榜")
    assert (running["startsAt"], running["endsAt"]) == ("2026-03-08T16:00:00Z", "2026-03-15T16:00:00Z")
    assert running["previous"] == {key: named[key] for key in ("id", "startsAt", "endsAt")}
    assert [row["score"] for row in running["standings"]["nodes"]] == [20]
    assert (after["season"], after["startsAt"], after["endsAt"]) == (
        None,
        "2026-03-15T16:00:00Z",
        "2026-12-31T16:00:00Z",
    )
    assert after["previous"]["id"] == running["id"]
    assert (past["id"], past["phase"]) == (before["id"], "GRACE")
    assert [row["score"] for row in past["standings"]["nodes"]] == [7]


async def test_a_season_that_begins_today_takes_this_morning_along(
    gql: Gql, ports: Ports, admin: Member, clock: FrozenClock
) -> None:
    who = await somebody(ports)
    await check_boards(ports)
    await earn(ports, who, 10)
    await earn(ports, who, 3, clock.at - timedelta(days=1))
    await settle(ports)
    unnamed = await season_board(ports)
    assert shown(await answer(ports, unnamed)) == [(who.id, 13)]

    await start(gql, admin)
    await settle(ports)
    await check_boards(ports)
    await earn(ports, who, 5)
    await settle(ports)

    [cut] = await visible_boards(ports, [str(unnamed)])
    assert cut is not None
    assert cut.period == Period(BoardPeriod.SEASON, date(2026, 1, 1), date(2026, 3, 2))
    assert shown(await answer(ports, await season_board(ports))) == [(who.id, 15)]
    assert shown(await answer(ports, cut)) == [(who.id, 3)]
    keys = [key.decode() for key in await ports.redis.keys("board:{POINTS.SEASON.2026-01-01.MEMBER*")]
    assert {key.split("}")[0] for key in keys} == {"board:{POINTS.SEASON.2026-01-01.MEMBER 2026-03-02"}
    assert [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")] == []


async def test_a_year_that_was_frozen_before_seasons_had_names_stays_readable(
    gql: Gql, ports: Ports, admin: Member, clock: FrozenClock
) -> None:
    who = await somebody(ports)
    await earn(ports, who, 9, datetime(2025, 11, 1, tzinfo=UTC))
    await close_periods(ports)
    frozen = await board_on(gql, admin, "2025-11-01")

    await start(gql, admin)
    await close_periods(ports)

    assert (frozen["phase"], [row["score"] for row in frozen["standings"]["nodes"]]) == ("FROZEN", [9])
    assert await board_on(gql, admin, "2025-11-01") == frozen


async def test_a_named_season_is_closed_under_its_own_dates(
    gql: Gql, ports: Ports, admin: Member, clock: FrozenClock
) -> None:
    who = await somebody(ports)
    await earn(ports, who, 4, clock.at - timedelta(days=1))
    await start(gql, admin, endsOn="2026-03-15")
    await earn(ports, who, 10)

    clock.advance(timedelta(days=17))
    await close_periods(ports)

    found = await BoardPeriodRow.filter(period=BoardPeriod.SEASON).order_by("starts_on")
    assert [(row.starts_on, row.ends_on, row.phase) for row in found] == [
        (date(2026, 1, 1), date(2026, 3, 2), BoardPhase.FROZEN),
        (date(2026, 3, 2), date(2026, 3, 16), BoardPhase.FROZEN),
    ]
    assert shown(await answer(ports, await season_board(ports, date(2026, 3, 15)))) == [(who.id, 10)]
    assert shown(await answer(ports, await season_board(ports, date(2026, 3, 1)))) == [(who.id, 4)]


async def test_seasons_are_pages_and_found_again_by_their_ids(gql: Gql, admin: Member, world: World) -> None:
    for month in (4, 5, 6):
        await start(gql, admin, title=f"{month}月赛", startsOn=f"2026-{month:02}-01", endsOn=f"2026-{month:02}-28")
    page = """query ($first: Int, $after: String, $last: Int, $before: String) {
      seasons(first: $first, after: $after, last: $last, before: $before) {
        nodes { id title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    who = await world.learner()

    first = (await gql.ask(page, {"first": 2}, by=who))["data"]["seasons"]
    second = (await gql.ask(page, {"first": 2, "after": first["pageInfo"]["endCursor"]}, by=who))["data"]["seasons"]
    back = (await gql.ask(page, {"last": 2, "before": second["pageInfo"]["startCursor"]}, by=who))["data"]["seasons"]
    again = await gql.ask("query ($id: ID!) { node(id: $id) { ... on Season { title } } }",
                          {"id": first["nodes"][0]["id"]}, by=who)  # fmt: skip

    assert [season["title"] for season in first["nodes"]] == ["6月赛", "5月赛"]
    assert ([season["title"] for season in second["nodes"]], second["pageInfo"]["hasNextPage"]) == (["4月赛"], False)
    assert back["nodes"] == first["nodes"]
    assert again["data"]["node"] == {"title": "6月赛"}


@pytest.mark.parametrize(("place", "points", "better"), [(1, 100, None), (2, 50, 1), (3, 50, 1), (4, 0, 3), (9, 0, 3)])
def test_a_prize_list_knows_what_a_place_wins_and_where_the_next_prize_begins(
    place: int, points: int, better: int | None
) -> None:
    prizes = PrizeList((PrizeLine(1, 1, 100), PrizeLine(2, 3, 50)), PrizeOrder.POSITION)

    assert (prizes.points_for(place), prizes.next_better(place), prizes.last_place) == (points, better, 3)
