"""Tasks: shown with how far the member is, and paid once when they are done and claimed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from auth.actor import Actor
from gamification.facts import TaskClaimed
from gamification.rules import task_claimed
from gamification.tasks import (
    COUNTED,
    Turn,
    Window,
    claimable_turns,
    fits,
    is_offered,
    paid_as,
    turn_by_key,
    weekly_set,
)
from kit.clock import day_of, day_start
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, not_found
from kit.words import OutletTier, TaskMeasure, TaskPeriod
from models import ledger, tasks
from models.outlets import placements_at
from models.tasks import Answer, Question, Task, TaskClaim
from services.outbox import announce_each
from services.points import Award, reward
from services.ports import Ports

LOOKING_BACK = timedelta(days=14)
"""No turn of a task that ended longer ago can still be claimed."""
SECONDS_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class TaskTurn:
    """A task in one turn, and how far the member is. What was claimed stays done, whatever became of its facts."""

    task: Task
    turn: Turn
    progress: int
    completed_at: datetime | None
    claimed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """`awards`: what the claim paid, whenever that was; empty while the rule of tasks is switched off."""

    turn: TaskTurn
    awards: tuple[Award, ...]


async def list_tasks(ports: Ports, member_id: UUID) -> list[TaskTurn]:
    """What the member can do now, daily tasks first; then what was done in earlier turns and waits to be claimed."""
    now = ports.clock.now()
    wanted = await _meant(member_id, now)
    found = await _looked_up(member_id, wanted)
    running = [each for each in found if each.turn.is_running(now)]
    waiting = [each for each in found if each.completed_at is not None and each.claimed_at is None]
    return running + [each for each in waiting if not each.turn.is_running(now)]


async def find_task(ports: Ports, member_id: UUID, task_id: UUID, key: str) -> TaskTurn | None:
    """The task in the turn with this key, if it is, or was, one of the member's."""
    [task] = await tasks.tasks_by_ids([task_id])
    turn = turn_by_key(_window(task), key) if task is not None else None
    if task is None or turn is None or not turn.has_begun(ports.clock.now()):
        return None
    [found] = await _looked_up(member_id, [(task, turn)])
    is_theirs = found.claimed_at is not None or await _is_meant(member_id, task, turn, ports.clock.now())
    return found if is_theirs else None


async def claim_task(ports: Ports, actor: Actor, task_id: UUID, key: str) -> Claimed:
    """Take the points of a task that is done. Again: the same answer, and nothing is paid.

    Errors at `taskId`: NOT_FOUND for what is no task of the member's, as another tier's or one that was not chosen for
    the week; NOT_OPEN before its turn; STATE_FORBIDS while it is not done; CLOSED when it can no longer be claimed.
    """

    async def work() -> None:
        await ledger.locked_account(actor.member_id)
        now = ports.clock.now()
        [task] = await tasks.tasks_by_ids([task_id])
        turn = turn_by_key(_window(task), key) if task is not None else None
        if task is None or turn is None:
            raise not_found("taskId")
        if not turn.has_begun(now):
            raise DomainError(ErrorCode.NOT_OPEN, field=["taskId"])
        [found] = await _looked_up(actor.member_id, [(task, turn)])
        if found.claimed_at is not None:
            return
        if not await _is_meant(actor.member_id, task, turn, now):
            raise not_found("taskId")
        if not task.enabled or not turn.is_claimable(now):
            raise DomainError(ErrorCode.CLOSED, field=["taskId"])
        if found.completed_at is None:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["taskId"])
        await _pay(ports, actor.member_id, [found], now)

    await transaction(work)
    claimed = await find_task(ports, actor.member_id, task_id, key)
    assert claimed is not None, "claims are never deleted"
    paid = await ledger.awards_on(actor.member_id, [], [task_claimed.CODE], [paid_as(task_id, claimed.turn)])
    return Claimed(claimed, tuple(Award(each.rule, each.amount, "Task", each.object_id) for each in paid))


async def announce_claims(member_ids: Sequence[UUID]) -> None:
    """Have what claims itself be claimed for members whose learning changed, if there is any such task."""
    if await tasks.any_claims_itself():
        await transaction(partial(announce_each, "task", member_ids))


async def claim_by_itself(ports: Ports, member_id: UUID) -> None:
    """Claim for the member what is done and claims itself. At any time, any number of times."""
    now = ports.clock.now()
    if await _claimable_by_itself(member_id, now):

        async def work() -> None:
            await ledger.locked_account(member_id)
            await _pay(ports, member_id, await _claimable_by_itself(member_id, now), now)

        await transaction(work)


async def _claimable_by_itself(member_id: UUID, now: datetime) -> list[TaskTurn]:
    wanted = [(task, turn) for task, turn in await _meant(member_id, now) if task.claims_itself]
    looked_up = await _looked_up(member_id, wanted)
    return [each for each in looked_up if each.completed_at is not None and each.claimed_at is None]


async def _pay(ports: Ports, member_id: UUID, done: Sequence[TaskTurn], now: datetime) -> None:
    """Claim these, under the member's account lock. The points count for the moment at which the task was done: whoever
    claims late moves no points into another day or week."""
    facts = []
    for each in done:
        assert each.completed_at is not None, each
        await TaskClaim.create(
            member_id=member_id,
            task_id=each.task.id,
            turn=each.turn.key,
            completed_at=each.completed_at,
            claimed_at=now,
        )
        task_id = paid_as(each.task.id, each.turn)
        facts.append(TaskClaimed(member_id, task_id, each.task.reward_points, each.completed_at))
    await reward(ports, member_id, facts)


async def _meant(member_id: UUID, now: datetime) -> list[tuple[Task, Turn]]:
    """Every turn that the member can do or claim now."""
    found = await tasks.enabled_tasks(day_of(now - LOOKING_BACK))
    wanted = [(task, turn) for task in found for turn in claimable_turns(_window(task), now)]
    tiers = await _tiers(member_id, [turn for _, turn in wanted], now)
    chosen = _chosen(found, wanted, tiers)
    return [(task, turn) for task, turn in wanted if _suits(task, turn, tiers[turn], chosen)]


async def _is_meant(member_id: UUID, task: Task, turn: Turn, now: datetime) -> bool:
    """Whether this turn of the task is, or was, one of the member's."""
    if not is_offered(_window(task), turn):
        return False
    tiers = await _tiers(member_id, [turn], now)
    offered = await tasks.enabled_tasks(turn.starts_on or date.min) if task.period is TaskPeriod.WEEKLY else []
    return _suits(task, turn, tiers[turn], _chosen([*offered, task], [(task, turn)], tiers))


async def _tiers(member_id: UUID, turns: Iterable[Turn], now: datetime) -> dict[Turn, OutletTier | None]:
    """The member's tier as each turn began: who changes shops in the middle of a week does not get both sets. That of
    now for what is done once."""
    wanted = list(dict.fromkeys(turns))
    moments = [day_start(turn.starts_on) if turn.starts_on and not turn.is_the_only_one else now for turn in wanted]
    places = await placements_at(member_id, moments) if wanted else []
    return {turn: place.tier if place else None for turn, place in zip(wanted, places, strict=True)}


Chosen = Mapping[Turn, frozenset[str]]
"""The codes of the weekly tasks that the member has in a turn."""


def _chosen(
    offered: Iterable[Task], wanted: Iterable[tuple[Task, Turn]], tiers: Mapping[Turn, OutletTier | None]
) -> Chosen:
    weekly = [task for task in offered if task.period is TaskPeriod.WEEKLY]
    found: dict[Turn, frozenset[str]] = {}
    for task, turn in wanted:
        if task.period is TaskPeriod.WEEKLY and turn not in found:
            assert turn.starts_on is not None, turn
            tier = tiers[turn]
            fitting = {
                each.code: each.measure for each in weekly if fits(each.tiers, tier) and is_offered(_window(each), turn)
            }
            found[turn] = weekly_set(turn.starts_on, tier, fitting)
    return found


def _suits(task: Task, turn: Turn, tier: OutletTier | None, chosen: Chosen) -> bool:
    return fits(task.tiers, tier) and (task.period is not TaskPeriod.WEEKLY or task.code in chosen[turn])


async def _looked_up(member_id: UUID, wanted: Sequence[tuple[Task, Turn]]) -> list[TaskTurn]:
    """How far the member is in each, in two statements."""
    if not wanted:
        return []
    claims = await tasks.claims_of(member_id, [(task.id, turn.key) for task, turn in wanted])
    answers = await tasks.progress_of(member_id, [_question(task, turn) for task, turn in wanted])
    return [
        _told(task, turn, answer, claim) for (task, turn), answer, claim in zip(wanted, answers, claims, strict=True)
    ]


def _told(task: Task, turn: Turn, answer: Answer, claim: TaskClaim | None) -> TaskTurn:
    if claim is not None:
        return TaskTurn(task, turn, task.target, claim.completed_at, claim.claimed_at)
    unit = SECONDS_A_MINUTE if task.measure is TaskMeasure.LEARNING_MINUTES else 1
    return TaskTurn(task, turn, min(answer.progress // unit, task.target), answer.reached_at, None)


def _question(task: Task, turn: Turn) -> Question:
    counted = COUNTED.get(task.measure)
    unit = SECONDS_A_MINUTE if task.measure is TaskMeasure.LEARNING_MINUTES else 1
    return Question(
        measure=task.measure,
        target=task.target * unit,
        kind=counted.kind if counted is not None else None,
        required=counted is not None and counted.required,
        starts_on=turn.starts_on,
        ends_on=turn.ends_on,
        starts_at=day_start(turn.starts_on) if turn.starts_on is not None else None,
        ends_at=turn.ends_at,
    )


def _window(task: Task) -> Window:
    return Window(task.period, task.starts_on, task.ends_on)
