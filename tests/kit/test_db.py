"""kit/db.py"""

import pytest

from kit.db import execute, rows, transaction


async def test_a_transaction_that_raises_leaves_nothing(database: None) -> None:
    async def work() -> None:
        await execute("INSERT INTO outbox (topic, key, payload, recorded_at) VALUES ('t', 'k', '{}', now())")
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await transaction(work)

    assert await rows("SELECT * FROM outbox") == []
