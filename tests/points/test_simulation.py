"""What a past week would have paid under other numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.actor import Actor
from gamification.rules import CODES
from kit.clock import FrozenClock, day_of
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.words import Role
from services.corrections import CorrectionPlan, correct_points
from services.ports import Ports
from services.simulation import Outcome, Trial, simulate_point_rule
from tests.gql import Gql
from tests.points.first_tariff import FIRST
from tests.points.story import course, lesson, old_hand, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEK = (MONDAY - 7 * DAY, MONDAY)

SIMULATE = """query SimulatePointRule($input: SimulatePointRuleInput!) {
  simulatePointRule(input: $input) { from to awardsBefore awardsAfter pointsBefore pointsAfter membersAffected }
}"""


@pytest.fixture
async def admin(world: World) -> Actor:
    return await world.actor(await world.staff(Role.ADMIN))


async def learned(world: World, ports: Ports) -> tuple[UUID, UUID]:
    """May learned every day of last week and more than the cap on one; Bo one lesson, and one the week before."""
    may, bo = [await old_hand(world, await world.outlet()) for _ in range(2)]
    for back in range(1, 8):
        await say(ports, lesson(may, f"day {back}", NOON - back * DAY))
    await say(ports, *(lesson(may, number, NOON - 3 * DAY + number * MINUTE) for number in range(12)))
    await say(ports, course(may, 1, NOON - 2 * DAY))
    await say(
        ports, course(bo, 1, NOON - 2 * DAY, required=True), lesson(bo, 1, NOON - DAY), lesson(bo, 2, NOON - 9 * DAY)
    )
    return may, bo


async def in_ledger(code: str, days: tuple[date, date]) -> tuple[int, int]:
    """(awards, points) that stand."""
    [row] = await rows(
        "SELECT count(*) AS awards, coalesce(sum(amount), 0)::int AS points FROM ledger_entries e"
        " WHERE account = 'LIFETIME' AND rule = $1 AND day >= $2 AND day < $3 AND reverses_id IS NULL"
        " AND NOT EXISTS (SELECT FROM ledger_entries u WHERE u.reverses_id = e.id)",
        code,
        *days,
    )
    return row["awards"], row["points"]


async def simulate(
    ports: Ports, admin: Actor, code: str, points: int | None, cap: int | None, days: tuple[date, date] = WEEK
) -> Outcome:
    return await simulate_point_rule(ports, admin, Trial(code, points, cap, *days))


@pytest.mark.parametrize("days", [WEEK, (MONDAY - 4 * DAY, MONDAY), (MONDAY - 14 * DAY, MONDAY + DAY)])
async def test_under_the_numbers_of_now_it_is_what_the_ledger_holds(
    world: World, ports: Ports, admin: Actor, days: tuple[date, date]
) -> None:
    may, _ = await learned(world, ports)
    undone = await rows("SELECT id FROM ledger_entries WHERE rule = 'lesson.completed' AND member_id = $1 LIMIT 1", may)
    await correct_points(ports, admin, CorrectionPlan(may, None, "代学", undone[0]["id"], uuid4()))

    for code in CODES:
        found = await simulate(ports, admin, code, *FIRST[code], days)

        assert (found.before.awards, found.before.points) == await in_ledger(code, days), code
        assert (found.after, found.members_affected) == (found.before, 0), code


async def test_other_numbers_show_what_would_have_been(world: World, ports: Ports, admin: Actor) -> None:
    await learned(world, ports)

    dearer = await simulate(ports, admin, "lesson.completed", 20, 100)
    wider = await simulate(ports, admin, "lesson.completed", 10, 200)
    week = await simulate(ports, admin, "week.full", 80, None)
    streak = await simulate(ports, admin, "streak.reached", 70, None)

    assert (dearer.before.awards, dearer.before.points) == (17, 170)
    # May: six days of one lesson and one up to the cap, in five awards; Bo: one lesson.
    assert (dearer.after.awards, dearer.after.points, dearer.members_affected) == (12, 6 * 20 + 100 + 20, 2)
    assert (wider.after.awards, wider.after.points, wider.members_affected) == (20, 200, 1)
    assert (week.before.points, week.after.points, week.members_affected) == (50, 80, 1)
    assert (streak.before.points, streak.after.points, streak.members_affected) == (50, 70, 1)


async def test_nothing_is_written(world: World, ports: Ports, admin: Actor) -> None:
    await learned(world, ports)
    tables = ("ledger_entries", "facts", "point_accounts", "point_rates", "refused_awards", "outbox", "audit_entries")
    before = [await rows(f"SELECT * FROM {table}") for table in tables]

    await simulate(ports, admin, "lesson.completed", 50, 500)

    assert [await rows(f"SELECT * FROM {table}") for table in tables] == before


async def test_a_change_in_the_middle_of_the_period_is_part_of_what_was(
    world: World, ports: Ports, admin: Actor, clock: FrozenClock
) -> None:
    may = (await world.learner()).id
    await rows(
        "INSERT INTO point_rates (rule, version, points, daily_cap, enabled, effective_from, made_at, made_by)"
        " VALUES ('lesson.completed', 2, 30, 100, true, $1, $1, gen_random_uuid())",
        NOON + 10 * MINUTE,
    )
    clock.advance(30 * MINUTE)
    await say(ports, lesson(may, 1, NOON), lesson(may, 2, NOON + 20 * MINUTE))

    found = await simulate(ports, admin, "lesson.completed", 10, 100, (MONDAY, MONDAY + DAY))

    assert (found.before.points, found.after.points, found.members_affected) == (40, 20, 1)


async def test_an_admin_of_a_region_tries_it_on_the_region(world: World, ports: Ports) -> None:
    here, there = await world.region(), await world.region()
    for region in (here, here, there):
        await say(ports, lesson((await old_hand(world, await world.outlet(region=region))), 1, NOON - DAY))
    local = await world.actor(await world.staff(Role.ADMIN, here))

    found = await simulate(ports, local, "lesson.completed", 20, 100)
    streaks = await simulate(ports, local, "streak.reached", 20, None)

    assert (found.before.awards, found.after.points, found.members_affected) == (2, 40, 2)
    assert streaks.before.awards == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "nothing"}, ("code",)),
        ({"points": 0}, ("points",)),
        ({"points": 101}, ("points",)),
        ({"dailyCap": 5}, ("dailyCap",)),
        ({"to": "2026-02-23"}, ("to",)),
        ({"to": "2026-02-20"}, ("to",)),
        ({"to": "2026-03-04"}, ("to",)),
        ({"from": "2025-01-01"}, ("to",)),
        ({"from": "0001-01-01", "to": "0001-01-08"}, ("from",)),
        ({"from": "9999-12-01", "to": "9999-12-08"}, ("to",)),
    ],
    ids=str,
)
async def test_what_cannot_be_tried_is_told(
    gql: Gql, world: World, given: dict[str, object], field: tuple[str]
) -> None:
    boss = await world.staff(Role.ADMIN)
    asked = {"code": "lesson.completed", "points": 10, "dailyCap": 100, "from": "2026-02-23", "to": "2026-03-02"}

    answer = await gql.ask(SIMULATE, {"input": asked | given}, by=boss)

    codes = [error["extensions"]["code"] for error in answer["errors"]]
    assert codes == ["NOT_FOUND" if field == ("code",) else "BAD_USER_INPUT"]


async def test_the_console_asks_for_last_week(gql: Gql, world: World, ports: Ports) -> None:
    await learned(world, ports)
    boss = await world.staff(Role.ADMIN)
    asked = {"code": "lesson.completed", "points": 20, "dailyCap": 100, "from": "2026-02-23", "to": "2026-03-02"}

    answer: dict[str, Any] = await gql.ask(SIMULATE, {"input": asked}, by=boss)
    refused = [await gql.ask(SIMULATE, {"input": asked}, by=by) for by in (None, await world.staff(Role.AUDITOR))]

    assert answer["data"]["simulatePointRule"] == {
        "from": "2026-02-23", "to": "2026-03-02", "awardsBefore": 17, "awardsAfter": 12, "pointsBefore": 170,
        "pointsAfter": 240, "membersAffected": 2,
    }  # fmt: skip
    assert [each["errors"][0]["extensions"]["code"] for each in refused] == ["UNAUTHENTICATED", "FORBIDDEN"]
    assert day_of(NOON) == MONDAY


async def test_only_admins_may(world: World, ports: Ports) -> None:
    auditor = await world.actor(await world.staff(Role.AUDITOR))

    with pytest.raises(DomainError) as refused:
        await simulate(ports, auditor, "lesson.completed", 10, 100)

    assert refused.value.code is ErrorCode.FORBIDDEN
