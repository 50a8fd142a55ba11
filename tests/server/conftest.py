from uuid import UUID

import pytest

from kit.ids import new_id
from models.accounts import Member
from services.ports import Ports


@pytest.fixture
async def member(ports: Ports) -> UUID:
    """Somebody who can sign in; these tests need no more of them."""
    row = await Member.create(id=new_id(), display_name="阿May", joined_at=ports.clock.now())
    return row.id
