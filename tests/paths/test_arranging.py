"""Arranging a path: as a whole, by admins of everywhere, one after the other."""

import asyncio
from typing import Any

import pytest

from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import CourseStatus, OutletTier, Role
from models.paths import stages_of
from services.paths import Arrangement, StagePlan, arrange_path
from services.ports import Ports
from tests.gql import Gql
from tests.paths.story import ORDINARY, admin, arrange, retire, stage
from tests.world import MadeCourse, World

ARRANGE = """mutation ($input: ArrangePathInput!) {
  arrangePath(input: $input) {
    path { tier version membersSettled membersToSettle settledAt
      stages { code position title points courses { title } } }
    userErrors { code message field }
  }
}"""
PLAN = """query { pathPlan(tier: ORDINARY) { version settledAt stages { code title courses { title } } } }"""
PATH = """query {
  viewer { path { stages { position title state lessonsDone lessonCount points passedAt courses { title } } } }
}"""


def said(*stages: tuple[str, MadeCourse], version: int = 0) -> dict[str, Any]:
    return {
        "input": {
            "tier": "ORDINARY",
            "version": version,
            "stages": [
                {"code": code, "title": f"关卡{code}", "points": 30, "courseIds": [course.gid]}
                for code, course in stages
            ],
        }
    }


async def codes(tier: OutletTier = ORDINARY) -> list[str]:
    return [each.code for each in (await stages_of([tier]))[0]]


async def test_an_admin_arranges_and_learners_walk(gql: Gql, world: World) -> None:
    first, second = await world.course("进货", lessons=2), await world.course("陈列")
    boss, may = await world.staff(Role.ADMIN), await world.learner()

    answer = (await gql.ask(ARRANGE, said(("one", first), ("two", second)), by=boss))["data"]["arrangePath"]
    await world.studies(may, first, lessons=1)

    assert answer["userErrors"] == []
    assert answer["path"] == {
        "tier": "ORDINARY",
        "version": 1,
        "membersSettled": 0,
        "membersToSettle": 0,
        "settledAt": None,
        "stages": [
            {"code": "one", "position": 1, "title": "关卡one", "points": 30, "courses": [{"title": "进货"}]},
            {"code": "two", "position": 2, "title": "关卡two", "points": 30, "courses": [{"title": "陈列"}]},
        ],
    }
    assert (await gql.ask(PATH, by=may))["data"]["viewer"]["path"]["stages"] == [
        {
            "position": 1,
            "title": "关卡one",
            "state": "OPEN",
            "lessonsDone": 1,
            "lessonCount": 2,
            "points": 30,
            "passedAt": None,
            "courses": [{"title": "进货"}],
        },
        {
            "position": 2,
            "title": "关卡two",
            "state": "LOCKED",
            "lessonsDone": 0,
            "lessonCount": 1,
            "points": 30,
            "passedAt": None,
            "courses": [{"title": "陈列"}],
        },
    ]


async def test_a_tier_without_a_path_has_no_stages_and_a_member_without_a_shop_no_path(gql: Gql, world: World) -> None:
    may, nobody, boss = await world.learner(), await world.member(), await world.staff(Role.ADMIN)

    assert (await gql.ask(PATH, by=may))["data"]["viewer"]["path"] == {"stages": []}
    assert (await gql.ask(PATH, by=nobody))["data"]["viewer"]["path"] is None
    assert (await gql.ask(PLAN, by=boss))["data"]["pathPlan"] == {"version": 0, "settledAt": None, "stages": []}


async def test_what_retired_is_not_counted_and_still_stands_in_the_plan(gql: Gql, world: World, ports: Ports) -> None:
    kept, doomed = await world.course("进货", lessons=3), await world.course("旧课")
    may, boss = await world.learner(), await world.staff(Role.ADMIN)
    await arrange(world, ports, stage("one", kept, doomed))

    await retire(doomed)

    [shown] = (await gql.ask(PATH, by=may))["data"]["viewer"]["path"]["stages"]
    assert (shown["lessonCount"], shown["courses"]) == (3, [{"title": "进货"}])
    [planned] = (await gql.ask(PLAN, by=boss))["data"]["pathPlan"]["stages"]
    assert planned["courses"] == [{"title": "进货"}, {"title": "旧课"}]


async def test_of_two_who_arrange_at_once_one_is_told_to_look_again(world: World, ports: Ports) -> None:
    course = await world.course()
    boss = await admin(world)
    plans = [Arrangement(ORDINARY, 0, (stage(code, course),)) for code in ("left", "right")]

    outcomes = await asyncio.gather(*(arrange_path(ports, boss, plan) for plan in plans), return_exceptions=True)

    [refused] = [each for each in outcomes if isinstance(each, DomainError)]
    assert (refused.code, refused.field) == (ErrorCode.CONFLICT, ("version",))
    [done] = [plan for plan, each in zip(plans, outcomes, strict=True) if not isinstance(each, DomainError)]
    assert await codes() == [done.stages[0].code]


async def test_arranging_is_written_down(gql: Gql, world: World, ports: Ports) -> None:
    boss = await world.staff(Role.ADMIN)
    await gql.ask(ARRANGE, said(("one", await world.course())), by=boss)

    answer = await gql.ask("query { auditLog(first: 1) { nodes { action summary actor { displayName } } } }", by=boss)

    assert answer["data"]["auditLog"]["nodes"] == [
        {
            "action": "path.arranged",
            "summary": "Arranged the path of ORDINARY outlets: 1 stages, version 1.",
            "actor": {"displayName": "管理员"},
        }
    ]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"code": "One"}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "code")),
        ({"code": ""}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "code")),
        ({"code": "a" * 41}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "code")),
        ({"code": "one"}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "code")),
        ({"title": "  "}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "title")),
        ({"title": "关" * 41}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "title")),
        ({"points": 0}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "points")),
        ({"points": -5}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "points")),
        ({"points": 1001}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "points")),
        ({"course_ids": ()}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "courseIds")),
        ({"course_ids": tuple(new_id() for _ in range(21))}, ErrorCode.BAD_USER_INPUT, ("stages", "1", "courseIds")),
        ({"course_ids": (new_id(),)}, ErrorCode.NOT_FOUND, ("stages", "1", "courseIds", "0")),
    ],
)
async def test_what_cannot_be_a_stage_is_refused(
    world: World, ports: Ports, change: dict[str, Any], code: ErrorCode, field: tuple[str, ...]
) -> None:
    good = await world.course()
    await arrange(world, ports, stage("before", await world.course()))
    plan = {"code": "two", "title": "第二关", "points": 30, "course_ids": ((await world.course()).id,)} | change

    with pytest.raises(DomainError) as refused:
        await arrange(world, ports, stage("one", good), StagePlan(**plan))

    assert (refused.value.code, refused.value.field) == (code, field)
    assert await codes() == ["before"]


async def test_a_course_that_learners_of_the_tier_cannot_begin_is_refused(world: World, ports: Ports) -> None:
    draft = await world.course(status=CourseStatus.DRAFT)
    retired = await world.course(status=CourseStatus.RETIRED)
    for_others = await world.course(tiers=[OutletTier.PARTNER])
    for_them = await world.course(tiers=[OutletTier.ORDINARY, OutletTier.NEW])

    for course in (draft, retired, for_others):
        with pytest.raises(DomainError) as refused:
            await arrange(world, ports, stage("one", for_them, course))
        assert (refused.value.code, refused.value.field) == (
            ErrorCode.STATE_FORBIDS,
            ("stages", "0", "courseIds", "1"),
        )
    assert await codes() == []


async def test_a_course_stands_once_on_a_path(world: World, ports: Ports) -> None:
    course = await world.course()

    with pytest.raises(DomainError) as refused:
        await arrange(world, ports, stage("one", course), stage("two", course))

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, ("stages", "1", "courseIds", "0"))
    assert await codes() == []


async def test_a_path_has_fifty_stages_at_most(world: World, ports: Ports) -> None:
    courses = [await world.course() for _ in range(51)]

    with pytest.raises(DomainError) as refused:
        await arrange(world, ports, *(stage(f"s{number}", course) for number, course in enumerate(courses)))
    await arrange(world, ports, *(stage(f"s{number}", course) for number, course in enumerate(courses[:50])))

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, ("stages",))
    assert len(await codes()) == 50


async def test_a_stage_may_keep_a_course_that_has_retired_since(world: World, ports: Ports) -> None:
    kept, doomed, more = await world.course(), await world.course(), await world.course()
    await arrange(world, ports, stage("one", kept, doomed))
    await retire(doomed)

    await arrange(world, ports, stage("one", kept, doomed), stage("two", more))
    with pytest.raises(DomainError) as refused:
        await arrange(world, ports, stage("one", kept), stage("two", more, doomed))

    assert refused.value.code is ErrorCode.STATE_FORBIDS
    assert await codes() == ["one", "two"]


async def test_an_empty_path_is_a_path_that_is_gone(gql: Gql, world: World, ports: Ports) -> None:
    may = await world.learner()
    await arrange(world, ports, stage("one", await world.course()))

    await arrange(world, ports)

    assert (await gql.ask(PATH, by=may))["data"]["viewer"]["path"] == {"stages": []}


async def test_admins_of_a_region_and_others_may_not(gql: Gql, world: World) -> None:
    course = await world.course()
    here = await world.region()
    plan = said(("one", course))

    answers = [
        await gql.ask(ARRANGE, plan, by=by)
        for by in (
            await world.staff(Role.ADMIN, here),
            await world.staff(Role.AUDITOR),
            await world.learner(),
            None,
        )
    ]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == [
        "FORBIDDEN",
        "FORBIDDEN",
        "FORBIDDEN",
        "UNAUTHENTICATED",
    ]
    assert await codes() == []
