"""Seats: as many as there are, then a waitlist in order of arrival that moves up by itself, however they come."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from kit.ids import to_global
from kit.words import Role
from models.classes import ClassAttendance, seats_of_member
from services.class_plans import settle_classes
from services.classes import sign_up_for_class
from services.outlets import set_current_outlet
from tests.classes.school import LASTS, School, faults, row_id

SEATED = {"state": "SEATED", "waitlistPosition": None}


async def test_a_free_seat_is_taken_and_the_class_says_so(school: School) -> None:
    class_id, may = await school.scheduled(), await school.learner()

    payload = await school.sign_up(may, class_id)

    assert payload["seat"] == SEATED
    assert payload["offlineClass"] == {"id": class_id, "seatsLeft": 29, "viewerSeat": SEATED}
    [listed] = await school.listed(may)
    assert (listed["seatsLeft"], listed["viewerSeat"], listed["status"]) == (29, SEATED, "SCHEDULED")


async def test_signing_up_again_gives_the_same_answer(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)

    again = [await school.sign_up(each, class_id) for each in (waiting, seated, waiting)]

    assert [each["seat"]["state"] for each in again] == ["WAITLISTED", "SEATED", "WAITLISTED"]
    assert [each["seat"]["waitlistPosition"] for each in again] == [1, None, 1]
    assert await school.seats(class_id) == {seated.id: "SEATED", waiting.id: "WAITLISTED"}


async def test_who_leaves_gives_the_seat_to_the_first_who_waits_in_the_same_moment(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, first, second] = await school.signed_up(class_id, 3)

    payload = await school.leave(seated, class_id)

    assert payload["offlineClass"] == {
        "id": class_id, "seatsLeft": 0, "viewerSeat": {"state": "CANCELLED", "waitlistPosition": None},
    }  # fmt: skip
    assert await school.seats(class_id) == {seated.id: "CANCELLED", first.id: "SEATED", second.id: "WAITLISTED"}
    assert (await school.sign_up(second, class_id))["seat"]["waitlistPosition"] == 1
    [(kind, text)] = await school.told(first)
    assert (kind, "陈列实操" in text or "A seat in" in text) == ("CLASS_SEAT_GAINED", True)
    assert await school.told(second) == await school.told(seated) == []


async def test_who_leaves_and_comes_again_goes_to_the_end(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, first, second] = await school.signed_up(class_id, 3)
    await school.leave(first, class_id)

    again = await school.sign_up(first, class_id)
    await school.leave(seated, class_id)

    assert again["seat"] == {"state": "WAITLISTED", "waitlistPosition": 2}
    assert await school.seats(class_id) == {seated.id: "CANCELLED", second.id: "SEATED", first.id: "WAITLISTED"}


async def test_who_is_promoted_a_second_time_is_told_a_second_time(school: School) -> None:
    class_id = await school.scheduled(capacity=1)
    [seated, waiting] = await school.signed_up(class_id, 2)
    await school.leave(seated, class_id)
    await school.sign_up(seated, class_id)
    await school.leave(waiting, class_id)
    await school.sign_up(waiting, class_id)

    await school.leave(seated, class_id)

    assert [kind for kind, _ in await school.told(waiting)] == ["CLASS_SEAT_GAINED"] * 2


async def test_leaving_what_one_has_not_signed_up_for_changes_nothing(school: School) -> None:
    class_id, may = await school.scheduled(), await school.learner()

    payload = await school.leave(may, class_id)

    assert payload["offlineClass"] == {"id": class_id, "seatsLeft": 30, "viewerSeat": None}
    assert (payload["userErrors"], await school.seats(class_id)) == ([], {})


async def test_a_hundred_at_once_for_thirty_seats_are_thirty_and_a_waitlist_in_order(school: School) -> None:
    class_id = await school.scheduled()
    actors = [await school.world.actor(await school.learner(f"学员{n}")) for n in range(100)]

    await asyncio.gather(*(sign_up_for_class(school.ports, each, row_id(class_id)) for each in actors))

    assert list((await school.seats(class_id)).values()) == ["SEATED"] * 30 + ["WAITLISTED"] * 70
    seats = [(await seats_of_member(each.member_id, [row_id(class_id)]))[0] for each in actors]
    assert Counter(each.state for each in seats if each) == {"SEATED": 30, "WAITLISTED": 70}
    assert sorted(each.waitlist_position for each in seats if each and each.waitlist_position) == [*range(1, 71)]


async def test_leaving_and_signing_up_at_once_never_seats_too_many_and_passes_nobody_over(school: School) -> None:
    class_id = await school.scheduled(capacity=10)
    early = await school.signed_up(class_id, 30)
    late = [await school.learner(f"后来{n}") for n in range(20)]
    leaving, coming = [early[n] for n in range(0, 30, 2)], late

    work = [school.leave(each, class_id) for each in leaving] + [school.sign_up(each, class_id) for each in coming]
    answers = await asyncio.gather(*work)

    assert all(answer["userErrors"] == [] for answer in answers)
    seats = await school.seats(class_id)
    assert {seats[each.id] for each in leaving} == {"CANCELLED"}
    held = [state for state in seats.values() if state != "CANCELLED"]
    assert held == ["SEATED"] * 10 + ["WAITLISTED"] * 25


async def test_the_same_learner_at_once_has_one_seat(school: School) -> None:
    class_id, may = await school.scheduled(), await school.learner()

    answers = await asyncio.gather(*(school.sign_up(may, class_id) for _ in range(20)))

    assert {str(answer["seat"]) for answer in answers} == {str(SEATED)}
    assert (await school.row(class_id)).arrivals == 1


async def test_seats_are_given_and_given_up_until_it_begins(school: School) -> None:
    class_id = await school.scheduled()
    [seated] = await school.signed_up(class_id)
    last, late = await school.learner(), await school.learner()
    await school.begins(class_id, -timedelta(microseconds=1))
    in_time = await school.sign_up(last, class_id)
    await school.begins(class_id)

    refused = [await school.sign_up(late, class_id), await school.leave(seated, class_id)]

    assert in_time["seat"] == SEATED
    assert [faults(each) for each in refused] == [[("CLOSED", ["offlineClassId"])]] * 2
    assert await school.seats(class_id) == {seated.id: "SEATED", last.id: "SEATED"}


async def test_a_class_that_was_called_off_takes_and_gives_nothing(school: School) -> None:
    class_id = await school.scheduled()
    [seated] = await school.signed_up(class_id)
    await school.cancel(class_id)

    refused = [await school.sign_up(await school.learner(), class_id), await school.leave(seated, class_id)]

    assert [faults(each) for each in refused] == [[("STATE_FORBIDS", ["offlineClassId"])]] * 2
    assert await school.seats(class_id) == {seated.id: "SEATED"}


async def test_only_the_regions_learners_sign_up_and_others_do_not_know_of_it(school: School) -> None:
    class_id = await school.scheduled()
    abroad = await school.learner("远方", await school.world.region("外站"))
    supervisor = await school.world.staff(Role.SUPERVISOR, school.station)
    unknown = [to_global("OfflineClass", uuid4()), to_global("Course", uuid4()), "x"]

    hidden = await school.sign_up(abroad, class_id)
    staff = [await school.refused("SignUpForClass", each, offlineClassId=class_id) for each in (
        supervisor, school.trainer, school.admin,
    )]  # fmt: skip
    missing = [await school.sign_up(await school.learner(), each) for each in unknown]

    assert [faults(each) for each in (hidden, *missing)] == [[("NOT_FOUND", ["offlineClassId"])]] * 4
    assert staff == ["FORBIDDEN"] * 3
    assert await school.seats(class_id) == {}


async def test_who_moves_to_another_region_keeps_the_seat_and_still_sees_the_class(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    abroad = await school.world.outlet(region=await school.world.region("外站"))
    await school.world.post(may, abroad)
    await set_current_outlet(school.ports, await school.world.actor(may), abroad.id)

    [listed] = await school.listed(may)
    again = await school.refused("SignUpForClass", may, offlineClassId=class_id)

    assert (listed["id"], listed["viewerSeat"]) == (class_id, SEATED)
    assert again == "FORBIDDEN"
    assert (await school.leave(may, class_id))["userErrors"] == []


@pytest.mark.parametrize("stars", [0, 6, -1, 2**31 - 1])
async def test_stars_are_one_to_five(school: School, stars: int) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    await school.check_in(may, await school.payload(class_id))

    payload = await school.rate(may, class_id, stars)

    assert (payload["rated"], faults(payload)) == (None, [("BAD_USER_INPUT", ["stars"])])


async def test_a_class_is_rated_from_its_end_on_and_no_sooner(school: School) -> None:
    class_id = await school.scheduled()
    [may] = await school.signed_up(class_id)
    await school.begins(class_id)
    await school.check_in(may, await school.payload(class_id))

    at_the_door = await school.rate(may, class_id)
    await school.begins(class_id, LASTS - timedelta(microseconds=1))
    just_before = await school.rate(may, class_id)
    kept = [(row.stars, row.rated_at) for row in await ClassAttendance.all()]
    await school.begins(class_id, LASTS)
    over = await school.rate(may, class_id)

    assert faults(at_the_door) == faults(just_before) == [("NOT_OPEN", ["offlineClassId"])]
    assert kept == [(None, None)]
    assert over["rated"] is True


async def test_who_was_there_rates_and_may_change_it(school: School) -> None:
    class_id = await school.scheduled()
    [may, li, absent] = await school.signed_up(class_id, 3)
    await school.begins(class_id)
    early = await school.rate(may, class_id)
    for each in (may, li):
        await school.check_in(each, await school.payload(class_id))
    await school.begins(class_id, LASTS)
    await settle_classes(school.ports)

    rated = [await school.rate(may, class_id, 2), await school.rate(li, class_id, 4, " 很实用 ")]
    changed = await school.rate(may, class_id, 5)
    refused = [await school.rate(each, class_id) for each in (absent, await school.learner())]
    long = await school.rate(li, class_id, 1, "很" * 501)

    assert faults(early) == [("STATE_FORBIDS", ["offlineClassId"])]
    assert [each["rated"] for each in (*rated, changed)] == [True] * 3
    assert [faults(each) for each in refused] == [[("STATE_FORBIDS", ["offlineClassId"])]] * 2
    assert faults(long) == [("BAD_USER_INPUT", ["comment"])]
    source = (
        "query ($id: ID!) { offlineClass(id: $id) { rating { average count } viewerAttendance { stars comment }"
        " attendance { nodes { stars comment } } } }"
    )
    seen = (await school.gql.ask(source, {"id": class_id}, by=school.trainer))["data"]["offlineClass"]
    assert seen["rating"] == {"average": 4.5, "count": 2}
    assert [tuple(node.values()) for node in seen["attendance"]["nodes"]] == [(5, ""), (4, "很实用"), (None, "")]
    mine = (await school.gql.ask(source, {"id": class_id}, by=li))["data"]["offlineClass"]
    assert (mine["viewerAttendance"], mine["attendance"]) == ({"stars": 4, "comment": "很实用"}, None)
