"""Seats: one for each member, waited for in order of arrival, and passed on in the moment they come free."""

from datetime import timedelta
from typing import Any

import pytest

from kit.clock import FrozenClock
from kit.db import transaction
from kit.ids import new_id, to_global
from kit.words import LiveStatus, NoticeKind, OutletTier, Role, SeatState
from models.accounts import Member
from models.live import LiveLesson, LiveSeat, locked_lesson
from models.notices import Notice
from services.live import move_live_lesson
from services.live_seats import give_up_all_seats
from services.ports import Ports
from tests.gql import Gql
from tests.live.plans import faults
from tests.live.seats import crowd, give_up, reserve, seats_are_right
from tests.world import World


@pytest.fixture
async def may(world: World) -> Member:
    return await world.learner()


def answer(payload: dict[str, Any]) -> tuple[object, object, object, object]:
    """What the reservation came to and what its lesson shows: place, seats left, has a seat, place."""
    lesson = payload["liveLesson"]
    kept = payload.get("reservation")
    return (
        (kept["state"], kept["waitlistPosition"]) if kept else None,
        lesson["seatsLeft"],
        lesson["viewerHasSeat"],
        lesson["viewerWaitlistPosition"],
    )


async def test_of_two_seats_the_third_waits_and_is_promoted_when_one_is_given_up(
    gql: Gql, world: World, clock: FrozenClock
) -> None:
    lesson = await world.live_lesson("旺季陈列", capacity=2)
    first, second, third = await crowd(world, 3)

    reserved = [answer(await reserve(gql, each, lesson)) for each in (first, second, third)]
    clock.advance(timedelta(minutes=5))
    left = answer(await give_up(gql, first, lesson))

    assert reserved == [
        (("SEATED", None), 1, True, None),
        (("SEATED", None), 0, True, None),
        (("WAITLISTED", 1), 0, False, 1),
    ]
    assert left == (None, 0, False, None)
    promoted = await LiveSeat.get(member_id=third.id)
    assert (promoted.state, promoted.seated_at) == (SeatState.SEATED, clock.now())
    notice = await Notice.get(kind=NoticeKind.LIVE_SEAT_PROMOTED)
    assert (notice.member_id, notice.object_id, notice.details["lesson"]) == (third.id, lesson.id, "旺季陈列")
    assert notice.details["starts"] == {"zh-CN": "3月3日12:00", "en": "3 March, 12:00"}
    await seats_are_right()


async def test_reserving_again_gives_the_same_answer(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson(capacity=1)
    seated, waits = await crowd(world, 2)

    first = [await reserve(gql, each, lesson) for each in (seated, waits)]
    again = [await reserve(gql, each, lesson) for each in (seated, waits)]

    assert again == first
    assert await LiveSeat.all().count() == 2
    await seats_are_right()


async def test_who_gave_up_and_comes_again_is_last(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson(capacity=1)
    first, second, third = await crowd(world, 3)
    for each in (first, second, third):
        await reserve(gql, each, lesson)

    await give_up(gql, second, lesson)
    again = await reserve(gql, second, lesson)

    assert answer(again) == (("WAITLISTED", 2), 0, False, 2)
    assert answer(await reserve(gql, third, lesson))[0] == ("WAITLISTED", 1)
    await seats_are_right()


async def test_a_place_on_the_waitlist_may_be_given_up_and_promotes_nobody(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson(capacity=1)
    first, second = await crowd(world, 2)
    await reserve(gql, first, lesson)
    await reserve(gql, second, lesson)

    left = await give_up(gql, second, lesson)

    assert answer(left) == (None, 0, False, None)
    assert (await LiveLesson.get(id=lesson.id)).seats_taken == 1
    assert await Notice.filter(kind=NoticeKind.LIVE_SEAT_PROMOTED).count() == 0


async def test_giving_up_what_one_has_not_changes_nothing(gql: Gql, world: World, may: Member) -> None:
    lesson = await world.live_lesson(capacity=1)

    left = await give_up(gql, may, lesson)

    assert (left["userErrors"], answer(left)) == ([], (None, 1, False, None))
    assert await LiveSeat.all().count() == 0


async def test_without_a_capacity_everybody_finds_room(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson()

    reserved = [answer(await reserve(gql, each, lesson)) for each in await crowd(world, 5)]

    assert reserved == [(("SEATED", None), None, True, None)] * 5
    await seats_are_right()


async def test_one_may_reserve_until_the_end(gql: Gql, world: World, clock: FrozenClock, may: Member) -> None:
    lesson = await world.live_lesson(status=LiveStatus.INTERRUPTED, starts_at=clock.now() - timedelta(minutes=59))

    assert answer(await reserve(gql, may, lesson))[0] == ("SEATED", None)


@pytest.mark.parametrize(
    "status",
    [LiveStatus.ENDED, LiveStatus.REPLAY_READY, LiveStatus.ARCHIVED, LiveStatus.CANCELLED, LiveStatus.EXPIRED],
)
async def test_after_the_end_nothing_is_reserved_or_given_up(
    gql: Gql, world: World, may: Member, status: LiveStatus
) -> None:
    lesson = await world.live_lesson(capacity=1)
    seated, other = await crowd(world, 2)
    await reserve(gql, seated, lesson)
    await LiveLesson.filter(id=lesson.id).update(status=status)

    refused = [await reserve(gql, other, lesson), await give_up(gql, seated, lesson)]

    assert [faults(each) for each in refused] == [[("STATE_FORBIDS", ["liveLessonId"])]] * 2
    assert [seat.state for seat in await LiveSeat.all()] == [SeatState.SEATED]


async def test_once_its_time_has_passed_without_it_nothing_is_reserved(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    lesson = await world.live_lesson(starts_at=clock.now() - timedelta(minutes=30), minutes=30)

    assert faults(await reserve(gql, may, lesson)) == [("CLOSED", ["liveLessonId"])]
    assert await LiveSeat.all().count() == 0


async def test_a_lesson_for_others_has_no_seat_and_is_not_there(gql: Gql, world: World, may: Member) -> None:
    others = await world.live_lesson(tiers=[OutletTier.NEW])
    nothing = LiveLesson(id=new_id())

    refused = [await reserve(gql, may, each) for each in (others, nothing)]

    assert [faults(each) for each in refused] == [[("NOT_FOUND", ["liveLessonId"])]] * 2
    assert await LiveSeat.all().count() == 0


async def test_looking_after_a_region_invites_nobody_and_a_host_needs_no_seat(gql: Gql, world: World) -> None:
    region = await world.region()
    lesson = await world.live_lesson(region=region)
    source = "mutation ($input: ReserveLiveSeatInput!) { reserveLiveSeat(input: $input) { reservation { id } } }"

    answers = [
        await gql.ask(source, {"input": {"liveLessonId": to_global("LiveLesson", lesson.id)}}, by=who)
        for who in (await world.staff(Role.SUPERVISOR, region), lesson.host_id)
    ]

    assert [each["errors"][0]["extensions"]["code"] for each in answers] == ["FORBIDDEN"] * 2
    assert await LiveSeat.all().count() == 0


async def test_ones_own_reservation_is_a_node_and_nobody_elses(gql: Gql, world: World) -> None:
    lesson = await world.live_lesson()
    mine, other = await crowd(world, 2)
    gid = (await reserve(gql, mine, lesson))["reservation"]["id"]
    source = "query ($id: ID!) { node(id: $id) { ... on LiveReservation { state } } }"

    found = [(await gql.ask(source, {"id": gid}, by=who))["data"]["node"] for who in (mine, other)]

    assert found == [{"state": "SEATED"}, None]


@pytest.mark.parametrize("end", [LiveStatus.CANCELLED, LiveStatus.EXPIRED])
async def test_a_lesson_that_will_not_take_place_gives_up_its_seats_and_tells_everybody(
    gql: Gql, ports: Ports, world: World, end: LiveStatus
) -> None:
    lesson = await world.live_lesson(capacity=1)
    seated, waits, left = await crowd(world, 3)
    for each in (seated, waits, left):
        await reserve(gql, each, lesson)
    await give_up(gql, left, lesson)

    async def work() -> None:
        held = await locked_lesson(lesson.id)
        assert held is not None
        await move_live_lesson(ports, held, end, cause="主讲人生病了")

    await transaction(work)

    assert {seat.state for seat in await LiveSeat.all()} == {SeatState.CANCELLED}
    ended = await LiveLesson.get(id=lesson.id)
    assert (ended.seats_taken, ended.schedule_version) == (0, 1)
    told = await Notice.filter(kind=NoticeKind.LIVE_LESSON_CANCELLED)
    assert {each.member_id for each in told} == {seated.id, waits.id}
    reason = (
        "主讲人生病了"
        if end is LiveStatus.CANCELLED
        else {"zh-CN": "主讲人未能按时开播", "en": "It could not begin in time"}
    )
    assert [each.details["reason"] for each in told] == [reason] * 2


async def test_who_leaves_the_academy_frees_the_seats_to_come(gql: Gql, ports: Ports, world: World) -> None:
    to_come, over = await world.live_lesson(capacity=1), await world.live_lesson(capacity=1)
    leaves, waits = await crowd(world, 2)
    for lesson in (to_come, over):
        await reserve(gql, leaves, lesson)
        await reserve(gql, waits, lesson)
    await LiveLesson.filter(id=over.id).update(status=LiveStatus.ENDED)

    await transaction(lambda: give_up_all_seats(ports, leaves.id))

    states = {(seat.lesson_id, seat.member_id): seat.state for seat in await LiveSeat.all()}
    assert (states[to_come.id, leaves.id], states[to_come.id, waits.id]) == (SeatState.CANCELLED, SeatState.SEATED)
    assert (states[over.id, leaves.id], states[over.id, waits.id]) == (SeatState.SEATED, SeatState.WAITLISTED)


async def test_a_page_of_lessons_shows_the_viewers_seats_in_two_questions(
    gql: Gql, world: World, clock: FrozenClock, may: Member
) -> None:
    lessons = [await world.live_lesson(starts_at=clock.now() + timedelta(days=day), capacity=1) for day in range(1, 4)]
    [other] = await crowd(world, 1)
    await reserve(gql, may, lessons[0])
    await reserve(gql, other, lessons[1])
    await reserve(gql, may, lessons[1])
    source = """query ($from: DateTime!, $to: DateTime!) { liveLessons(from: $from, to: $to) {
        nodes { seatsTaken seatsLeft viewerHasSeat viewerWaitlistPosition } } }"""
    asked = {"from": clock.now().isoformat(), "to": (clock.now() + timedelta(days=9)).isoformat()}

    page = (await gql.ask(source, asked, by=may))["data"]["liveLessons"]["nodes"]

    assert [tuple(each.values()) for each in page] == [(1, 0, True, None), (1, 0, False, 1), (0, 1, False, None)]
