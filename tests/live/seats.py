"""Reserving as the phone does it, and what must hold of the seats of every lesson at any time."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from kit.db import rows
from kit.ids import new_id, to_global
from kit.words import PostRole, SeatState
from models.accounts import Member
from models.live import LiveLesson, LiveSeat
from models.outlets import Post
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

T = TypeVar("T")

AT_ONCE = 100
"""How many of a crowd are under way at the same time: ten times what the pool of one process lets into the database."""


RESERVE = """
mutation ($input: ReserveLiveSeatInput!) {
  reserveLiveSeat(input: $input) {
    reservation { id state waitlistPosition }
    liveLesson { id seatsLeft viewerHasSeat viewerWaitlistPosition } userErrors { code message field }
  }
}
"""
GIVE_UP = """
mutation ($input: CancelLiveSeatInput!) {
  cancelLiveSeat(input: $input) {
    liveLesson { id seatsLeft viewerHasSeat viewerWaitlistPosition } userErrors { code message field }
  }
}
"""


async def reserve(gql: Gql, by: Member, lesson: LiveLesson) -> dict[str, Any]:
    return await _change(gql, RESERVE, by, lesson)


async def give_up(gql: Gql, by: Member, lesson: LiveLesson) -> dict[str, Any]:
    return await _change(gql, GIVE_UP, by, lesson)


async def _change(gql: Gql, source: str, by: Member, lesson: LiveLesson) -> dict[str, Any]:
    answer = await gql.ask(source, {"input": {"liveLessonId": to_global("LiveLesson", lesson.id)}}, by=by)
    assert "errors" not in answer, answer
    [payload] = answer["data"].values()
    return dict(payload)


async def crowd(world: World, size: int) -> list[Member]:
    """So many clerks of one outlet, who can be seen at it and no more."""
    outlet, now = await world.outlet(), world.ports.clock.now()
    members = [Member(id=new_id(), display_name=f"学员{number}", joined_at=now) for number in range(size)]
    await Member.bulk_create(members)
    await Post.bulk_create(
        [
            Post(id=new_id(), member_id=each.id, outlet=outlet, role=PostRole.CLERK, from_at=now, is_current=True)
            for each in members
        ]
    )
    return members


async def all_at_once(calls: Iterable[Awaitable[T]]) -> list[T]:
    """The answers of calls that race, in the order of the calls."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


async def seats_are_right() -> None:
    """Counters are those of the rows, no lesson is over capacity, and nobody waits beside a free seat."""
    for lesson in await LiveLesson.all():
        seats = await LiveSeat.filter(lesson_id=lesson.id)
        taken = sum(seat.state is SeatState.SEATED for seat in seats)
        waits = sum(seat.state is SeatState.WAITLISTED for seat in seats)
        assert lesson.seats_taken == taken
        assert lesson.capacity is None or taken <= lesson.capacity
        assert not waits or taken == lesson.capacity
        assert lesson.arrivals == max((seat.arrival for seat in seats), default=0)
    skipped = await rows(
        "SELECT w.lesson_id FROM live_seats w JOIN live_seats s ON s.lesson_id = w.lesson_id"
        " WHERE w.state = 'WAITLISTED' AND s.state = 'SEATED' AND s.arrival > w.arrival"
    )
    assert skipped == []


async def waitlist(ports: Ports, lesson: LiveLesson) -> list[LiveSeat]:
    """Who waits, in order of arrival."""
    return await LiveSeat.filter(lesson_id=lesson.id, state=SeatState.WAITLISTED).order_by("arrival")
