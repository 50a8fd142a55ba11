"""Whatever the order, the splitting, the repetition and the moves: the tables agree with the set of facts."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from gamification.facts import LessonCompleted, Recorded
from kit.clock import day_of
from kit.db import rows
from models.points import PointAccountRow
from services.ledger import ledger_verify
from services.ports import Ports
from tests.points.story import awards_plainly, booked, course, learned_days, lesson, old_hand, place, plainly, say
from tests.world import World

START = datetime(2026, 2, 23, 1, 0, tzinfo=UTC)
MOVED = datetime(2026, 2, 26, 5, 0, tzinfo=UTC)
"""The learner moves at noon of the busiest day."""


def story(member_id: UUID, random: Random) -> list[list[Recorded]]:
    """About sixty facts over ten days, each with the moments at which it was believed to have happened."""
    facts: list[list[Recorded]] = []
    for number in range(60):
        beliefs = 1 if random.random() < 0.7 else random.randint(2, 3)
        moments = [START + timedelta(minutes=random.randint(0, 10 * 24 * 60)) for _ in range(beliefs)]
        if number % 8 == 0:
            required = random.random() < 0.5
            facts.append([course(member_id, number, at, required=required) for at in moments])
        elif number % 8 < 4:  # a busy day, so that its cap is reached
            facts.append([lesson(member_id, number, at.replace(day=26, month=2)) for at in moments])
        else:
            facts.append([lesson(member_id, number, at) for at in moments])
    return facts


async def tell(ports: Ports, facts: list[list[Recorded]], random: Random) -> None:
    """Say it all, in batches of random sizes and random order, with repetitions; beliefs of one fact in their order."""
    left = [list(beliefs) for beliefs in facts]
    said: dict[int, Recorded] = {}
    while any(left):
        fresh: list[Recorded] = []
        moved: list[tuple[Recorded, Recorded]] = []
        waiting = [index for index, beliefs in enumerate(left) if beliefs]
        for index in random.sample(waiting, random.randint(1, min(20, len(waiting)))):
            belief = left[index].pop(0)
            if index in said:
                moved.append((said[index], belief))
            else:
                fresh.append(belief)
            said[index] = belief
        again = random.sample(list(said.values()), random.randint(0, min(3, len(said))))
        await say(ports, *fresh, *again, moved=moved)


@pytest.mark.parametrize("seed", range(12))
async def test_the_way_facts_come_never_changes_what_they_are_worth(world: World, ports: Ports, seed: int) -> None:
    random = Random(seed)
    old, new = await world.outlet(), await world.outlet()
    may = await old_hand(world, old)
    await place(may, new, MOVED)
    facts = story(may, random)

    await tell(ports, facts, random)

    truth = [beliefs[-1] for beliefs in facts]
    expected = plainly(truth)
    account = await PointAccountRow.get(member_id=may)
    assert await booked(may) == await booked(may, "BALANCE") == expected
    assert account.lifetime == account.balance == sum(expected.values())
    assert await learned_days(may) == sorted({day_of(f.occurred_at) for f in truth if isinstance(f, LessonCompleted)})
    places = {True: old.id, False: new.id}
    assert await counted(may) == {
        (moment_day, places[before]): (points, reached_at)
        for (moment_day, before), (points, reached_at) in by_day_and_place(truth).items()
    }
    assert await missing(may) == {day: points for day, points in withheld(truth).items() if points}
    assert await ledger_verify() == []


def by_day_and_place(facts: list[Recorded]) -> dict[tuple[date, bool], tuple[int, datetime]]:
    """Points and the last moment of earning any, by day and whether it was before the learner moved."""
    found: dict[tuple[date, bool], tuple[int, datetime]] = {}
    for _, moment, points in awards_plainly(facts):
        key = (day_of(moment), moment < MOVED)
        so_far, reached_at = found.get(key, (0, moment))
        found[key] = (so_far + points, max(reached_at, moment))
    return found


async def counted(member_id: UUID) -> dict[tuple[date, UUID], tuple[int, datetime]]:
    """The same, as the boards count it."""
    found = await rows(
        "SELECT day, outlet_id, amount, reached_at FROM metric_days"
        " WHERE member_id = $1 AND metric = 'POINTS' AND amount <> 0",
        member_id,
    )
    return {(row["day"], row["outlet_id"]): (row["amount"], row["reached_at"]) for row in found}


def withheld(facts: list[Recorded]) -> dict[date, int]:
    """What the cap on lessons keeps back, by day."""
    found: defaultdict[date, int] = defaultdict(int)
    for fact in facts:
        if isinstance(fact, LessonCompleted):
            found[day_of(fact.occurred_at)] += 10
    return {day: max(0, points - 100) for day, points in found.items()}


async def missing(member_id: UUID) -> dict[date, int]:
    found = await rows(
        "SELECT day, sum(points_missing)::int AS points FROM refused_awards WHERE member_id = $1 GROUP BY day",
        member_id,
    )
    return {row["day"]: row["points"] for row in found}
