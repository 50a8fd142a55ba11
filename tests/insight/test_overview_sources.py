"""Where an overview comes from: from totals and from nothing else; and these say what the single rows say."""

import random
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from kit.clock import FrozenClock, day_of
from kit.db import rows
from kit.ids import new_id, to_global
from kit.settings import Settings
from kit.words import PostRole, Role
from models.accounts import Member
from models.outlets import Region
from services.corrections import CorrectionPlan, correct_points
from services.ports import Ports
from tests.gql import Gql
from tests.insight.story import OVERVIEW, Tree, distinct, learned_where, settle, studied, tree
from tests.world import MadeCourse, World

MONDAY = date(2026, 3, 2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

ASKING = ("denied_tokens", "learning_budgets", "members", "regions", "role_grants", "sessions")
"""What the request around it reads: who asks with which token, what may be due to them, and where their roles hold."""
TOTALS = ("active_years", "assignment_totals", "course_days", "region_days")
PRESENT = ("outlets", "posts")
"""Who is there today, for the share of them that learned."""


FIGURES = OVERVIEW.replace("course { id title } ", "")
"""Without the courses themselves, which stand in the catalogue and show the viewer's own progress."""

ALL_TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
"""


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


async def overview(
    gql: Gql, by: Member, starts_on: date, ends_on: date, region: Region | None = None, source: str = OVERVIEW
) -> Any:
    asked = {"from": starts_on.isoformat(), "to": ends_on.isoformat()}
    gid = to_global("Region", region.id) if region is not None else None
    answer = await gql.ask(source, {**asked, "regionId": gid}, by=by)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["academyOverview"]


@pytest.fixture
async def beside(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is not the academy's."""
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def test_an_overview_is_answered_while_nobody_may_touch_a_single_row_behind_it(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports, beside: asyncpg.Connection
) -> None:
    may, boss = await world.learner(outlet=place.shops[0]), await world.staff(Role.ADMIN, place.city)
    course = await world.course()
    await world.assigned(course, region=place.city)
    clock.advance(HOUR)
    await studied(ports, may, course, clock.now())
    await settle(ports)
    before = await overview(gql, boss, MONDAY, MONDAY + DAY, source=FIGURES)
    found = await beside.fetch(ALL_TABLES)
    locked = sorted({row["relname"] for row in found} - {*ASKING, *TOTALS, *PRESENT})

    async with beside.transaction():
        await beside.execute(f"LOCK TABLE {', '.join(locked)} IN ACCESS EXCLUSIVE MODE NOWAIT")
        meanwhile = await overview(gql, boss, MONDAY, MONDAY + DAY, source=FIGURES)

    behind = {
        "course_completions", "course_enrolments", "facts", "learned_days", "learning_events", "learning_seconds",
        "ledger_entries", "lesson_completions", "lesson_progress", "metric_days", "assignments", "placements",
    }  # fmt: skip
    assert FIGURES != OVERVIEW
    assert behind <= set(locked)
    assert meanwhile == before
    assert (meanwhile["learningSeconds"], meanwhile["topCourses"][0]["completions"]) == (60, 1)


async def test_every_figure_of_an_overview_is_what_the_single_rows_add_up_to(
    gql: Gql, world: World, place: Tree, clock: FrozenClock, ports: Ports
) -> None:
    dice = random.Random(20260309)
    people = [
        await world.learner(f"学员{number}", outlet=place.shops[number % 2], role=PostRole.CLERK) for number in range(4)
    ]
    courses = [await world.course(f"课{number}", lessons=2) for number in range(3)]
    boss, chief = await world.staff(Role.ADMIN, place.city), await world.staff(Role.ADMIN)
    await world.assigned(courses[0], region=place.city, due_in=5 * DAY)
    await world.assigned(courses[1], outlet=place.shops[1], due_in=3 * DAY)
    begun: set[tuple[UUID, UUID]] = set()
    for _ in range(30):
        clock.advance(timedelta(hours=dice.choice([2, 5, 13])))
        may, course = dice.choice(people), dice.choice(courses)
        at = clock.now() - timedelta(hours=dice.choice([0, 0, 1]))
        second = (may.id, course.id) in begun  # the first lesson opens it
        await studied(ports, may, course, at, lesson=int(second), seconds=60)
        begun.add((may.id, course.id))
    await correct_points(ports, await world.actor(chief), CorrectionPlan(people[0].id, -4, "弄错了", None, new_id()))
    clock.advance(DAY)
    await settle(ports)

    last = day_of(clock.now()) + DAY
    stretches = [(MONDAY, last), (MONDAY + 2 * DAY, MONDAY + 5 * DAY), (MONDAY + 4 * DAY, last)]
    regions = [
        (place.city, place.stations),
        *((county, place.stations[n : n + 1]) for n, county in enumerate(place.counties)),
    ]
    compared = 0
    for starts_on, ends_on in stretches:
        for region, stations in regions:
            seen = await overview(gql, boss, starts_on, ends_on, region)
            assert shown(seen) == await recounted(stations, courses, starts_on, ends_on, clock.now())
            compared += seen["learningSeconds"] > 0
    assert compared >= 6, "too little was learned to compare anything"


def shown(seen: Any) -> dict[str, Any]:
    sums = ("activeLearners", "newLearners", "lessonsCompleted", "coursesCompleted", "learningSeconds", "pointsEarned",
            "assignmentsDone", "assignmentsOverdue")  # fmt: skip
    return {
        **{name: seen[name] for name in sums},
        "days": [(d["activeLearners"], d["lessonsCompleted"], d["learningSeconds"]) for d in seen["days"]],
        "courses": sorted((line["course"]["title"], line["views"], line["completions"]) for line in seen["topCourses"]),
    }


async def recounted(
    stations: Any, courses: list[MadeCourse], starts_on: date, ends_on: date, now: datetime
) -> dict[str, Any]:
    """The same, by a walk over the rows that learning leaves behind, none of them a total."""
    here = {station.id for station in stations}

    async def of(table: str, moment: str) -> list[tuple[date, dict[str, Any]]]:
        """(Shanghai day, row) of the rows that lie here in the time."""
        dated = [(day_of(row[moment]), row) for row in await rows(f"SELECT * FROM {table}") if row["region_id"] in here]
        return [(day, row) for day, row in dated if starts_on <= day < ends_on]

    seconds, lessons = await of("learning_seconds", "occurred_at"), await of("lesson_completions", "completed_at")
    completions, begun = await of("course_completions", "occurred_at"), await of("course_enrolments", "started_at")
    points = await of("ledger_entries WHERE account = 'LIFETIME'", "occurred_at")
    where = await learned_where()
    asked = await _asked()
    days = [starts_on + DAY * number for number in range((ends_on - starts_on).days)]
    first = {who: min(day for each, day in where if each == who) for who, _ in where}
    titles = {course.id: f"课{number}" for number, course in enumerate(courses)}
    table = {
        title: (
            sum(row["course_id"] == course_id for _, row in begun),
            sum(row["amount"] for _, row in completions if row["course_id"] == course_id),
        )
        for course_id, title in titles.items()
    }
    return {
        "activeLearners": distinct(where, stations, starts_on, ends_on),
        "newLearners": sum(starts_on <= day < ends_on and where[who, day] in here for who, day in first.items()),
        "lessonsCompleted": len(lessons),
        "coursesCompleted": sum(row["amount"] for _, row in completions),
        "learningSeconds": sum(row["seconds"] for _, row in seconds),
        "pointsEarned": sum(row["amount"] for _, row in points),
        "assignmentsDone": sum(
            row["amount"] for _, row in completions if (row["member_id"], row["course_id"]) in asked
        ),
        "assignmentsOverdue": sum(
            region_id in here and starts_on <= day_of(due_at) < ends_on and due_at <= now and not done
            for region_id, due_at, done in asked.values()
        ),
        "days": [
            (
                distinct(where, stations, day, day + DAY),
                sum(each == day for each, _ in lessons),
                sum(row["seconds"] for each, row in seconds if each == day),
            )
            for day in days
        ],
        "courses": sorted((title, *sums) for title, sums in table.items() if sums != (0, 0)),
    }  # fmt: skip


async def _asked() -> dict[tuple[UUID, UUID], tuple[UUID, datetime, bool]]:
    """(member, course) -> (region, due, done) of whom a course is asked; by the assignment due first."""
    assignments = await rows("SELECT course_id, outlet_id, due_at FROM assignments ORDER BY due_at DESC")
    held = await rows("SELECT p.member_id, p.outlet_id, o.region_id FROM posts p JOIN outlets o ON o.id = p.outlet_id")
    done = {(row["member_id"], row["course_id"]) for row in await rows(
        "SELECT member_id, course_id FROM course_enrolments WHERE completed_at IS NOT NULL")}  # fmt: skip
    found: dict[tuple[UUID, UUID], tuple[UUID, datetime, bool]] = {}
    for each in assignments:
        for post in held:
            if each["outlet_id"] in (None, post["outlet_id"]):
                key = post["member_id"], each["course_id"]
                found[key] = post["region_id"], each["due_at"], key in done
    return found
