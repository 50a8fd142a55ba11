"""kit/db.py"""

import pytest

from kit.db import rows, transaction
from services.outbox import announce


async def test_a_transaction_that_raises_leaves_nothing(database: None) -> None:
    async def work() -> None:
        await announce("topic", "key")
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await transaction(work)

    assert await rows("SELECT * FROM outbox") == []
