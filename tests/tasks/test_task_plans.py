"""Setting tasks up: what is promised stays, what is wrong is refused, and a running week keeps its set."""

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from gamification.tasks import MOST_TASKS
from kit.clock import FrozenClock
from kit.db import execute, rows
from kit.ids import to_global
from kit.words import OutletTier, Role, TaskPeriod
from models.accounts import Member
from models.tasks import Task
from services.ports import Ports
from tests.gql import Gql
from tests.tasks.story import CREATE, DAY, MY_TASKS, UPDATE, Desk, faults, task_id
from tests.world import World

PLAN: dict[str, Any] = {
    "code": "daily.two", "titleZh": "今天学两课", "titleEn": "Two lessons today", "period": "DAILY",
    "measure": "LESSONS_COMPLETED", "target": 2, "rewardPoints": 15,
}  # fmt: skip
MONDAY = date(2026, 3, 2)
LOG = "{ auditLog(first: 5) { nodes { action summary actor { id } object { __typename } } } }"


@pytest.fixture
async def desk(ports: Ports, gql: Gql, world: World) -> Desk:
    return await Desk.open(ports, gql, world)


async def created(desk: Desk, by: Member | None = None, **fields: object) -> dict[str, Any]:
    answer = await desk.gql.ask(CREATE, {"input": {**PLAN, **fields}}, by=by or desk.admin)
    payload: dict[str, Any] = answer["data"]["createTask"]
    return payload


async def updated(desk: Desk, plan_id: str, **fields: object) -> dict[str, Any]:
    answer = await desk.gql.ask(UPDATE, {"input": {"taskPlanId": plan_id, **fields}}, by=desk.admin)
    payload: dict[str, Any] = answer["data"]["updateTask"]
    return payload


async def test_a_new_daily_task_is_there_today_and_in_the_audit_log(desk: Desk) -> None:
    may = await desk.learner()

    payload = await created(desk, tiers=["PARTNER", "MODERN", "MODERN"])

    assert payload["userErrors"] == []
    plan = {key: value for key, value in payload["taskPlan"].items() if key != "id"}
    assert plan == {
        "code": "daily.two", "startsOn": "2026-03-02", "endsOn": None, "tiers": ["MODERN", "PARTNER"], "enabled": True,
    }  # fmt: skip
    assert [(task["code"], task["rewardPoints"]) for task in await desk.tasks(may)] == [("daily.two", 15)]
    [deed] = (await desk.gql.ask(LOG, by=desk.admin))["data"]["auditLog"]["nodes"]
    assert (deed["action"], deed["summary"]) == ("task.created", "Set up the task “今天学两课”.")
    assert deed["object"] == {"__typename": "TaskPlan"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": ""}, "code"), ({"code": "Daily"}, "code"), ({"code": "a b"}, "code"), ({"code": "a" * 41}, "code"),
        ({"code": "a..b"}, "code"), ({"code": "今天"}, "code"),
        ({"titleZh": "  "}, "titleZh"), ({"titleZh": "学" * 41}, "titleZh"), ({"titleEn": "x" * 81}, "titleEn"),
        ({"target": 0}, "target"), ({"target": -1}, "target"), ({"target": 1001}, "target"),
        ({"measure": "DAYS_LEARNED"}, "target"),
        ({"measure": "DAYS_LEARNED", "period": "WEEKLY", "target": 8}, "target"),
        ({"rewardPoints": 0}, "rewardPoints"), ({"rewardPoints": 201}, "rewardPoints"),
        ({"startsOn": "2026-03-01"}, "startsOn"), ({"startsOn": "2046-03-01"}, "startsOn"),
        ({"startsOn": "2026-03-02", "period": "WEEKLY"}, "startsOn"),
        ({"endsOn": "2026-03-02"}, "endsOn"), ({"startsOn": "2026-03-05", "endsOn": "2026-03-05"}, "endsOn"),
        ({"endsOn": "9999-12-31"}, "endsOn"),
    ],
)  # fmt: skip
async def test_a_task_that_cannot_be_is_refused_at_its_field(desk: Desk, fields: dict[str, Any], field: str) -> None:
    before = await Task.all().count()

    payload = await created(desk, **fields)

    assert (payload["taskPlan"], faults(payload)) == (None, [("BAD_USER_INPUT", [field])])
    assert await Task.all().count() == before


async def test_a_code_is_used_once(desk: Desk) -> None:
    await created(desk)

    payload = await created(desk, titleZh="另一个")

    assert faults(payload) == [("CONFLICT", ["code"])]
    assert (await Task.get(code="daily.two")).title_zh == "今天学两课"


async def test_there_are_no_more_tasks_than_one_can_read(desk: Desk, clock: FrozenClock) -> None:
    for _ in range(MOST_TASKS - 1):
        await desk.planned(ends_on=MONDAY + DAY)
    await desk.planned()

    assert faults(await created(desk)) == [("LIMIT_REACHED", None)]
    clock.advance(DAY)
    assert faults(await created(desk)) == []


async def test_of_many_at_once_with_one_code_one_is_set_up_and_the_others_hear_why(desk: Desk) -> None:
    payloads = await asyncio.gather(*(created(desk) for _ in range(5)))

    assert sorted(map(faults, payloads)) == [[], *[[("CONFLICT", ["code"])]] * 4]
    assert await Task.filter(code="daily.two").count() == 1


async def test_of_many_at_once_no_more_are_set_up_than_one_can_read(desk: Desk) -> None:
    for _ in range(MOST_TASKS - 1):
        await desk.task()

    payloads = await asyncio.gather(*(created(desk, code=f"race.{name}") for name in "abcde"))

    assert sorted(map(faults, payloads)) == [[], *[[("LIMIT_REACHED", None)]] * 4]


async def test_switching_on_adds_no_more_than_one_can_read(desk: Desk) -> None:
    switched = await desk.planned()
    assert faults(await updated(desk, _gid(switched), enabled=False)) == []
    for _ in range(MOST_TASKS):
        await desk.task()

    assert faults(await updated(desk, _gid(switched), enabled=True)) == [("LIMIT_REACHED", None)]
    assert not (await Task.get(id=switched.id)).enabled


async def test_what_has_ended_is_not_brought_back_into_a_week_that_runs(desk: Desk) -> None:
    ended = [await desk.task(TaskPeriod.WEEKLY, until=MONDAY) for _ in range(20)]
    for _ in range(3):
        await desk.task(TaskPeriod.WEEKLY)
    may = await desk.learner()
    before = {task["code"] for task in await desk.tasks(may)}

    payloads = [await updated(desk, _gid(task), endsOn=str(MONDAY + 7 * DAY)) for task in ended]

    assert [faults(payload) for payload in payloads] == [[("STATE_FORBIDS", ["endsOn"])]] * 20
    assert {task["code"] for task in await desk.tasks(may)} == before


async def test_the_set_of_a_running_week_stays_as_it_is(desk: Desk, clock: FrozenClock) -> None:
    for _ in range(3):
        await desk.task(TaskPeriod.WEEKLY)
    may = await desk.learner()
    before = {task["code"] for task in await desk.tasks(may)}
    plans = [await desk.planned(period=TaskPeriod.WEEKLY) for _ in range(20)]

    assert {task["code"] for task in await desk.tasks(may)} == before
    assert {plan.starts_on for plan in plans} == {MONDAY + DAY}
    clock.advance(7 * DAY)
    assert {task["code"] for task in await desk.tasks(may)} != before


async def test_an_end_lets_the_running_turn_run_and_a_switch_does_not(desk: Desk, clock: FrozenClock) -> None:
    ending, switched = await desk.planned(), await desk.planned()
    may = await desk.learner()
    await desk.learns(may, 2)
    ids = [task["id"] for task in await desk.tasks(may)]

    assert faults(await updated(desk, _gid(ending), endsOn=str(MONDAY + DAY))) == []
    assert faults(await updated(desk, _gid(switched), enabled=False)) == []

    assert [task["id"] for task in await desk.tasks(may)] == [ids[0]]
    assert faults(await desk.claim(may, ids[1])) == [("CLOSED", ["taskId"])]
    clock.advance(DAY)
    assert [task["id"] for task in await desk.tasks(may)] == [ids[0]]
    assert faults(await desk.claim(may, ids[0])) == []
    assert await desk.tasks(may) == []
    assert faults(await desk.claim(may, task_id(ending, MONDAY + DAY))) == [("NOT_FOUND", ["taskId"])]


async def test_titles_are_told_in_the_reader_s_language_from_now_on(desk: Desk) -> None:
    plan, may = await desk.planned(), await desk.learner()

    payload = await updated(desk, _gid(plan), titleZh="学两节课", titleEn="Finish two")

    assert payload["taskPlan"]["title"] == payload["taskPlan"]["titleEn"] == "Finish two"
    chinese = await desk.gql.post({"query": MY_TASKS}, by=may, headers={"accept-language": "zh-CN"})
    assert [task["title"] for task in chinese.json()["data"]["viewer"]["tasks"]] == ["学两节课"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"titleZh": " "}, ("BAD_USER_INPUT", ["titleZh"])),
        ({"titleEn": "x" * 81}, ("BAD_USER_INPUT", ["titleEn"])),
        ({"endsOn": "2026-03-02"}, ("BAD_USER_INPUT", ["endsOn"])),
        ({"endsOn": "2046-03-02"}, ("BAD_USER_INPUT", ["endsOn"])),
        ({"plan_id": "nonsense"}, ("NOT_FOUND", ["taskPlanId"])),
        ({"plan_id": "VGFza1BsYW46MDE5ZjZhMGUtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"}, ("NOT_FOUND", ["taskPlanId"])),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(
    desk: Desk, fields: dict[str, Any], fault: tuple[str, list[str]]
) -> None:
    plan = await desk.planned()
    before = await rows("SELECT * FROM tasks ORDER BY id")

    payload = await updated(desk, **{"plan_id": _gid(plan), **fields})

    assert faults(payload) == [fault]
    assert await rows("SELECT * FROM tasks ORDER BY id") == before
    [counted] = await rows("SELECT count(*) AS n FROM audit_entries WHERE action = 'task.updated'")
    assert counted["n"] == 0


async def test_the_same_again_is_no_deed(desk: Desk) -> None:
    plan = await desk.planned()

    for _ in range(2):
        await updated(desk, _gid(plan), enabled=False)

    [counted] = await rows("SELECT count(*) AS n FROM audit_entries WHERE action = 'task.updated'")
    assert counted["n"] == 1


async def test_what_a_task_has_promised_not_even_the_database_changes(desk: Desk) -> None:
    plan = await desk.planned()

    for change in ("target = 1", "reward_points = 1", "tiers = '{NEW}'", "period = 'ONCE'", "code = 'x'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute(f"UPDATE tasks SET {change} WHERE id = $1", plan.id)


async def test_only_admins_of_everywhere_set_tasks_up_and_staff_reads_them(desk: Desk, world: World) -> None:
    of_a_city = await world.staff(Role.ADMIN, await world.region("东莞"))
    auditor, may = await world.staff(Role.AUDITOR), await desk.learner()
    plan = await desk.planned()
    listed = "{ taskPlans(first: 1) { totalCount nodes { id code } } }"

    for member in (of_a_city, auditor, may):
        answer = await desk.gql.ask(CREATE, {"input": PLAN}, by=member)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        answer = await desk.gql.ask(UPDATE, {"input": {"taskPlanId": _gid(plan), "enabled": False}}, by=member)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    assert (await Task.get(id=plan.id)).enabled
    for member in (of_a_city, auditor):
        found = (await desk.gql.ask(listed, by=member))["data"]["taskPlans"]
        assert (found["nodes"], found["totalCount"]) == (
            [{"id": _gid(plan), "code": plan.code}],
            await Task.all().count(),
        )
    assert (await desk.gql.ask(listed, by=may))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_list_of_tasks_pages_in_both_directions(desk: Desk, clock: FrozenClock) -> None:
    for _ in range(3):
        await desk.planned()
        clock.advance(timedelta(minutes=1))
    source = """query ($first: Int, $after: String, $last: Int, $before: String) {
      taskPlans(first: $first, after: $after, last: $last, before: $before) {
        nodes { code } pageInfo { endCursor startCursor hasNextPage } } }"""

    async def page(**asked: object) -> dict[str, Any]:
        answer = await desk.gql.ask(source, asked, by=desk.admin)
        found: dict[str, Any] = answer["data"]["taskPlans"]
        return found

    first = await page(first=2)
    rest = await page(first=100, after=first["pageInfo"]["endCursor"])
    back = await page(last=1, before=first["pageInfo"]["endCursor"])

    codes = [node["code"] for node in first["nodes"] + rest["nodes"]]
    assert codes[:3] == ["plan.3", "plan.2", "plan.1"]
    assert len(codes) == await Task.all().count()
    assert [node["code"] for node in back["nodes"]] == ["plan.3"]


async def test_an_academy_begins_with_tasks_for_every_tier(ports: Ports, world: World, gql: Gql) -> None:
    seen = {}
    for tier in OutletTier:
        member = await world.learner(outlet=await world.outlet(tier=tier))
        tasks = (await gql.ask(MY_TASKS, by=member))["data"]["viewer"]["tasks"]
        seen[tier] = [task["period"] for task in tasks]
        assert all(task["title"] and task["progress"] == 0 and task["rewardPoints"] <= 60 for task in tasks)

    usual = ["DAILY"] * 2 + ["WEEKLY"] * 3 + ["ONCE"] * 3
    assert seen == dict.fromkeys(OutletTier, usual) | {OutletTier.NEW: [*usual, "ONCE"]}


def _gid(plan: Task) -> str:
    return to_global("TaskPlan", plan.id)
