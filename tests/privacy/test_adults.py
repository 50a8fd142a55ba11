"""Content for adults opens for members known to be adults, and nothing else does."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import CourseForm, Role
from models.accounts import Member
from models.audit import AuditEntry
from models.outlets import Outlet
from services.outlet_import import import_outlets
from services.outlets import add_clerk
from tests.conftest import NOON
from tests.gql import Gql
from tests.world import MadeCourse, World

COURSE = """query ($id: ID!) { course(id: $id) { title adultsOnly lessons {
    id title locked lockedReason withheld mediaUrl mediaUrlExpiresAt body } } }"""
REPORT = """mutation ($input: ReportProgressInput!) {
    reportProgress(input: $input) { results { status code } lessons { id } userErrors { code } } }"""
CONFIRM = """mutation ($input: ConfirmAdultInput!) {
    confirmAdult(input: $input) { member { displayName } adultConfirmedAt userErrors { code field } } }"""
ME = "{ viewer { adultConfirmedAt } }"
AT_NOON = NOON.isoformat().replace("+00:00", "Z")


@pytest.fixture
async def clerk(world: World) -> Member:
    return await world.learner("小李")


async def lesson(gql: Gql, course: MadeCourse, by: Member | None) -> dict[str, Any]:
    answer = await gql.ask(COURSE, {"id": course.gid}, by=by)
    assert "errors" not in answer, answer
    [found] = answer["data"]["course"]["lessons"]
    assert answer["data"]["course"]["adultsOnly"] is True
    return dict(found)


async def begin(gql: Gql, course: MadeCourse, clock: FrozenClock, by: Member) -> list[Any]:
    event = {
        "eventId": str(uuid4()), "lessonId": course.lesson_gids[0], "kind": "STARTED",
        "occurredAt": clock.now().isoformat(),
    }  # fmt: skip
    answer = await gql.ask(REPORT, {"input": {"sentAt": clock.now().isoformat(), "events": [event]}}, by=by)
    [result] = answer["data"]["reportProgress"]["results"]
    return [result["status"], result["code"]]


async def confirm(gql: Gql, member_id: object, by: Member) -> Any:
    return await gql.ask(CONFIRM, {"input": {"memberId": to_global("Member", member_id)}}, by=by)


@pytest.mark.parametrize("form", [CourseForm.VIDEO, CourseForm.ARTICLE])
async def test_its_title_is_listed_and_its_content_withheld(
    gql: Gql, world: World, clerk: Member, form: CourseForm
) -> None:
    course = await world.course("真假卷烟", form=form, adults_only=True)

    found = await lesson(gql, course, clerk)

    assert found["title"] == "第1课"
    assert (found["mediaUrl"], found["mediaUrlExpiresAt"], found["body"]) == (None, None, None)
    assert (found["locked"], found["withheld"]) == (True, "ADULTS_ONLY")
    assert found["lockedReason"] == "For confirmed adults; an administrator can confirm you"


@pytest.mark.parametrize("form", [CourseForm.VIDEO, CourseForm.ARTICLE])
async def test_it_opens_for_a_confirmed_adult(gql: Gql, world: World, clerk: Member, form: CourseForm) -> None:
    course = await world.course(form=form, adults_only=True)
    await confirm(gql, clerk.id, await world.staff(Role.ADMIN))

    found = await lesson(gql, course, clerk)

    assert (found["locked"], found["withheld"], found["lockedReason"]) == (False, None, None)
    assert bool(found["mediaUrl"]) is (form is CourseForm.VIDEO)
    assert bool(found["body"]) is (form is CourseForm.ARTICLE)


async def test_signed_out_it_is_as_closed_as_any_other(gql: Gql, world: World) -> None:
    course = await world.course(form=CourseForm.ARTICLE, adults_only=True)

    found = await lesson(gql, course, None)

    assert (found["body"], found["withheld"]) == (None, None)


async def test_it_cannot_be_begun_before_the_confirmation_and_can_after(
    gql: Gql, world: World, clerk: Member, clock: FrozenClock
) -> None:
    course = await world.course(adults_only=True)

    before = await begin(gql, course, clock, clerk)
    untouched = (await gql.ask("{ viewer { learning { totalCount } } }", by=clerk))["data"]["viewer"]["learning"]
    await confirm(gql, clerk.id, await world.staff(Role.ADMIN))
    after = await begin(gql, course, clock, clerk)

    assert (before, after) == (["REJECTED", "ADULTS_ONLY"], ["ACCEPTED", None])
    assert untouched == {"totalCount": 0}


async def test_node_withholds_it_too(gql: Gql, world: World, clerk: Member) -> None:
    course = await world.course(form=CourseForm.ARTICLE, adults_only=True)

    answer = await gql.ask(
        "query ($id: ID!) { node(id: $id) { ... on Lesson { title body withheld } } }",
        {"id": course.lesson_gids[0]},
        by=clerk,
    )

    assert answer["data"]["node"] == {"title": "第1课", "body": None, "withheld": "ADULTS_ONLY"}


async def test_no_admin_vouches_for_themselves(gql: Gql, world: World) -> None:
    admin = await world.staff(Role.ADMIN)

    answer = await confirm(gql, admin.id, admin)

    assert answer["data"]["confirmAdult"]["userErrors"] == [{"code": "NOT_FOUND", "field": ["memberId"]}]
    assert (await Member.get(id=admin.id)).adult_confirmed_at is None


async def test_an_admin_confirms_once_and_it_is_written_down(
    gql: Gql, world: World, clerk: Member, clock: FrozenClock
) -> None:
    admin = await world.staff(Role.ADMIN)

    first = await confirm(gql, clerk.id, admin)
    clock.advance(timedelta(days=1))
    again = await confirm(gql, clerk.id, admin)

    told = {"member": {"displayName": "小李"}, "adultConfirmedAt": AT_NOON, "userErrors": []}
    assert first["data"]["confirmAdult"] == again["data"]["confirmAdult"] == told
    assert (await gql.ask(ME, by=clerk))["data"]["viewer"] == {"adultConfirmedAt": AT_NOON}
    [entry] = await AuditEntry.filter(action="member.adult_confirmed")
    assert (entry.actor_id, entry.object_type, entry.object_id) == (admin.id, "Member", clerk.id)


async def test_an_admin_confirms_in_their_own_regions_alone(gql: Gql, world: World) -> None:
    here, there = [await world.region() for _ in range(2)]
    clerk = await world.learner(outlet=await world.outlet(region=there))
    nobody = await world.member()

    answers = [await confirm(gql, each.id, await world.staff(Role.ADMIN, here)) for each in (clerk, nobody)]

    refused = {"member": None, "adultConfirmedAt": None, "userErrors": [{"code": "NOT_FOUND", "field": ["memberId"]}]}
    assert [answer["data"]["confirmAdult"] for answer in answers] == [refused, refused]
    assert not await Member.filter(adult_confirmed_at__isnull=False).exists()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_but_an_admin_confirms(gql: Gql, world: World, clerk: Member, role: Role) -> None:
    answer = await confirm(gql, clerk.id, await world.staff(role))

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert not await Member.filter(adult_confirmed_at__isnull=False).exists()


async def test_the_import_of_an_outlet_confirms_its_owner_and_no_clerk(world: World, clock: FrozenClock) -> None:
    region = await world.region()
    heading = "code,name,region,tier,segment,owner_name,owner_phone\n"
    shop = f"C1,好又来,{region.code},ORDINARY,3,陈强,13800138000\n"
    await import_outlets(world.ports, (heading + shop).encode())
    owner = await Member.get(display_name="陈强")
    outlet = await Outlet.get(code="C1")
    clerk = await add_clerk(world.ports, await world.actor(owner), outlet.id, "+8613800138001", "小李")

    clock.advance(timedelta(days=1))
    second = f"C2,好再来,{region.code},ORDINARY,3,小李,13800138001\n"
    before = (await Member.get(id=clerk.id)).adult_confirmed_at
    await import_outlets(world.ports, (heading + shop + second).encode())

    assert owner.adult_confirmed_at == NOON
    assert before is None
    assert (await Member.get(id=clerk.id)).adult_confirmed_at == NOON + timedelta(days=1)
    assert (await Member.get(id=owner.id)).adult_confirmed_at == NOON
