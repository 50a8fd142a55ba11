"""Seats under a rush: exact whatever comes at once, and fair."""

from dataclasses import replace
from datetime import datetime, timedelta

from auth.actor import Actor
from kit.clock import FrozenClock
from kit.ids import new_id
from kit.words import NoticeKind, SeatState
from models.accounts import Member
from models.live import LiveLesson, LiveSeat
from models.notices import Notice
from services.live_seats import cancel_live_seat, reserve_live_seat
from services.ports import Ports
from tests.gql import Gql
from tests.live.seats import all_at_once, crowd, reserve, seats_are_right, waitlist
from tests.world import World


class PassingClock(FrozenClock):
    """A microsecond goes by at every look."""

    def now(self) -> datetime:
        self.advance(timedelta(microseconds=1))
        return self.at


def acting(member: Member) -> Actor:
    return Actor(member.id, new_id(), ())


async def test_a_thousand_race_for_two_hundred_seats(ports: Ports, gql: Gql, world: World) -> None:
    lesson, members = await world.live_lesson(capacity=200), await crowd(world, 1_000)
    ports = replace(ports, clock=PassingClock(ports.clock.now()))

    seats = await all_at_once(reserve_live_seat(ports, acting(each), lesson.id) for each in members)

    assert sum(seat.state is SeatState.SEATED for seat in seats) == 200
    assert (await LiveLesson.get(id=lesson.id)).seats_taken == 200
    waits = await waitlist(ports, lesson)
    assert [seat.arrival for seat in waits] == list(range(201, 1_001))
    assert {seat.arrival for seat in seats if seat.state is SeatState.SEATED} == set(range(1, 201))
    in_order = await LiveSeat.filter(lesson_id=lesson.id).order_by("arrival")
    reserved_at = [seat.reserved_at for seat in in_order]
    assert reserved_at == sorted(set(reserved_at))  # who came first stands first, and no two at one moment
    last = await Member.get(id=waits[-1].member_id)
    assert (await reserve(gql, last, lesson))["reservation"]["waitlistPosition"] == 800
    await seats_are_right()


async def test_a_hundred_cancel_while_a_hundred_reserve(ports: Ports, world: World) -> None:
    lesson, members = await world.live_lesson(capacity=100), await crowd(world, 250)
    for each in members[:150]:
        await reserve_live_seat(ports, acting(each), lesson.id)
    first_waiting = [seat.member_id for seat in await waitlist(ports, lesson)]

    cancels = [cancel_live_seat(ports, acting(each), lesson.id) for each in members[:100]]
    reservations = [reserve_live_seat(ports, acting(each), lesson.id) for each in members[150:]]
    await all_at_once(call for pair in zip(cancels, reservations, strict=True) for call in pair)

    states = {seat.member_id: seat.state for seat in await LiveSeat.filter(lesson_id=lesson.id)}
    assert all(states[each.id] is SeatState.CANCELLED for each in members[:100])
    assert all(states[each] is SeatState.SEATED for each in first_waiting)
    assert sum(state is SeatState.SEATED for state in states.values()) == 100
    promoted = await Notice.filter(kind=NoticeKind.LIVE_SEAT_PROMOTED)
    assert set(first_waiting) <= {each.member_id for each in promoted}
    assert len({each.member_id for each in promoted}) == len(promoted)
    await seats_are_right()


async def test_one_member_who_reserves_many_times_at_once_has_one_seat(ports: Ports, world: World) -> None:
    lesson, [member] = await world.live_lesson(capacity=5), await crowd(world, 1)

    seats = await all_at_once(reserve_live_seat(ports, acting(member), lesson.id) for _ in range(50))

    assert len({(seat.id, seat.arrival, seat.state) for seat in seats}) == 1
    assert (await LiveLesson.get(id=lesson.id)).seats_taken == 1
    await seats_are_right()


async def test_one_member_who_reserves_and_cancels_at_once_keeps_the_books_right(ports: Ports, world: World) -> None:
    lesson, members = await world.live_lesson(capacity=1), await crowd(world, 3)

    await all_at_once(
        deed(ports, acting(member), lesson.id)
        for _ in range(15)
        for member in members
        for deed in (reserve_live_seat, cancel_live_seat)
    )

    await seats_are_right()
