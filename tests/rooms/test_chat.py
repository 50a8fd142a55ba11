"""Talking in a room: who may, how often, what, and what happens when many do so at once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from kit.clock import FrozenClock
from kit.db import rows, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import to_global
from kit.words import LiveMessageKind, LiveStatus, Role, SeatState
from models.audit import AuditEntry
from models.deletions import erase
from models.live import LiveLesson, LiveSeat
from services.live_attendance import join_live_lesson
from services.live_chat import (
    Post,
    mute_in_live_lesson,
    note_word_list,
    post_live_message,
    remove_live_message,
    set_live_slow_mode,
    tell_rooms_of_deletion,
    upvote_live_question,
)
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events, texts
from tests.world import World

POST = """
mutation ($input: PostLiveMessageInput!) {
  postLiveMessage(input: $input) { message { id seq text } userErrors { code field } }
}
"""
CHAT = """
query LiveChat($id: ID!, $first: Int = 100, $after: String) {
  liveLesson(id: $id) { id messages(first: $first, after: $after) {
    nodes { id kind text offsetSeconds author { id displayName } } pageInfo { hasNextPage endCursor } } }
}
"""


async def refused(work: object) -> DomainError:
    with pytest.raises(DomainError) as raised:
        await work  # type: ignore[misc]
    return raised.value


async def test_a_hundred_at_once_get_numbers_without_a_gap_in_one_order_for_all(gql: Gql, world: World) -> None:
    room = await Room.opened(world, seated=50)
    actors = [await room.actor(member) for member in room.seated]
    async with gql.socket(room.host) as one, gql.socket(room.seated[0]) as other:
        for socket in (one, other):
            socket.subscribe("1", ROOM, {"id": room.gid})
            await events(socket, 1)

        posts = [
            post_live_message(world.ports, actor, Post(room.lesson_id, LiveMessageKind.CHAT, f"{turn}", uuid4()))
            for actor in actors
            for turn in range(2)
        ]
        said = await asyncio.gather(*posts)
        heard = [await events(socket, 100) for socket in (one, other)]

    assert sorted(message.seq for message in said) == list(range(1, 101))
    assert await room.seqs() == list(range(1, 101))
    assert [each["seq"] for each in heard[0]] == list(range(1, 101))
    assert heard[0] == heard[1]
    by_id = {to_global("LiveMessage", message.id): message.seq for message in said}
    assert [by_id[each["event"]["id"]] for each in heard[0]] == list(range(1, 101))


async def test_the_same_client_id_is_the_same_message_also_at_once(world: World) -> None:
    room = await Room.opened(world)
    client_id = uuid4()

    said = await asyncio.gather(*(room.says(room.seated[0], "你好", client_id=client_id) for _ in range(10)))

    assert len({message.id for message in said}) == 1
    assert await room.seqs() == [1]


async def test_the_client_ids_of_two_members_are_their_own(world: World) -> None:
    room = await Room.opened(world, seated=2)
    client_id = uuid4()

    one, other = [await room.says(member, client_id=client_id) for member in room.seated]

    assert one.id != other.id


async def test_two_in_three_seconds_and_no_more_also_at_once(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)
    member = room.seated[0]

    outcomes = await asyncio.gather(*(room.says(member) for _ in range(8)), return_exceptions=True)

    refusals = [each for each in outcomes if isinstance(each, DomainError)]
    assert [(each.code, each.retry_after_seconds) for each in refusals] == [(ErrorCode.THROTTLED, 3)] * 6
    assert await room.seqs() == [1, 2]
    clock.advance(timedelta(seconds=2.9))
    assert (await refused(room.says(member))).retry_after_seconds == 1
    clock.advance(timedelta(seconds=0.1))
    assert (await room.says(member)).seq == 3


async def test_in_slow_mode_each_waits_for_their_own_turn_but_not_who_runs_the_room(
    world: World, clock: FrozenClock
) -> None:
    room = await Room.opened(world, seated=2)
    await set_live_slow_mode(world.ports, await room.actor(room.host), room.lesson_id, 30)

    await room.says(room.seated[0])
    await room.says(room.seated[1])
    refusal = await refused(room.says(room.seated[0]))
    for _ in range(5):
        await room.says(room.host)

    assert (refusal.code, refusal.retry_after_seconds) == (ErrorCode.THROTTLED, 30)
    clock.advance(timedelta(seconds=30))
    await room.says(room.seated[0])
    await set_live_slow_mode(world.ports, await room.actor(room.host), room.lesson_id, 0)
    await room.says(room.seated[0])
    assert [entry.action for entry in await AuditEntry.all()] == ["live_room.slowed"] * 2


async def test_who_is_muted_says_nothing_until_it_is_over_or_lifted(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world, seated=2)
    host, muted = await room.actor(room.host), room.seated[0]

    assert await mute_in_live_lesson(world.ports, host, room.lesson_id, muted.id, 60) is True
    refusal = await refused(room.says(muted))
    await room.says(room.seated[1])
    clock.advance(timedelta(seconds=60))
    await room.says(muted)

    assert refusal.code is ErrorCode.MUTED
    await mute_in_live_lesson(world.ports, host, room.lesson_id, muted.id, 600)
    assert await mute_in_live_lesson(world.ports, host, room.lesson_id, muted.id, 0) is False
    await room.says(muted)
    actions = [entry.action for entry in await AuditEntry.all().order_by("sequence")]
    assert actions == ["live_member.muted", "live_member.muted", "live_member.unmuted"]


async def test_nobody_mutes_the_host_or_a_stranger(world: World) -> None:
    room = await Room.opened(world)
    admin = await world.actor(await world.staff(Role.ADMIN, room.region))

    host = await refused(mute_in_live_lesson(world.ports, admin, room.lesson_id, room.host.id, 60))
    stranger = await refused(mute_in_live_lesson(world.ports, admin, room.lesson_id, (await world.member()).id, 60))

    assert (host.code, host.field) == (ErrorCode.STATE_FORBIDS, ("memberId",))
    assert (stranger.code, stranger.field) == (ErrorCode.NOT_FOUND, ("memberId",))


async def test_only_who_runs_the_room_keeps_order_in_it(world: World) -> None:
    room = await Room.opened(world, seated=2)
    said = await room.says(room.seated[0])
    learner = await room.actor(room.seated[1])
    elsewhere = await world.actor(await world.staff(Role.ADMIN, await world.region()))

    for actor, code in ((learner, ErrorCode.FORBIDDEN), (elsewhere, ErrorCode.NOT_FOUND)):
        await LiveLesson.filter(id=room.lesson_id).update(audience_tiers=["NEW"])
        for work in (
            remove_live_message(world.ports, actor, said.id),
            mute_in_live_lesson(world.ports, actor, room.lesson_id, room.seated[0].id, 60),
            set_live_slow_mode(world.ports, actor, room.lesson_id, 30),
        ):
            assert (await refused(work)).code is code

    assert await room.seqs() == [1]
    assert await AuditEntry.all().count() == 0


async def test_only_who_has_a_seat_or_joined_speaks_and_only_while_the_room_is_open(
    gql: Gql, world: World, clock: FrozenClock
) -> None:
    room = await Room.opened(world)
    passer_by = await world.learner(outlet=await world.outlet(region=room.region))

    assert (await refused(room.says(passer_by))).code is ErrorCode.STATE_FORBIDS
    for status, code in (
        (LiveStatus.DRAFT, ErrorCode.NOT_OPEN), (LiveStatus.ENDED, ErrorCode.CLOSED),
        (LiveStatus.CANCELLED, ErrorCode.CLOSED),
    ):  # fmt: skip
        await LiveLesson.filter(id=room.lesson_id).update(status=status)
        assert (await refused(room.says(room.host))).code is code
    clock.advance(-timedelta(minutes=17))
    await LiveLesson.filter(id=room.lesson_id).update(status=LiveStatus.SCHEDULED)
    assert (await refused(room.says(room.seated[0]))).code is ErrorCode.NOT_OPEN

    assert await room.seqs() == []


async def test_a_lesson_on_air_is_talked_in_beyond_its_planned_end(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)
    clock.advance(timedelta(hours=2))

    assert (await room.says(room.seated[0])).seq == 1
    await LiveLesson.filter(id=room.lesson_id).update(status=LiveStatus.SCHEDULED)
    assert (await refused(room.says(room.seated[0]))).code is ErrorCode.CLOSED


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 201, "a\u202eb", "a\u0007b", "\u200b", "\u200d\ufe0f"])
async def test_what_is_no_text_is_refused_and_nothing_is_said(gql: Gql, world: World, text: str) -> None:
    room = await Room.opened(world)

    given = {"liveLessonId": room.gid, "kind": "CHAT", "text": text, "clientId": str(uuid4())}
    answer = await gql.ask(POST, {"input": given}, by=room.seated[0])

    assert answer["data"]["postLiveMessage"]["userErrors"] == [{"code": "BAD_USER_INPUT", "field": ["text"]}]
    assert await room.seqs() == []


async def test_a_nul_never_reaches_the_room(gql: Gql, world: World) -> None:
    room = await Room.opened(world)

    given = {"liveLessonId": room.gid, "kind": "CHAT", "text": "a\0b", "clientId": str(uuid4())}
    answer = await gql.ask(POST, {"input": given}, by=room.seated[0])

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await room.seqs() == []


async def test_lines_become_one_and_emoji_stay_whole(world: World) -> None:
    room = await Room.opened(world)

    said = await room.says(room.seated[0], " 一家\n三口 👨\u200d👩\u200d👧  ❤\ufe0f ")

    assert said.text == "一家 三口 👨\u200d👩\u200d👧 ❤\ufe0f"


async def test_a_refused_word_is_not_said_and_the_file_is_read_again_without_a_restart(world: World) -> None:
    room = await Room.opened(world, seated=3)
    path = world.ports.settings.data_dir / "room-words.txt"
    try:
        assert (await refused(room.says(room.seated[0], "专业代 开发 票"))).code is ErrorCode.WORD_REFUSED
        await room.says(room.host, "有人代开发票，别信")
        path.write_text("# 本场\n冰镇西瓜\nＶＩＰ\n", encoding="utf-8")
        assert (await refused(room.says(room.seated[1], "冰 镇 西瓜"))).code is ErrorCode.WORD_REFUSED
        assert (await refused(room.says(room.seated[1], "加 v.i.p 群"))).code is ErrorCode.WORD_REFUSED
        await room.says(room.seated[1], "vipers 代开发票")
        await note_word_list(world.ports)
        await note_word_list(world.ports)
        path.unlink()
        assert (await refused(room.says(room.seated[2], "代开发票"))).code is ErrorCode.WORD_REFUSED
    finally:
        path.unlink(missing_ok=True)

    [entry] = await AuditEntry.all()
    assert (entry.action, entry.actor_id, entry.details["words"]) == ("live_words.changed", None, 2)


async def test_a_removed_message_is_told_and_never_read_again(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    said = [await room.says(room.host, text) for text in ("一", "坏话", "三")]
    gone = to_global("LiveMessage", said[1].id)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        assert texts(await events(socket, 4)) == ["一", "坏话", "三"]
        host = await room.actor(room.host)
        await asyncio.gather(*(remove_live_message(world.ports, host, said[1].id) for _ in range(5)))
        [told] = await events(socket, 1)
    assert (told["seq"], told["event"]) == (4, {"__typename": "LiveMessageRemoved", "id": gone})

    async with gql.socket(room.seated[0]) as late, gql.socket(room.seated[0]) as resumed:
        late.subscribe("1", ROOM, {"id": room.gid})
        resumed.subscribe("1", ROOM, {"id": room.gid, "after": 0})
        opening, whole = await events(late, 3), await events(resumed, 4)
    chat = await gql.ask(CHAT, {"id": room.gid}, by=room.seated[0])
    node = await gql.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": gone}, by=room.seated[0])

    assert texts(opening) == ["一", "三"]
    assert [each["seq"] for each in whole] == [1, 2, 3, 4]
    assert texts(whole) == ["一", "三"]
    assert whole[1]["event"] == {"__typename": "LiveMessageRemoved", "id": gone}
    assert [each["text"] for each in chat["data"]["liveLesson"]["messages"]["nodes"]] == ["一", "三"]
    assert node["data"]["node"] is None
    [entry] = await AuditEntry.all()
    assert entry.action == "live_message.removed"
    assert entry.details == {"title": "荔枝怎么卖", "member": str(room.host.id)}


async def test_up_votes_are_taken_back_and_never_lost_when_many_vote_at_once(world: World) -> None:
    room = await Room.opened(world, seated=12)
    asked = await room.says(room.host, "怎么保鲜？", question=True)
    actors = [await room.actor(member) for member in room.seated]

    await asyncio.gather(*(upvote_live_question(world.ports, actor, asked.id) for actor in actors))
    await asyncio.gather(*(upvote_live_question(world.ports, actors[0], asked.id) for _ in range(3)))
    last = await upvote_live_question(world.ports, actors[1], asked.id)

    [counted] = await rows("SELECT count(*) AS n FROM live_upvotes WHERE message_id = $1", asked.id)
    assert last.upvotes == counted["n"] == 10


async def test_only_a_question_that_is_there_is_up_voted(world: World) -> None:
    room = await Room.opened(world)
    chat, asked = await room.says(room.host), await room.says(room.host, "怎么保鲜？", question=True)
    learner = await room.actor(room.seated[0])
    await remove_live_message(world.ports, await room.actor(room.host), asked.id)

    assert (await refused(upvote_live_question(world.ports, learner, chat.id))).code is ErrorCode.STATE_FORBIDS
    assert (await refused(upvote_live_question(world.ports, learner, asked.id))).code is ErrorCode.NOT_FOUND


async def test_the_replay_reads_the_chat_page_by_page_in_its_own_time(
    gql: Gql, world: World, clock: FrozenClock
) -> None:
    room = await Room.opened(world)
    for number in range(5):
        await room.says(room.host, f"第{number}句")
        clock.advance(timedelta(seconds=10))

    found, after = [], None
    while True:
        answer = await gql.ask(CHAT, {"id": room.gid, "first": 2, "after": after}, by=room.seated[0])
        page = answer["data"]["liveLesson"]["messages"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert [each["text"] for each in found] == [f"第{number}句" for number in range(5)]
    assert [each["offsetSeconds"] for each in found] == [60, 70, 80, 90, 100]


async def test_time_that_was_not_on_air_does_not_count_in_the_replay(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)
    await rows("UPDATE live_airings SET until_at = $2 WHERE lesson_id = $1 RETURNING id", room.lesson_id, clock.now())
    clock.advance(timedelta(minutes=3))
    during = await room.says(room.host)
    await rows(
        "INSERT INTO live_airings (id, lesson_id, from_at) VALUES ($1, $2, $3) RETURNING id",
        uuid4(), room.lesson_id, clock.now(),
    )  # fmt: skip
    clock.advance(timedelta(seconds=30))

    assert (during.offset_seconds, (await room.says(room.host)).offset_seconds) == (60, 90)


async def test_what_happened_in_a_room_is_not_written_anew(world: World) -> None:
    room = await Room.opened(world)
    await room.says(room.host)

    for sql in ("UPDATE live_room_events SET seq = seq + 1", "DELETE FROM live_room_events"):
        with pytest.raises(Exception, match="not written anew"):
            await rows(f"{sql} RETURNING seq")
    assert await room.seqs() == [1]


async def test_what_a_member_said_goes_from_the_screens_with_their_account(gql: Gql, world: World) -> None:
    room = await Room.opened(world, seated=2)
    leaves, stays = room.seated
    said = [await room.says(who, text) for who, text in ((leaves, "我的电话"), (stays, "好"))]
    async with gql.socket(stays) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        assert texts(await events(socket, 3)) == ["我的电话", "好"]
        await transaction(lambda: erase(leaves.id, "nobody", world.ports.clock.now()))
        await asyncio.gather(*(tell_rooms_of_deletion(world.ports, leaves.id) for _ in range(3)))
        [told] = await events(socket, 1)
    chat = await gql.ask(CHAT, {"id": room.gid}, by=stays)

    gone = to_global("LiveMessage", said[0].id)
    assert told["event"] == {"__typename": "LiveMessageRemoved", "id": gone}
    assert await room.seqs() == [1, 2, 3]
    assert [each["text"] for each in chat["data"]["liveLesson"]["messages"]["nodes"]] == ["好"]


async def test_a_ticket_lets_one_speak_and_a_place_on_the_waitlist_does_not(world: World) -> None:
    room = await Room.opened(world, seated=2)
    waits = room.seated[0]
    await LiveSeat.filter(member_id=waits.id).update(state=SeatState.WAITLISTED, seated_at=None)
    gave_up = room.seated[1]
    cancelled = {"state": SeatState.CANCELLED, "cancelled_at": world.ports.clock.now()}
    await LiveSeat.filter(member_id=gave_up.id).update(**cancelled)
    joined = await world.learner(outlet=await world.outlet(region=room.region))
    await join_live_lesson(world.ports, await room.actor(joined), room.lesson_id, "device-1")

    assert (await refused(room.says(waits))).code is ErrorCode.STATE_FORBIDS
    assert (await refused(room.says(gave_up))).code is ErrorCode.STATE_FORBIDS
    assert (await room.says(joined)).seq == 1
    assert await room.seqs() == [1]
