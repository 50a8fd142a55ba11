"""Tasks: claiming them, and setting them up."""

from uuid import UUID

import strawberry

from kit.errors import not_found
from kit.ids import from_global
from kit.words import Role
from models import tasks as rows
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.points import Award
from schema.tasks import (
    ClaimTaskInput,
    ClaimTaskPayload,
    CreateTaskInput,
    CreateTaskPayload,
    Task,
    TaskPlan,
    UpdateTaskInput,
    UpdateTaskPayload,
)
from schema.viewer import Viewer
from services import task_plans, tasks


async def task_node(info: Info, key: str) -> Node | None:
    """The viewer's own, of today's and of earlier days."""
    named, actor = _task_key(key), info.context.actor
    if named is None or actor is None:
        return None
    found = await tasks.find_task(info.context.ports, actor.member_id, *named)
    return Task.of(found) if found is not None else None


async def task_plan_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None or not actor.has(Role.ADMIN, Role.AUDITOR):
        return None
    row = await info.context.loaders.of(rows.tasks_by_ids).load(row_id)
    return TaskPlan.of(row) if row is not None else None


@strawberry.type
class TaskQueries:
    @strawberry.field(description="For admins and auditors: the tasks that were ever set up, the newest first.")
    async def task_plans(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TaskPlan] | None:
        staff(info, Role.ADMIN, Role.AUDITOR)
        return connection(
            info,
            await task_plans.list_task_plans(ask(info, "task plans", first, after, last, before)),
            scope="task plans",
            of=TaskPlan.of,
            key=lambda row: [row.created_at, row.code],
            count=rows.count_tasks,
        )


@strawberry.type
class TaskMutations:
    @mutation(description="Take the points of a task that is done (领取任务奖励).")
    async def claim_task(self, info: Info, input: ClaimTaskInput) -> ClaimTaskPayload:
        actor = viewer(info)
        claimed = await tasks.claim_task(info.context.ports, actor, *_named(input.task_id))
        awards = [Award.of(award) for award in claimed.awards]
        return ClaimTaskPayload(task=Task.of(claimed.turn), awards=awards, viewer=Viewer.of(actor.member_id))

    @mutation(description="Set a task up (设置任务). For admins of everywhere.")
    async def create_task(self, info: Info, input: CreateTaskInput) -> CreateTaskPayload:
        actor = staff(info, Role.ADMIN)
        row = await task_plans.create_task(info.context.ports, actor, input.plain())
        return CreateTaskPayload(task_plan=TaskPlan.of(row))

    @mutation(description="Rename, end or switch a task. For admins of everywhere.")
    async def update_task(self, info: Info, input: UpdateTaskInput) -> UpdateTaskPayload:
        actor, plan_id = staff(info, Role.ADMIN), decode(input.task_plan_id, "TaskPlan", "taskPlanId")
        row = await task_plans.update_task(info.context.ports, actor, plan_id, input.plain())
        return UpdateTaskPayload(task_plan=TaskPlan.of(row))


def _named(gid: str) -> tuple[UUID, str]:
    try:
        kind, key = from_global(gid)
    except ValueError as error:
        raise not_found("taskId") from error
    named = _task_key(key)
    if kind != "Task" or named is None:
        raise not_found("taskId")
    return named


def _task_key(key: str) -> tuple[UUID, str] | None:
    """A task and the turn it is meant in."""
    task, _, turn = key.partition(".")
    task_id = row_key(task)
    return (task_id, turn) if task_id is not None else None
