"""Following a room: the last messages and what is open, then everything, each number once, without a gap."""

from services.live_room import tell_audience
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events, texts
from tests.world import World


async def test_who_comes_in_is_told_the_state_and_the_last_fifty_messages(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    await room.chatter(53)

    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        found = await events(socket, 51)
        await room.says(room.host, "接着讲")
        found += await events(socket, 1)

    assert found[0]["event"] == {"__typename": "LiveStatusChanged", "status": "LIVE"}
    assert [each["seq"] for each in found] == [0, *range(4, 55)]
    assert texts(found) == [f"第{number}句" for number in range(4, 54)] + ["接着讲"]
    assert found[-1]["offsetSeconds"] == 60


async def test_the_audience_is_told_when_it_has_changed_and_not_before(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)

        for watching in (3, 3, 0, 7):
            await tell_audience(world.ports, room.lesson_id, watching)
        told = await events(socket, 3)
    async with gql.socket(room.seated[0]) as late:
        late.subscribe("1", ROOM, {"id": room.gid})
        opening = await events(late, 2)

    assert [each["event"] for each in told] == [
        {"__typename": "LiveAudienceChanged", "watching": watching} for watching in (3, 0, 7)
    ]
    assert [each["seq"] for each in opening] == [0, 3]
