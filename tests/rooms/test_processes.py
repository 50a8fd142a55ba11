"""Several web processes share a room through the bus, and no event is lost when the bus is, or a process dies."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kit.bus import Bus
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.settings import Settings
from kit.words import LiveStatus
from server.wiring import build_ports
from services import live_room
from services.ports import Ports
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events
from tests.world import World
from workers.relay import drain


@pytest.fixture
async def other(settings: Settings, ports: Ports) -> AsyncIterator[Gql]:
    """Another web process of the same academy."""
    async with build_ports(settings, clock=ports.clock) as built, Gql.over(built) as client:
        yield client


async def test_a_message_said_in_one_process_is_heard_in_the_other_at_once(
    gql: Gql, other: Gql, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.rooms.LOOK_SECONDS", 60.0)
    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as here, other.socket(room.seated[0]) as there:
        for socket in (here, there):
            socket.subscribe("1", ROOM, {"id": room.gid})
            await events(socket, 1)

        await room.chatter(5)
        heard = [await events(socket, 5) for socket in (here, there)]

    assert [each["seq"] for each in heard[0]] == [1, 2, 3, 4, 5]
    assert heard[0] == heard[1]


async def test_what_a_process_died_over_before_it_told_is_told_by_the_outbox(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.rooms.LOOK_SECONDS", 60.0)

    async def dies(*_: object) -> None:
        """Between the commit and the news."""

    monkeypatch.setattr("services.live_chat.tell_room", dies)
    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)
        await room.chatter(3)

        await drain(world.ports)
        heard = await events(socket, 3)

    assert [each["seq"] for each in heard] == [1, 2, 3]


async def test_what_the_bus_lost_is_found_by_looking(gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.rooms.LOOK_SECONDS", 0.05)

    async def lose(*_: object) -> None:
        """Nobody hears it, not even here."""

    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)
        monkeypatch.setattr(Bus, "publish_each", lose)
        await room.chatter(3)

        assert [each["seq"] for each in await events(socket, 3)] == [1, 2, 3]


async def test_who_comes_back_to_another_process_goes_on_without_a_gap_or_a_repetition(
    gql: Gql, other: Gql, world: World
) -> None:
    room = await Room.opened(world)
    seen: list[int] = []
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)
        await room.chatter(4)
        seen += [each["seq"] for each in await events(socket, 4)]
    await room.chatter(250)  # more than is read at once

    talking = asyncio.create_task(room.chatter(20))
    for client in (other, gql):
        async with client.socket(room.seated[0]) as socket:
            socket.subscribe("1", ROOM, {"id": room.gid, "after": seen[-1]})
            count = 200 if client is other else 274 - len(seen)
            seen += [each["seq"] for each in await events(socket, count)]
    await talking

    assert seen == list(range(1, 275))


async def test_followers_come_and_go_while_the_room_talks_and_each_misses_nothing(gql: Gql, world: World) -> None:
    room = await Room.opened(world)

    async def follow() -> list[int]:
        seen: list[int] = []
        while not seen or seen[-1] < 60:
            async with gql.socket(room.seated[0]) as socket:
                socket.subscribe("1", ROOM, {"id": room.gid, "after": seen[-1] if seen else 0})
                for _ in range(min(7, 60 - len(seen))):
                    seen += [each["seq"] for each in await events(socket, 1)]
        return seen

    *followers, _ = await asyncio.gather(*(follow() for _ in range(6)), room.chatter(60))

    for seen in followers:
        assert seen == list(range(1, 61))


async def test_the_database_may_be_away_for_a_moment(gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.rooms.LOOK_SECONDS", 0.05)
    room = await Room.opened(world)
    read, fails = live_room.rows.events_between, [True] * 3

    async def sometimes(*given: int) -> object:
        if fails:
            fails.pop()
            raise DomainError(ErrorCode.UNAVAILABLE, retry_after_seconds=1)
        return await read(*given)  # type: ignore[arg-type]

    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)
        monkeypatch.setattr("server.rooms.events_between", sometimes)
        await room.chatter(3)

        assert [each["seq"] for each in await events(socket, 3)] == [1, 2, 3]
    assert fails == []


async def test_a_status_is_told_in_the_transaction_that_moves_the_lesson(world: World) -> None:
    room = await Room.opened(world)

    await room.moves(LiveStatus.INTERRUPTED)
    await room.moves(LiveStatus.LIVE)
    found = await rows("SELECT kind, details ->> 'status' AS status FROM live_room_events ORDER BY seq")
    assert [tuple(each.values()) for each in found] == [
        ("STATUS_CHANGED", "INTERRUPTED"), ("STATUS_CHANGED", "LIVE"),
    ]  # fmt: skip
