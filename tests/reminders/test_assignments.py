"""Assigned courses: whoever has them to do is reminded in three days, on the day and after it, each once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import execute
from kit.words import CourseStatus, OutletTier, PostRole
from models.assignments import Assignment
from models.courses import Course
from models.notices import Notice
from models.outlets import Outlet, Post
from models.reminders import Reminder
from services import reminders
from services.ports import Ports
from services.reminders import due_moments, plan_assignments, send_reminders
from tests.conftest import NOON
from tests.gql import Gql
from tests.notices.story import inbox
from tests.reminders.ticking import counts, outcomes, tick, told
from tests.world import World

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
FRIDAY_NIGHT = datetime(2026, 3, 6, 14, 0, tzinfo=UTC)
"""22:00 in Shanghai, four days after the clock's noon."""


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


async def due_on_friday(world: World, **to: object) -> Assignment:
    """A course that whoever is meant has to do by Friday, 22:00."""
    course = await world.course("每单必扫")
    return await world.assigned(course, due_in=FRIDAY_NIGHT - NOON, **to)  # type: ignore[arg-type]


async def complete(member_id: object, course_id: object, at: datetime) -> None:
    await execute(
        "INSERT INTO course_enrolments (id, member_id, course_id, edition_id, started_at, last_activity_at,"
        " lessons_completed, lesson_count, percent, completed_at)"
        " SELECT gen_random_uuid(), $1, id, edition_id, $3, $3, 1, 1, 100, $3 FROM courses WHERE id = $2",
        member_id, course_id, at,
    )  # fmt: skip


async def test_each_of_the_three_comes_once_in_its_own_words(
    ports: Ports, gql: Gql, world: World, clock: FrozenClock
) -> None:
    may = await world.learner()
    assignment = await due_on_friday(world, member=may)

    for day in range(12):
        clock.at = NOON + day * DAY
        for _ in range(3):
            await tick(ports)

    nodes = (await inbox(gql, may))["notices"]["nodes"]
    assert [(node["kind"], node["createdAt"][:10], node["text"]) for node in reversed(nodes)] == [
        ("COURSE_DUE_SOON", "2026-03-03", "Please complete “每单必扫” by 6 March, 22:00."),
        ("COURSE_DUE", "2026-03-06", "“每单必扫” is due by 6 March, 22:00. A few minutes will do!"),
        ("COURSE_OVERDUE", "2026-03-07", "“每单必扫” was due by 6 March, 22:00. Please catch up soon."),
    ]
    assert {node["object"]["__typename"] for node in nodes} == {"Course"}
    assert set((await outcomes(assignment.id)).values()) == {"TOLD"}


async def test_whoever_has_done_it_meanwhile_is_left_in_peace(ports: Ports, world: World, clock: FrozenClock) -> None:
    shop = await world.outlet()
    owner = await world.learner(outlet=shop)
    clerk = await world.learner("小李", outlet=shop, role=PostRole.CLERK)
    assignment = await due_on_friday(world, outlet=shop)
    clock.advance(DAY)
    await tick(ports)

    await complete(clerk.id, assignment.course_id, clock.now())
    clock.at = NOON + 4 * DAY
    await tick(ports)

    assert await told("COURSE_DUE_SOON") == sorted([owner.id, clerk.id])
    assert await told("COURSE_DUE") == [owner.id]


async def test_a_region_and_tier_reach_those_and_no_others(ports: Ports, world: World, clock: FrozenClock) -> None:
    county = await world.region(parent=await world.region(parent=await world.region()))
    station, elsewhere = await world.region(parent=county), await world.region()
    meant = await world.learner(outlet=await world.outlet(region=station, tier=OutletTier.MODERN))
    await world.learner(outlet=await world.outlet(region=station, tier=OutletTier.NEW))
    await world.learner(outlet=await world.outlet(region=elsewhere, tier=OutletTier.MODERN))
    await due_on_friday(world, region=county, tier=OutletTier.MODERN)

    clock.advance(DAY)
    await tick(ports)

    assert await told("COURSE_DUE_SOON") == [meant.id]


async def test_whoever_joins_while_it_runs_hears_of_it_within_a_quarter_of_an_hour(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    station = await world.region()
    shop = await world.outlet(region=station, tier=OutletTier.NEW)
    first = await world.learner(outlet=shop)
    await due_on_friday(world, region=station, tier=OutletTier.NEW)
    clock.advance(DAY)
    await tick(ports)

    clock.advance(DAY)
    joined = await world.learner("小李", outlet=await world.outlet(region=station, tier=OutletTier.NEW))
    promoted = await world.outlet(region=station, tier=OutletTier.ORDINARY)
    moved = await world.learner("小王", outlet=promoted)
    await Outlet.filter(id=promoted.id).update(tier=OutletTier.NEW)
    clock.advance(QUARTER)
    await tick(ports)
    clock.at = NOON + 4 * DAY
    last = await world.learner("小陈", outlet=await world.outlet(region=station, tier=OutletTier.NEW))
    await tick(ports)

    assert await told("COURSE_DUE_SOON") == sorted([first.id, joined.id, moved.id])
    assert await told("COURSE_DUE") == sorted([first.id, joined.id, moved.id, last.id])


async def test_whoever_has_left_is_not_reminded(ports: Ports, world: World, clock: FrozenClock) -> None:
    shop = await world.outlet()
    may = await world.learner(outlet=shop)
    await due_on_friday(world, outlet=shop)
    await Post.filter(member_id=may.id).update(until_at=clock.now(), is_current=False)

    clock.advance(DAY)
    await tick(ports)

    assert await counts() == {}


async def test_one_course_assigned_twice_for_a_day_is_one_notice(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    shop = await world.outlet()
    may = await world.learner(outlet=shop)
    course = await world.course()
    for to in ({"outlet": shop}, {"member": may}, {"region": await shop.region}):
        await world.assigned(course, due_in=FRIDAY_NIGHT - NOON, **to)  # type: ignore[arg-type]

    clock.advance(DAY)
    await tick(ports)

    assert await counts() == {"COURSE_DUE_SOON": 1}


async def test_a_course_taken_out_of_the_catalogue_is_nobodys_duty(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    may = await world.learner()
    assignment = await due_on_friday(world, member=may)
    await Course.filter(id=assignment.course_id).update(status=CourseStatus.RETIRED)

    for day in range(8):
        clock.at = NOON + day * DAY
        await tick(ports)

    assert await counts() == {}


async def test_an_assignment_taken_back_is_withdrawn(ports: Ports, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    assignment = await due_on_friday(world, member=may)
    await tick(ports)
    await Assignment.filter(id=assignment.id).delete()

    clock.advance(DAY)
    await tick(ports)

    assert await counts() == {}
    assert (await outcomes(assignment.id))["COURSE_DUE_SOON"] == "WITHDRAWN"


async def test_an_assignment_that_an_admin_withdraws_reminds_nobody(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    may = await world.learner()
    planned, unplanned = await due_on_friday(world, member=may), await due_on_friday(world, member=may)
    await plan_assignments(ports)
    for each in (planned, unplanned):
        await Assignment.filter(id=each.id).update(withdrawn_at=clock.now())

    for day in range(6):
        clock.at = NOON + day * DAY
        await tick(ports)

    assert await Notice.filter(member_id=may.id).count() == 0


async def test_another_due_date_is_planned_anew(ports: Ports, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    assignment = await due_on_friday(world, member=may)
    await tick(ports)
    await Assignment.filter(id=assignment.id).update(due_at=FRIDAY_NIGHT + DAY)

    clock.advance(DAY)
    await tick(ports)
    before = await counts()
    clock.advance(DAY)
    await tick(ports)

    assert (before, await counts()) == ({}, {"COURSE_DUE_SOON": 1})


async def test_what_is_assigned_late_is_told_at_once(ports: Ports, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    await world.assigned(await world.course(), due_in=2 * DAY, member=may)

    await tick(ports)

    assert await counts() == {"COURSE_DUE_SOON": 1}


async def test_after_a_standstill_only_what_still_has_a_point_is_told(
    ports: Ports, world: World, clock: FrozenClock
) -> None:
    may = await world.learner()
    assignment = await due_on_friday(world, member=may)
    await tick(ports)

    clock.at = FRIDAY_NIGHT + DAY - timedelta(hours=4)
    await tick(ports)

    assert await counts() == {"COURSE_OVERDUE": 1}
    assert await outcomes(assignment.id) == {
        "COURSE_DUE_SOON": "TOO_LATE", "COURSE_DUE": "TOO_LATE", "COURSE_OVERDUE": "TOLD",
    }  # fmt: skip


async def test_at_night_nobody_is_reminded_of_a_course(ports: Ports, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    clock.at = shanghai("2026-03-02T23:30")
    await world.assigned(await world.course(), due_in=2 * DAY, member=may)
    await tick(ports)
    at_night = await counts()

    clock.at = shanghai("2026-03-03T07:00")
    await tick(ports)

    assert (at_night, await counts()) == ({}, {"COURSE_DUE_SOON": 1})


async def test_a_crowd_is_told_in_stretches_and_nobody_twice_by_workers_that_tick_at_once(
    ports: Ports, world: World, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "TOLD_AT_ONCE", 7)
    shop = await world.outlet()
    people = [await world.learner(f"学员{number}", outlet=shop, role=PostRole.CLERK) for number in range(30)]
    assignment = await due_on_friday(world, outlet=shop)
    clock.advance(DAY)

    await asyncio.gather(*(tick(ports) for _ in range(6)))

    assert await told("COURSE_DUE_SOON") == sorted(member.id for member in people)
    assert (await Reminder.get(object_id=assignment.id, kind="COURSE_DUE_SOON")).told == 30


async def test_workers_that_plan_at_once_plan_once(ports: Ports, world: World) -> None:
    may = await world.learner()
    for _ in range(5):
        await due_on_friday(world, member=may)

    await asyncio.gather(*(plan_assignments(ports) for _ in range(6)))

    assert await Reminder.all().count() == 15
    assert await Reminder.filter(finished_at=None).count() == 15


async def test_a_reminder_that_cannot_be_told_holds_up_no_other(ports: Ports, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    broken, whole = await due_on_friday(world, member=may), await due_on_friday(world, member=may)
    await tick(ports)
    await Reminder.filter(object_id=broken.id).update(object_type="Nothing")

    clock.advance(DAY)
    await send_reminders(ports)

    assert [row.object_id for row in await Notice.all()] == [whole.course_id]
    assert (await outcomes(broken.id))["COURSE_DUE_SOON"] is None


@pytest.mark.parametrize(
    ("due", "soon", "today", "overdue"),
    [
        ("2026-03-06T22:00", "2026-03-03T08:00", "2026-03-06T08:00", "2026-03-07T08:00"),
        ("2026-03-06T09:00", "2026-03-03T08:00", "2026-03-06T08:00", "2026-03-07T08:00"),
        ("2026-03-06T08:59", "2026-03-02T08:00", "2026-03-05T08:00", "2026-03-06T08:59"),
        ("2026-03-06T00:00", "2026-03-02T08:00", "2026-03-05T08:00", "2026-03-06T08:00"),
        ("2026-03-06T23:59", "2026-03-03T08:00", "2026-03-06T08:00", "2026-03-07T08:00"),
    ],
)
def test_people_are_reminded_in_the_morning_and_overdue_is_never_before_due(
    due: str, soon: str, today: str, overdue: str
) -> None:
    assert due_moments(shanghai(due)) == tuple(shanghai(each) for each in (soon, today, overdue))
