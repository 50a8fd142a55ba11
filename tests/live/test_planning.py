"""Putting a lesson on the calendar: who may, for whom, and what is refused with which field."""

import asyncio
from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import LiveStatus, OutletTier, Role
from models.accounts import Member, revoke
from models.audit import AuditEntry
from models.live import LiveLesson, LiveStep
from tests.gql import Gql
from tests.live.plans import faults, plan, schedule
from tests.world import World

TOMORROW = timedelta(days=1)


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


@pytest.fixture
async def host(world: World) -> Member:
    return await world.staff(Role.LECTURER, name="王老师")


async def test_a_planned_lesson_is_on_the_calendar(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at, module = clock.now() + TOMORROW, await world.module("陈列")
    rule = {"minPercent": 70, "minSeconds": 600, "points": 30, "replayPoints": 10, "checkInsRequired": 2}

    made = await schedule(
        gql, admin,
        plan(
            host, at, description="货架怎么摆", moduleId=to_global("Module", module.id), capacity=200,
            audienceTiers=["PARTNER", "NEW"], creditRule=rule,
        ),
    )  # fmt: skip

    assert (made["userErrors"], made["occurrences"]) == ([], 1)
    assert made["liveLesson"] | {"id": None} == {
        "id": None, "status": "SCHEDULED", "startsAt": "2026-03-03T04:00:00Z", "series": None,
    }  # fmt: skip
    lesson = await LiveLesson.get()
    assert (lesson.title, lesson.description, lesson.host_id) == ("旺季陈列直播", "货架怎么摆", host.id)
    assert (lesson.ends_at - at, at - lesson.doors_open_at) == (timedelta(hours=1), timedelta(minutes=15))
    assert (lesson.capacity, lesson.audience_tiers, lesson.region_id) == (200, ["NEW", "PARTNER"], None)
    assert (lesson.min_percent, lesson.min_seconds, lesson.points) == (70, 600, 30)
    assert (lesson.replay_points, lesson.check_ins_required) == (10, 2)
    step = await LiveStep.get()
    assert (step.status, step.by) == (LiveStatus.SCHEDULED, admin.id)
    assert (await AuditEntry.get(action="live_lesson.scheduled")).object_id == lesson.id


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": "  "}, ["title"]),
        ({"title": "长" * 81}, ["title"]),
        ({"description": "长" * 2_001}, ["description"]),
        ({"capacity": 0}, ["capacity"]),
        ({"capacity": 100_001}, ["capacity"]),
        ({"creditRule": {"minPercent": 101}}, ["creditRule", "minPercent"]),
        ({"creditRule": {"minSeconds": -1}}, ["creditRule", "minSeconds"]),
        ({"creditRule": {"points": 301}}, ["creditRule", "points"]),
        ({"creditRule": {"replayPoints": -1}}, ["creditRule", "replayPoints"]),
        ({"creditRule": {"checkInsRequired": 21}}, ["creditRule", "checkInsRequired"]),
    ],
)
async def test_a_bad_value_is_shown_with_its_field(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member, changed: dict[str, object], field: list[str]
) -> None:
    made = await schedule(gql, admin, plan(host, clock.now() + TOMORROW, **changed))

    assert faults(made) == [("BAD_USER_INPUT", field)]
    assert await LiveLesson.all().count() == 0


@pytest.mark.parametrize(
    ("starts_in", "lasts", "field"),
    [
        (timedelta(), timedelta(hours=1), "startsAt"),
        (timedelta(seconds=-1), timedelta(hours=1), "startsAt"),
        (timedelta(days=366, seconds=1), timedelta(hours=1), "startsAt"),
        (TOMORROW, timedelta(), "endsAt"),
        (TOMORROW, timedelta(hours=-1), "endsAt"),
        (TOMORROW, timedelta(hours=4, seconds=1), "endsAt"),
    ],
)
async def test_a_bad_time_is_shown_with_its_field(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member, starts_in: timedelta, lasts: timedelta, field: str
) -> None:
    at = clock.now() + starts_in

    made = await schedule(gql, admin, plan(host, at, endsAt=(at + lasts).isoformat()))

    assert faults(made) == [("BAD_USER_INPUT", [field])]
    assert await LiveLesson.all().count() == 0


async def test_four_hours_and_a_year_ahead_are_still_allowed(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at = clock.now() + timedelta(days=366)

    made = await schedule(gql, admin, plan(host, at, endsAt=(at + timedelta(hours=4)).isoformat()))

    assert made["userErrors"] == []


@pytest.mark.parametrize("name", ["moduleId", "courseId", "coverMediaId", "regionId"])
async def test_what_a_plan_names_must_be_there(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member, name: str
) -> None:
    kind = {"coverMediaId": "Media"}.get(name, name.removesuffix("Id").capitalize())

    made = await schedule(gql, admin, plan(host, clock.now() + TOMORROW, **{name: to_global(kind, new_id())}))

    assert faults(made) == [("NOT_FOUND", [name])]
    assert await LiveLesson.all().count() == 0


async def test_only_a_lecturer_who_is_one_today_may_host(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at, nobody = clock.now() + TOMORROW, await world.learner()
    former, suspended = await world.staff(Role.LECTURER), await world.staff(Role.LECTURER)
    await revoke(former.id, Role.LECTURER, None, clock.now())
    await Member.filter(id=suspended.id).update(suspended_at=clock.now())

    made = [await schedule(gql, admin, plan(each, at)) for each in (nobody, former, suspended)]

    assert [faults(each) for each in made] == [[("NOT_FOUND", ["hostId"])]] * 3
    assert await LiveLesson.all().count() == 0


async def test_a_host_is_not_in_two_places_but_may_go_from_one_to_the_next(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at, other = clock.now() + TOMORROW, await world.staff(Role.LECTURER)
    await schedule(gql, admin, plan(host, at))

    overlapping = await schedule(gql, admin, plan(host, at + timedelta(minutes=59)))
    within = await schedule(
        gql, admin, plan(host, at - timedelta(hours=1), endsAt=(at + 2 * TOMORROW / 24).isoformat())
    )
    after = await schedule(gql, admin, plan(host, at + timedelta(hours=1)))
    elsewhere = await schedule(gql, admin, plan(other, at))

    assert [faults(each) for each in (overlapping, within)] == [[("HOST_BUSY", ["hostId"])]] * 2
    assert [each["userErrors"] for each in (after, elsewhere)] == [[], []]
    assert await LiveLesson.all().count() == 3


async def test_a_host_whose_lesson_was_called_off_is_free(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at = clock.now() + TOMORROW
    await world.live_lesson(host=host, starts_at=at, status=LiveStatus.CANCELLED)

    made = await schedule(gql, admin, plan(host, at))

    assert made["userErrors"] == []


async def test_of_many_who_plan_for_one_host_at_once_one_succeeds(
    gql: Gql, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at = clock.now() + TOMORROW

    made = await asyncio.gather(
        *(schedule(gql, admin, plan(host, at + timedelta(minutes=number))) for number in range(20))
    )

    assert sorted(len(each["userErrors"]) for each in made) == [0] + [1] * 19
    assert {fault for each in made for code, _ in faults(each) for fault in [code]} == {"HOST_BUSY"}
    assert await LiveLesson.all().count() == 1


async def test_an_admin_plans_for_the_own_region_alone(
    gql: Gql, world: World, clock: FrozenClock, host: Member
) -> None:
    province = await world.region()
    city, neighbour = await world.region(parent=province), await world.region(parent=province)
    county = await world.region(parent=city)
    local, at = await world.staff(Role.ADMIN, city), clock.now() + TOMORROW

    own = await schedule(gql, local, plan(host, at))
    below = await schedule(gql, local, plan(host, at + TOMORROW, regionId=to_global("Region", county.id)))
    beside = await schedule(gql, local, plan(host, at + 2 * TOMORROW, regionId=to_global("Region", neighbour.id)))

    assert [each["userErrors"] for each in (own, below)] == [[], []]
    assert faults(beside) == [("NOT_FOUND", ["regionId"])]
    lessons = await LiveLesson.all().order_by("starts_at")
    assert [each.region_id for each in lessons] == [city.id, county.id]


@pytest.mark.parametrize("role", [Role.LECTURER, Role.SUPERVISOR, Role.AUDITOR])
async def test_who_is_no_admin_plans_nothing(
    gql: Gql, world: World, clock: FrozenClock, host: Member, role: Role
) -> None:
    somebody = await world.staff(role)

    answer = await gql.ask(
        "mutation ($input: ScheduleLiveLessonInput!) { scheduleLiveLesson(input: $input) { occurrences } }",
        {"input": plan(host, clock.now() + TOMORROW)},
        by=somebody,
    )

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    assert await LiveLesson.all().count() == 0


async def test_a_draft_keeps_nobody_busy_and_is_not_announced(
    gql: Gql, world: World, clock: FrozenClock, admin: Member, host: Member
) -> None:
    at, learner = clock.now() + TOMORROW, await world.learner(outlet=await world.outlet(tier=OutletTier.NEW))

    draft = await schedule(gql, admin, plan(host, at, draft=True))
    other = await schedule(gql, admin, plan(host, at))

    assert (draft["liveLesson"]["status"], other["userErrors"]) == ("DRAFT", [])
    seen = [
        (await gql.ask("query ($id: ID!) { liveLesson(id: $id) { title } }", {"id": draft["liveLesson"]["id"]}, by=who))
        ["data"]["liveLesson"]
        for who in (admin, host, learner)
    ]  # fmt: skip
    assert seen == [{"title": "旺季陈列直播"}, {"title": "旺季陈列直播"}, None]
