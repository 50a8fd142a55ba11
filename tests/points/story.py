"""Facts about learners, and what the tables say afterwards."""

from collections import defaultdict
from collections.abc import Sequence
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
    return found


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
