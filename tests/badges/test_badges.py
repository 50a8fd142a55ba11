"""Badges: earned when reached, once, by everybody who reached them, however they came to be."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from gamification.badges import COUNTED, ICONS
from gamification.facts import CourseRated, LessonCompleted, Recorded
from kit.clock import FrozenClock
from kit.db import execute, transaction
from kit.ids import new_id, to_global
from kit.words import BadgeMeasure, Role
from models.accounts import Member
from models.audit import AuditEntry
from models.badges import Badge, EarnedBadge
from models.ledger import locked_account
from models.notices import Notice
from services.badges import earn_badges, fill_badges
from services.corrections import CorrectionPlan, correct_points
from services.points import reward
from services.ports import Ports
from tests.gql import Gql
from tests.notices.story import inbox
from tests.world import World
from workers.relay import drain

STATIC = Path(__file__).parents[2] / "server" / "static" / "badges"
MY_BADGES = "{ viewer { id badges { earnedAt badge { id code title description iconUrl } } } }"
CREATE = """mutation CreateBadge($input: CreateBadgeInput!) {
  createBadge(input: $input) { badge { id code filling { membersTotal membersDone awarded finishedAt } }
    userErrors { code message field } }
}"""
LIST = """{ badges(first: 100) { totalCount nodes { id code measure threshold viewerEarnedAt
    filling { membersTotal membersDone awarded finishedAt } } } }"""
PLAN = {
    "code": "ratings.2", "title": "点评新手", "englishTitle": "Two Opinions", "description": "评价2门课程",
    "englishDescription": "Rate 2 courses", "measure": "COURSES_RATED", "threshold": 2, "icon": "speech",
}  # fmt: skip


@pytest.fixture
async def only_mine(ports: Ports) -> None:
    """No badge but those that a test declares."""
    await execute("DELETE FROM badges")


async def say(ports: Ports, member: Member, facts: Sequence[Recorded]) -> Any:
    return await transaction(lambda: reward(ports, member.id, facts))


async def rate(ports: Ports, member: Member, count: int) -> None:
    now = ports.clock.now()
    await say(ports, member, [CourseRated(member.id, new_id(), now) for _ in range(count)])


async def declare(gql: Gql, by: Member, **changes: object) -> dict[str, Any]:
    answer = await gql.ask(CREATE, {"input": {**PLAN, **changes}}, by=by)
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["createBadge"]
    return payload


async def badge(world: World, measure: BadgeMeasure = BadgeMeasure.COURSES_RATED, threshold: int = 2) -> Badge:
    number, now = world.next("badge"), world.ports.clock.now()
    return await Badge.create(
        id=new_id(), code=f"b{number}", title_chinese=f"徽章{number}", title_english=f"Badge {number}",
        description_chinese="做", description_english="Do", measure=measure.value, threshold=threshold, icon="star",
        valid_from=now, created_at=now,
    )  # fmt: skip


async def holders(of: Badge) -> set[UUID]:
    return {row.member_id for row in await EarnedBadge.filter(badge_id=of.id)}


async def test_the_first_lesson_earns_the_first_badge_and_tells(gql: Gql, world: World, clock: FrozenClock) -> None:
    may, course = await world.learner(), await world.course(lessons=2)
    clock.advance(timedelta(minutes=5))

    await world.studies(may, course, lessons=1)

    [earned] = (await gql.ask(MY_BADGES, by=may))["data"]["viewer"]["badges"]
    assert earned["badge"]["title"] == "First Step"
    assert earned["badge"]["description"] == "Complete your first lesson"
    assert earned["earnedAt"] == clock.now().isoformat().replace("+00:00", "Z")
    [notice] = [each for each in (await inbox(gql, may))["notices"]["nodes"] if each["kind"] == "BADGE_EARNED"]
    assert notice["text"] == "You earned the badge “First Step”."
    assert notice["object"] == {"__typename": "Badge", "id": earned["badge"]["id"]}


async def test_the_picture_is_served(gql: Gql, world: World, clock: FrozenClock) -> None:
    may, course = await world.learner(), await world.course()
    clock.advance(timedelta(minutes=5))
    await world.studies(may, course)

    url = (await gql.ask(MY_BADGES, by=may))["data"]["viewer"]["badges"][0]["badge"]["iconUrl"]
    answer = await gql.http.get("/" + url.split("/", 3)[3])

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_every_picture_is_there_and_is_an_svg() -> None:
    assert {path.stem for path in STATIC.glob("*.svg")} == set(ICONS)
    for name in ICONS:
        assert ElementTree.parse(STATIC / f"{name}.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


async def test_every_seeded_badge_has_a_picture_and_a_measure(ports: Ports) -> None:
    seeded = await Badge.all()

    assert len(seeded) == 12
    assert {each.icon for each in seeded} <= set(ICONS)
    assert {each.measure for each in seeded} <= {measure.value for measure in BadgeMeasure}


async def test_the_badge_goes_to_the_subscriber(gql: Gql, world: World, clock: FrozenClock) -> None:
    may, course = await world.learner(), await world.course(lessons=2)
    clock.advance(timedelta(minutes=5))

    async with gql.subscription("MyPoints", by=may) as events:
        assert (await events.next())["data"]["myPoints"]["badges"] == []
        await world.studies(may, course, lessons=1)
        await drain(world.ports)
        change = (await events.next())["data"]["myPoints"]

    assert [each["title"] for each in change["badges"]] == ["First Step"]


async def test_a_badge_is_earned_at_its_threshold_and_not_before(only_mine: None, world: World) -> None:
    may, two = await world.learner(), await badge(world, threshold=2)

    await rate(world.ports, may, 1)
    before = await holders(two)
    await rate(world.ports, may, 1)

    assert (before, await holders(two)) == (set(), {may.id})
    assert [row.value for row in await EarnedBadge.all()] == [2]


@pytest.mark.usefixtures("only_mine")
async def test_twenty_facts_at_once_earn_a_badge_and_reach_a_level_once(world: World, gql: Gql) -> None:
    may, ports = await world.learner(), world.ports
    five, now = await badge(world, BadgeMeasure.LESSONS_COMPLETED, 5), ports.clock.now()
    facts = [LessonCompleted(may.id, new_id(), new_id(), False, now - timedelta(days=day)) for day in range(20)]

    await asyncio.gather(*(say(ports, may, [fact]) for fact in facts))

    assert await EarnedBadge.filter(badge_id=five.id).count() == 1
    assert await Notice.filter(kind="BADGE_EARNED").count() == 1
    top = (await locked_level(may))[0]
    told = sorted(int(row.key) for row in await Notice.filter(kind="LEVEL_REACHED"))
    assert top >= 3
    assert told == list(range(2, top + 1))


async def locked_level(member: Member) -> tuple[int, int]:
    """(highest level, lifetime points)"""
    account = await transaction(lambda: locked_account(member.id))
    return account.top_level, account.lifetime


@pytest.mark.usefixtures("only_mine")
async def test_learning_time_earns_a_badge_without_any_completion(world: World, clock: FrozenClock) -> None:
    may, course = await world.learner(), await world.course(seconds=100, percent=100)
    minute = await badge(world, BadgeMeasure.LEARNING_SECONDS, 30)
    clock.advance(timedelta(minutes=5))

    await world.watches(may, course, (0, 29))
    before = await holders(minute)
    clock.advance(timedelta(minutes=5))
    await world.watches(may, course, (29, 31))

    assert (before, await holders(minute)) == (set(), {may.id})


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize("measure", BadgeMeasure)
async def test_every_measure_can_be_asked(world: World, measure: BadgeMeasure) -> None:
    may, never = await world.learner(), await badge(world, measure, 1)

    async def work() -> list[UUID]:
        await locked_account(may.id)
        return await earn_badges(world.ports, may.id)

    assert await transaction(work) == []
    assert await holders(never) == set()


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize("measure", COUNTED)
async def test_a_measure_counts_the_facts_of_its_kind_alone(world: World, measure: BadgeMeasure) -> None:
    may, one, now = await world.learner(), await badge(world, measure, 1), world.ports.clock.now()
    for kind in COUNTED.values():
        if kind != COUNTED[measure]:
            await fact(may, kind, now)
    await fill_badges(world.ports)
    before = await holders(one)
    await Badge.all().update(filled_at=None, filled_after=None)

    await fact(may, COUNTED[measure], now)
    await fill_badges(world.ports)

    assert (before, await holders(one)) == (set(), {may.id})


async def fact(member: Member, kind: str, at: object) -> None:
    """A fact as it is stored, whatever it is about."""
    await execute(
        "INSERT INTO facts (member_id, kind, object_id, occurred_at, day, details, recorded_at)"
        " VALUES ($1, $2, $3, $4::timestamptz, ($4::timestamptz AT TIME ZONE 'Asia/Shanghai')::date, '{}', $4)",
        member.id, kind, new_id(), at,
    )  # fmt: skip


@pytest.mark.usefixtures("only_mine")
async def test_a_streak_and_points_and_days_earn_theirs(world: World) -> None:
    may, ports, now = await world.learner(), world.ports, world.ports.clock.now()
    streak = await badge(world, BadgeMeasure.BEST_STREAK_DAYS, 7)
    days = await badge(world, BadgeMeasure.LEARNED_DAYS, 7)
    points = await badge(world, BadgeMeasure.LIFETIME_POINTS, 100)
    lessons = [LessonCompleted(may.id, new_id(), new_id(), False, now - timedelta(days=day)) for day in range(7)]

    await say(ports, may, lessons[:6])
    before = [await holders(each) for each in (streak, days, points)]
    await say(ports, may, lessons[6:])

    assert before == [set(), set(), set()]
    assert [await holders(each) for each in (streak, days, points)] == [{may.id}] * 3


@pytest.mark.usefixtures("only_mine")
async def test_a_new_badge_is_given_to_all_who_had_reached_it(gql: Gql, world: World) -> None:
    admin = await world.staff(Role.ADMIN)
    people = [await world.member(f"学员{number}") for number in range(6)]
    for number, member in enumerate(people):
        await rate(world.ports, member, number)

    made = await declare(gql, admin)
    await fill_badges(world.ports)
    await fill_badges(world.ports)

    assert made["badge"]["filling"] == {"membersTotal": None, "membersDone": 0, "awarded": 0, "finishedAt": None}
    [row] = await Badge.all()
    assert await holders(row) == {member.id for member in people[2:]}
    [node] = (await gql.ask(LIST, by=admin))["data"]["badges"]["nodes"]
    assert (node["filling"]["membersTotal"], node["filling"]["membersDone"], node["filling"]["awarded"]) == (7, 7, 4)
    assert node["filling"]["finishedAt"] is not None
    assert await Notice.filter(kind="BADGE_EARNED").count() == 4


@pytest.mark.usefixtures("only_mine")
async def test_filling_goes_on_where_it_stopped_and_two_at_once_do_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.badges.MEMBERS_AT_ONCE", 2)
    people = [await world.member(f"学员{number}") for number in range(9)]
    for member in people:
        await rate(world.ports, member, 2)
    two = await badge(world)
    first = sorted(member.id for member in people)[:4]
    await EarnedBadge.all().delete()
    await Badge.all().update(filled_after=first[-1], filled_members=4, fill_total=9)

    await asyncio.gather(*(fill_badges(world.ports) for _ in range(5)))

    done = await Badge.get(id=two.id)
    assert (done.filled_members, done.filled_awards, done.filled_at is not None) == (9, 5, True)
    assert await holders(two) == {member.id for member in people} - set(first)


@pytest.mark.usefixtures("only_mine")
async def test_nobody_who_earns_while_a_badge_is_filled_in_is_missed_or_given_it_twice(world: World) -> None:
    ports = world.ports
    people = [await world.member(f"学员{number}") for number in range(30)]
    for member in people:
        await rate(ports, member, 1)

    async def adds_a_badge() -> Badge:
        added = await badge(world)
        await fill_badges(ports)
        return added

    two, *_ = await asyncio.gather(adds_a_badge(), *(rate(ports, member, 1) for member in people))

    assert isinstance(two, Badge)
    assert await holders(two) == {member.id for member in people}
    assert await EarnedBadge.filter(badge_id=two.id).count() == 30
    assert await Notice.filter(kind="BADGE_EARNED").count() == 30


@pytest.mark.usefixtures("only_mine")
async def test_a_badge_is_for_later_until_its_moment(gql: Gql, world: World, clock: FrozenClock) -> None:
    admin, may = await world.staff(Role.ADMIN), await world.learner()
    begins = clock.now() + timedelta(days=1)
    await declare(gql, admin, validFrom=begins.isoformat())

    await rate(world.ports, may, 2)
    await fill_badges(world.ports)
    early = await EarnedBadge.all().count()
    seen = (await gql.ask(LIST, by=may))["data"]["badges"]["totalCount"]
    clock.advance(timedelta(days=1))
    await fill_badges(world.ports)

    assert (early, seen, await EarnedBadge.all().count()) == (0, 0, 1)


@pytest.mark.usefixtures("only_mine")
async def test_staff_alone_see_the_filling(gql: Gql, world: World) -> None:
    may = await world.learner()
    await badge(world)
    await rate(world.ports, may, 2)

    [node] = (await gql.ask(LIST, by=may))["data"]["badges"]["nodes"]

    assert node["filling"] is None
    assert node["viewerEarnedAt"] is not None


@pytest.mark.usefixtures("only_mine")
async def test_a_badge_once_earned_stays_when_points_are_taken_back(world: World) -> None:
    may, ten = await world.learner(), await badge(world, BadgeMeasure.LIFETIME_POINTS, 10)
    await say(world.ports, may, [LessonCompleted(may.id, new_id(), new_id(), False, world.ports.clock.now())])
    earned = await holders(ten)
    admin, held = await world.actor(await world.staff(Role.ADMIN)), (await locked_level(may))[1]

    await correct_points(world.ports, admin, CorrectionPlan(may.id, -held, "误发", None, new_id()))
    await rate(world.ports, may, 1)
    await fill_badges(world.ports)

    assert (await locked_level(may))[1] < 10
    assert earned == await holders(ten) == {may.id}


@pytest.mark.usefixtures("only_mine")
async def test_points_given_by_an_admin_reach_levels_and_badges_too(world: World) -> None:
    may, ten = await world.learner(), await badge(world, BadgeMeasure.LIFETIME_POINTS, 10)
    admin = await world.actor(await world.staff(Role.ADMIN))

    await correct_points(world.ports, admin, CorrectionPlan(may.id, 160, "补发", None, new_id()))

    assert await holders(ten) == {may.id}
    assert sorted(row.key for row in await Notice.filter(kind="LEVEL_REACHED")) == ["2", "3"]


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"code": ""}, "BAD_USER_INPUT", "code"),
        ({"code": "c" * 41}, "BAD_USER_INPUT", "code"),
        ({"code": "a b"}, "BAD_USER_INPUT", "code"),
        ({"code": "徽章"}, "BAD_USER_INPUT", "code"),
        ({"title": " "}, "BAD_USER_INPUT", "title"),
        ({"englishTitle": "t" * 41}, "BAD_USER_INPUT", "englishTitle"),
        ({"description": ""}, "BAD_USER_INPUT", "description"),
        ({"englishDescription": "d" * 201}, "BAD_USER_INPUT", "englishDescription"),
        ({"threshold": 0}, "BAD_USER_INPUT", "threshold"),
        ({"threshold": 1_000_000_001}, "BAD_USER_INPUT", "threshold"),
        ({"icon": "../secret"}, "BAD_USER_INPUT", "icon"),
        ({"icon": None}, "BAD_USER_INPUT", "icon"),
        ({"iconMediaId": to_global("Media", UUID(int=1))}, "BAD_USER_INPUT", "icon"),
        ({"icon": None, "iconMediaId": to_global("Media", UUID(int=1))}, "NOT_FOUND", "iconMediaId"),
    ],
    ids=str,
)
async def test_a_badge_that_makes_no_sense_is_refused(
    gql: Gql, world: World, change: dict[str, Any], code: str, field: str
) -> None:
    refused = await declare(gql, await world.staff(Role.ADMIN), **change)

    assert [(error["code"], error["field"]) for error in refused["userErrors"]] == [(code, [field])]
    assert await Badge.all().count() == 0


@pytest.mark.usefixtures("only_mine")
async def test_a_code_is_good_for_one_badge(gql: Gql, world: World) -> None:
    admin = await world.staff(Role.ADMIN)

    answers = await asyncio.gather(*(declare(gql, admin) for _ in range(5)))

    assert sorted(len(answer["userErrors"]) for answer in answers) == [0, 1, 1, 1, 1]
    assert {error["code"] for answer in answers for error in answer["userErrors"]} == {"CONFLICT"}
    assert await Badge.all().count() == await AuditEntry.filter(action="badge.created").count() == 1


@pytest.mark.usefixtures("only_mine")
async def test_only_admins_of_everywhere_declare_badges(gql: Gql, world: World) -> None:
    here = await world.staff(Role.ADMIN, await world.region("东莞"))

    codes = [
        (await gql.ask(CREATE, {"input": PLAN}, by=member))["errors"][0]["extensions"]["code"]
        for member in (await world.learner(), await world.staff(Role.AUDITOR), here, None)
    ]

    assert codes == ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "UNAUTHENTICATED"]
    assert await Badge.all().count() == 0


@pytest.mark.usefixtures("only_mine")
async def test_the_list_pages_through_by_measure_the_easiest_first(gql: Gql, world: World) -> None:
    may = await world.learner()
    for threshold in (3, 1, 2):
        await badge(world, BadgeMeasure.COURSES_RATED, threshold)
    await badge(world, BadgeMeasure.BEST_STREAK_DAYS, 7)
    source = """query ($after: String) { badges(first: 3, after: $after) {
        nodes { measure threshold } pageInfo { hasNextPage endCursor } } }"""

    first = (await gql.ask(source, by=may))["data"]["badges"]
    rest = (await gql.ask(source, {"after": first["pageInfo"]["endCursor"]}, by=may))["data"]["badges"]

    assert [(node["measure"], node["threshold"]) for node in first["nodes"] + rest["nodes"]] == [
        ("BEST_STREAK_DAYS", 7), ("COURSES_RATED", 1), ("COURSES_RATED", 2), ("COURSES_RATED", 3),
    ]  # fmt: skip
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_levels_name_what_comes_with_them(gql: Gql) -> None:
    levels = (await gql.data("Levels"))["levels"]

    assert levels[0]["perks"] == []
    assert all(level["perks"] for level in levels[1:])
    assert levels[1]["perks"] == ["The Sprout frame for your picture"]
