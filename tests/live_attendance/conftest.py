from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from models.live import LiveLesson
from services.ports import Ports
from tests.gql import Gql
from tests.live_attendance.evening import Evening
from tests.world import World


@pytest.fixture
async def evening(ports: Ports, gql: Gql, world: World, clock: FrozenClock) -> Evening:
    lesson = await world.live_lesson(starts_at=clock.now(), points=30)
    ends_at = clock.now() + timedelta(seconds=100)
    await LiveLesson.filter(id=lesson.id).update(
        ends_at=ends_at, doors_open_at=clock.now(), doors_close_at=clock.now() + timedelta(hours=1)
    )
    return Evening(ports, gql, world, clock, lesson)
