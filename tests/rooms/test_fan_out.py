"""One process, many followers: each event is executed once for all who ask the same, and everybody gets each number."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import LiveStatus
from models.accounts import Member
from models.sessions import Session
from server import rooms, sockets
from server.api import schema
from server.rooms import Rooms
from services.live_chat import remove_live_message
from services.live_room import room_feed
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events
from tests.sockets import Closed, TestSocket
from tests.world import World
from workers.relay import drain

FOLLOWERS = 200
PLAIN = "subscription ($id: ID!, $after: Int) { liveRoom(liveLessonId: $id, after: $after) { seq } }"


def rooms_of(gql: Gql) -> Rooms:
    found: Rooms = gql.app.state.sockets.rooms
    return found


def executions(gql: Gql) -> list[int]:
    return [group.executions for room in rooms_of(gql).rooms.values() for group in room.groups.values()]


async def test_two_hundred_followers_get_every_number_once_and_each_event_is_executed_once(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gql.ports.settings, "address_connections", FOLLOWERS)
    monkeypatch.setattr(sockets, "MOST_PER_MEMBER", FOLLOWERS)
    room = await Room.opened(world)
    token = await gql.token(room.seated[0])
    followers = [TestSocket(gql.app) for _ in range(FOLLOWERS)]
    for first in range(0, FOLLOWERS, 20):
        await asyncio.gather(*(_sits_down(each, token, room) for each in followers[first : first + 20]))

    said = await room.chatter(20)
    heard = await asyncio.gather(*(events(follower, 20, "an id of its own") for follower in followers))

    assert [message.seq for message in said] == list(range(1, 21))
    for found in heard:
        assert [each["seq"] for each in found] == list(range(1, 21))
    assert executions(gql) == [21]  # the state, and twenty messages
    for follower in followers:
        await follower.drop()
    assert rooms_of(gql).rooms == {}


async def _sits_down(follower: TestSocket, token: str, room: Room) -> None:
    await follower.__aenter__()
    await follower.init(token)
    follower.subscribe("an id of its own", ROOM, {"id": room.gid})
    await events(follower, 1, "an id of its own")


async def test_who_asks_otherwise_is_a_group_of_their_own(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    skipped = ROOM.replace("$after: Int", "$after: Int, $hide: Boolean = false").replace(
        "{ id displayName }", "{ id displayName @skip(if: $hide) }"
    )
    async with gql.socket(room.seated[0]) as one, gql.socket(room.host) as other, gql.socket(room.host) as third:
        one.subscribe("1", skipped, {"id": room.gid})
        other.subscribe("1", skipped, {"id": room.gid, "hide": True})
        third.subscribe("1", skipped, {"id": room.gid, "after": 0, "hide": False})
        await events(one, 1)
        await events(other, 1)
        await room.says(room.host)
        found = [(await events(each, 1))[0]["event"]["author"] for each in (one, other, third)]

        assert [sorted(author) for author in found] == [["displayName", "id"], ["id"], ["displayName", "id"]]
        assert sorted(executions(gql)) == [2, 2]


@pytest.mark.parametrize("after", [None, 0, 3])
async def test_the_shared_way_sends_the_very_frames_of_the_plain_way(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch, after: int | None
) -> None:
    room = await Room.opened(world)
    said = await room.chatter(5)
    await remove_live_message(room.ports, await room.actor(room.host), said[1].id)
    asked = ("1", ROOM, {"id": room.gid, "after": after})

    async with gql.socket(room.seated[0]) as shared, gql.socket(room.seated[0]) as plain:
        shared.subscribe(*asked)
        first = await shared.frame()
        monkeypatch.setattr(sockets, "room_ask", lambda *_: None)
        plain.subscribe(*asked)
        assert await plain.frame() == first
        await room.says(room.host, "“引号”和\\反斜杠")
        count = {None: 5, 0: 6, 3: 3}[after]
        frames = [[await socket.frame() for _ in range(count)] for socket in (shared, plain)]

    assert frames[0] == frames[1]
    assert "反斜杠" in frames[0][-1]
    assert first.startswith('{"id":"1","type":"next","payload":{"data":{"liveRoom":{"seq":')


@pytest.mark.parametrize(
    "given", [{"after": -1}, {"after": 2}, {"id": "nonsense"}, {"id": to_global("LiveLesson", "x")}]
)
async def test_the_shared_way_refuses_as_the_plain_way_does(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    room = await Room.opened(world)
    await room.chatter(1)
    refusals = []
    for way in ("shared", "plain"):
        if way == "plain":
            monkeypatch.setattr(sockets, "room_ask", lambda *_: None)
        async with gql.socket(room.seated[0]) as socket:
            socket.subscribe("1", ROOM, {"id": room.gid, **given})
            message = await socket.receive()
        assert message["type"] == "error"
        [error] = message["payload"]
        error["extensions"].pop("requestId")
        refusals.append(error)

    assert refusals[0] == refusals[1]
    assert refusals[0]["extensions"]["code"] == ("NOT_FOUND" if "id" in given else "BAD_USER_INPUT")


async def test_a_lesson_that_is_not_there_for_the_member_has_no_room(gql: Gql, world: World) -> None:
    room = await Room.opened(world, status=LiveStatus.DRAFT)
    stranger = await world.member()
    async with gql.socket(stranger) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})

        message = await socket.receive()

    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")


async def test_a_follower_who_reads_nothing_is_closed_and_the_others_go_on(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_WAITING", 4)
    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as slow, gql.socket(room.host) as quick:
        for socket in (slow, quick):
            socket.subscribe("1", ROOM, {"id": room.gid})
            await events(socket, 1)
        slow.stops_reading()

        await room.chatter(7)
        heard = await events(quick, 7)
        slow.reads_on()
        closed = await slow.closed()

    assert [each["seq"] for each in heard] == list(range(1, 8))
    assert (closed.code, closed.reason) == (1001, "Too slow")


async def test_a_follower_ends_with_their_token(gql: Gql, world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)

        clock.advance(timedelta(minutes=15))
        with pytest.raises(Closed) as closed:
            await socket.receive()

    assert closed.value.code == 4403


@pytest.mark.parametrize("cause", ["signed out", "suspended"])
async def test_a_follower_ends_soon_after_their_session(
    gql: Gql, world: World, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    monkeypatch.setattr(sockets, "REVOCATION_SECONDS", 0.0)
    room = await Room.opened(world)
    member = room.seated[0]
    async with gql.socket(member) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)

        if cause == "suspended":
            await Member.filter(id=member.id).update(suspended_at=world.ports.clock.now())
        else:
            await Session.filter(member_id=member.id).update(ended_at=world.ports.clock.now(), end_reason="SIGNED_OUT")

        assert (await socket.closed()).code == 4403


async def test_the_first_answer_says_what_all_of_it_cost(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    await room.chatter(1)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", PLAIN, {"id": room.gid})

        first, second = await socket.next(), await socket.next()

    assert set(first["extensions"]["cost"]) == {"requested", "remaining", "capacity", "refillPerSecond"}
    assert "extensions" not in second


async def test_a_room_whose_lesson_is_over_for_good_completes(gql: Gql, world: World) -> None:
    room = await Room.opened(world, status=LiveStatus.SCHEDULED)
    async with gql.socket(room.seated[0]) as early:
        early.subscribe("1", ROOM, {"id": room.gid})
        await events(early, 1)
        await room.moves(LiveStatus.CANCELLED)
        await drain(room.ports)
        [last] = await events(early, 1)
        assert await early.receive() == {"id": "1", "type": "complete"}
    assert last["event"] == {"__typename": "LiveStatusChanged", "status": "CANCELLED"}

    for after in (0, 1, None):
        async with gql.socket(room.seated[0]) as late:
            late.subscribe("1", ROOM, {"id": room.gid, "after": after})
            if after != 1:
                assert (await events(late, 1))[0]["seq"] == 1
            assert await late.receive() == {"id": "1", "type": "complete"}


def reachable(name: str) -> set[str]:
    """The object types that an answer of this type may hold."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        kind = schema.graphql_schema.type_map[waiting.pop()]
        if isinstance(kind, GraphQLUnionType):
            waiting += [each.name for each in kind.types]
        elif isinstance(kind, GraphQLObjectType) and kind.name not in found:
            found.add(kind.name)
            waiting += [get_named_type(field.type).name for field in kind.fields.values()]
    return found


def test_nothing_that_a_room_tells_knows_who_looks() -> None:
    told = reachable("LiveRoomUpdate")
    fields = {name: schema.graphql_schema.type_map[name].fields for name in told}  # type: ignore[attr-defined]

    assert {"LiveMessagePosted", "LivePollClosed", "LiveSpeaker"} <= told
    assert told & {"Member", "Viewer", "LiveMessage", "LivePoll", "LiveCheckIn", "LiveProduct", "LiveLesson"} == set()
    assert [name for name, kind in fields.items() for field in kind if field.lower().startswith("viewer")] == []
    assert [name for name, kind in fields.items() for field in kind.values() if field.args] == []


async def test_event_streams_share_with_the_sockets(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    headers = {"accept": "text/event-stream", "accept-language": "en"}
    headers["authorization"] = f"Bearer {await gql.token(room.seated[0])}"
    await room.chatter(2)
    await room.moves(LiveStatus.ENDED)
    await room.moves(LiveStatus.ARCHIVED)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid, "after": 0})
        heard = [orjson.loads(await socket.frame())["payload"] for _ in range(4)]

        body = {"query": ROOM, "variables": {"id": room.gid, "after": 0}}
        answer = await gql.http.post("/graphql", json=body, headers=headers)

    streamed = [orjson.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert set(streamed[0].pop("extensions")) == {"cost"}
    assert streamed == heard
    assert answer.text.endswith("event: complete\ndata:\n\n")


async def test_the_plain_feed_goes_on_from_a_number(world: World) -> None:
    room = await Room.opened(world)
    await room.chatter(3)
    feed = room_feed(room.ports, room.lesson_id, 1)

    assert [(await anext(feed)).seq for _ in range(2)] == [2, 3]
    await room.chatter(1)
    assert (await anext(feed)).seq == 4
    await feed.aclose()
