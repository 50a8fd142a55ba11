"""Polls and check-ins: one at a time, in time, once each, also when many answer at once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.ids import to_global
from kit.words import LiveStatus
from models.live import LiveLesson
from models.live_asks import PollRow, answers_by_member, count_check_ins, options_of
from services.live_asks import (
    PollPlan,
    answer_live_check_in,
    ask_live_check_in,
    close_live_polls,
    open_live_poll,
    vote_in_live_poll,
)
from tests.gql import Gql
from tests.rooms.room import ROOM, Room, events
from tests.rooms.test_chat import refused
from tests.world import World

VOTE = """
mutation VoteInLivePoll($input: VoteInLivePollInput!) {
  voteInLivePoll(input: $input) { poll { id options { id text votes } viewerVote } userErrors { code message field } }
}
"""
OPEN = """
mutation OpenLivePoll($input: OpenLivePollInput!) {
  openLivePoll(input: $input) { poll { id } userErrors { code field } }
}
"""


async def opened(room: Room, *options: str, multiple: bool = False, seconds: int = 60) -> tuple[PollRow, list[UUID]]:
    plan = PollPlan(room.lesson_id, "明天卖什么？", options or ("荔枝", "龙眼"), seconds, multiple)
    poll = await open_live_poll(room.ports, await room.actor(room.host), plan)
    [found] = await options_of([poll.id])
    return poll, [each.id for each in found]


async def votes(poll_id: UUID) -> list[int]:
    return [each.votes for each in (await options_of([poll_id]))[0]]


async def test_a_poll_is_told_voted_in_and_closed_by_itself_with_its_result(
    gql: Gql, world: World, clock: FrozenClock
) -> None:
    room = await Room.opened(world, seated=2)
    async with gql.socket(room.seated[0]) as socket:
        socket.subscribe("1", ROOM, {"id": room.gid})
        await events(socket, 1)
        given = {"liveLessonId": room.gid, "question": "明天卖什么？", "options": ["荔枝", "龙眼"], "seconds": 60}
        made = (await gql.ask(OPEN, {"input": given}, by=room.host))["data"]["openLivePoll"]
        [told] = await events(socket, 1)
        poll = told["event"]["poll"]
        choice = {"pollId": poll["id"], "optionIds": [poll["options"][1]["id"]]}
        voted = (await gql.ask(VOTE, {"input": choice}, by=room.seated[0]))["data"]["voteInLivePoll"]
        await close_live_polls(world.ports)
        clock.advance(timedelta(seconds=60))
        await asyncio.gather(*(close_live_polls(world.ports) for _ in range(3)))
        [result] = await events(socket, 1)
        late = (await gql.ask(VOTE, {"input": choice}, by=room.seated[1]))["data"]["voteInLivePoll"]

    assert made["poll"]["id"] == poll["id"]
    assert (poll["question"], [each["text"] for each in poll["options"]]) == ("明天卖什么？", ["荔枝", "龙眼"])
    assert [each["votes"] for each in voted["poll"]["options"]] == [0, 1]
    assert voted["poll"]["viewerVote"] == choice["optionIds"]
    assert [each["votes"] for each in result["event"]["poll"]["options"]] == [0, 1]
    assert await room.seqs() == [1, 2]
    assert [each["code"] for each in late["userErrors"]] == ["CLOSED"]


async def test_who_comes_in_is_told_of_an_open_poll_and_check_in_and_not_of_closed_ones(
    gql: Gql, world: World, clock: FrozenClock
) -> None:
    room = await Room.opened(world)
    await opened(room)
    await ask_live_check_in(world.ports, await room.actor(room.host), room.lesson_id, 90)

    kinds = []
    for _ in range(3):
        async with gql.socket(room.seated[0]) as socket:
            socket.subscribe("1", ROOM, {"id": room.gid})
            last = await room.says(room.host)
            found = []
            while not found or found[-1]["seq"] != last.seq:
                found += await events(socket, 1)
        told = [each["event"]["__typename"] for each in found]
        kinds.append([each for each in told if each != "LiveMessagePosted"])
        clock.advance(timedelta(seconds=60))

    assert kinds == [
        ["LiveStatusChanged", "LivePollOpened", "LiveCheckInAsked"],
        ["LiveStatusChanged", "LiveCheckInAsked"],
        ["LiveStatusChanged"],
    ]


async def test_every_vote_is_counted_once_when_all_vote_at_once(world: World) -> None:
    room = await Room.opened(world, seated=20)
    poll, options = await opened(room)
    actors = [await room.actor(member) for member in room.seated]

    async def vote(turn: int) -> None:
        actor = actors[turn % 20]
        await vote_in_live_poll(world.ports, actor, poll.id, [options[turn % 2]])

    await asyncio.gather(*(vote(turn) for turn in range(60)))

    [counted] = await rows("SELECT count(*) AS n FROM live_votes WHERE poll_id = $1", poll.id)
    assert (await votes(poll.id), counted["n"]) == ([10, 10], 20)


async def test_votes_that_race_with_the_closing_are_in_the_result_or_refused(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world, seated=20)
    poll, options = await opened(room)
    actors = [await room.actor(member) for member in room.seated]

    async def close() -> None:
        clock.advance(timedelta(seconds=60))
        await close_live_polls(world.ports)

    half = [vote_in_live_poll(world.ports, actor, poll.id, [options[0]]) for actor in actors[:10]]
    rest = [vote_in_live_poll(world.ports, actor, poll.id, [options[0]]) for actor in actors[10:]]
    outcomes = await asyncio.gather(*half, close(), *rest, return_exceptions=True)

    refusals = [each for each in outcomes if isinstance(each, DomainError)]
    assert {each.code for each in refusals} <= {ErrorCode.CLOSED}
    [told] = await rows(
        "SELECT (details #>> '{options,0,votes}')::int AS votes FROM live_room_events WHERE kind = 'POLL_CLOSED'"
    )
    assert await votes(poll.id) == [told["votes"], 0]
    assert told["votes"] == 20 - len(refusals)


async def test_one_votes_once_the_same_again_is_the_same_and_another_choice_is_refused(world: World) -> None:
    room = await Room.opened(world)
    poll, options = await opened(room)
    learner = await room.actor(room.seated[0])

    await vote_in_live_poll(world.ports, learner, poll.id, [options[0]])
    await vote_in_live_poll(world.ports, learner, poll.id, [options[0]])
    refusal = await refused(vote_in_live_poll(world.ports, learner, poll.id, [options[1]]))

    assert refusal.code is ErrorCode.ALREADY_DONE
    assert await votes(poll.id) == [1, 0]


async def test_several_options_only_where_the_poll_lets_one(world: World) -> None:
    room = await Room.opened(world)
    learner = await room.actor(room.seated[0])
    poll, options = await opened(room, "荔枝", "龙眼", "芒果")
    for chosen in ([], [options[0], options[1]], [options[0], options[0]]):
        refusal = await refused(vote_in_live_poll(world.ports, learner, poll.id, chosen))
        assert (refusal.code, refusal.field) == (ErrorCode.BAD_USER_INPUT, ("optionIds",))
    await rows("UPDATE live_polls SET closes_at = opened_at + interval '1 second', closed_at = opened_at RETURNING id")

    many, choices = await opened(room, "荔枝", "龙眼", "芒果", multiple=True)
    foreign = await refused(vote_in_live_poll(world.ports, learner, many.id, [choices[0], options[1]]))
    await vote_in_live_poll(world.ports, learner, many.id, [choices[2], choices[0]])

    assert (foreign.code, foreign.field) == (ErrorCode.NOT_FOUND, ("optionIds", "1"))
    assert await votes(poll.id) == [0, 0, 0]
    assert await votes(many.id) == [1, 0, 1]


async def test_one_poll_is_open_at_a_time_also_when_two_are_opened_at_once(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)

    outcomes = await asyncio.gather(*(opened(room) for _ in range(4)), return_exceptions=True)

    refusals = [each for each in outcomes if isinstance(each, DomainError)]
    assert [each.code for each in refusals] == [ErrorCode.STATE_FORBIDS] * 3
    clock.advance(timedelta(seconds=60))
    await opened(room)  # the first one is over, and its result comes before the second
    kinds = await rows("SELECT kind FROM live_room_events ORDER BY seq")
    assert [each["kind"] for each in kinds] == ["POLL_OPENED", "POLL_CLOSED", "POLL_OPENED"]


@pytest.mark.parametrize(
    ("question", "options", "seconds", "field"),
    [
        ("", ["a", "b"], 60, ["question"]), ("x" * 201, ["a", "b"], 60, ["question"]),
        ("好吗", ["a"], 60, ["options"]), ("好吗", ["a"] * 11, 60, ["options"]),
        ("好吗", ["a", " a "], 60, ["options", "1"]), ("好吗", ["a", ""], 60, ["options", "1"]),
        ("好吗", ["a", "b"], 4, ["seconds"]), ("好吗", ["a", "b"], 3601, ["seconds"]),
    ],
)  # fmt: skip
async def test_a_poll_that_cannot_be_asked_is_refused_at_its_field(
    gql: Gql, world: World, question: str, options: Sequence[str], seconds: int, field: list[str]
) -> None:
    room = await Room.opened(world)

    given = {"liveLessonId": room.gid, "question": question, "options": options, "seconds": seconds}
    answer = await gql.ask(OPEN, {"input": given}, by=room.host)

    assert answer["data"]["openLivePoll"]["userErrors"] == [{"code": "BAD_USER_INPUT", "field": field}]
    assert await room.seqs() == []


async def test_only_who_runs_the_room_asks_it(world: World) -> None:
    room = await Room.opened(world)
    learner = await room.actor(room.seated[0])

    plan = PollPlan(room.lesson_id, "好吗？", ("好", "不好"), 60)
    assert (await refused(open_live_poll(world.ports, learner, plan))).code is ErrorCode.FORBIDDEN
    assert (await refused(ask_live_check_in(world.ports, learner, room.lesson_id, 60))).code is ErrorCode.FORBIDDEN
    assert await room.seqs() == []


async def test_a_check_in_is_answered_once_and_until_its_last_moment(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world, seated=3)
    host = await room.actor(room.host)
    learners = [await room.actor(member) for member in room.seated]
    asked = await ask_live_check_in(world.ports, host, room.lesson_id, 60)

    await asyncio.gather(*(answer_live_check_in(world.ports, learners[0], asked.id) for _ in range(5)))
    clock.advance(timedelta(seconds=60))
    await answer_live_check_in(world.ports, learners[1], asked.id)
    clock.advance(timedelta(seconds=1))
    late = await refused(answer_live_check_in(world.ports, learners[2], asked.id))
    await answer_live_check_in(world.ports, learners[0], asked.id)

    assert late.code is ErrorCode.CLOSED
    assert await answers_by_member(room.lesson_id) == {room.seated[0].id: 1, room.seated[1].id: 1}
    assert await count_check_ins([room.lesson_id]) == [1]


async def test_who_is_not_in_the_audience_answers_nothing(world: World) -> None:
    room = await Room.opened(world)
    asked = await ask_live_check_in(world.ports, await room.actor(room.host), room.lesson_id, 60)
    passer_by = await world.learner(outlet=await world.outlet(region=room.region))

    refusal = await refused(answer_live_check_in(world.ports, await world.actor(passer_by), asked.id))

    assert refusal.code is ErrorCode.STATE_FORBIDS
    assert await answers_by_member(room.lesson_id) == {}


async def test_a_check_in_is_asked_on_air_and_one_at_a_time(world: World, clock: FrozenClock) -> None:
    room = await Room.opened(world)
    host = await room.actor(room.host)

    await LiveLesson.filter(id=room.lesson_id).update(status=LiveStatus.INTERRUPTED)
    off_air = await refused(ask_live_check_in(world.ports, host, room.lesson_id, 60))
    await LiveLesson.filter(id=room.lesson_id).update(status=LiveStatus.LIVE)
    first = await ask_live_check_in(world.ports, host, room.lesson_id, 60)
    second = await refused(ask_live_check_in(world.ports, host, room.lesson_id, 60))
    clock.advance(timedelta(seconds=61))
    await ask_live_check_in(world.ports, host, room.lesson_id, 60)

    assert first.answer_by == first.asked_at + timedelta(seconds=60)
    assert (off_air.code, second.code) == (ErrorCode.STATE_FORBIDS, ErrorCode.STATE_FORBIDS)
    for seconds in (9, 601):
        refusal = await refused(ask_live_check_in(world.ports, host, room.lesson_id, seconds))
        assert (refusal.code, refusal.field) == (ErrorCode.BAD_USER_INPUT, ("seconds",))


async def test_a_poll_is_found_by_its_id_where_the_lesson_is_seen(gql: Gql, world: World) -> None:
    room = await Room.opened(world)
    poll, _ = await opened(room)
    source = "query ($id: ID!) { node(id: $id) { ... on LivePoll { question viewerVote } } }"
    stranger = await world.member()

    seen = await gql.ask(source, {"id": to_global("LivePoll", poll.id)}, by=room.seated[0])
    unseen = await gql.ask(source, {"id": to_global("LivePoll", poll.id)}, by=stranger)

    assert seen["data"]["node"] == {"question": "明天卖什么？", "viewerVote": None}
    assert unseen["data"]["node"] is None
