"""Assigning courses: whom it reaches, who may, that the same is once, and that it can be taken back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.ids import new_id, to_global
from kit.words import CourseStatus, OutletTier, PostRole, Role
from models.accounts import Member
from models.assignments import Assignment
from models.audit import AuditEntry
from models.courses import Course, CourseLecturer, CourseRating
from models.progress import CourseEnrolment
from services.courses import recount_course
from tests.gql import Gql
from tests.making.desk import Desk, fault
from tests.world import MadeCourse, World

ASSIGNED = "{ assignedCourses(first: 100) { nodes { course { title } dueAt reason } } }"
LISTED = """query ($course: ID) { assignments(courseId: $course) {
  totalCount nodes { id tier reason dueAt withdrawnAt region { name } outlet { name } member { displayName } } } }"""

CREDIT = """query ($id: ID) { lecturerCredit(memberId: $id) {
  member { displayName } courseCount viewCount completionCount rating { average count } } }"""


class Town:
    """A county with two stations, an outlet of each tier that matters, and its admin."""

    def __init__(self, world: World, gql: Gql) -> None:
        self.world, self.gql = world, gql

    async def built(self) -> "Town":
        self.county = await self.world.region("溪城区")
        self.east, self.west = [await self.world.region(name, parent=self.county) for name in ("城东", "城西")]
        self.modern = await self.world.outlet("现代店", region=self.east, tier=OutletTier.MODERN)
        self.plain = await self.world.outlet("普通店", region=self.east, tier=OutletTier.ORDINARY)
        self.other = await self.world.outlet("城西店", region=self.west, tier=OutletTier.MODERN)
        self.people = {outlet.name: await self.world.learner(outlet.name, outlet=outlet) for outlet in self.outlets}
        self.course = await self.world.course("雨天陈列")
        self.admin = Desk(self.gql, await self.world.staff(Role.ADMIN, self.county))
        return self

    @property
    def outlets(self) -> list[Any]:
        return [self.modern, self.plain, self.other]

    def plan(self, now: datetime, **to: object) -> dict[str, object]:
        due = (now + timedelta(days=7)).isoformat()
        return {"courseId": self.course.gid, "to": to, "dueAt": due, "reason": "梅雨季"}

    async def asked(self, member: Member) -> list[str]:
        """What a member reads of what was asked of them."""
        answer = await self.gql.ask(ASSIGNED, by=member)
        return [each["reason"] for each in answer["data"]["assignedCourses"]["nodes"]]


@pytest.fixture
async def town(world: World, gql: Gql) -> Town:
    return await Town(world, gql).built()


async def test_a_region_and_tier_reach_those_there_now_and_whoever_joins_later(town: Town, clock: FrozenClock) -> None:
    east = to_global("Region", town.east.id)

    assigned = await town.admin.do("assignCourse", **town.plan(clock.now(), regionId=east, tier="MODERN"))
    before = {name: await town.asked(member) for name, member in town.people.items()}
    clerk = await town.world.learner("新来的", outlet=town.modern, role=PostRole.CLERK)
    shop = await town.world.learner("新店", outlet=await town.world.outlet(region=town.east, tier=OutletTier.MODERN))

    assert assigned == 1
    assert before == {"现代店": ["梅雨季"], "普通店": [], "城西店": []}
    assert [await town.asked(member) for member in (clerk, shop)] == [["梅雨季"], ["梅雨季"]]


async def test_several_targets_together_count_each_person_once(town: Town, clock: FrozenClock) -> None:
    twice = town.people["现代店"]
    await town.world.post(twice, town.plain)

    assigned = await town.admin.do(
        "assignCourse",
        **town.plan(
            clock.now(),
            regionId=to_global("Region", town.county.id),
            tier="MODERN",
            outletIds=[to_global("Outlet", town.plain.id)],
            memberIds=[to_global("Member", twice.id)],
        ),
    )

    assert assigned == 3
    assert await Assignment.all().count() == 3
    assert await town.asked(twice) == ["梅雨季"]


async def test_the_same_assignment_is_one_however_often_and_at_once_it_is_sent(town: Town, clock: FrozenClock) -> None:
    plan = town.plan(clock.now(), regionId=to_global("Region", town.county.id), tier="MODERN")

    answers = await asyncio.gather(*(town.admin.do("assignCourse", **plan) for _ in range(5)))
    later = plan | {"dueAt": (clock.now() + timedelta(days=9)).isoformat()}
    await town.admin.do("assignCourse", **later)

    assert answers == [2] * 5
    assert await Assignment.all().count() == 2
    assert await AuditEntry.filter(action="course.assigned").count() == 2


async def test_an_admin_assigns_within_their_regions_and_nobody_else_does(
    town: Town, world: World, gql: Gql, clock: FrozenClock
) -> None:
    abroad = await world.outlet(region=await world.region("外县"))
    stranger = await world.learner(outlet=abroad)
    others = [Desk(gql, await world.staff(role, town.county)) for role in (Role.AUDITOR, Role.SUPERVISOR)]
    others += [Desk(gql, await world.learner())]
    chief = Desk(gql, await world.staff(Role.ADMIN))

    async def errors(desk: Desk, **to: object) -> object:
        answer = await desk.send("assignCourse", **town.plan(clock.now(), **to))
        return answer.get("userErrors") or answer

    tier = {"regionId": to_global("Region", town.east.id), "tier": "MODERN"}
    assert [await errors(desk, **tier) for desk in others] == [{"refused": "FORBIDDEN"}] * 3
    far = to_global("Region", abroad.region_id)
    assert await errors(town.admin, regionId=far) == fault("NOT_FOUND", "to", "regionId")
    assert await errors(
        town.admin, outletIds=[to_global("Outlet", town.plain.id), to_global("Outlet", abroad.id)]
    ) == fault("NOT_FOUND", "to", "outletIds", "1")
    assert await errors(town.admin, memberIds=[to_global("Member", stranger.id)]) == fault(
        "NOT_FOUND", "to", "memberIds", "0"
    )
    assert await errors(town.admin) == fault("BAD_USER_INPUT", "to")
    assert await Assignment.all().count() == 0
    assert await town.admin.do("assignCourse", **town.plan(clock.now(), tier="MODERN")) == 2, "of the own county"
    assert (await Assignment.get()).region_id == town.county.id
    await chief.do("assignCourse", **town.plan(clock.now(), tier="ORDINARY"))
    assert (await Assignment.get(tier=OutletTier.ORDINARY)).region_id is None


@pytest.mark.parametrize(
    ("due_in", "reason", "code", "field"),
    [
        (timedelta(0), "x", "BAD_USER_INPUT", "dueAt"),
        (timedelta(days=-1), "x", "BAD_USER_INPUT", "dueAt"),
        (timedelta(days=367), "x", "BAD_USER_INPUT", "dueAt"),
        (timedelta(days=1), " \n ", "BAD_USER_INPUT", "reason"),
        (timedelta(days=1), "长" * 201, "BAD_USER_INPUT", "reason"),
    ],
)
async def test_a_time_that_is_past_or_a_reason_that_is_none_is_refused(
    town: Town, clock: FrozenClock, due_in: timedelta, reason: str, code: str, field: str
) -> None:
    plan = town.plan(clock.now(), tier="MODERN")

    answer = await town.admin.send(
        "assignCourse", **plan | {"dueAt": (clock.now() + due_in).isoformat(), "reason": reason}
    )

    assert answer == {"assigned": None, "userErrors": fault(code, field)}
    assert await Assignment.all().count() == 0


async def test_only_what_is_published_is_assigned(town: Town, world: World, clock: FrozenClock) -> None:
    draft = await world.course(status=CourseStatus.DRAFT)
    answers = [
        await town.admin.send("assignCourse", **town.plan(clock.now(), tier="MODERN") | {"courseId": gid})
        for gid in (draft.gid, to_global("Course", town.county.id))
    ]

    assert [each["userErrors"] for each in answers] == [
        fault("STATE_FORBIDS", "courseId"),
        fault("NOT_FOUND", "courseId"),
    ]
    assert await Assignment.all().count() == 0


async def test_an_assignment_taken_back_is_asked_of_nobody_and_can_be_given_again(
    town: Town, world: World, gql: Gql, clock: FrozenClock
) -> None:
    plan = town.plan(clock.now(), regionId=to_global("Region", town.county.id), tier="MODERN")
    await town.admin.do("assignCourse", **plan)
    abroad = Desk(gql, await world.staff(Role.ADMIN, await world.region()))
    auditor = Desk(gql, await world.staff(Role.AUDITOR, town.county))

    async def listed(desk: Desk) -> Any:
        return (await gql.ask(LISTED, {"course": town.course.gid}, by=desk.member))["data"]["assignments"]

    [line] = (await listed(town.admin))["nodes"]
    unseen = await abroad.send("withdrawAssignment", assignmentId=line["id"])
    refused = await auditor.send("withdrawAssignment", assignmentId=line["id"])
    clock.advance(timedelta(hours=1))
    first = await town.admin.do("withdrawAssignment", assignmentId=line["id"])
    again = await town.admin.do("withdrawAssignment", assignmentId=line["id"])
    left = await town.asked(town.people["现代店"])
    await town.admin.do("assignCourse", **plan)

    assert (line["region"]["name"], line["tier"], line["outlet"], line["member"]) == ("溪城区", "MODERN", None, None)
    assert (await listed(abroad))["totalCount"] == 0
    assert unseen["userErrors"] == fault("NOT_FOUND", "assignmentId")
    assert refused == {"refused": "FORBIDDEN"}
    assert first == again
    assert left == []
    assert await town.asked(town.people["现代店"]) == ["梅雨季"]
    assert (await listed(auditor))["totalCount"] == 2


async def test_a_lecturers_credit_is_what_learners_and_ratings_add_up_to(
    town: Town, world: World, gql: Gql, clock: FrozenClock
) -> None:
    lecturer = await world.learner("讲师", outlet=town.modern, role=PostRole.CLERK)
    second = await world.course(lessons=2)
    for course in (town.course, second):
        await CourseLecturer.create(id=new_id(), course_id=course.id, member_id=lecturer.id, position=1)
    clock.advance(timedelta(hours=1))
    for member in town.people.values():
        await world.studies(member, town.course)
        await world.studies(member, MadeCourse(second.id, second.gid, second.lesson_ids), lessons=1)
    for stars, member in zip((5, 4), town.people.values(), strict=False):
        now = world.ports.clock.now()
        await CourseRating.create(id=new_id(), course_id=town.course.id, member_id=member.id, stars=stars, rated_at=now)
    for course in (town.course, second):
        await recount_course(course.id)
    gid = to_global("Member", lecturer.id)

    own = (await gql.ask(CREDIT, by=lecturer))["data"]["lecturerCredit"]
    seen = [
        (await gql.ask(CREDIT, {"id": gid}, by=each))["data"]["lecturerCredit"]
        for each in (town.admin.member, await world.staff(Role.ADMIN, await world.region()), town.people["普通店"])
    ]

    ids = [town.course.id, second.id]
    enrolments = await CourseEnrolment.filter(course_id__in=ids)
    ratings = await CourseRating.filter(course_id__in=ids)
    assert own == {
        "member": {"displayName": "讲师"},
        "courseCount": 2,
        "viewCount": len(enrolments),
        "completionCount": len([each for each in enrolments if each.completed_at is not None]),
        "rating": {"average": sum(each.stars for each in ratings) / len(ratings), "count": len(ratings)},
    }
    assert (own["viewCount"], own["completionCount"], own["rating"]["average"]) == (6, 3, 4.5)
    assert seen == [own, None, None]
    assert await Desk(gql, lecturer).listed(lecturerId=gid) == [each.title for each in await _newest(ids)]


async def _newest(ids: list[Any]) -> list[Course]:
    return await Course.filter(id__in=ids).order_by("-published_at", "-id")
