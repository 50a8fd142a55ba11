import pytest

from kit.clock import FrozenClock
from services.ports import Ports
from tests.classes.school import School
from tests.gql import Gql
from tests.world import World


@pytest.fixture
async def school(ports: Ports, gql: Gql, world: World, clock: FrozenClock) -> School:
    return await School.open(ports, gql, world, clock)
