"""Leagues as the phone sees them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit import db
from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.leagues import tables_of_members
from tests.gql import Gql
from tests.leagues.story import Town
from tests.world import World

LEAGUE = """query MyGame {
  viewer {
    id
    league { id division title endsAt standings { position score zone member { id displayName } } }
  }
}"""
NODE = """query ($id: ID!) {
  node(id: $id) { ... on League { id startsAt standings { position score zone member { displayName } } } }
}"""


@pytest.fixture
async def town(world: World, clock: FrozenClock) -> Town:
    return await Town.founded(world, clock)


async def seen(gql: Gql, by: UUID | Member, language: str = "en") -> Any:
    answer = (await gql.post({"query": LEAGUE}, by=by, headers={"accept-language": language})).json()
    assert "errors" not in answer, answer
    return answer["data"]["viewer"]["league"]


async def test_a_league_shows_who_is_ahead_and_where_it_leads(gql: Gql, town: Town) -> None:
    people = await town.learners(4)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people[:3], [5, 20, 5])

    league = await seen(gql, people[3])

    assert (league["division"], league["title"], league["endsAt"]) == (
        "BRONZE",
        "Bronze League",
        "2026-03-15T16:00:00Z",
    )
    assert (await seen(gql, people[0], "zh-CN"))["title"] == "青铜联赛"
    assert [(line["position"], line["score"], line["zone"], line["member"]["id"]) for line in league["standings"]] == [
        (1, 20, "PROMOTE", to_global("Member", people[1])),
        (2, 5, "STAY", to_global("Member", people[0])),
        (3, 5, "STAY", to_global("Member", people[2])),
        (4, 0, "STAY", to_global("Member", people[3])),
    ]


async def test_who_did_not_play_has_no_league(gql: Gql, town: Town, world: World) -> None:
    people = await town.learners(2)
    await town.earn(people[:1], 10)
    await town.next_week()
    admin = await world.staff(Role.ADMIN)

    assert [await seen(gql, by) for by in (people[1], admin)] == [None, None]


async def test_others_see_no_name_of_who_hides_and_nothing_of_who_is_suspended(
    gql: Gql, town: Town, clock: FrozenClock
) -> None:
    people = await town.learners(4)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [40, 30, 20, 10])
    await Member.filter(id=people[1]).update(hidden_on_boards=True)
    await Member.filter(id=people[0]).update(suspended_at=clock.now())

    to_others, to_herself = await seen(gql, people[2]), await seen(gql, people[1])

    assert [(line["position"], line["score"], line["zone"]) for line in to_others["standings"]] == [
        (1, 30, "PROMOTE"), (2, 20, "STAY"), (3, 10, "STAY"),
    ]  # fmt: skip
    assert [line["member"] is None for line in to_others["standings"]] == [True, False, False]
    assert to_herself["standings"][0]["member"]["id"] == to_global("Member", people[1])


async def test_a_league_is_found_again_by_those_who_played_in_it_alone(gql: Gql, town: Town, world: World) -> None:
    people = await town.learners(4)
    stranger = await world.learner()
    await town.earn([*people, stranger.id], 10)
    await town.next_week()
    await town.earn(people, [40, 30, 20, 10])
    league_id = (await seen(gql, people[0]))["id"]
    sunday = town.clock.now() + timedelta(days=6)
    await town.next_week()
    await town.earn(people[3:], 20, sunday)

    in_grace = await gql.ask(NODE, {"id": league_id}, by=people[1])
    await town.grace_ends()
    await town.earn(people[2:3], 500, sunday)
    closed = await gql.ask(NODE, {"id": league_id}, by=people[1])
    others = [await gql.ask(NODE, {"id": league_id}, by=by) for by in (stranger, None)]
    unknown = await gql.ask(NODE, {"id": to_global("League", uuid4())}, by=people[1])

    assert in_grace == closed
    found = closed["data"]["node"]
    assert [(line["position"], line["score"], line["zone"]) for line in found["standings"]] == [
        (1, 40, "PROMOTE"), (2, 30, "STAY"), (3, 30, "STAY"), (4, 20, "STAY"),
    ]  # fmt: skip
    assert [answer["data"]["node"] for answer in (*others, unknown)] == [None, None, None]


async def test_a_league_costs_one_statement_however_many_play(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    people = await town.learners(40)
    await town.earn(people, 10)
    monday = await town.next_week()
    asked: list[str] = []
    ask = db.AcademyClient.execute_query_dict

    async def listening(self: db.AcademyClient, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        asked.append(query)
        return await ask(self, query, values)

    monkeypatch.setattr(db.AcademyClient, "execute_query_dict", listening)
    [table] = await tables_of_members(monday, people[:1])

    assert table is not None
    assert len(table.scores) == 40
    assert len(asked) == 1
