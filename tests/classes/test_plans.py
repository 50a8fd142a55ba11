"""Planning, moving and calling off: what is refused and why, and who is told."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.audit import AuditEntry
from models.classes import OfflineClass
from tests.classes.school import LASTS, STARTS, School, faults, row_id


def iso(school: School, after: timedelta) -> str:
    return (school.ports.clock.now() + after).isoformat()


def at(school: School, after: timedelta) -> dict[str, str]:
    return {"startsAt": iso(school, after), "endsAt": iso(school, after + LASTS)}


async def test_a_class_is_planned_with_thirty_seats_unless_told(school: School) -> None:
    payload = await school.schedule()

    row = await school.row(payload["offlineClass"]["id"])
    assert payload["offlineClass"]["status"] == "SCHEDULED"
    assert (row.title, row.capacity, row.location, row.region_id) == (
        "陈列实操", 30, (23.0, 113.7), school.station.id,
    )  # fmt: skip
    assert [each.action for each in await AuditEntry.filter(object_id=row.id)] == ["class.scheduled"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"), ({"title": "长" * 81}, "title"), ({"title": "\u200b"}, "title"),
        ({"place": " "}, "place"), ({"place": "长" * 81}, "place"), ({"address": "长" * 201}, "address"),
        ({"location": {"latitude": 90.1, "longitude": 0.0}}, "location"),
        ({"location": {"latitude": 0.0, "longitude": -180.1}}, "location"),
        ({"capacity": 0}, "capacity"), ({"capacity": 501}, "capacity"), ({"capacity": -2_147_483_648}, "capacity"),
        ({"startsAt": "2026-03-02T03:59:59Z"}, "startsAt"), ({"startsAt": "2026-03-02T04:00:00Z"}, "startsAt"),
        ({"startsAt": "2027-03-03T04:00:01Z"}, "startsAt"),
        ({"endsAt": "2026-03-04T04:00:00Z"}, "endsAt"), ({"endsAt": "2026-03-03T04:00:00Z"}, "endsAt"),
        ({"endsAt": "2026-03-04T12:00:01Z"}, "endsAt"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_no_class_is_refused_by_field(school: School, change: dict[str, Any], field: str) -> None:
    payload = await school.schedule(**change)

    assert (payload["offlineClass"], faults(payload)) == (None, [("BAD_USER_INPUT", [field])])
    assert await OfflineClass.all().count() == await AuditEntry.all().count() == 0


async def test_trainer_course_and_region_must_be_there(school: School) -> None:
    nobody, learner = to_global("Member", uuid4()), await school.learner()
    gone = await school.world.staff(Role.LECTURER)
    await Member.filter(id=gone.id).update(suspended_at=school.ports.clock.now())
    cases = [
        ({"trainerId": each}, "trainerId")
        for each in (nobody, "x", to_global("Member", learner.id), to_global("Member", gone.id))
    ]
    cases += [({"courseId": to_global("Course", uuid4())}, "courseId"), ({"regionId": "x"}, "regionId")]

    answers = [(await school.schedule(**change), field) for change, field in cases]

    assert [faults(payload) for payload, _ in answers] == [[("NOT_FOUND", [field])] for _, field in answers]
    assert await OfflineClass.all().count() == 0


async def test_only_admins_plan_and_only_in_their_regions(school: School) -> None:
    abroad = await school.world.region("外省")
    outside = to_global("Region", abroad.id)
    other_admin = await school.world.staff(Role.ADMIN, abroad)

    learner = await school.refused("ScheduleClass", await school.learner(), **school.plan())
    trainer = await school.refused("ScheduleClass", school.trainer, **school.plan())
    hidden = await school.schedule(regionId=outside)
    class_id = await school.scheduled()
    foreign = await school.update(class_id, other_admin, title="改名")
    home = await school.schedule(regionId=None, **at(school, STARTS * 2))

    assert (learner, trainer) == ("FORBIDDEN", "FORBIDDEN")
    assert faults(hidden) == [("NOT_FOUND", ["regionId"])]
    assert faults(foreign) == [("NOT_FOUND", ["offlineClassId"])]
    assert (await school.row(home["offlineClass"]["id"])).region_id == school.station.parent_id


@pytest.mark.parametrize(
    ("begins", "ends", "busy"),
    [
        (STARTS, STARTS + LASTS, True),
        (STARTS - LASTS, STARTS, False),
        (STARTS + LASTS, STARTS + 2 * LASTS, False),
        (STARTS - LASTS, STARTS + timedelta(microseconds=1), True),
        (STARTS + timedelta(minutes=30), STARTS + timedelta(minutes=40), True),
        (STARTS - timedelta(hours=1), STARTS + LASTS + timedelta(hours=1), True),
    ],
    ids=["same", "before", "after", "touches by a moment", "inside", "around"],
)
async def test_a_trainer_is_in_one_place_at_a_time(
    school: School, begins: timedelta, ends: timedelta, busy: bool
) -> None:
    await school.scheduled()

    second = await school.schedule(startsAt=iso(school, begins), endsAt=iso(school, ends))

    assert faults(second) == ([("HOST_BUSY", ["trainerId"])] if busy else [])
    assert await OfflineClass.all().count() == (1 if busy else 2)


async def test_a_class_that_was_called_off_leaves_its_trainer_free(school: School) -> None:
    await school.cancel(await school.scheduled())

    assert (await school.schedule())["userErrors"] == []


async def test_who_hosts_a_live_lesson_then_is_busy_and_the_other_way_round(school: School) -> None:
    starts_at = school.ports.clock.now() + STARTS
    await school.world.live_lesson(host=school.trainer, starts_at=starts_at + timedelta(hours=1))

    refused = await school.schedule()
    await school.scheduled(**at(school, STARTS * 2))
    live = await school.gql.ask(
        "mutation ($input: ScheduleLiveLessonInput!)"
        " { scheduleLiveLesson(input: $input) { userErrors { code field } } }",
        {"input": {"title": "直播课", "hostId": to_global("Member", school.trainer.id), **at(school, STARTS * 2)}},
        by=school.admin,
    )

    assert faults(refused) == [("HOST_BUSY", ["trainerId"])]
    assert faults(live["data"]["scheduleLiveLesson"]) == [("HOST_BUSY", ["hostId"])]


async def test_ten_plans_at_once_for_one_trainer_are_one_class(school: School) -> None:
    answers = await asyncio.gather(*(school.schedule() for _ in range(10)))

    assert sorted(str(faults(each)) for each in answers) == ["[('HOST_BUSY', ['trainerId'])]"] * 9 + ["[]"]
    assert await OfflineClass.all().count() == 1


async def test_moving_tells_who_signed_up_and_who_waits_and_the_trainer(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting, left] = await school.signed_up(class_id, 3)
    await school.leave(left, class_id)
    later = datetime.fromisoformat("2026-03-05T06:30:00+00:00")

    payload = await school.update(
        class_id, startsAt=later.isoformat(), endsAt=(later + LASTS).isoformat(), place="三楼"
    )

    assert payload["offlineClass"]["place"] == "三楼"
    for each in (seated, waiting, school.trainer):
        assert await school.told(each) == [("CLASS_MOVED", "“陈列实操” is now on 5 Mar 14:30, at 三楼.")]
    assert await school.told(left) == []
    await school.update(class_id, place="四楼")
    assert len(await school.told(seated)) == 2


async def test_the_same_again_changes_nothing_and_tells_nobody(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)

    same = await school.update(class_id, title="陈列实操", place="二楼会议室", capacity=30)
    renamed = await school.update(class_id, title="新题目")

    assert (same["userErrors"], renamed["offlineClass"]["title"]) == ([], "新题目")
    assert await school.told(may) == []
    actions = [each.action for each in await AuditEntry.filter(object_id=row_id(class_id)).order_by("sequence")]
    assert actions == ["class.scheduled", "class.updated"]


async def test_more_seats_go_to_those_who_wait_and_fewer_than_taken_are_refused(school: School) -> None:
    class_id = await school.scheduled(capacity=2)
    pupils = await school.signed_up(class_id, 5)

    too_few = await school.update(class_id, capacity=1)
    more = await school.update(class_id, capacity=4)

    assert faults(too_few) == [("BAD_USER_INPUT", ["capacity"])]
    assert (more["offlineClass"]["capacity"], more["offlineClass"]["seatsLeft"]) == (4, 0)
    assert list((await school.seats(class_id)).values()) == ["SEATED"] * 4 + ["WAITLISTED"]
    assert [len(await school.told(each)) for each in pupils] == [0, 0, 1, 1, 0]


async def test_a_move_to_a_time_when_the_trainer_is_busy_is_refused_whole(school: School) -> None:
    first = await school.scheduled()
    second = await school.scheduled(**at(school, STARTS * 2))
    before = await school.row(second)

    refused = await school.update(second, **at(school, STARTS), title="新")

    after = await school.row(second)
    assert faults(refused) == [("HOST_BUSY", ["trainerId"])]
    assert (after.starts_at, after.title) == (before.starts_at, before.title)
    assert await school.told(school.trainer) == []
    assert first != second


async def test_calling_off_tells_everybody_once_with_the_reason(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)

    first = await school.cancel(class_id)
    again = await school.cancel(class_id, "另一个原因")

    assert first == again
    assert first["offlineClass"]["status"] == "CANCELLED"
    for each in (seated, waiting, school.trainer):
        assert await school.told(each) == [
            ("CLASS_CANCELLED", "“陈列实操” on 4 Mar 12:00 will not take place: 讲师生病")
        ]
    assert (await school.row(class_id)).cancel_reason == "讲师生病"
    [listed] = await school.listed(seated)
    assert listed["status"] == "CANCELLED"


async def test_what_has_begun_is_neither_changed_nor_called_off(school: School) -> None:
    class_id = await school.scheduled()
    await school.begins(class_id)

    refused = [await school.update(class_id, title="新题目"), await school.cancel(class_id)]
    empty = await school.do("CancelClass", school.admin, offlineClassId=class_id, reason=" ")

    assert [faults(each) for each in refused] == [[("STATE_FORBIDS", ["offlineClassId"])]] * 2
    assert faults(empty) == [("BAD_USER_INPUT", ["reason"])]
    assert (await school.row(class_id)).cancelled_at is None


async def test_moving_calling_off_and_signing_up_at_once_end_in_one_order(school: School) -> None:
    class_id = await school.scheduled(capacity=5)
    learners = [await school.learner(f"学员{n}") for n in range(10)]

    answers = await asyncio.gather(
        *(school.sign_up(each, class_id) for each in learners[:5]), school.cancel(class_id),
        school.update(class_id, place="三楼"), *(school.sign_up(each, class_id) for each in learners[5:]),
    )  # fmt: skip

    in_time = [
        each for each, answer in zip(learners, answers[:5] + answers[7:], strict=True) if not answer["userErrors"]
    ]
    assert (await school.row(class_id)).cancelled_at is not None
    assert set(await school.seats(class_id)) == {each.id for each in in_time}
    for each in in_time:
        assert "CLASS_CANCELLED" in [kind for kind, _ in await school.told(each)]


async def test_the_list_is_by_time_without_what_is_over_and_by_region(school: School, clock: FrozenClock) -> None:
    sibling = await school.world.region("城西服务站", parent=await school.station.parent)
    first = await school.scheduled()
    second = await school.scheduled(**at(school, STARTS * 2))
    west = await school.scheduled(
        regionId=to_global("Region", sibling.id),
        startsAt=iso(school, STARTS * 3),
        endsAt=iso(school, STARTS * 3 + LASTS),
    )
    may = await school.learner()

    by_region = await school.listed(school.admin, regionId=to_global("Region", sibling.id))
    page = await school.gql.data("OfflineClasses", {"first": 1}, by=may)
    cursor = page["offlineClasses"]["pageInfo"]["endCursor"]
    rest = await school.listed(may, after=cursor)
    everything = [each["id"] for each in await school.listed(school.admin)]
    clock.advance(STARTS + LASTS)
    later = [each["id"] for each in await school.listed(may)]
    past = await school.gql.ask('{ offlineClasses(from: "2026-03-01T00:00:00Z") { totalCount } }', by=may)

    assert [each["id"] for each in by_region] == [west]
    assert (page["offlineClasses"]["nodes"][0]["id"], [each["id"] for each in rest]) == (first, [second])
    assert everything == [first, second, west]
    assert later == [second]
    assert past["data"]["offlineClasses"]["totalCount"] == 2
