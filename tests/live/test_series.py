"""Series: made by their rule ninety days ahead, rolled on, and never again what was there already."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from kit.clock import ZONE, FrozenClock
from kit.ids import from_global
from kit.words import LiveStatus, Role
from models.accounts import Member, revoke
from models.audit import AuditEntry
from models.live import LiveLesson, LiveSeries, LiveStep
from services.live_series import roll_live_series
from services.ports import Ports
from tests.gql import Gql
from tests.live.plans import faults, plan, schedule
from tests.world import World

EVENING = datetime(2026, 3, 4, 20, 0, tzinfo=ZONE)
"""Wednesday, two days after the test's clock."""
WEEK = timedelta(weeks=1)


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


@pytest.fixture
async def host(world: World) -> Member:
    return await world.staff(Role.LECTURER, name="王老师")


async def weekly(gql: Gql, admin: Member, host: Member, rule: str = "FREQ=WEEKLY", **other: object) -> dict[str, Any]:
    return await schedule(gql, admin, plan(host, EVENING, recurrence=rule, **other))


async def starts() -> list[datetime]:
    return [each.starts_at for each in await LiveLesson.all().order_by("starts_at")]


async def test_a_series_has_its_lessons_of_ninety_days(gql: Gql, admin: Member, host: Member) -> None:
    made = await weekly(gql, admin, host, capacity=50)

    assert (made["userErrors"], made["occurrences"]) == ([], 13)
    assert made["liveLesson"]["startsAt"] == "2026-03-04T12:00:00Z"
    assert made["liveLesson"]["series"]["recurrence"] == "FREQ=WEEKLY"
    lessons = await LiveLesson.all().order_by("starts_at")
    assert [each.starts_at for each in lessons] == [EVENING + number * WEEK for number in range(13)]
    assert {(each.title, each.capacity, each.status) for each in lessons} == {
        ("旺季陈列直播", 50, LiveStatus.SCHEDULED)
    }
    assert all(each.ends_at - each.starts_at == timedelta(hours=1) for each in lessons)
    assert await LiveStep.all().count() == 13
    assert (await AuditEntry.get(action="live_lesson.scheduled")).details["lessons"] == 13


async def test_a_series_that_begins_far_away_has_its_first_lesson_at_once(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member
) -> None:
    made = await schedule(gql, admin, plan(host, clock.now() + timedelta(days=200), recurrence="FREQ=WEEKLY"))

    assert (made["userErrors"], made["occurrences"]) == ([], 1)


async def test_a_rule_with_an_end_makes_what_it_says_and_is_rolled_no_more(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, host: Member
) -> None:
    made = await weekly(gql, admin, host, "FREQ=WEEKLY;COUNT=5")
    clock.advance(timedelta(days=30))
    await roll_live_series(ports)

    assert made["occurrences"] == await LiveLesson.all().count() == 5
    series = await LiveSeries.get()
    assert series.ends_before == series.made_until


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=WEEKLY;BYDAY=MO", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "x"])
async def test_a_rule_that_is_none_is_refused_with_its_field(gql: Gql, admin: Member, host: Member, rule: str) -> None:
    made = await weekly(gql, admin, host, rule)

    assert faults(made) == [("BAD_USER_INPUT", ["recurrence"])]
    assert await LiveLesson.all().count() + await LiveSeries.all().count() == 0


async def test_no_lesson_is_made_when_the_host_is_busy_at_one_of_them(
    gql: Gql, world: World, admin: Member, host: Member
) -> None:
    await world.live_lesson(host=host, starts_at=EVENING + 7 * WEEK + timedelta(minutes=30))

    made = await weekly(gql, admin, host)

    assert faults(made) == [("HOST_BUSY", ["hostId"])]
    assert (await LiveLesson.all().count(), await LiveSeries.all().count()) == (1, 0)


async def test_a_series_is_no_draft(gql: Gql, admin: Member, host: Member) -> None:
    made = await weekly(gql, admin, host, draft=True)

    assert faults(made) == [("BAD_USER_INPUT", ["draft"])]
    assert await LiveLesson.all().count() == 0


async def test_time_makes_the_next_lessons_and_only_those(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, host: Member
) -> None:
    await weekly(gql, admin, host)
    before = {each.id for each in await LiveLesson.all()}

    await roll_live_series(ports)
    assert {each.id for each in await LiveLesson.all()} == before
    clock.advance(timedelta(days=30))
    await asyncio.gather(*(roll_live_series(ports) for _ in range(5)))

    assert await starts() == [EVENING + number * WEEK for number in range(17)]
    assert before < {each.id for each in await LiveLesson.all()}


async def test_a_server_that_slept_for_half_a_year_catches_up(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, host: Member
) -> None:
    await weekly(gql, admin, host)

    clock.advance(timedelta(days=180))
    await roll_live_series(ports)

    assert await starts() == [EVENING + number * WEEK for number in range(39)]


async def test_where_the_host_is_busy_a_draft_waits_for_somebody(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    await weekly(gql, admin, host)
    await world.live_lesson("别的课", host=host, starts_at=EVENING + 14 * WEEK)

    clock.advance(timedelta(days=30))
    await roll_live_series(ports)

    rolled = await LiveLesson.filter(series_id__isnull=False, starts_at__gte=EVENING + 13 * WEEK).order_by("starts_at")
    assert [each.status for each in rolled] == [
        LiveStatus.SCHEDULED, LiveStatus.DRAFT, LiveStatus.SCHEDULED, LiveStatus.SCHEDULED,
    ]  # fmt: skip


async def test_who_may_host_no_longer_is_announced_no_longer(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member, host: Member
) -> None:
    await weekly(gql, admin, host)
    await revoke(host.id, Role.LECTURER, None, clock.now())

    clock.advance(timedelta(days=8))
    await roll_live_series(ports)

    assert [each.status for each in await LiveLesson.filter(starts_at__gte=EVENING + 13 * WEEK)] == [LiveStatus.DRAFT]


async def test_one_series_in_trouble_does_not_stop_the_others(
    gql: Gql, ports: Ports, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    other = await world.staff(Role.LECTURER)
    await weekly(gql, admin, host)
    await weekly(gql, admin, other)
    await LiveSeries.filter(host_id=host.id).update(recurrence="FREQ=NEVER")

    clock.advance(timedelta(days=8))
    await roll_live_series(ports)

    assert await LiveLesson.filter(host_id=host.id).count() == 13
    assert await LiveLesson.filter(host_id=other.id).count() == 14


async def test_the_series_is_a_node_for_who_sees_a_lesson_of_it(
    gql: Gql, world: World, admin: Member, host: Member
) -> None:
    region = await world.region()
    made = await weekly(gql, admin, host)
    gid = made["liveLesson"]["series"]["id"]
    await LiveLesson.all().update(region_id=region.id)
    source = "query ($id: ID!) { node(id: $id) { ... on LiveSeries { title recurrence durationSeconds } } }"

    found = [(await gql.ask(source, {"id": gid}, by=who))["data"]["node"] for who in (host, await world.learner())]

    assert found == [{"title": "旺季陈列直播", "recurrence": "FREQ=WEEKLY", "durationSeconds": 3600}, None]
    assert from_global(gid)[0] == "LiveSeries"
