"""kit/buckets.py: a budget is never overdrawn, fills with time, and outlives Valkey."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from kit.buckets import MOST_KEPT, Bucket, Buckets, Taken
from kit.clock import FrozenClock
from kit.embedded import Valkey, socket_directory
from kit.redis import Redis, open_redis

SMALL = Bucket("small", 100, 10)
LARGE = Bucket("large", 1000, 10)


@pytest.fixture(params=["valkey", "own"])
def buckets(request: pytest.FixtureRequest, patient: Redis) -> Buckets:
    """Shared by all processes, and as one process keeps them for itself while Valkey is away: the same promises."""
    found = Buckets(patient)
    if request.param == "own":
        found._away_until = float("inf")
    return found


async def test_fifty_at_once_never_get_more_than_there_is(buckets: Buckets, clock: FrozenClock) -> None:
    taken = await asyncio.gather(*(buckets.take([SMALL], 7, clock.now()) for _ in range(50)))

    assert sum(each.wait_seconds is None for each in taken) == 100 // 7
    assert min(each.left[0] for each in taken) == 100 - 14 * 7


async def test_a_bucket_fills_with_time_and_no_further_than_its_brim(buckets: Buckets, clock: FrozenClock) -> None:
    assert await buckets.take([SMALL], 100, clock.now()) == Taken(None, (0,))
    assert await buckets.take([SMALL], 25, clock.now()) == Taken(3, (0,))

    clock.advance(timedelta(seconds=2))
    assert await buckets.take([SMALL], 25, clock.now()) == Taken(1, (20,))
    clock.advance(timedelta(milliseconds=500))
    assert await buckets.take([SMALL], 25, clock.now()) == Taken(None, (0,))
    clock.advance(timedelta(days=1))
    assert await buckets.take([SMALL], 1, clock.now()) == Taken(None, (99,))


async def test_all_pay_or_none(buckets: Buckets, clock: FrozenClock) -> None:
    assert await buckets.take([LARGE, SMALL], 60, clock.now()) == Taken(None, (940, 40))

    refused = await buckets.take([LARGE, SMALL], 60, clock.now())

    assert refused == Taken(2, (940, 40))
    assert await buckets.take([LARGE], 940, clock.now()) == Taken(None, (0,))


async def test_a_clock_that_stepped_back_locks_nobody_out(buckets: Buckets, clock: FrozenClock) -> None:
    await buckets.take([SMALL], 100, clock.now())
    clock.advance(timedelta(hours=-1))

    assert await buckets.take([SMALL], 10, clock.now()) == Taken(1, (0,))


async def test_a_full_bucket_takes_no_room(patient: Redis, clock: FrozenClock) -> None:
    await Buckets(patient).take([SMALL], 10, clock.now())

    [key] = await patient.keys("*")

    assert key == b"{budget}:small"
    assert 0 < await patient.pttl(key) <= 1001


async def test_without_valkey_a_process_keeps_budgets_and_asks_again(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 100.0
    monkeypatch.setattr("kit.buckets.monotonic", lambda: seconds)
    sockets = socket_directory(tmp_path)
    valkey = Valkey(tmp_path, sockets, durable=False).start()
    redis = open_redis(valkey.url())
    try:
        buckets = Buckets(redis)
        await buckets.take([SMALL], 100, clock.now())
        valkey.stop()

        assert await buckets.take([SMALL], 80, clock.now()) == Taken(None, (20,))
        assert await buckets.take([SMALL], 80, clock.now()) == Taken(6, (20,))

        valkey.start()
        assert await buckets.take([SMALL], 80, clock.now()) == Taken(6, (20,))
        seconds += 5.0
        assert await buckets.take([SMALL], 80, clock.now()) == Taken(None, (20,))
        assert await redis.keys("*") == [b"{budget}:small"]
    finally:
        await redis.aclose()
        valkey.stop()
        sockets.rmdir()


async def test_what_a_process_keeps_is_bounded(redis: Redis, clock: FrozenClock) -> None:
    buckets = Buckets(redis)
    buckets._away_until = float("inf")

    for number in range(MOST_KEPT + 10):
        await buckets.take([Bucket(str(number), 100, 10)], 100, clock.now())

    assert len(buckets._own) == MOST_KEPT
    assert await buckets.take([Bucket("0", 100, 10)], 100, clock.now()) == Taken(None, (0,))
