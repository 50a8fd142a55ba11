"""Learners with tasks before them, facts that bring them on, and the operations the apps send."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from gamification.facts import CourseRated, Recorded
from kit.clock import day_of
from kit.db import rows, transaction
from kit.ids import new_id, to_global
from kit.words import OutletTier, PostRole, Role, TaskMeasure, TaskPeriod
from models.accounts import Member
from models.ledger import locked_account
from models.outlets import Outlet
from models.tasks import Task
from services.ports import Ports
from services.task_plans import TaskPlan, create_task
from tests.gql import Gql
from tests.points.story import course, lesson, say
from tests.world import World

MY_TASKS = """query MyGame { viewer { id tasks {
  id code title period progress target rewardPoints completedAt claimedAt endsAt claimExpiresAt
} } }"""
CLAIM_TASK = """mutation ClaimTask($input: ClaimTaskInput!) {
  claimTask(input: $input) {
    task { id claimedAt } awards { rule title points }
    viewer { id points { lifetime balance today thisWeek } } userErrors { code message field }
  }
}"""
CREATE = """mutation ($input: CreateTaskInput!) {
  createTask(input: $input) { taskPlan { id code startsOn endsOn tiers enabled } userErrors { code field } }
}"""
UPDATE = """mutation ($input: UpdateTaskInput!) {
  updateTask(input: $input) { taskPlan { id title titleEn endsOn enabled } userErrors { code field } }
}"""
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Desk:
    """One modern outlet, tasks of its own, and nothing of what an academy begins with. It is Monday noon."""

    def __init__(self, ports: Ports, gql: Gql, world: World, outlet: Outlet, admin: Member) -> None:
        self.ports = ports
        self.gql = gql
        self.world = world
        self.outlet = outlet
        self.admin = admin

    @classmethod
    async def open(cls, ports: Ports, gql: Gql, world: World) -> "Desk":
        await Task.all().update(enabled=False)
        outlet = await world.outlet(tier=OutletTier.MODERN)
        return cls(ports, gql, world, outlet, await world.staff(Role.ADMIN))

    async def task(
        self,
        period: TaskPeriod = TaskPeriod.DAILY,
        measure: TaskMeasure = TaskMeasure.LESSONS_COMPLETED,
        target: int = 2,
        *,
        points: int = 20,
        tiers: tuple[OutletTier, ...] = (),
        by_itself: bool = False,
        since: date | None = None,
        until: date | None = None,
    ) -> Task:
        """A task that has been there for ever, or from `since` on."""
        code = f"test.{self.world.next('task')}"
        return await Task.create(
            id=new_id(), code=code, title_zh="学两课", title_en="Learn two", period=period, measure=measure,
            target=target, reward_points=points, tiers=[tier.value for tier in tiers], starts_on=since, ends_on=until,
            claims_itself=by_itself, created_at=self.ports.clock.now(),
        )  # fmt: skip

    async def planned(self, **fields: Any) -> Task:
        """A task as the admin sets it up."""
        plan = TaskPlan(
            **{
                "code": f"plan.{self.world.next('plan')}", "title_zh": "学两课", "title_en": "Learn two",
                "period": TaskPeriod.DAILY, "measure": TaskMeasure.LESSONS_COMPLETED, "target": 2, "reward_points": 20,
            } | fields
        )  # fmt: skip
        return await create_task(self.ports, await self.world.actor(self.admin), plan)

    async def learner(self, outlet: Outlet | None = None) -> Member:
        return await self.world.learner(outlet=outlet or self.outlet, role=PostRole.CLERK)

    async def learns(self, member: Member, lessons: int = 1, *, ago: timedelta = timedelta(0)) -> list[Recorded]:
        """The facts of lessons completed a minute after each other, the last one `ago`."""
        end = self.ports.clock.now() - ago
        facts: list[Recorded] = [
            lesson(member.id, uuid4(), end - (lessons - 1 - number) * MINUTE) for number in range(lessons)
        ]
        await say(self.ports, *facts)
        return facts

    async def completes(self, member: Member, *, required: bool = False) -> None:
        await say(self.ports, course(member.id, uuid4(), self.ports.clock.now(), required=required))

    async def rates(self, member: Member) -> None:
        await say(self.ports, CourseRated(member.id, uuid4(), self.ports.clock.now()))

    async def tasks(self, member: Member) -> list[dict[str, Any]]:
        answer = await self.gql.ask(MY_TASKS, by=member)
        assert "errors" not in answer, answer
        found: list[dict[str, Any]] = answer["data"]["viewer"]["tasks"]
        return found

    async def claim(self, member: Member, task_id: str) -> dict[str, Any]:
        """The payload of one claim."""
        answer = await self.gql.ask(CLAIM_TASK, {"input": {"taskId": task_id}}, by=member)
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"]["claimTask"]
        return payload

    async def balance(self, member: Member) -> tuple[int, int]:
        """(lifetime, balance)"""
        account = await transaction(lambda: locked_account(member.id))
        return account.lifetime, account.balance

    async def paid(self, member: Member) -> list[tuple[int, date]]:
        """(points, the day they count for) of every task paid."""
        found = await rows(
            "SELECT amount, day FROM ledger_entries WHERE member_id = $1 AND rule = 'task.claimed'"
            " AND account = 'LIFETIME' ORDER BY id",
            member.id,
        )
        return [(row["amount"], row["day"]) for row in found]

    @property
    def today(self) -> date:
        return day_of(self.ports.clock.now())


def task_id(task: Task, turn: date | str) -> str:
    return to_global("Task", f"{task.id}.{turn}")


def faults(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def a_day_earlier(fact: Recorded) -> tuple[Recorded, Recorded]:
    """The fact and itself at its new moment, as a late event shows it."""
    return fact, replace(fact, occurred_at=fact.occurred_at - DAY)
