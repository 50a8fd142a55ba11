"""Votes: one for each member and story, so many a day, never for oneself, and counted right however they come."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import to_global
from models.accounts import Member
from models.stories import StoryCampaign, StoryEntry
from services.ports import Ports
from tests.gql import Gql
from tests.stories.contest import OPEN_FOR, Contest, faults
from tests.world import World


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World) -> Contest:
    return await Contest.open(ports, gql, world)


async def counters_are_right() -> None:
    """Every count of votes is that of the rows behind it, numbered without gaps."""
    for entry in await StoryEntry.all():
        [row] = await rows("SELECT count(*) AS n FROM story_votes WHERE entry_id = $1", entry.id)
        assert entry.votes == row["n"]
    for campaign in await StoryCampaign.all():
        numbers = [row["number"] for row in await rows(
            "SELECT number FROM story_votes WHERE campaign_id = $1 ORDER BY number", campaign.id
        )]  # fmt: skip
        assert numbers == list(range(1, campaign.votes_cast + 1))


async def test_a_vote_counts_once_and_uses_up_the_day(contest: Contest) -> None:
    entry_id, second = await contest.published(), await contest.published(await contest.author("小陈"))
    voter = await contest.author("小李")
    before = await contest.seen(voter)

    first = await contest.vote(voter, entry_id)
    again = await contest.vote(voter, entry_id)
    other = await contest.vote(voter, second)

    assert before["votesLeftToday"] == 1
    assert first["entry"] == {"id": entry_id, "votes": 1, "viewerVoted": True}
    assert (first["votesLeftToday"], again["votesLeftToday"]) == (0, 0)
    assert (again["entry"], again["userErrors"]) == (first["entry"], [])
    assert (other["entry"], faults(other)) == (None, [("LIMIT_REACHED", ["entryId"])])
    await counters_are_right()


async def test_a_new_day_in_shanghai_brings_new_votes(contest: Contest, clock: FrozenClock) -> None:
    stories = [await contest.published(await contest.author(f"作者{n}")) for n in range(3)]
    voter = await contest.author("小李")
    clock.advance(timedelta(hours=12) - timedelta(seconds=1))  # the last second of Monday in Shanghai
    await contest.vote(voter, stories[0])
    same_day = await contest.vote(voter, stories[1])
    clock.advance(timedelta(seconds=1))
    next_day = await contest.vote(voter, stories[1])
    again = await contest.vote(voter, stories[2])

    assert faults(same_day) == faults(again) == [("LIMIT_REACHED", ["entryId"])]
    assert next_day["entry"]["votes"] == 1


async def test_a_vote_of_another_contest_is_not_taken_from_this_one(contest: Contest, world: World) -> None:
    second = await Contest.open(contest.ports, contest.gql, world, votesPerDay=3)
    here, there = await contest.published(), await second.published()
    voter = await contest.author("小李")

    left = [(await contest.vote(voter, here))["votesLeftToday"], (await contest.vote(voter, there))["votesLeftToday"]]

    assert left == [0, 2]


async def test_fifty_votes_at_once_with_one_left_are_one(contest: Contest, world: World) -> None:
    stories = [await contest.published(await contest.author(f"作者{n}")) for n in range(10)]
    voter = await contest.author("小李")

    answers = await asyncio.gather(*(contest.vote(voter, stories[n % 10]) for n in range(50)))

    given = [answer["entry"]["id"] for answer in answers if not answer["userErrors"]]
    assert len(set(given)) == 1
    assert Counter(str(faults(answer)) for answer in answers) == {
        "[]": 5, "[('LIMIT_REACHED', ['entryId'])]": 45,  # the five are one vote, said five times
    }  # fmt: skip
    assert sum(entry.votes for entry in await StoryEntry.all()) == 1
    await counters_are_right()


async def test_forty_voters_at_once_are_forty_votes(contest: Contest) -> None:
    stories = [await contest.published(await contest.author(f"作者{n}")) for n in range(3)]
    voters = [await contest.author(f"街坊{n}") for n in range(40)]

    answers = await asyncio.gather(*(contest.vote(each, stories[n % 3]) for n, each in enumerate(voters)))

    assert all(answer["userErrors"] == [] for answer in answers)
    assert sorted(entry.votes for entry in await StoryEntry.all()) == [13, 13, 14]
    await counters_are_right()


async def test_nobody_votes_for_the_own_story(contest: Contest, gql: Gql) -> None:
    may = await contest.author()
    entry_id = await contest.published(may)

    answer = await gql.run("VoteForStory", {"input": {"entryId": entry_id}}, by=may)

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await contest.row(entry_id)).votes == 0
    assert (await contest.seen(may))["votesLeftToday"] == 1


async def test_votes_are_taken_until_it_closes_and_one_that_was_given_is_given(
    contest: Contest, clock: FrozenClock
) -> None:
    entry_id = await contest.published()
    early, late = await contest.author("小李"), await contest.author("小陈")
    await contest.vote(early, entry_id)
    clock.advance(OPEN_FOR)

    after, again = await contest.vote(late, entry_id), await contest.vote(early, entry_id)

    assert faults(after) == [("CLOSED", ["entryId"])]
    assert (again["entry"], again["votesLeftToday"]) == ({"id": entry_id, "votes": 1, "viewerVoted": True}, 0)
    await counters_are_right()


async def test_what_cannot_be_seen_cannot_be_voted_for(contest: Contest, world: World) -> None:
    voter, shut_out = await contest.author("小李"), await contest.author("停用的人")
    waiting = (await contest.submit(await contest.author()))["entry"]["id"]
    hidden = await contest.published(shut_out)
    await Member.filter(id=shut_out.id).update(suspended_at=contest.ports.clock.now())
    withdrawn = await contest.published(await contest.author("撤下的人"))
    await contest.review(withdrawn, "WITHDRAW")
    unknown = [to_global("StoryEntry", uuid4()), to_global("Course", uuid4()), "x"]

    refused = [await contest.vote(voter, each) for each in (waiting, hidden, withdrawn, *unknown)]

    assert [faults(answer) for answer in refused] == [[("NOT_FOUND", ["entryId"])]] * 6
    assert await rows("SELECT 1 FROM story_votes") == []


async def test_a_vote_and_a_withdrawal_at_once_leave_no_vote_on_what_is_gone(contest: Contest) -> None:
    entry_id = await contest.published()
    voters = [await contest.author(f"街坊{n}") for n in range(10)]

    voting = [contest.vote(each, entry_id) for each in voters]
    answers = await asyncio.gather(*voting[:5], contest.review(entry_id, "WITHDRAW"), *voting[5:])

    counted = sum(1 for n, answer in enumerate(answers) if n != 5 and not answer["userErrors"])
    assert (await contest.row(entry_id)).votes == counted
    assert {str(faults(answer)) for answer in answers} <= {"[]", "[('NOT_FOUND', ['entryId'])]"}
    await counters_are_right()
