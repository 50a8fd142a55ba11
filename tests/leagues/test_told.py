"""Everybody hears how their week ended, once; and once more if late reports gave it another end."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from services.leagues import keep_leagues
from tests.gql import Gql
from tests.leagues.story import Town
from tests.world import World

NOTICES = "{ viewer { notices(first: 10) { nodes { kind title text link } } } }"


@pytest.fixture
async def town(world: World, clock: FrozenClock) -> Town:
    return await Town.founded(world, clock)


async def told(gql: Gql, by: UUID, language: str = "en") -> list[dict[str, Any]]:
    answer = (await gql.post({"query": NOTICES}, by=by, headers={"accept-language": language})).json()
    found: list[dict[str, Any]] = answer["data"]["viewer"]["notices"]["nodes"]
    return found


async def test_everybody_is_told_once_how_the_week_ended(gql: Gql, town: Town) -> None:
    people = await town.learners(6)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [60, 50, 40, 30, 20, 10])

    await town.next_week()
    await keep_leagues(town.ports)
    await town.grace_ends()

    texts = [[notice["text"] for notice in await told(gql, each)] for each in people]
    assert texts == [
        ["Last week you finished at place 1 and rise to Silver League."],
        ["Last week you finished at place 2 and rise to Silver League."],
        *([f"Last week you finished at place {place} and stay in Bronze League."] for place in (3, 4, 5, 6)),
    ]
    assert (await told(gql, people[0], "zh-CN"))[0]["text"] == "您上周在联赛中排第1名，升入「白银联赛」。"


async def test_whom_late_reports_gave_another_end_is_told_that_too(gql: Gql, town: Town) -> None:
    people = await town.learners(3)
    await town.earn(people, 10)
    await town.next_week()
    await town.earn(people, [30, 20, 10])
    sunday = town.clock.now() + timedelta(days=6)
    await town.next_week()

    await town.earn(people[2:], 100, sunday)
    await town.grace_ends()
    await keep_leagues(town.ports)

    kinds = [[notice["kind"] for notice in await told(gql, each)] for each in people]
    assert kinds == [["LEAGUE_CORRECTED", "LEAGUE_RESULT"], ["LEAGUE_RESULT"], ["LEAGUE_CORRECTED", "LEAGUE_RESULT"]]
    assert (await told(gql, people[2], "zh-CN"))[0]["text"] == (
        "补报的学习记录已计入：您上周排第1名，升入「白银联赛」。本周联赛不变，下周起按此段位。"
    )
