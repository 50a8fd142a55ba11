"""kit/bus.py: messages between processes, and what is said when some may be lost."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.bus import RESYNC, Bus, Message
from kit.clock import monotonic
from kit.embedded import Valkey, socket_directory
from kit.errors import DomainError, ErrorCode
from kit.redis import open_redis
from kit.settings import Settings

Buses = tuple[Bus, Bus]


async def opened(url: str) -> Bus:
    bus = Bus(open_redis(url, blocking=True), prefix="test:")
    await bus.start()
    await bus.connected(5)
    return bus


@pytest.fixture
async def buses(settings: Settings) -> AsyncIterator[Buses]:
    """The buses of two processes."""
    assert settings.redis_url is not None
    one, other = await opened(settings.redis_url), await opened(settings.redis_url)
    yield one, other
    await one.close()
    await other.close()


async def next_of(messages: AsyncIterator[Message], seconds: float = 5.0) -> Message:
    async with asyncio.timeout(seconds):
        return await anext(messages)


async def test_a_message_reaches_both_processes_once(buses: Buses) -> None:
    one, other = buses
    async with one.listen("board:1") as here, other.listen("board:1") as there:
        await one.publish("board:1", {"moved": "阿May"})
        await one.publish("board:1", {"moved": "end"})

        for messages in (here, there):
            assert await next_of(messages) == {"moved": "阿May"}
            assert await next_of(messages) == {"moved": "end"}


async def test_a_listener_hears_its_channel_alone(buses: Buses) -> None:
    one, other = buses
    async with other.listen("member:1") as messages:
        await one.publish("member:2", {"for": "somebody else"})
        await one.publish("member:1", {"for": "me"})

        assert await next_of(messages) == {"for": "me"}


async def test_a_channel_is_left_and_entered_again(buses: Buses) -> None:
    one, other = buses
    for turn in range(5):
        async with other.listen("member:1") as messages:
            await one.publish("member:1", {"turn": turn})

            assert await next_of(messages) == {"turn": turn}


async def test_a_slow_listener_is_cut_off_and_others_go_on(buses: Buses) -> None:
    one, _ = buses
    async with one.listen("c", limit=2) as slow, one.listen("c") as quick:
        for number in range(3):
            await one.publish("c", {"number": number})

        with pytest.raises(DomainError) as refused:
            await next_of(slow)
        assert [await next_of(quick) for _ in range(3)] == [{"number": number} for number in range(3)]

    assert refused.value.code is ErrorCode.THROTTLED


async def test_while_valkey_is_away_the_own_process_hears_and_afterwards_all_look_again(tmp_path: Path) -> None:
    sockets = socket_directory(tmp_path)
    valkey = Valkey(tmp_path, sockets, durable=False).start()
    one, other = await opened(valkey.url()), await opened(valkey.url())
    try:
        async with one.listen("c") as here, other.listen("c") as there:
            valkey.stop()
            await one.publish("c", {"number": 1})
            assert await next_of(here) == {"number": 1}

            valkey.start()
            assert await next_of(there) == RESYNC
            assert await next_of(here) == RESYNC

            await one.publish("c", {"number": 2})
            while (heard := await next_of(there)) == RESYNC:
                pass
            assert heard == {"number": 2}
    finally:
        await one.close()
        await other.close()
        valkey.stop()
        sockets.rmdir()


async def test_what_a_process_could_not_send_makes_others_look_again(buses: Buses) -> None:
    one, other = buses
    async with other.listen("c") as messages:
        one._lost = True

        await one.publish("anything", {})

        assert await next_of(messages) == RESYNC


async def test_many_messages_reach_their_channels_on_one_trip(buses: Buses) -> None:
    one, other = buses
    async with other.listen("member:1") as first, other.listen("member:2") as second:
        await one.publish_each([("member:1", {"for": 1}), ("member:2", {"for": 2}), ("member:1", {"for": 3})])

        assert [await next_of(first), await next_of(first)] == [{"for": 1}, {"for": 3}]
        assert await next_of(second) == {"for": 2}


async def test_a_valkey_that_hangs_holds_up_many_messages_no_longer_than_one(tmp_path: Path) -> None:
    sockets = socket_directory(tmp_path)
    valkey = Valkey(tmp_path, sockets, durable=False).start()
    bus = await opened(valkey.url())
    waits: list[float] = []
    try:
        assert valkey.process is not None
        valkey.process.send_signal(signal.SIGSTOP)
        for count in (1, 100):
            started = monotonic()
            await bus.publish_each([("c", {"number": number}) for number in range(count)])
            waits.append(monotonic() - started)
    finally:
        valkey.process.send_signal(signal.SIGCONT)
        await bus.close()
        valkey.stop()
        sockets.rmdir()

    assert waits[1] < 5 * waits[0]


async def test_what_is_lost_beside_a_message_that_arrives_makes_others_look_again(buses: Buses) -> None:
    one, other = buses
    async with other.listen("c") as messages:
        sending = asyncio.create_task(one.publish("c", {"number": 1}))
        await asyncio.sleep(0)
        one._lost = True  # another message of this process, under way at the same time
        await sending
        assert await next_of(messages) == {"number": 1}

        await one.publish("anything", {})

        assert await next_of(messages) == RESYNC
