"""Boards that admins give a title and prizes: who may, what they pay, and what is missing to a prize."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import to_global
from kit.words import PostRole, Role
from models.accounts import Member
from models.board_prizes import BoardAward, MadeBoard
from models.outlets import Outlet
from services.board_building import check_boards
from services.board_closing import close_periods
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.ports import Ports
from tests.boards.story import settle
from tests.boards.test_boards_api import earns
from tests.gql import Gql
from tests.world import World

CREATE = """mutation CreateBoard($input: CreateBoardInput!) {
  createBoard(input: $input) { board { id title metric period } userErrors { code message field } }
}"""
BOARD = """query ($of: BoardSubjectKind, $scope: BoardScopeInput, $date: Date) {
  honourBoard(metric: POINTS, period: WEEK, of: $of, scope: $scope, date: $date) {
    id title phase prizesBy prizes { fromPosition toPosition points }
    viewerStanding { rank position score gapToPrize } } }"""
WEEK: dict[str, Any] = {"title": "学习之星周榜", "metric": "POINTS", "period": "WEEK"}
PRIZES = [{"fromPosition": 1, "toPosition": 1, "points": 100}, {"fromPosition": 2, "toPosition": 3, "points": 40}]


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


async def create(gql: Gql, by: Member, **changed: object) -> dict[str, Any]:
    answer = await gql.ask(CREATE, {"input": WEEK | changed}, by=by)
    payload: dict[str, Any] = answer["data"]["createBoard"]
    return payload


async def board(gql: Gql, by: Member, **variables: object) -> dict[str, Any]:
    found: dict[str, Any] = (await gql.ask(BOARD, variables, by=by))["data"]["honourBoard"]
    return found


async def crowd(ports: Ports, world: World, points: Sequence[int], shop: Outlet | None = None) -> list[Member]:
    """People with these points this week, each later than the one before."""
    home = shop or await world.outlet()
    people = [await world.learner(f"学员{n}", outlet=home, role=PostRole.CLERK) for n in range(len(points))]
    await check_boards(ports)
    for member, amount in zip(people, points, strict=True):
        if amount:
            await earns(ports, member, amount)
        ports.clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    await settle(ports)
    return people


async def test_a_made_board_has_its_title_and_prizes_and_is_made_once(gql: Gql, admin: Member) -> None:
    made = await create(gql, admin, prizes=PRIZES)
    again = await create(gql, admin, title="另一个名字")
    elsewhere = await create(gql, admin, scope={"tier": "MODERN"})

    found = await board(gql, admin)
    assert made["userErrors"] == []
    assert made["board"] == {"id": found["id"], "title": "学习之星周榜", "metric": "POINTS", "period": "WEEK"}
    assert (found["prizes"], found["prizesBy"]) == (PRIZES, "POSITION")
    assert [error["code"] for error in again["userErrors"]] == ["CONFLICT"]
    assert elsewhere["userErrors"] == []
    assert await MadeBoard.all().count() == 2
    [newest, *_] = (await gql.ask("{ auditLog { nodes { action } } }", by=admin))["data"]["auditLog"]["nodes"]
    assert newest == {"action": "board.created"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": " "}, ["title"]),
        ({"title": "榜" * 41}, ["title"]),
        ({"of": "REGION", "prizes": PRIZES}, ["prizes"]),
        ({"period": "ALL_TIME", "prizes": PRIZES}, ["prizes"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 0, "points": 5}]}, ["prizes", "0", "toPosition"]),
    ],
)
async def test_what_cannot_be_a_board_is_said_at_its_field(
    gql: Gql, admin: Member, changed: dict[str, object], field: list[str]
) -> None:
    refused = await create(gql, admin, **changed)

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [("BAD_USER_INPUT", field)]
    assert await MadeBoard.all().count() == 0


async def test_admins_make_boards_of_their_own_regions(gql: Gql, world: World) -> None:
    here, there = await world.region(), await world.region()
    local = await world.staff(Role.ADMIN, here)

    own = await create(gql, local, scope={"regionId": to_global("Region", here.id)})
    others = await create(gql, local, scope={"regionId": to_global("Region", there.id)})
    everywhere = await gql.ask(CREATE, {"input": WEEK}, by=local)
    learned = await gql.ask(CREATE, {"input": WEEK}, by=await world.learner())

    assert own["userErrors"] == []
    assert [(error["code"], error["field"]) for error in others["userErrors"]] == [("NOT_FOUND", ["scope", "regionId"])]
    assert everywhere["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert learned["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await MadeBoard.all().count() == 1


@pytest.mark.parametrize(
    ("by", "gaps"),
    [
        ("POSITION", [None, 41, 41, 11, 31, None]),
        ("RANK", [None, 40, 40, 10, 30, None]),
    ],
)
async def test_the_gap_to_the_next_better_prize(
    gql: Gql, ports: Ports, world: World, admin: Member, by: str, gaps: list[int | None]
) -> None:
    people = await crowd(ports, world, [90, 50, 50, 40, 20, 0])
    await create(gql, admin, prizes=PRIZES, prizesBy=by)

    found = [(await board(gql, member))["viewerStanding"] for member in people]
    await ports.redis.flushdb()
    from_records = [(await board(gql, member))["viewerStanding"] for member in people]

    assert [standing and standing["gapToPrize"] for standing in found] == gaps
    assert from_records == found


async def test_a_made_board_pays_each_week_that_had_not_ended(
    gql: Gql, ports: Ports, world: World, admin: Member, clock: FrozenClock
) -> None:
    [before, *_] = people = await crowd(ports, world, [30, 20, 10])
    clock.advance(timedelta(days=7))
    await create(gql, admin, prizes=PRIZES)
    await earns(ports, people[2], 5)

    clock.advance(timedelta(days=14))
    await close_periods(ports)

    won = await rows("SELECT member_id, rule, amount FROM ledger_entries WHERE account = 'BALANCE'")
    assert won == [{"member_id": people[2].id, "rule": "prize.board", "amount": 100}]
    [told] = await rows("SELECT member_id, details FROM notices WHERE kind = 'SEASON_PRIZE'")
    assert told["member_id"] == people[2].id
    assert orjson.loads(told["details"]) == {"board": WEEK["title"], "position": 1, "points": 100}
    paid, unpaid = await board(gql, before, date="2026-03-09"), await board(gql, before, date="2026-03-02")
    assert (paid["phase"], paid["prizes"]) == ("AWARDED", PRIZES)
    assert (unpaid["phase"], unpaid["prizes"], unpaid["viewerStanding"]["score"]) == ("FROZEN", [], 30)
    assert [each for each in await ledger_verify() if "counted" not in each.what] == []
    assert [each for each in await verify_boards(ports) if each.where.startswith("prizes")] == []


async def test_what_a_shop_wins_goes_to_each_of_its_people_who_counted_for_it(
    gql: Gql, ports: Ports, world: World, admin: Member, clock: FrozenClock
) -> None:
    first, second = await world.outlet(), await world.outlet()
    winners = await crowd(ports, world, [30, 20, 0], first)
    [other] = await crowd(ports, world, [10], second)
    await create(gql, admin, of="OUTLET", prizes=PRIZES)

    clock.advance(timedelta(days=14))
    await close_periods(ports)

    found = await rows("SELECT member_id, place, points FROM prizes")
    assert {row["member_id"]: (row["place"], row["points"]) for row in found} == {
        winners[0].id: (1, 100),
        winners[1].id: (1, 100),
        other.id: (2, 40),
    }
    assert await BoardAward.all().count() == 1
    assert [each for each in await verify_boards(ports) if each.where.startswith("prizes")] == []
