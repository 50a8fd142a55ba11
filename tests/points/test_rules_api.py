"""The rules as members read them and as admins change them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.words import Role
from models.accounts import Member
from models.audit import AuditEntry
from services.ledger import ledger_verify
from services.ports import Ports
from services.tariff import NOTICE
from tests.gql import Gql
from tests.points.story import lesson, say
from tests.world import World

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

UPDATE = """mutation UpdatePointRule($input: UpdatePointRuleInput!) {
  updatePointRule(input: $input) { rule { code points dailyCap enabled version } userErrors { code message field } }
}"""
RULES = """{ pointRules { code points dailyCap enabled version effectiveFrom viewerEarnedToday viewerLeftToday
  ownPrice mostPoints mostDailyCap capNeeded upcoming { version points enabled effectiveFrom } } }"""
DEARER = {"code": "lesson.completed", "points": 15, "dailyCap": 90, "enabled": True}


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


async def update(gql: Gql, by: Member | None, **given: object) -> dict[str, Any]:
    return await gql.ask(UPDATE, {"input": DEARER | given}, by=by)


async def rule(gql: Gql, by: Member, code: str = "lesson.completed") -> dict[str, Any]:
    """The line in force."""
    shown = (await gql.ask(RULES, by=by))["data"]["pointRules"]
    found: dict[str, Any] = next(each for each in shown if each["code"] == code)
    return found


async def lines() -> int:
    return int((await rows("SELECT count(*) AS n FROM point_rates"))[0]["n"])


async def test_a_change_holds_for_what_occurs_from_then_on(
    gql: Gql, world: World, ports: Ports, clock: FrozenClock, admin: Member
) -> None:
    may = await world.learner()
    await say(ports, lesson(may.id, "before", NOON))

    changed = (await update(gql, admin, effectiveFrom=(NOON + HOUR).isoformat()))["data"]["updatePointRule"]
    now = await rule(gql, may)
    clock.advance(2 * HOUR)
    then = await rule(gql, may)
    await say(ports, lesson(may.id, "late", NOON + HOUR - timedelta(seconds=1)), lesson(may.id, "after", NOON + HOUR))

    assert changed == {"rule": {**DEARER, "version": 2}, "userErrors": []}
    assert (now["points"], now["version"]) == (10, 1)
    assert now["upcoming"] == {
        "version": 2, "points": 15, "enabled": True, "effectiveFrom": "2026-03-02T05:00:00Z",
    }  # fmt: skip
    assert (then["points"], then["dailyCap"], then["version"], then["upcoming"]) == (15, 90, 2, None)
    entries = await rows(
        "SELECT amount, tariff_version FROM ledger_entries WHERE rule = 'lesson.completed' AND account = 'LIFETIME'"
        " ORDER BY occurred_at"
    )
    assert [tuple(entry.values()) for entry in entries] == [(10, 1), (10, 1), (15, 2)]
    assert await ledger_verify() == []


@pytest.mark.parametrize("sooner", [None, NOON, NOON + timedelta(minutes=4)], ids=["left out", "now", "in a moment"])
async def test_a_change_comes_in_five_minutes_at_the_soonest(
    gql: Gql, admin: Member, clock: FrozenClock, sooner: datetime | None
) -> None:
    await update(gql, admin, effectiveFrom=sooner and sooner.isoformat())

    before = await rule(gql, admin)
    clock.advance(NOTICE)
    after = await rule(gql, admin)

    assert (before["version"], after["version"]) == (1, 2)
    assert after["effectiveFrom"] == "2026-03-02T04:05:00Z"


async def test_a_rule_that_is_switched_off_shows_that_it_pays_nothing(
    gql: Gql, world: World, ports: Ports, clock: FrozenClock, admin: Member
) -> None:
    may = await world.learner()
    await update(gql, admin, enabled=False)
    clock.advance(HOUR)

    await say(ports, lesson(may.id, 1, NOON + HOUR))

    shown = await rule(gql, may)
    assert (shown["enabled"], shown["viewerEarnedToday"], shown["viewerLeftToday"]) == (False, 0, 0)
    refused = "{ viewer { refusedAwards(first: 5) { nodes { rule points reason title } } } }"
    answer = (await gql.ask(refused, by=may))["data"]["viewer"]["refusedAwards"]["nodes"]
    assert [(each["rule"], each["points"], each["reason"]) for each in answer] == [
        ("lesson.completed", 15, "RULE_DISABLED")
    ]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"code": "lesson.watched"}, "NOT_FOUND", ["code"]),
        ({"points": None}, "BAD_USER_INPUT", ["points"]),
        ({"points": 0}, "BAD_USER_INPUT", ["points"]),
        ({"points": -1}, "BAD_USER_INPUT", ["points"]),
        ({"points": 101, "dailyCap": 1000}, "BAD_USER_INPUT", ["points"]),
        ({"dailyCap": None}, "BAD_USER_INPUT", ["dailyCap"]),
        ({"dailyCap": 14}, "BAD_USER_INPUT", ["dailyCap"]),
        ({"dailyCap": 1001}, "BAD_USER_INPUT", ["dailyCap"]),
        ({"code": "week.full", "dailyCap": 100_001}, "BAD_USER_INPUT", ["dailyCap"]),
        ({"code": "task.claimed", "points": 5}, "BAD_USER_INPUT", ["points"]),
        ({"code": "task.claimed", "points": None, "dailyCap": -5}, "BAD_USER_INPUT", ["dailyCap"]),
        ({"effectiveFrom": (NOON - timedelta(seconds=1)).isoformat()}, "BAD_USER_INPUT", ["effectiveFrom"]),
        ({"effectiveFrom": (NOON + timedelta(days=367)).isoformat()}, "BAD_USER_INPUT", ["effectiveFrom"]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
async def test_what_is_out_of_a_rules_bounds_is_refused(
    gql: Gql, admin: Member, given: dict[str, object], code: str, field: list[str]
) -> None:
    before = await lines()

    answer = (await update(gql, admin, **given))["data"]["updatePointRule"]

    assert answer["rule"] is None
    assert [(error["code"], error["field"]) for error in answer["userErrors"]] == [(code, field)]
    assert await lines() == before
    assert await AuditEntry.all().count() == 0


async def test_a_rule_without_a_price_of_its_own_and_one_without_a_cap_can_be_changed(gql: Gql, admin: Member) -> None:
    task = await update(gql, admin, code="task.claimed", points=0, dailyCap=200)
    week = await update(gql, admin, code="week.full", points=80, dailyCap=None)

    assert task["data"]["updatePointRule"]["rule"] == {
        "code": "task.claimed", "points": 0, "dailyCap": 200, "enabled": True, "version": 2,
    }  # fmt: skip
    assert week["data"]["updatePointRule"]["rule"]["dailyCap"] is None


async def test_the_bounds_are_told_where_the_rules_are(gql: Gql, admin: Member) -> None:
    lesson_rule, week, task = [
        await rule(gql, admin, code) for code in ("lesson.completed", "week.full", "task.claimed")
    ]

    assert (lesson_rule["mostPoints"], lesson_rule["mostDailyCap"], lesson_rule["capNeeded"]) == (100, 1000, True)
    assert (week["mostPoints"], week["mostDailyCap"], week["capNeeded"]) == (1000, 100_000, False)
    assert (task["ownPrice"], task["mostPoints"], task["capNeeded"]) == (True, None, False)


async def test_two_admins_at_once_both_get_a_version(gql: Gql, world: World, admin: Member) -> None:
    other = await world.staff(Role.ADMIN)

    answers = await asyncio.gather(
        *(update(gql, by, points=11 + number) for number in range(5) for by in (admin, other))
    )

    made = [answer["data"]["updatePointRule"]["rule"] for answer in answers]
    assert sorted(each["version"] for each in made) == list(range(2, 12))
    kept = await rows("SELECT version, points FROM point_rates WHERE rule = 'lesson.completed' AND version > 1")
    assert {row["version"]: row["points"] for row in kept} == {each["version"]: each["points"] for each in made}


async def test_a_planned_change_is_taken_back_by_another_from_the_same_moment(
    gql: Gql, admin: Member, clock: FrozenClock
) -> None:
    at = (NOON + DAY).isoformat()
    await update(gql, admin, points=50, effectiveFrom=at)

    await update(gql, admin, points=10, effectiveFrom=at)

    assert (await rule(gql, admin))["upcoming"]["points"] == 10
    clock.advance(DAY)
    assert ((await rule(gql, admin))["points"], (await rule(gql, admin))["version"]) == (10, 3)


async def test_only_admins_of_everywhere_change_rules(gql: Gql, world: World) -> None:
    regional = await world.staff(Role.ADMIN, await world.region())
    before = await lines()

    answers = [await update(gql, by) for by in (None, await world.learner(), await world.staff(Role.AUDITOR), regional)]

    codes = [answer["errors"][0]["extensions"]["code"] for answer in answers]
    assert codes == ["UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]
    assert await lines() == before


async def test_a_change_is_in_the_audit_log_with_its_numbers(gql: Gql, admin: Member) -> None:
    await update(gql, admin)

    answer = await gql.ask("{ auditLog { nodes { action summary actor { id } } } }", by=admin)

    [entry] = answer["data"]["auditLog"]["nodes"]
    assert entry["action"] == "rule.changed"
    assert "lesson.completed" in entry["summary"]
    [kept] = await AuditEntry.all()
    assert (kept.details["points"], kept.details["daily_cap"], kept.details["version"]) == (15, 90, 2)


async def test_the_card_of_a_course_follows_the_rules(
    gql: Gql, world: World, admin: Member, clock: FrozenClock
) -> None:
    made = await world.course(lessons=3)
    asked = {"query": "query ($id: ID!) { course(id: $id) { points } }", "variables": {"id": made.gid}}

    before = (await gql.ask(asked["query"], asked["variables"]))["data"]["course"]["points"]
    await update(gql, admin, points=20, dailyCap=100)
    await update(gql, admin, code="course.completed", points=40, dailyCap=None)
    clock.advance(HOUR)
    after = (await gql.ask(asked["query"], asked["variables"]))["data"]["course"]["points"]

    assert (before, after) == (3 * 10 + 30, 3 * 20 + 40)
