"""A worker that is told to stop in the middle of its work: what it has begun is finished or given back, never held."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from kit.clock import monotonic
from kit.db import leadership, rows
from services.board_building import check_boards
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.ports import Ports
from services.prizes import Win, pay_prizes
from tests.boards.story import answer, board, earn, learner, outlet, settle, shown, tree
from tests.faults.locks import held
from tests.faults.workers import Worker
from tests.prizes.test_prizes import accounts, win
from tests.process import PATIENCE_SECONDS
from tests.world import World

PAYING = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%prizes%'
"""


def worker_of(ports: Ports, data: Path) -> Worker:
    return Worker(
        data,
        {
            "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
            "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        },
    )


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.01)


async def announced() -> set[int]:
    """What waits for the boards."""
    return {row["id"] for row in await rows("SELECT id FROM outbox WHERE topic = 'member'")}


async def unclaimed() -> set[int]:
    """What of it any relay may take up now."""
    found = await rows("SELECT id FROM outbox WHERE topic = 'member' FOR UPDATE SKIP LOCKED")
    return {row["id"] for row in found}


async def leads() -> bool:
    """Whether nobody else leads the ticks."""
    async with leadership("scheduler") as question:
        return await question()


async def test_a_worker_that_waits_ends_well_and_gives_back_what_it_has_claimed(ports: Ports, tmp_path: Path) -> None:
    shop = await outlet(ports, (await tree()).stations[0])
    people = [await learner(ports, shop) for _ in range(3)]
    await check_boards(ports)
    worker = worker_of(ports, tmp_path / "data")

    async with held(ports.settings.database_url or "", "board_versions"):
        for points, who in enumerate(people, start=1):
            await earn(ports, who, points)
        waiting = await announced()
        await asyncio.to_thread(worker.start)

        async def claimed() -> bool:
            return not waiting & await unclaimed()

        await eventually(claimed)
        led = not await leads()
        code = await asyncio.to_thread(worker.stop)
        given_back = await unclaimed()
        left = await leads()
    await settle(ports)

    assert len(waiting) == 3
    assert led
    assert (code, left) == (0, True)
    assert given_back == waiting
    assert await announced() == set()
    places = [(who.id, points) for points, who in enumerate(people, start=1)]
    assert shown(await answer(ports, board(ports))) == places[::-1]
    assert [each for each in await verify_boards(ports) if not each.where.startswith("metric_days")] == []


async def test_a_payment_under_way_is_made_whole_or_not_at_all_and_never_twice(
    ports: Ports, world: World, tmp_path: Path
) -> None:
    people = [await world.learner() for _ in range(5)]
    await win(ports, *(Win(who.id, place, 10) for place, who in enumerate(people, start=1)))
    worker = worker_of(ports, tmp_path / "data")

    async with held(ports.settings.database_url or "", "ledger_entries"):
        await asyncio.to_thread(worker.start)

        async def pays() -> bool:
            return bool(await rows(PAYING))

        await eventually(pays)
        worker.process.terminate()
    code = await asyncio.to_thread(worker.process.wait, PATIENCE_SECONDS)
    between, found = await accounts(), await ledger_verify()
    paid = await pay_prizes(ports)

    whole = {who.id: (0, 10) for who in people}
    assert (code, found) == (0, [])
    assert between in ({}, whole)
    assert paid == len(whole) - len(between)
    assert await accounts() == whole
    assert await ledger_verify() == []
