"""Points as the apps read them: their own operations over the whole server."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gamification.facts import CourseCompleted, LessonCompleted
from gamification.rules import CODES
from kit.clock import FrozenClock
from kit.ids import to_global
from kit.settings import Settings
from services.ports import Ports
from tests.gql import Gql
from tests.points.story import course, lesson, say
from tests.pool import pool_falls_idle
from tests.world import World
from workers.relay import drain

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def may(world: World, ports: Ports) -> UUID:
    return (await world.learner()).id


async def history(gql: Gql, member_id: UUID, **variables: object) -> dict[str, Any]:
    viewer: dict[str, Any] = (await gql.data("PointsHistory", variables, by=member_id))["viewer"]
    return viewer


async def test_a_newcomer_has_nothing_and_stands_on_the_first_level(gql: Gql, may: UUID) -> None:
    async with gql.subscription("MyPoints", by=may) as events:
        first = (await events.next())["data"]["myPoints"]

    assert first == {
        "viewer": {
            "id": to_global("Member", may),
            "points": {"lifetime": 0, "balance": 0, "today": 0, "thisWeek": 0},
            "level": {"number": 1, "title": "Seed", "fromPoints": 0, "toPoints": 50, "progress": 0.0},
            "streak": {"days": 0, "bestDays": 0, "learnedToday": False},
        },
        "awards": [],
        "badges": [],
    }
    assert (await history(gql, may))["pointEntries"]["nodes"] == []


async def test_every_line_says_what_it_was_for(gql: Gql, world: World, ports: Ports, may: UUID) -> None:
    made = await world.course("香烟陈列", lessons=1)
    await say(
        ports,
        LessonCompleted(may, made.lesson_ids[0], made.id, False, NOON - 2 * HOUR),
        CourseCompleted(may, made.id, False, NOON - HOUR),
    )

    viewer = await history(gql, may)

    assert viewer["points"] == {"lifetime": 45, "balance": 45, "today": 45, "thisWeek": 45}
    entries = viewer["pointEntries"]
    assert entries["totalCount"] == 3
    assert [(line["rule"], line["title"], line["amount"], line["balanceAfter"]) for line in entries["nodes"]] == [
        ("course.completed", "Course completed", 30, 45),
        ("lesson.completed", "Lesson completed", 10, 15),
        ("day.first_lesson", "First lesson of the day", 5, 5),
    ]
    assert [line["subject"] for line in entries["nodes"]] == [
        {"__typename": "Course", "id": made.gid, "title": "香烟陈列"},
        {"__typename": "Lesson", "id": made.lesson_gids[0], "title": "第1课"},
        None,
    ]
    assert {line["account"] for line in entries["nodes"]} == {"BALANCE"}
    assert entries["nodes"][0]["occurredAt"] == "2026-03-02T03:00:00Z"
    assert entries["nodes"][0]["bookedAt"] == "2026-03-02T04:00:00Z"
    assert all(line["reverses"] is None for line in entries["nodes"])


async def test_a_correction_points_at_what_it_undid(gql: Gql, ports: Ports, may: UUID) -> None:
    fact = course(may, 1, NOON)
    await say(ports, fact)
    await say(ports, moved=[(fact, course(may, 1, NOON - DAY))])

    undoing, again, first = (await history(gql, may, account="LIFETIME"))["pointEntries"]["nodes"]

    assert [undoing["amount"], again["amount"], first["amount"]] == [-30, 30, 30]
    assert undoing["reverses"] == {"id": first["id"]}
    assert {line["account"] for line in (undoing, again, first)} == {"LIFETIME"}


async def test_pages_of_entries_meet_without_gap_while_new_ones_arrive(gql: Gql, ports: Ports, may: UUID) -> None:
    await say(ports, *(course(may, number, NOON) for number in range(5)))
    first = (await history(gql, may, first=2))["pointEntries"]
    await say(ports, course(may, "new", NOON))

    second = (await history(gql, may, first=3, after=first["pageInfo"]["endCursor"]))["pointEntries"]

    assert [line["balanceAfter"] for line in first["nodes"] + second["nodes"]] == [150, 120, 90, 60, 30]
    assert [first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]] == [True, False]


async def test_a_cursor_of_one_account_does_not_open_the_other(gql: Gql, ports: Ports, may: UUID) -> None:
    await say(ports, *(course(may, number, NOON) for number in range(3)))
    page = (await history(gql, may, first=1))["pointEntries"]["pageInfo"]

    answer = await gql.run("PointsHistory", {"after": page["endCursor"], "account": "LIFETIME"}, by=may)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answer["data"]["viewer"]["pointEntries"] is None


async def test_only_the_owner_finds_an_entry_by_its_id(gql: Gql, world: World, ports: Ports, may: UUID) -> None:
    await say(ports, course(may, 1, NOON))
    gid = (await history(gql, may))["pointEntries"]["nodes"][0]["id"]
    asked = "query ($id: ID!) { node(id: $id) { __typename id } }"

    own = await gql.ask(asked, {"id": gid}, by=may)
    foreign = await gql.ask(asked, {"id": gid}, by=(await world.learner()).id)
    nobody = await gql.ask(asked, {"id": to_global("PointEntry", "9" * 30)}, by=may)

    assert own["data"]["node"] == {"__typename": "PointEntry", "id": gid}
    assert foreign["data"]["node"] is None
    assert nobody["data"]["node"] is None


async def test_the_ladder_has_ten_levels(gql: Gql) -> None:
    levels = (await gql.data("Levels"))["levels"]

    assert [level["number"] for level in levels] == list(range(1, 11))
    assert (levels[0]["title"], levels[9]["title"]) == ("Seed", "Great Tree")


async def test_titles_come_in_the_language_asked_for(gql: Gql) -> None:
    asked = {"query": "{ levels { title } pointRules { title } }"}

    answer = (await gql.post(asked, headers={"accept-language": "zh-CN"})).json()["data"]

    assert answer["levels"][0]["title"] == "种子"
    assert answer["pointRules"][0]["title"] == "完成课时"


async def test_the_rules_say_what_pays_and_what_is_left_today(
    gql: Gql, ports: Ports, clock: FrozenClock, may: UUID
) -> None:
    await say(ports, *(lesson(may, number, NOON) for number in range(3)))
    asked = "{ pointRules { code points ownPrice dailyCap oncePer viewerEarnedToday viewerLeftToday } }"

    today = (await gql.ask(asked, by=may))["data"]["pointRules"]
    clock.advance(DAY)
    tomorrow = (await gql.ask(asked, by=may))["data"]["pointRules"]
    signed_out = (await gql.ask(asked))["data"]["pointRules"]

    assert today[0] == {
        "code": "lesson.completed",
        "points": 10,
        "ownPrice": False,
        "dailyCap": 100,
        "oncePer": "LESSON",
        "viewerEarnedToday": 30,
        "viewerLeftToday": 70,
    }
    told = {rule["code"]: (rule["points"], rule["oncePer"], rule["viewerEarnedToday"]) for rule in today}
    assert list(told) == list(CODES)
    assert told["course.required"] == (50, "COURSE", 0)
    assert told["day.first_lesson"] == (5, "DAY", 5)
    assert told["outlet.upgraded"] == (200, "TIER", 0)
    assert told["task.claimed"] == (0, "TASK", 0)
    assert [rule["code"] for rule in today if rule["ownPrice"]] == ["task.claimed", "stage.passed"]
    assert (tomorrow[0]["viewerEarnedToday"], tomorrow[0]["viewerLeftToday"]) == (0, 100)
    assert (signed_out[0]["viewerEarnedToday"], signed_out[0]["viewerLeftToday"]) == (None, None)


async def test_what_the_cap_refused_is_told_for_thirty_days(
    gql: Gql, world: World, ports: Ports, clock: FrozenClock, may: UUID
) -> None:
    made = await world.course(lessons=12)
    await say(
        ports,
        *(
            LessonCompleted(may, lesson_id, made.id, False, NOON + number * timedelta(minutes=1))
            for number, lesson_id in enumerate(made.lesson_ids)
        ),
    )

    told = (await gql.data("PointRules", by=may))["viewer"]["refusedAwards"]["nodes"]
    clock.advance(31 * DAY)
    later = (await gql.data("PointRules", by=may))["viewer"]["refusedAwards"]["nodes"]

    assert told == [
        {
            "rule": "lesson.completed",
            "title": "Lesson completed",
            "points": 10,
            "reason": "DAILY_CAP",
            "occurredAt": f"2026-03-02T04:{minute}:00Z",
            "subject": {"__typename": "Lesson", "id": made.lesson_gids[minute]},
        }
        for minute in (11, 10)
    ]
    assert later == []


async def test_points_count_for_the_day_and_the_week_they_were_earned_in(gql: Gql, ports: Ports, may: UUID) -> None:
    tuesday_evening = NOON + DAY + timedelta(hours=8)
    assert isinstance(ports.clock, FrozenClock)
    ports.clock.at = tuesday_evening
    await say(ports, course(may, "sunday", NOON - DAY), course(may, "monday", NOON))
    await say(ports, course(may, "today", tuesday_evening))

    assert (await history(gql, may))["points"] == {"lifetime": 90, "balance": 90, "today": 30, "thisWeek": 60}


async def test_my_points_follow_every_change(gql: Gql, ports: Ports, may: UUID) -> None:
    async with gql.subscription("MyPoints", by=may) as events:
        await events.next()

        for number in range(2):
            await say(ports, lesson(may, number, NOON))
            await drain(ports)
        first, second = [(await events.next())["data"]["myPoints"] for _ in range(2)]

    assert [(award["rule"], award["title"], award["points"]) for award in first["awards"]] == [
        ("day.first_lesson", "First lesson of the day", 5),
        ("lesson.completed", "Lesson completed", 10),
    ]
    assert second["viewer"]["points"] == {"lifetime": 25, "balance": 25, "today": 25, "thisWeek": 25}
    assert second["viewer"]["streak"] == {"days": 1, "bestDays": 1, "learnedToday": True}
    assert [award["points"] for award in second["awards"]] == [10]


async def test_my_points_stay_silent_when_nothing_of_them_changed(gql: Gql, ports: Ports, may: UUID) -> None:
    async with gql.subscription("MyPoints", by=may) as events:
        await events.next()

        await ports.bus.publish(f"member:{may}", {"kind": "changed", "awards": [], "badges": []})
        await say(ports, course(may, 1, NOON))
        await drain(ports)
        following = (await events.next())["data"]["myPoints"]

    assert following["viewer"]["points"]["lifetime"] == 30


async def test_my_points_read_the_state_anew_where_messages_may_have_been_lost(
    gql: Gql, ports: Ports, may: UUID
) -> None:
    async with gql.subscription("MyPoints", by=may) as events:
        await events.next()

        await say(ports, course(may, 1, NOON))
        await ports.bus.publish(f"member:{may}", {"kind": "resync"})
        following = (await events.next())["data"]["myPoints"]

    assert following["viewer"]["points"]["lifetime"] == 30
    assert following["awards"] == []


async def test_my_points_need_somebody_signed_in(gql: Gql) -> None:
    async with gql.subscription("MyPoints") as events:
        answer = await events.receive()

    assert answer["type"] == "error"
    assert [error["extensions"]["code"] for error in answer["payload"]] == ["UNAUTHENTICATED"]


async def test_waiting_for_changes_holds_no_connection_and_leaves_no_listener(
    gql: Gql, world: World, ports: Ports, settings: Settings
) -> None:
    may = (await world.learner()).id
    async with AsyncExitStack() as stack:
        waiting = [
            await stack.enter_async_context(gql.subscription("MyPoints", by=may))
            for _ in range(2 * settings.database_pool_size)
        ]
        for events in waiting:
            await events.next()
        idle = await pool_falls_idle()

        await say(ports, course(may, 1, NOON))
        await drain(ports)
        heard = [(await events.next())["data"]["myPoints"]["viewer"]["points"]["lifetime"] for events in waiting]

    assert heard == [30] * len(waiting)
    assert idle
    assert f"member:{may}" not in ports.bus._listeners
