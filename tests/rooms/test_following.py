"""Following a room: the last messages and what is open, then everything, each number once, without a gap."""

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
