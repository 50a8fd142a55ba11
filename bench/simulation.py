"""A week of a city replayed under other numbers for one rule: `simulatePointRule`.

    .venv/bin/python -m bench.simulation --learners 32000

24,000 learners complete about 150,000 lessons and courses in seven days, 32,000 about 200,000.
"""

import random
from datetime import date, timedelta
from uuid import UUID

from auth.actor import Actor, Grant
from bench.ground import Figure, city, main
from gamification.facts import CourseCompleted, LessonCompleted
from kit.clock import day_of, day_start, monotonic
from kit.db import copy_rows, execute
from kit.ids import new_id
from kit.words import Role
from services.ports import Ports
from services.simulation import Trial, simulate_point_rule

LIMIT = "20 s"
LESSONS_OF_A_COURSE = 5
COLUMNS = ("member_id", "kind", "object_id", "occurred_at", "day", "details", "recorded_at")


async def figures(ports: Ports, learners: int) -> list[Figure]:
    members = await city(learners)
    today = day_of(ports.clock.now())
    facts = await _learn(members, today)
    admin = Actor(new_id(), new_id(), (Grant(Role.ADMIN, None, ""),))
    found = []
    for code, points, cap in (("lesson.completed", 15, 60), ("week.full", 80, None)):
        start = monotonic()
        outcome = await simulate_point_rule(ports, admin, Trial(code, points, cap, today - timedelta(days=7), today))
        took = monotonic() - start
        assert outcome.before != outcome.after or not outcome.before.awards
        found.append(Figure(f"{code} replayed over 7 days, {facts:,} facts", f"{took:.1f} s", LIMIT))
    return found


async def _learn(members: list[UUID], today: date) -> int:
    """Everyone some lessons a day and a course after some of them; how many facts that is."""
    dice = random.Random(2)  # noqa: S311
    lines = []
    for member_id in members:
        for ago in range(1, 8):
            for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 1, 3))):
                at = day_start(today - timedelta(days=ago)) + timedelta(seconds=dice.randrange(86_400))
                course_id, required = new_id(), dice.random() < 0.3
                lines.append(_line(LessonCompleted(member_id, new_id(), course_id, required, at)))
                if dice.randrange(LESSONS_OF_A_COURSE) == 0:
                    lines.append(_line(CourseCompleted(member_id, course_id, required, at)))
    await copy_rows("facts", COLUMNS, lines)
    await execute("ANALYZE")
    return len(lines)


def _line(fact: LessonCompleted | CourseCompleted) -> tuple[object, ...]:
    details = f'{{"required": {str(fact.required).lower()}, "course_id": "{fact.course_id}"}}'
    at = fact.occurred_at
    return fact.member_id, fact.KIND, fact.object_id, at, day_of(at), details, at


if __name__ == "__main__":
    main(__doc__, figures)
