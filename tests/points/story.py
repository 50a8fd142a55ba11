"""Facts about learners, and what the tables say afterwards."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from gamification.facts import CourseCompleted, LessonCompleted, Recorded
from kit.clock import FrozenClock, day_of
from kit.db import rows, transaction
from models.outlets import Outlet, PlacementRow
from services.points import Reward, reward
from services.ports import Ports
from tests.world import World

COURSE = UUID(int=0xC)
NAMES = UUID(int=0xA)


async def old_hand(world: World, outlet: Outlet) -> UUID:
    """A learner who has stood in the outlet for 60 days."""
    clock = world.ports.clock
    assert isinstance(clock, FrozenClock)
    clock.advance(timedelta(days=-60))
    member = await world.learner(outlet=outlet)
    clock.advance(timedelta(days=60))
    return member.id


async def place(member_id: UUID, outlet: Outlet, from_at: datetime) -> None:
    """The member stands in the outlet from this moment on."""
    await PlacementRow.create(
        member_id=member_id, from_at=from_at, outlet_id=outlet.id, region_id=outlet.region_id, tier=outlet.tier
    )


def lesson(member_id: UUID, name: object, at: datetime) -> LessonCompleted:
    return LessonCompleted(member_id, uuid5(NAMES, f"lesson {name}"), COURSE, False, at)


def course(member_id: UUID, name: object, at: datetime, *, required: bool = False) -> CourseCompleted:
    return CourseCompleted(member_id, uuid5(NAMES, f"course {name}"), required, at)


async def say(ports: Ports, *facts: Recorded, moved: Sequence[tuple[Recorded, Recorded]] = ()) -> Reward:
    """`reward` in a transaction of its own."""
    member_id = (*facts, *(after for _, after in moved))[0].member_id
    return await transaction(lambda: reward(ports, member_id, facts, moved))


def awards_plainly(facts: Sequence[Recorded]) -> list[tuple[str, datetime, int]]:
    """(rule, moment, points) of every award a set of facts is worth, counted the plain way."""
    found: list[tuple[str, datetime, int]] = []
    lessons: defaultdict[date, list[LessonCompleted]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact, LessonCompleted):
            lessons[day_of(fact.occurred_at)].append(fact)
        else:
            rule, points = ("course.required", 50) if fact.required else ("course.completed", 30)
            found.append((rule, fact.occurred_at, points))
    for day, learned in lessons.items():
        moments = sorted(fact.occurred_at for fact in learned)
        found += [("lesson.completed", moment, 10) for moment in moments[:10]]
        found.append(("day.first_lesson", moments[0], 5))
        if day.weekday() == 6 and all(day - timedelta(days=step) in lessons for step in range(7)):
            found.append(("week.full", moments[0], 50))
    if lessons:
        _, _, _, reached, _ = streak_plainly(lessons, max(lessons))
        for length in (7, 30, 100):
            if length in reached:
                found.append(("streak.reached", min(fact.occurred_at for fact in lessons[reached[length]]), 50))
    return found


def streak_plainly(days: Collection[date], until: date) -> tuple[int, int, int, dict[int, date], set[date]]:
    """(days, best, cards, first day of each length, frozen days) at the end of `until`, or rather before it is over:
    every day since the first one is looked at in turn."""
    length = best = cards = in_row = 0
    reached: dict[int, date] = {}
    frozen: set[date] = set()
    day = min(days, default=until)
    while day <= until:
        if day in days:
            length, in_row = length + 1, in_row + 1
            best = max(best, length)
            reached.setdefault(length, day)
            cards = min(2, cards + 1) if in_row % 7 == 0 else cards
        elif day < until:
            in_row = 0
            if cards:
                cards -= 1
                frozen.add(day)
            else:
                length = 0
        day += timedelta(days=1)
    return length, best, cards, reached, frozen


def plainly(facts: Sequence[Recorded]) -> dict[tuple[str, date], int]:
    """Those awards added up by rule and Shanghai day."""
    found: defaultdict[tuple[str, date], int] = defaultdict(int)
    for rule, moment, points in awards_plainly(facts):
        found[rule, day_of(moment)] += points
    return dict(found)


async def booked(member_id: UUID, account: str = "LIFETIME") -> dict[tuple[str, date], int]:
    """Points by rule and day as the ledger has them."""
    found = await rows(
        "SELECT rule, day, sum(amount)::int AS points FROM ledger_entries WHERE member_id = $1 AND account = $2"
        " GROUP BY rule, day HAVING sum(amount) <> 0",
        member_id,
        account,
    )
    return {(row["rule"], row["day"]): row["points"] for row in found}


async def learned_days(member_id: UUID) -> list[date]:
    """The member's learned days, oldest first."""
    found = await rows(
        "SELECT day FROM learned_days WHERE member_id = $1 GROUP BY day HAVING sum(amount) > 0 ORDER BY day", member_id
    )
    return [row["day"] for row in found]
