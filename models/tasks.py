"""Tasks: what there is to do, who claimed what, and how far a member is.

How far is never kept: it is counted from facts, learned days and credited seconds each time. A claim is written under
the lock of the member's account row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import TaskMeasure, TaskPeriod
from models.accounts import Member


class Task(Model):
    """Something to be done for points in every turn that begins on the days [starts_on, ends_on); None: no bound.

    Code, period, measure, target and points never change: another number is another task. `tiers` empty: for all.
    `claims_itself`: paid without the member asking for it.
    """

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(40, unique=True)
    title_zh = fields.CharField(40)
    title_en = fields.CharField(80)
    period = fields.CharEnumField(TaskPeriod, max_length=10)
    measure = fields.CharEnumField(TaskMeasure, max_length=30)
    target = fields.IntField()
    reward_points = fields.IntField()
    tiers: list[str] = ArrayField(element_type="text", default=list)
    starts_on = fields.DateField(null=True)
    ends_on = fields.DateField(null=True)
    enabled = fields.BooleanField(default=True)
    claims_itself = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "tasks"


class TaskClaim(Model):
    """A member claimed a task in one turn; never changed. `completed_at`: when it was done, as was known then."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "task_claims", on_delete=fields.RESTRICT
    )
    member_id: UUID
    task: fields.ForeignKeyRelation[Task] = fields.ForeignKeyField("models.Task", "claims", on_delete=fields.RESTRICT)
    task_id: UUID
    turn = fields.CharField(10)
    completed_at = fields.DatetimeField()
    claimed_at = fields.DatetimeField()

    class Meta:
        table = "task_claims"


@dataclass(frozen=True, slots=True)
class Question:
    """How far is a member on the Shanghai days [starts_on, ends_on)? None: no bound.

    Counted are facts of `kind`, if one is given (`required`: of required courses), else what `measure` names. The days
    are given as moments too.
    """

    measure: TaskMeasure
    target: int
    kind: str | None
    required: bool
    starts_on: date | None
    ends_on: date | None
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`reached_at`: the moment of what made it `target`; None: it is less."""

    progress: int
    reached_at: datetime | None


# Seconds taken back from an event repeat its moment, so what a moment holds is never negative.
_PROGRESS = """
SELECT coalesce(p.total, 0)::int AS total, p.reached_at
FROM jsonb_to_recordset($2::jsonb) AS q (number int, measure text, target int, kind text, required bool,
    starts_on date, ends_on date, starts_at timestamptz, ends_at timestamptz)
CROSS JOIN LATERAL (
    SELECT max(total) AS total, min(at) FILTER (WHERE total >= q.target) AS reached_at
    FROM (
        SELECT at, sum(sum(amount)) OVER (ORDER BY at) AS total
        FROM (
            SELECT f.occurred_at AS at, 1 AS amount FROM facts f
            WHERE q.kind IS NOT NULL AND f.member_id = $1 AND f.kind = q.kind
                AND (NOT q.required OR f.details @> '{"required": true}')
                AND f.day >= coalesce(q.starts_on, '-infinity') AND f.day < coalesce(q.ends_on, 'infinity')
            UNION ALL
            SELECT d.occurred_at, d.amount FROM (
                SELECT DISTINCT ON (l.day) l.occurred_at, l.amount FROM learned_days l
                WHERE q.measure = 'DAYS_LEARNED' AND l.member_id = $1
                    AND l.day >= coalesce(q.starts_on, '-infinity') AND l.day < coalesce(q.ends_on, 'infinity')
                ORDER BY l.day, l.id DESC
            ) d WHERE d.amount > 0
            UNION ALL
            SELECT s.occurred_at, s.seconds FROM learning_seconds s
            WHERE q.measure = 'LEARNING_MINUTES' AND s.member_id = $1
                AND s.occurred_at >= coalesce(q.starts_at, '-infinity')
                AND s.occurred_at < coalesce(q.ends_at, 'infinity')
        ) counted GROUP BY at
    ) summed
) p ORDER BY q.number
"""


async def progress_of(member_id: UUID, questions: Sequence[Question]) -> list[Answer]:
    """How far the member is, in the order of the questions; one statement. LEARNING_MINUTES are asked in seconds."""
    if not questions:
        return []
    asked = [
        {
            "number": number,
            "measure": question.measure,
            "target": question.target,
            "kind": question.kind,
            "required": question.required,
            "starts_on": question.starts_on,
            "ends_on": question.ends_on,
            "starts_at": question.starts_at,
            "ends_at": question.ends_at,
        }
        for number, question in enumerate(questions)
    ]
    found = await rows(_PROGRESS, member_id, orjson.dumps(asked).decode())
    return [Answer(row["total"], row["reached_at"]) for row in found]


async def enabled_tasks(ended_after: date) -> list[Task]:
    """The tasks that are offered or were until `ended_after`: daily ones first, then weekly; the first made first."""
    found = await Task.filter(enabled=True).order_by("created_at", "code")
    periods = list(TaskPeriod)
    running = [task for task in found if task.ends_on is None or task.ends_on > ended_after]
    return sorted(running, key=lambda task: periods.index(task.period))


async def tasks_by_ids(ids: Sequence[UUID]) -> list[Task | None]:
    """The tasks of these ids, in the order of `ids`."""
    found = {task.id: task for task in await Task.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def lock_tasks() -> None:
    """Nobody else sets up or changes a task until the transaction ends; reading and claiming go on."""
    require_transaction()
    await execute("LOCK TABLE tasks IN SHARE ROW EXCLUSIVE MODE")


async def add_task(task: Task) -> bool:
    """Store a new task; False if its code is taken. The caller holds `lock_tasks`."""
    if await Task.filter(code=task.code).exists():
        return False
    await task.save(force_create=True)
    return True


async def locked_task(task_id: UUID) -> Task | None:
    return await Task.select_for_update().get_or_none(id=task_id)


async def tasks_page(ask: Ask) -> Page[Task]:
    """All tasks there ever were, the newest first. Key: [created_at, code]."""
    where, values = ["true"], list[object]()
    for key, beyond in ((ask.after, "<"), (ask.before, ">")):
        if key is not None:
            where.append(f"(created_at, code) {beyond} (${len(values) + 1}::timestamptz, ${len(values) + 2}::text)")
            values += key
    order = "ASC" if ask.backwards else "DESC"
    found = await rows(
        f"SELECT id FROM tasks WHERE {' AND '.join(where)}"  # noqa: S608 - fixed parts
        f" ORDER BY created_at {order}, code {order} LIMIT {ask.limit + 1}",
        *values,
    )
    return page_of([each for each in await tasks_by_ids([row["id"] for row in found]) if each], ask)


async def count_tasks() -> int:
    return await Task.all().count()


async def count_offered(today: date) -> int:
    """How many run or will run."""
    return len(await enabled_tasks(today))


async def any_claims_itself() -> bool:
    """Whether there is a task to be looked after by the server."""
    return await Task.filter(enabled=True, claims_itself=True).exists()


async def claims_of(member_id: UUID, keys: Sequence[tuple[UUID, str]]) -> list[TaskClaim | None]:
    """The member's claims of these tasks in these turns, in the order of `keys`."""
    task_ids, turns = {task_id for task_id, _ in keys}, {turn for _, turn in keys}
    found = await TaskClaim.filter(member_id=member_id, task_id__in=task_ids, turn__in=turns)
    claims = {(claim.task_id, claim.turn): claim for claim in found}
    return [claims.get(key) for key in keys]
