"""The life of a live lesson: every move and every deed stands in one table, and what is not there is refused."""

from datetime import timedelta
from itertools import pairwise

import pytest

from kit.clock import FrozenClock
from kit.db import transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import LiveStatus
from models.live import LiveLesson, LiveStep, locked_lesson
from services.live import move_live_lesson
from services.live_states import ALLOWED, FAILED, NEXT, Deed, allows, may_move
from services.ports import Ports
from tests.world import World


async def move(ports: Ports, lesson: LiveLesson, to: LiveStatus, cause: str = "a test") -> LiveLesson:
    async def work() -> LiveLesson:
        held = await locked_lesson(lesson.id)
        assert held is not None
        return await move_live_lesson(ports, held, to, cause=cause)

    return await transaction(work)


def test_every_state_and_every_deed_is_in_the_tables() -> None:
    assert set(NEXT) == set(LiveStatus)
    assert set(ALLOWED) == set(Deed)


def test_every_state_is_reached_from_a_draft_and_only_ends_lead_nowhere() -> None:
    reached, front = {LiveStatus.DRAFT}, {LiveStatus.DRAFT}
    while front:
        front = {after for before in front for after in NEXT[before]} - reached
        reached |= front

    assert reached == set(LiveStatus)
    assert {status for status in LiveStatus if not NEXT[status]} == FAILED | {LiveStatus.ARCHIVED}


def test_nothing_that_was_on_air_can_be_called_off() -> None:
    assert not any(
        may_move(status, end)
        for status in (LiveStatus.LIVE, LiveStatus.INTERRUPTED, LiveStatus.ENDED)
        for end in FAILED
    )


def test_a_lesson_that_failed_lets_nothing_be_done() -> None:
    assert not any(allows(status, deed) for status in FAILED for deed in Deed)


async def test_a_move_keeps_when_and_why(ports: Ports, world: World, clock: FrozenClock) -> None:
    lesson, first = await world.live_lesson(), clock.now()
    road = (LiveStatus.REHEARSAL, LiveStatus.LIVE, LiveStatus.INTERRUPTED, LiveStatus.LIVE, LiveStatus.ENDED)

    for status in road:
        clock.advance(timedelta(minutes=1))
        await move(ports, lesson, status, cause=f"now {status}")

    steps = await LiveStep.filter(lesson_id=lesson.id).order_by("id")
    assert [(each.status, each.cause) for each in steps] == [(status, f"now {status}") for status in road]
    assert all(before.at < after.at for before, after in pairwise(steps))
    moved = await LiveLesson.get(id=lesson.id)
    assert moved.status is LiveStatus.ENDED
    assert moved.started_at == first + timedelta(minutes=2)  # the first time on air stays
    assert moved.ended_at == first + timedelta(minutes=5)


async def test_to_the_state_it_is_in_nothing_happens(ports: Ports, world: World) -> None:
    lesson = await world.live_lesson(status=LiveStatus.LIVE)

    await move(ports, lesson, LiveStatus.LIVE)

    assert await LiveStep.all().count() == 0


@pytest.mark.parametrize("before", list(LiveStatus))
async def test_a_move_that_is_not_in_the_table_changes_nothing(ports: Ports, world: World, before: LiveStatus) -> None:
    lesson = await world.live_lesson(status=before)

    for after in set(LiveStatus) - NEXT[before] - {before}:
        with pytest.raises(DomainError) as refused:
            await move(ports, lesson, after)
        assert refused.value.code is ErrorCode.STATE_FORBIDS

    assert (await LiveLesson.get(id=lesson.id)).status is before
    assert await LiveStep.all().count() == 0


async def test_a_lesson_that_is_not_there_is_none(ports: Ports) -> None:
    assert await transaction(lambda: locked_lesson(new_id())) is None
