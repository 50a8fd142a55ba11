"""However facts arrive, progress and the moment of completion are what a plain count of them says."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import pytest

from gamification.facts import CourseCompleted, CourseRated, LessonCompleted, Recorded
from gamification.tasks import Turn, Window, claimable_turns
from kit.clock import FrozenClock, day_of
from kit.words import TaskMeasure, TaskPeriod
from models.accounts import Member
from models.tasks import Task
from services.ports import Ports
from services.tasks import list_tasks
from tests.gql import Gql
from tests.points.story import course, lesson, say
from tests.tasks.story import Desk
from tests.world import World

COUNTS = {
    TaskMeasure.LESSONS_COMPLETED: lambda fact: isinstance(fact, LessonCompleted),
    TaskMeasure.COURSES_COMPLETED: lambda fact: isinstance(fact, CourseCompleted),
    TaskMeasure.REQUIRED_COURSES_COMPLETED: lambda fact: isinstance(fact, CourseCompleted) and fact.required,
    TaskMeasure.COURSES_RATED: lambda fact: isinstance(fact, CourseRated),
}
SPAN = timedelta(days=12)


def moments(measure: TaskMeasure, facts: list[Recorded], turn: Turn) -> list[datetime]:
    """When each that counts happened, in order."""
    inside = [
        fact
        for fact in facts
        if (turn.starts_on is None or turn.starts_on <= day_of(fact.occurred_at))
        and (turn.ends_on is None or day_of(fact.occurred_at) < turn.ends_on)
    ]
    if measure is TaskMeasure.DAYS_LEARNED:
        lessons = sorted(fact.occurred_at for fact in inside if isinstance(fact, LessonCompleted))
        return sorted({day_of(at): at for at in reversed(lessons)}.values())
    return sorted(fact.occurred_at for fact in inside if COUNTS[measure](fact))


def made_up(chance: Random, member: Member, now: datetime) -> list[Recorded]:
    """Sixty facts over twelve days, several of them at one moment."""
    ticks = [now - chance.randrange(1, 800) * SPAN / 800 for _ in range(40)]
    facts: list[Recorded] = []
    for _ in range(60):
        at = chance.choice(ticks)
        required = chance.random() < 0.5
        facts.append(
            chance.choice(
                [
                    lesson(member.id, uuid4(), at),
                    course(member.id, uuid4(), at, required=required),
                    CourseRated(member.id, uuid4(), at),
                ]
            )
        )
    return facts


@pytest.mark.parametrize("seed", range(4))
async def test_progress_is_what_a_plain_count_says(
    ports: Ports, gql: Gql, world: World, clock: FrozenClock, seed: int
) -> None:
    chance, desk = Random(seed), await Desk.open(ports, gql, world)
    may = await desk.learner()
    clock.advance(SPAN)
    made: list[Task] = []
    for period in TaskPeriod:
        for measure in [*COUNTS, TaskMeasure.DAYS_LEARNED][: 3 if period is TaskPeriod.WEEKLY else None]:
            made.append(await desk.task(period, measure, chance.randint(1, 3 if period is TaskPeriod.DAILY else 12)))
    facts = made_up(chance, may, clock.now())
    for start in range(0, len(facts), 7):
        await say(ports, *facts[start : start + 7])
    moved = [(fact, replace(fact, occurred_at=fact.occurred_at - timedelta(hours=7))) for fact in facts[:10]]
    await say(ports, moved=moved)
    known = [after for _, after in moved] + facts[10:]

    shown = {(each.task.code, each.turn.key): each for each in await list_tasks(ports, may.id)}

    compared = 0
    for task in made:
        for turn in claimable_turns(Window(task.period, None, None), clock.now()):
            found, when = shown.get((task.code, turn.key)), moments(task.measure, known, turn)
            done = when[task.target - 1] if len(when) >= task.target else None
            if found is None:
                assert done is None, task.code
            else:
                compared += 1
                assert (found.progress, found.completed_at) == (min(len(when), task.target), done), task.code
    assert compared >= len(made)
