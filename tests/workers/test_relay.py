"""workers/relay.py: every announcement is applied at least once, and none holds up another."""

import asyncio
from collections.abc import Sequence

import pytest

from kit.db import execute, rows, transaction
from kit.errors import bad_input
from kit.tasks import end
from models.outbox import claim, count_waiting
from services.outbox import announce
from services.ports import Ports
from workers import relay
from workers.projectors import Change
from workers.relay import drain, relay_once, run_relay


class Seen:
    """A projector that remembers, and fails for the keys it is told to."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.failing: dict[str, Exception] = {}

    async def __call__(self, ports: Ports, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.key in self.failing:
                raise self.failing[change.key]
        self.changes += changes


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    projector = Seen()
    monkeypatch.setattr(relay, "PROJECTORS", {"seen": projector})
    return projector


async def say(*keys: str, **payload: object) -> None:
    async def work() -> None:
        for key in keys:
            await announce("seen", key, payload)

    await transaction(work)


async def test_what_is_announced_is_applied_and_forgotten(ports: Ports, seen: Seen) -> None:
    await say("a", award=1)

    assert await relay_once(ports) == 1

    assert seen.changes == [Change("a", ({"award": 1},))]
    assert await count_waiting() == 0
    assert await relay_once(ports) == 0


async def test_changes_of_one_key_are_merged_in_order(ports: Ports, seen: Seen) -> None:
    await say("a", award=1)
    await say("b", "a")
    await say("a", award=2)

    await drain(ports)

    assert seen.changes == [Change("a", ({"award": 1}, {"award": 2})), Change("b")]


async def test_what_was_rolled_back_is_never_applied(ports: Ports, seen: Seen) -> None:
    async def work() -> None:
        await announce("seen", "a")
        raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await transaction(work)

    assert await relay_once(ports) == 0


async def test_one_that_fails_waits_and_the_others_go_on(ports: Ports, seen: Seen) -> None:
    seen.failing["bad"] = bad_input()
    await say("a", "bad", "b")

    await relay_once(ports)

    assert [change.key for change in seen.changes] == ["a", "b"]
    [row] = await rows("SELECT key, tries, due_at > recorded_at AS later FROM outbox")
    assert row == {"key": "bad", "tries": 1, "later": True}


async def test_one_that_failed_is_tried_again(ports: Ports, seen: Seen) -> None:
    seen.failing["a"] = bad_input()
    await say("a")
    await relay_once(ports)
    seen.failing.clear()
    await execute("UPDATE outbox SET due_at = now()")

    await relay_once(ports)

    assert [change.key for change in seen.changes] == ["a"]
    assert await count_waiting() == 0


async def test_while_valkey_is_away_all_of_it_waits(ports: Ports, seen: Seen) -> None:
    seen.failing["b"] = ConnectionError("away")
    await say("a", "b", "c")

    await relay_once(ports)

    assert seen.changes == []
    assert [row["tries"] for row in await rows("SELECT tries FROM outbox")] == [1, 1, 1]


async def test_the_wait_between_tries_has_an_end(ports: Ports, seen: Seen) -> None:
    seen.failing["a"] = bad_input()
    await say("a")
    await execute("UPDATE outbox SET tries = 1000")

    await relay_once(ports)

    [row] = await rows("SELECT due_at - now() <= interval '5 seconds' AS soon FROM outbox")
    assert row["soon"]


async def test_two_relays_share_the_work_and_repeat_none(ports: Ports, seen: Seen) -> None:
    await say(*(f"k{number}" for number in range(40)))

    await asyncio.gather(*(relay_once(ports, limit=10) for _ in range(4)))

    assert sorted(change.key for change in seen.changes) == sorted(f"k{number}" for number in range(40))
    assert await count_waiting() == 0


async def test_what_a_move_announces_is_taken_up_without_a_rest(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = asyncio.Event()

    async def pass_on(ports: Ports, changes: Sequence[Change]) -> None:
        await transaction(lambda: announce("second", "a"))

    async def arrive(ports: Ports, changes: Sequence[Change]) -> None:
        arrived.set()

    monkeypatch.setattr(relay, "PROJECTORS", {"first": pass_on, "second": arrive})
    monkeypatch.setattr(relay, "IDLE_SECONDS", 3600)
    await transaction(lambda: announce("first", "a"))

    running = asyncio.create_task(run_relay(ports))

    async with asyncio.timeout(10):
        await arrived.wait()
    await end(running)


async def test_what_a_relay_held_when_it_died_is_taken_by_the_next(ports: Ports, seen: Seen) -> None:
    await say("a")

    async def die_holding() -> None:
        async with claim(10) as held:
            assert [row.key for row in held.found] == ["a"]
            async with claim(10) as other:
                assert other.found == []
            raise ValueError("died")

    with pytest.raises(ValueError, match="died"):
        await die_holding()
    await relay_once(ports)

    assert [change.key for change in seen.changes] == ["a"]
