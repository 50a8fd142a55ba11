"""A small academy to look back on, and a second way to count what day totals say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from auth.actor import Actor
from gamification.reports import ReportedEvent
from kit.db import execute, rows
from kit.ids import new_id
from kit.words import EventStatus, OutletTier, ProgressKind
from models.accounts import Member
from models.outlets import Outlet, Region
from services.day_totals import count_assignments, count_days, count_everything
from services.ports import Ports
from services.progress import Batch, report_progress
from tests.world import MadeCourse, World
from workers.relay import drain

OVERVIEW = """query AcademyOverview($regionId: ID, $from: Date!, $to: Date!) {
  academyOverview(regionId: $regionId, from: $from, to: $to) {
    activeLearners newLearners lessonsCompleted coursesCompleted learningSeconds pointsEarned assignmentsDone assignmentsOverdue
    days { date activeLearners lessonsCompleted learningSeconds }
    regions { region { id name } activeLearners activePercent coursesCompleted learningSeconds assignmentsOverdue }
    topCourses { course { id title } views completions completionPercent }
  }
}"""  # noqa: E501 - as the apps send it
PROGRESS = """query AssignmentProgress($courseId: ID!, $regionId: ID, $first: Int = 50, $after: String) {
  assignmentProgress(courseId: $courseId, regionId: $regionId) {
    assigned done running overdue
    outlets(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { outlet { id name } assigned done overdue dueAt } }
  }
}"""  # noqa: E501 - as the apps send it

TABLES = ("region_days", "course_days", "active_years", "assignment_totals")


@dataclass(frozen=True, slots=True)
class Tree:
    """A province of one city with two counties, each with a station and a shop at it."""

    city: Region
    counties: tuple[Region, Region]
    stations: tuple[Region, Region]
    shops: tuple[Outlet, Outlet]


async def tree(world: World) -> Tree:
    city = await world.region("东莞", parent=await world.region("广东"))
    east, west = [await world.region(name, parent=city) for name in ("城东", "城西")]
    stations = [await world.region(f"{each.name}服务站", parent=each) for each in (east, west)]
    shops = [await world.outlet(f"{each.name}小店", region=each) for each in stations]
    return Tree(city, (east, west), (stations[0], stations[1]), (shops[0], shops[1]))


async def studied(
    ports: Ports, member: Member, course: MadeCourse, at: datetime, *, lesson: int = 0, seconds: int = 60
) -> None:
    """A phone reports now that the first `seconds` of a lesson were watched until `at`."""
    event = ReportedEvent(new_id(), course.lesson_ids[lesson], ProgressKind.WATCHED, at, ((0, seconds),))
    batch = Batch(ports.clock.now(), (event,))
    outcome = await report_progress(ports, Actor(member.id, new_id(), ()), batch)
    assert [each.status for each in outcome.results] == [EventStatus.ACCEPTED], outcome.results


async def settle(ports: Ports) -> None:
    """The worker comes round."""
    await drain(ports)
    await count_days(ports)
    await count_assignments(ports)


async def totals() -> dict[str, list[dict[str, Any]]]:
    """All that is kept, lines of noughts left out."""
    somebody = {
        "region_days": "(active_learners, lessons_completed, courses_completed, learning_seconds, points_earned,"
        " assignments_done) <> (0, 0, 0, 0, 0, 0)",
        "course_days": "(views, completions) <> (0, 0)",
        "active_years": "days <> B'0'::bit(366)",
        "assignment_totals": "true",
    }
    return {table: await rows(f"SELECT * FROM {table} WHERE {somebody[table]} ORDER BY 1, 2, 3") for table in TABLES}


async def counted_anew(ports: Ports) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold when they were empty and everything is counted from the rows behind."""
    for table in (*TABLES, "day_marks", "assigned_courses"):
        await execute(f"DELETE FROM {table}")
    await count_everything(ports)
    return await totals()


async def learned_where() -> dict[tuple[UUID, date], UUID]:
    """(member, day) -> the region of the last learning of that day, by a walk over the single rows."""
    last: dict[tuple[UUID, date], tuple[datetime, UUID]] = {}
    found = await rows(
        "SELECT member_id, region_id, occurred_at, seconds, event_id FROM learning_seconds WHERE region_id IS NOT NULL"
    )
    alive: dict[UUID, int] = {}
    for row in found:
        alive[row["event_id"]] = alive.get(row["event_id"], 0) + row["seconds"]
    for row in found:
        if alive[row["event_id"]] > 0:
            day = (row["occurred_at"] + timedelta(hours=8)).date()
            key = (row["member_id"], day)
            last[key] = max(last.get(key, (datetime.min.replace(tzinfo=row["occurred_at"].tzinfo), new_id())),
                            (row["occurred_at"], row["region_id"]))  # fmt: skip
    return {key: region_id for key, (_, region_id) in last.items()}


def distinct(where: dict[tuple[UUID, date], UUID], regions: Sequence[Region], starts_on: date, ends_on: date) -> int:
    ids = {region.id for region in regions}
    return len({who for (who, day), region in where.items() if region in ids and starts_on <= day < ends_on})


async def tier_of(outlet: Outlet, tier: OutletTier) -> None:
    await Outlet.filter(id=outlet.id).update(tier=tier)
