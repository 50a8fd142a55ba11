"""The tasks that there are: made and ended by the admins of everywhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_set_tasks
from gamification.tasks import MOST_TASKS, REWARDS, TARGETS
from kit.clock import day_of
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import OutletTier, TaskMeasure, TaskPeriod
from models import tasks
from models.audit import Details
from models.tasks import Task
from services.audit import record
from services.ports import Ports

CODE = re.compile(r"[a-z][a-z0-9]*([._][a-z0-9]+)*")
LONGEST_CODE = 40
LONGEST_TITLES = {"titleZh": 40, "titleEn": 80}
DAYS = {TaskPeriod.DAILY: 1, TaskPeriod.WEEKLY: 7, TaskPeriod.ONCE: TARGETS[-1]}
"""The most days that can be learned in a turn."""
DAY = timedelta(days=1)
FURTHEST = timedelta(days=3660)
"""How far ahead anybody plans."""


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Offered for turns that begin on the Shanghai days [starts_on, ends_on).

    `starts_on` None: from today on; weekly tasks from next Monday, so that the set of a week that runs stays as it is;
    ONCE: whatever was done before counts too. `tiers` empty: for all.
    """

    code: str
    title_zh: str
    title_en: str
    period: TaskPeriod
    measure: TaskMeasure
    target: int
    reward_points: int
    tiers: Sequence[OutletTier] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    claims_itself: bool = False


@dataclass(frozen=True, slots=True)
class TaskChange:
    """What becomes of a task; None: as it was. What it asks for and pays is promised and never changes.

    `ends_on` lets the turns that have begun run to their end; `enabled` False ends it at once, without claims.
    """

    title_zh: str | None = None
    title_en: str | None = None
    ends_on: date | None = None
    enabled: bool | None = None


async def create_task(ports: Ports, actor: Actor, plan: TaskPlan) -> Task:
    """Offer a task. CONFLICT at `code` if it is taken; LIMIT_REACHED if there are too many tasks to show."""
    now = ports.clock.now()
    today = day_of(now)
    if not may_set_tasks(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    if len(plan.code) > LONGEST_CODE or not CODE.fullmatch(plan.code):
        raise bad_input("code")
    title_zh, title_en = _title(plan.title_zh, "titleZh"), _title(plan.title_en, "titleEn")
    if plan.target not in TARGETS or (plan.measure is TaskMeasure.DAYS_LEARNED and plan.target > DAYS[plan.period]):
        raise bad_input("target")
    if plan.reward_points not in REWARDS:
        raise bad_input("rewardPoints")
    earliest = today + DAY if plan.period is TaskPeriod.WEEKLY else today
    starts_on = plan.starts_on or (None if plan.period is TaskPeriod.ONCE else earliest)
    if starts_on is not None and not earliest <= starts_on <= today + FURTHEST:
        raise bad_input("startsOn")
    if plan.ends_on is not None and not (starts_on or today) < plan.ends_on <= today + FURTHEST:
        raise bad_input("endsOn")

    async def work() -> Task:
        await tasks.lock_tasks()
        if await tasks.count_offered(today) >= MOST_TASKS:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        task = Task(
            id=new_id(),
            code=plan.code,
            title_zh=title_zh,
            title_en=title_en,
            period=plan.period,
            measure=plan.measure,
            target=plan.target,
            reward_points=plan.reward_points,
            tiers=[tier.value for tier in OutletTier if tier in plan.tiers],
            starts_on=starts_on,
            ends_on=plan.ends_on,
            claims_itself=plan.claims_itself,
            created_at=now,
        )
        if not await tasks.add_task(task):
            raise DomainError(ErrorCode.CONFLICT, field=["code"])
        details: Details = {"title": title_zh, "target": plan.target, "points": plan.reward_points}
        await record(ports, actor, "task.created", "TaskPlan", task.id, details)
        return task

    return await transaction(work)


async def update_task(ports: Ports, actor: Actor, task_id: UUID, change: TaskChange) -> Task:
    """Give a task other titles, an end, or switch it. As it was already: no change, and no entry in the audit log.

    STATE_FORBIDS at `endsOn` for what has ended: begun anew, it could push a task out of a week that runs.
    LIMIT_REACHED for switching one on beyond what can be shown.
    """
    today = day_of(ports.clock.now())
    if not may_set_tasks(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    title_zh = _title(change.title_zh, "titleZh") if change.title_zh is not None else None
    title_en = _title(change.title_en, "titleEn") if change.title_en is not None else None

    async def work() -> Task:
        await tasks.lock_tasks()
        task = await tasks.locked_task(task_id)
        if task is None:
            raise not_found("taskPlanId")
        before = (task.title_zh, task.title_en, task.ends_on, task.enabled)
        task.title_zh, task.title_en = title_zh or task.title_zh, title_en or task.title_en
        if change.ends_on is not None and change.ends_on != task.ends_on:
            if task.ends_on is not None and task.ends_on <= today:
                raise DomainError(ErrorCode.STATE_FORBIDS, field=["endsOn"])
            if not max(today, task.starts_on or today) < change.ends_on <= today + FURTHEST:
                raise bad_input("endsOn")
            task.ends_on = change.ends_on
        switched_on = bool(change.enabled) and not task.enabled
        if switched_on and await tasks.count_offered(today) >= MOST_TASKS:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        task.enabled = task.enabled if change.enabled is None else change.enabled
        if before != (task.title_zh, task.title_en, task.ends_on, task.enabled):
            await task.save(update_fields=["title_zh", "title_en", "ends_on", "enabled"], force_update=True)
            ends_on = task.ends_on.isoformat() if task.ends_on is not None else "-"
            details: Details = {"title": task.title_zh, "ends_on": ends_on, "enabled": task.enabled}
            await record(ports, actor, "task.updated", "TaskPlan", task_id, details)
        return task

    return await transaction(work)


async def list_task_plans(ask: Ask) -> Page[Task]:
    """All tasks there ever were, the newest first."""
    return await tasks.tasks_page(ask)


def _title(text: str, field: str) -> str:
    title = text.strip()
    if not 1 <= len(title) <= LONGEST_TITLES[field]:
        raise bad_input(field)
    return title
