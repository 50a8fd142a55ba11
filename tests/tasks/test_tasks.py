"""Tasks: counted from facts, claimed once, and worth points for the day on which they were done."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from gamification.tasks import weekly_set
from kit import db
from kit.clock import FrozenClock
from kit.db import rows
from kit.words import OutletTier, Role, TaskMeasure, TaskPeriod
from models.accounts import Member
from models.tasks import Task, TaskClaim
from services.board_building import rebuild
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.ports import Ports
from services.tasks import claim_by_itself, list_tasks
from tests.gql import Gql
from tests.points.story import place, say
from tests.pool import counted
from tests.tasks.story import DAY, MINUTE, Desk, a_day_earlier, faults, task_id
from tests.world import World
from workers.relay import drain

HOUR = timedelta(hours=1)
OTHERS = [
    (TaskMeasure.COURSES_COMPLETED, [1, 2]),
    (TaskMeasure.REQUIRED_COURSES_COMPLETED, [0, 1]),
    (TaskMeasure.COURSES_RATED, [0, 0]),
]


@pytest.fixture
async def pool(ports: Ports) -> Any:
    return await db._pool()


@pytest.fixture
async def desk(ports: Ports, gql: Gql, world: World) -> Desk:
    return await Desk.open(ports, gql, world)


async def test_progress_is_counted_from_what_happened(desk: Desk) -> None:
    daily = await desk.task()
    may = await desk.learner()
    await desk.learns(may)

    [one] = await desk.tasks(may)
    await desk.learns(may, 3)
    [two] = await desk.tasks(may)

    assert one == {
        "id": task_id(daily, desk.today), "code": daily.code, "title": "Learn two", "period": "DAILY", "progress": 1,
        "target": 2, "rewardPoints": 20, "completedAt": None, "claimedAt": None, "endsAt": "2026-03-02T16:00:00Z",
        "claimExpiresAt": "2026-03-05T16:00:00Z",
    }  # fmt: skip
    assert (two["progress"], two["claimedAt"]) == (2, None)


async def test_a_task_is_done_at_the_moment_of_what_reached_the_target_not_when_somebody_looks(
    desk: Desk, clock: FrozenClock
) -> None:
    await desk.task()
    may = await desk.learner()
    await desk.learns(may, 3)
    clock.advance(HOUR)

    [found] = await desk.tasks(may)

    assert found["completedAt"] == "2026-03-02T03:59:00Z"


@pytest.mark.parametrize(("measure", "progress"), OTHERS)
async def test_each_measure_counts_its_own(desk: Desk, measure: TaskMeasure, progress: list[int]) -> None:
    await desk.task(measure=measure, target=5)
    may = await desk.learner()
    seen = []

    for required in (False, True):
        await desk.completes(may, required=required)
        await desk.learns(may)
        seen.append((await desk.tasks(may))[0]["progress"])
    await desk.rates(may)

    assert seen == progress
    assert (await desk.tasks(may))[0]["progress"] == (1 if measure is TaskMeasure.COURSES_RATED else progress[-1])


async def test_learned_days_of_a_week_are_counted_and_not_the_lessons_on_them(desk: Desk, clock: FrozenClock) -> None:
    await desk.task(TaskPeriod.WEEKLY, TaskMeasure.DAYS_LEARNED, 3)
    may = await desk.learner()
    for _ in range(2):
        await desk.learns(may, 4)
        clock.advance(DAY)

    [found] = await desk.tasks(may)

    assert (found["progress"], found["endsAt"]) == (2, "2026-03-08T16:00:00Z")


async def test_minutes_are_credited_minutes_of_any_lesson(desk: Desk, world: World, clock: FrozenClock) -> None:
    await desk.task(measure=TaskMeasure.LEARNING_MINUTES, target=3)
    may, course = await desk.learner(), await world.course(lessons=3, seconds=100)
    clock.advance(HOUR)
    seen = []

    for lessons in (1, 2):
        await world.studies(may, course, lessons)
        [found] = await desk.tasks(may)
        seen.append((found["progress"], found["completedAt"] is not None))

    assert seen == [(1, False), (3, True)]


async def test_what_was_learned_offline_counts_on_the_day_on_which_it_was_learned(
    desk: Desk, clock: FrozenClock
) -> None:
    daily = await desk.task()
    may = await desk.learner()
    clock.advance(DAY)
    await desk.learns(may, 2, ago=timedelta(hours=14))

    today, yesterday = await desk.tasks(may)

    assert (today["id"], today["progress"]) == (task_id(daily, desk.today), 0)
    assert (yesterday["id"], yesterday["progress"]) == (task_id(daily, desk.today - DAY), 2)
    assert yesterday["completedAt"] == "2026-03-02T14:00:00Z"
    assert (await desk.claim(may, yesterday["id"]))["userErrors"] == []
    assert await desk.paid(may) == [(20, desk.today - DAY)]
    assert [task["id"] for task in await desk.tasks(may)] == [today["id"]]


async def test_a_claim_pays_once_and_tells_the_same_again(desk: Desk, clock: FrozenClock) -> None:
    await desk.task()
    may = await desk.learner()
    await desk.learns(may, 2)
    [found] = await desk.tasks(may)

    first = await desk.claim(may, found["id"])
    clock.advance(HOUR)
    again = await desk.claim(may, found["id"])

    assert first["task"] == {"id": found["id"], "claimedAt": "2026-03-02T04:00:00Z"}
    assert first["awards"] == [{"rule": "task.claimed", "title": "Task done", "points": 20}]
    assert first["viewer"]["points"] == {"lifetime": 45, "balance": 45, "today": 45, "thisWeek": 45}
    assert again == first
    assert await desk.paid(may) == [(20, desk.today)]
    assert await ledger_verify() == []


async def test_twenty_claims_at_once_pay_once(desk: Desk) -> None:
    await desk.task()
    may = await desk.learner()
    await desk.learns(may, 2)
    [found] = await desk.tasks(may)

    answers = await asyncio.gather(*(desk.claim(may, found["id"]) for _ in range(20)))

    assert all(answer["awards"] == answers[0]["awards"] and answer["userErrors"] == [] for answer in answers)
    assert await desk.paid(may) == [(20, desk.today)]
    assert await TaskClaim.all().count() == 1
    assert await desk.balance(may) == (45, 45)
    assert await ledger_verify() == []


async def test_the_same_claim_by_hand_and_by_itself_at_once_pays_once(desk: Desk) -> None:
    task = await desk.task(by_itself=True)
    may = await desk.learner()
    await desk.learns(may, 2)
    key = task_id(task, desk.today)

    await asyncio.gather(
        *(desk.claim(may, key) for _ in range(5)), *(claim_by_itself(desk.ports, may.id) for _ in range(5))
    )

    assert await desk.paid(may) == [(20, desk.today)]
    assert await TaskClaim.all().count() == 1


async def test_tomorrow_it_is_another_task(desk: Desk, clock: FrozenClock) -> None:
    await desk.task()
    may = await desk.learner()
    for _ in range(2):
        await desk.learns(may, 2)
        [found] = await desk.tasks(may)
        await desk.claim(may, found["id"])
        clock.advance(DAY)

    assert [points for points, _ in await desk.paid(may)] == [20, 20]


async def refused(desk: Desk, member: Member, gid: str) -> list[tuple[str, list[str] | None]]:
    """What is wrong with a claim; it changed nothing."""
    before = await desk.balance(member), await TaskClaim.all().count()
    payload = await desk.claim(member, gid)
    assert (payload["task"], payload["awards"], payload["viewer"]) == (None, None, None)
    assert (await desk.balance(member), await TaskClaim.all().count()) == before
    return faults(payload)


async def test_what_is_not_done_cannot_be_claimed(desk: Desk) -> None:
    task = await desk.task()
    may = await desk.learner()
    await desk.learns(may)

    assert await refused(desk, may, task_id(task, desk.today)) == [("STATE_FORBIDS", ["taskId"])]


async def test_a_task_expires_72_hours_after_its_day(desk: Desk, clock: FrozenClock) -> None:
    task = await desk.task()
    may, lin = await desk.learner(), await desk.learner()
    for member in (may, lin):
        await desk.learns(member, 2)
    monday = task_id(task, desk.today)

    clock.advance(timedelta(hours=12 + 72) - MINUTE)
    assert [each["id"] for each in await desk.tasks(may)] == [task_id(task, desk.today), monday]
    assert (await desk.claim(may, monday))["userErrors"] == []
    clock.advance(MINUTE)

    assert [each["id"] for each in await desk.tasks(lin)] == [task_id(task, desk.today)]
    assert await refused(desk, lin, monday) == [("CLOSED", ["taskId"])]
    assert (await desk.claim(may, monday))["userErrors"] == []


async def test_a_day_that_has_not_come_cannot_be_claimed(desk: Desk) -> None:
    task = await desk.task()
    may = await desk.learner()
    await desk.learns(may, 2)

    assert await refused(desk, may, task_id(task, desk.today + DAY)) == [("NOT_OPEN", ["taskId"])]
    assert await refused(desk, may, task_id(task, "9999-12-20")) == [("NOT_OPEN", ["taskId"])]


async def test_what_is_no_task_is_not_found(desk: Desk) -> None:
    task, weekly = await desk.task(), await desk.task(TaskPeriod.WEEKLY)
    may = await desk.learner()
    await desk.learns(may, 2)

    for gid in (
        "nonsense",
        "",
        task_id(task, "once"),
        task_id(task, "0001-01-01"),
        task_id(weekly, "2026-03-03"),
        task_id(Task(id=uuid4()), desk.today),
        task_id(task, desk.today).replace("V", "W", 1),
    ):
        assert await refused(desk, may, gid) == [("NOT_FOUND", ["taskId"])], gid


async def test_another_tier_s_task_is_not_the_viewer_s(desk: Desk) -> None:
    task = await desk.task(tiers=(OutletTier.NEW,))
    may = await desk.learner()
    await desk.learns(may, 2)

    assert await desk.tasks(may) == []
    assert await refused(desk, may, task_id(task, desk.today)) == [("NOT_FOUND", ["taskId"])]


async def test_somebody_else_s_done_task_is_not_one_s_own(desk: Desk) -> None:
    task = await desk.task()
    may, lin = await desk.learner(), await desk.learner()
    await desk.learns(may, 2)
    await desk.claim(may, task_id(task, desk.today))

    assert await refused(desk, lin, task_id(task, desk.today)) == [("STATE_FORBIDS", ["taskId"])]
    assert (await desk.tasks(lin))[0]["claimedAt"] is None


async def test_who_is_signed_out_claims_nothing(desk: Desk, gql: Gql) -> None:
    answer = await gql.ask('mutation { claimTask(input: {taskId: "x"}) { userErrors { code } } }')

    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_three_weekly_tasks_are_the_same_for_everybody_of_a_tier(desk: Desk, world: World) -> None:
    pool = {(await desk.task(TaskPeriod.WEEKLY)).code: TaskMeasure.LESSONS_COMPLETED for _ in range(8)}
    may, lin = await desk.learner(), await desk.learner()
    new = await desk.learner(await world.outlet(tier=OutletTier.NEW))

    seen = [{task["code"] for task in await desk.tasks(member)} for member in (may, lin, new)]

    assert seen[0] == seen[1] == weekly_set(desk.today, OutletTier.MODERN, pool)
    assert seen[2] == weekly_set(desk.today, OutletTier.NEW, pool)


async def test_what_was_not_chosen_for_the_week_cannot_be_claimed(desk: Desk) -> None:
    tasks = [await desk.task(TaskPeriod.WEEKLY) for _ in range(8)]
    may = await desk.learner()
    await desk.learns(may, 2)
    shown = {task["code"] for task in await desk.tasks(may)}

    for task in tasks:
        if task.code in shown:
            assert (await desk.claim(may, task_id(task, desk.today)))["userErrors"] == []
        else:
            assert await refused(desk, may, task_id(task, desk.today)) == [("NOT_FOUND", ["taskId"])]
    assert len(await desk.paid(may)) == 3


async def test_changing_shops_in_the_middle_of_a_week_does_not_open_a_second_set(desk: Desk, world: World) -> None:
    modern = [await desk.task(TaskPeriod.WEEKLY, tiers=(OutletTier.MODERN,)) for _ in range(2)]
    new = [await desk.task(TaskPeriod.WEEKLY, tiers=(OutletTier.NEW,)) for _ in range(2)]
    may, clock = await desk.learner(), desk.ports.clock
    await desk.learns(may, 2)
    await place(may.id, await world.outlet(tier=OutletTier.NEW), clock.now() + HOUR)
    assert isinstance(clock, FrozenClock)
    clock.advance(2 * HOUR)

    assert {task["code"] for task in await desk.tasks(may)} == {task.code for task in modern}
    assert await refused(desk, may, task_id(new[0], desk.today)) == [("NOT_FOUND", ["taskId"])]
    clock.advance(7 * DAY)
    assert {task["code"] for task in await desk.tasks(may) if task["progress"] == 0} == {task.code for task in new}


async def test_what_is_done_once_counts_from_the_first_day_and_is_paid_once(desk: Desk, clock: FrozenClock) -> None:
    may = await desk.learner()
    await desk.learns(may, 2)
    clock.advance(30 * DAY)
    task = await desk.task(TaskPeriod.ONCE)

    [found] = await desk.tasks(may)
    await desk.claim(may, found["id"])
    clock.advance(30 * DAY)

    assert (found["id"], found["endsAt"], found["claimExpiresAt"]) == (task_id(task, "once"), None, None)
    assert found["completedAt"] == "2026-03-02T04:00:00Z"
    assert [each["claimedAt"] for each in await desk.tasks(may)] == ["2026-04-01T04:00:00Z"]
    assert await desk.claim(may, found["id"]) == await desk.claim(may, found["id"])
    assert len(await desk.paid(may)) == 1


async def test_claiming_late_moves_no_points_into_another_week(desk: Desk, clock: FrozenClock) -> None:
    await desk.task(TaskPeriod.WEEKLY)
    may = await desk.learner()
    await desk.learns(may, 2)
    monday = desk.today
    [found] = await desk.tasks(may)
    clock.advance(8 * DAY)
    await rebuild(desk.ports)

    payload = await desk.claim(may, found["id"])
    await drain(desk.ports)

    assert await desk.paid(may) == [(20, monday)]
    assert payload["viewer"]["points"] == {"lifetime": 45, "balance": 45, "today": 0, "thisWeek": 0}
    assert await verify_boards(desk.ports) == []


async def test_a_claimed_task_stays_claimed_when_its_facts_move_away(desk: Desk, clock: FrozenClock) -> None:
    daily = await desk.task()
    may = await desk.learner()
    clock.advance(DAY)
    facts = await desk.learns(may, 2)
    await desk.claim(may, task_id(daily, desk.today))

    await say(desk.ports, moved=[a_day_earlier(facts[0])])

    [found] = await desk.tasks(may)
    assert (found["progress"], found["claimedAt"] is not None) == (2, True)
    assert found["completedAt"] == "2026-03-03T04:00:00Z"
    assert await desk.paid(may) == [(20, desk.today)]
    assert await ledger_verify() == []


async def test_an_unclaimed_task_follows_its_facts(desk: Desk, clock: FrozenClock) -> None:
    daily = await desk.task()
    may = await desk.learner()
    clock.advance(DAY)
    facts = await desk.learns(may, 2)

    await say(desk.ports, moved=[a_day_earlier(facts[0])])

    assert [(each["progress"], each["completedAt"]) for each in await desk.tasks(may)] == [(1, None)]
    assert await refused(desk, may, task_id(daily, desk.today)) == [("STATE_FORBIDS", ["taskId"])]


async def test_what_claims_itself_is_paid_soon_after_the_report(desk: Desk, world: World, clock: FrozenClock) -> None:
    await desk.task(by_itself=True)
    by_hand = await desk.task()
    may, course = await desk.learner(), await world.course(lessons=2)
    await rebuild(desk.ports)
    clock.advance(HOUR)

    await world.studies(may, course)
    await drain(desk.ports)

    assert await desk.paid(may) == [(20, desk.today)]
    claimed = {each["code"]: each["claimedAt"] is not None for each in await desk.tasks(may)}
    assert claimed.pop(by_hand.code) is False
    assert list(claimed.values()) == [True]
    [left] = await rows("SELECT count(*) AS n FROM outbox")
    assert left["n"] == 0
    assert await verify_boards(desk.ports) == []


async def test_what_claims_itself_is_paid_for_an_offline_weekend_and_not_once_its_boards_are_closed(
    desk: Desk, clock: FrozenClock
) -> None:
    await desk.task(by_itself=True)
    may, lin = await desk.learner(), await desk.learner()
    friday = desk.today + 4 * DAY
    clock.advance(7 * DAY)

    for days_ago in (2, 1):
        await desk.learns(may, 2, ago=days_ago * DAY)
    await desk.learns(lin, 2, ago=4 * DAY)
    await drain(desk.ports)

    assert await desk.paid(may) == [(20, friday + DAY), (20, friday + 2 * DAY)]
    assert await desk.paid(lin) == []


async def test_claiming_for_somebody_again_and_again_changes_nothing(desk: Desk) -> None:
    await desk.task(by_itself=True)
    may = await desk.learner()
    await claim_by_itself(desk.ports, may.id)
    await desk.learns(may, 2)

    for _ in range(3):
        await claim_by_itself(desk.ports, may.id)

    assert await desk.paid(may) == [(20, desk.today)]


async def test_who_never_held_a_post_has_the_tasks_for_everybody(desk: Desk) -> None:
    await desk.task(tiers=(OutletTier.MODERN,))
    open_to_all = await desk.task()
    nobody = await desk.world.staff(Role.SUPERVISOR)

    assert [task["code"] for task in await desk.tasks(nobody)] == [open_to_all.code]


async def test_the_list_takes_as_many_statements_for_forty_tasks_as_for_one(desk: Desk, pool: Any) -> None:
    may = await desk.learner()
    await desk.learns(may, 2)
    await desk.task()
    await list_tasks(desk.ports, may.id)
    with counted(pool) as few:
        await list_tasks(desk.ports, may.id)
    for number in range(39):
        await desk.task(list(TaskPeriod)[number % 3], list(TaskMeasure)[number % 11])

    with counted(pool) as many:
        await list_tasks(desk.ports, may.id)

    assert len(many) == len(few)
    assert len([each for each in many if each.startswith(('SELECT "', "SELECT p.", "SELECT coalesce"))]) == 4
