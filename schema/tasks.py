"""Tasks as clients see them: what a member can do, and what admins set up."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from gamification.titles import Title
from models.tasks import Task as Row
from schema.context import Info
from schema.errors import Payload
from schema.ids import encode
from schema.node import Node
from schema.points import Award
from schema.viewer_part import ViewerPart
from schema.words import OutletTier, TaskMeasure, TaskPeriod
from services.task_plans import TaskChange
from services.task_plans import TaskPlan as Plan
from services.tasks import TaskTurn, list_tasks

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="A task of the viewer's in one day or week (今日任务): another one tomorrow.")
class Task(Node):
    row: strawberry.Private[Row]
    code: str = strawberry.field(description="The same every day or week; for the program.")
    period: TaskPeriod = strawberry.field(description="How often it comes.")
    measure: TaskMeasure = strawberry.field(description="What it counts.")
    progress: int = strawberry.field(description="How far the viewer is, at most `target`; late offline events count.")
    target: int = strawberry.field(description="How much of what is measured it asks for.")
    reward_points: int = strawberry.field(description="What it pays.")
    claims_itself: bool = strawberry.field(description="Paid without being claimed, soon after it is done.")
    completed_at: datetime | None = strawberry.field(
        description="The moment of what reached the target, and the points count for; null while it is not done."
    )
    claimed_at: datetime | None = strawberry.field(description="When it was claimed; it stays done whatever happens.")
    ends_at: datetime | None = strawberry.field(description="What happens from here on no longer counts; null: no end.")
    claim_expires_at: datetime | None = strawberry.field(
        description="72 hours after `endsAt`: until then late events arrive and it can be claimed; null: no end."
    )

    @classmethod
    def of(cls, found: TaskTurn) -> Self:
        task, turn = found.task, found.turn
        return cls(
            id=encode("Task", f"{task.id}.{turn.key}"),
            row=task,
            code=task.code,
            period=task.period,
            measure=task.measure,
            progress=found.progress,
            target=task.target,
            reward_points=task.reward_points,
            claims_itself=task.claims_itself,
            completed_at=found.completed_at,
            claimed_at=found.claimed_at,
            ends_at=turn.ends_at,
            claim_expires_at=turn.claimable_until,
        )

    @strawberry.field(description="What is to be done, in the reader's language.")
    def title(self, info: Info) -> str:
        return title_of(self.row, info)


@strawberry.type(description="A task as admins set it up (任务设置).")
class TaskPlan(Node):
    row: strawberry.Private[Row]
    code: str = strawberry.field(description="Its name for programs, never used twice.")
    title_zh: str = strawberry.field(description="What Chinese readers are told to do.")
    title_en: str = strawberry.field(description="What English readers are told to do.")
    period: TaskPeriod = strawberry.field(description="How often it can be done.")
    measure: TaskMeasure = strawberry.field(description="What is counted.")
    target: int = strawberry.field(description="How much it asks for; never changed.")
    reward_points: int = strawberry.field(description="What is paid each time; never changed.")
    tiers: list[OutletTier] = strawberry.field(description="For learners of these tiers; empty: for everybody.")
    starts_on: date | None = strawberry.field(description="The first Shanghai day it can begin on; null: no bound.")
    ends_on: date | None = strawberry.field(description="The first Shanghai day it no longer begins on; null: no end.")
    enabled: bool = strawberry.field(description="Switched off, it can be neither seen nor claimed.")
    claims_itself: bool = strawberry.field(description="Paid without being claimed.")
    created_at: datetime = strawberry.field(description="When it was set up.")

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            id=encode("TaskPlan", row.id),
            row=row,
            code=row.code,
            title_zh=row.title_zh,
            title_en=row.title_en,
            period=row.period,
            measure=row.measure,
            target=row.target,
            reward_points=row.reward_points,
            tiers=[OutletTier(tier) for tier in row.tiers],
            starts_on=row.starts_on,
            ends_on=row.ends_on,
            enabled=row.enabled,
            claims_itself=row.claims_itself,
            created_at=row.created_at,
        )

    @strawberry.field(description="What is to be done, in the reader's language.")
    def title(self, info: Info) -> str:
        return title_of(self.row, info)


def title_of(row: Row, info: Info) -> str:
    return Title(row.title_zh, row.title_en).text(info.context.language)


@strawberry.type
class TasksViewer(ViewerPart):
    @strawberry.field(description="What can be done now, daily tasks first; then earlier ones, done and unclaimed.")
    async def tasks(self, info: Info) -> list[Task] | None:
        return [Task.of(each) for each in await list_tasks(info.context.ports, self.member_id)]


@strawberry.input(description="A task to take the points of.")
class ClaimTaskInput:
    task_id: strawberry.ID = strawberry.field(description="The task in its day or week, as `viewer.tasks` gave it.")


@strawberry.type(description="What became of ClaimTaskInput; claimed again, the same.")
class ClaimTaskPayload(Payload):
    task: Task | None = strawberry.field(default=None, description="The task, claimed.")
    awards: list[Award] | None = strawberry.field(default=None, description="What it paid, once.")
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="The viewer with the new points."
    )


@strawberry.input(description="A task to set up. What it asks for and pays is a promise: it never changes afterwards.")
class CreateTaskInput:
    code: str = strawberry.field(description="At most 40 small letters, digits, dots, underscores; never used twice.")
    title_zh: str = strawberry.field(description="1-40 characters.")
    title_en: str = strawberry.field(description="1-80 characters.")
    period: TaskPeriod = strawberry.field(description="How often it can be done.")
    measure: TaskMeasure = strawberry.field(description="What is counted.")
    target: int = strawberry.field(description="1-1,000; days at most as many as the period has.")
    reward_points: int = strawberry.field(description="1-200.")
    tiers: list[OutletTier] | None = strawberry.field(default=None, description="Default: for everybody.")
    starts_on: date | None = strawberry.field(
        default=None, description="Default: today; next Monday if WEEKLY; if ONCE, all that was done before counts too."
    )
    ends_on: date | None = strawberry.field(default=None, description="The first day it no longer begins on.")
    claims_itself: bool | None = strawberry.field(default=None, description="Paid without being claimed; default: no.")

    def plain(self) -> Plan:
        return Plan(
            code=self.code,
            title_zh=self.title_zh,
            title_en=self.title_en,
            period=self.period,
            measure=self.measure,
            target=self.target,
            reward_points=self.reward_points,
            tiers=tuple(self.tiers or ()),
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            claims_itself=bool(self.claims_itself),
        )


@strawberry.type(description="What became of CreateTaskInput.")
class CreateTaskPayload(Payload):
    task_plan: TaskPlan | None = strawberry.field(default=None, description="The new task.")


@strawberry.input(description="What is to change about a task; what is left out or null stays.")
class UpdateTaskInput:
    task_plan_id: strawberry.ID = strawberry.field(description="The task as it is set up.")
    title_zh: str | None = strawberry.field(default=None, description="1-40 characters.")
    title_en: str | None = strawberry.field(default=None, description="1-80 characters.")
    ends_on: date | None = strawberry.field(
        default=None, description="From this day on it no longer begins, after today; what has begun runs to its end."
    )
    enabled: bool | None = strawberry.field(default=None, description="Switch it; off, nothing more can be claimed.")

    def plain(self) -> TaskChange:
        return TaskChange(self.title_zh, self.title_en, self.ends_on, self.enabled)


@strawberry.type(description="What became of UpdateTaskInput.")
class UpdateTaskPayload(Payload):
    task_plan: TaskPlan | None = strawberry.field(default=None, description="The task as it is now.")
