"""The stories of a contest page by page, also while votes move; and the contests themselves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit import db
from kit.clock import FrozenClock
from kit.ids import to_global
from models.accounts import Member
from models.stories import StoryEntry
from services.ports import Ports
from tests.gql import Gql
from tests.pool import counted
from tests.stories.contest import JUDGED_FOR, OPEN_FOR, Contest, row_id
from tests.world import World

PAGE = """query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $sort: StorySort) {
  storyEntries(campaignId: $id, first: $first, after: $after, last: $last, before: $before, sort: $sort) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { title votes position }
  }
}"""
NOBODY = UUID(int=7)


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World) -> Contest:
    return await Contest.open(ports, gql, world)


@pytest.fixture
async def reader(contest: Contest) -> Member:
    return await contest.author("读者")


async def told(contest: Contest, clock: FrozenClock, **votes: int) -> dict[str, str]:
    """Stories by title with so many votes, published one a minute; title -> id."""
    found = {}
    for title, count in votes.items():
        found[title] = await contest.published(await contest.author(f"作者{title}"), title)
        await contest.voted(found[title], count)
        clock.advance(timedelta(minutes=1))
    return found


async def page(contest: Contest, by: Member, **asked: object) -> Any:
    answer = await contest.gql.ask(PAGE, {"id": contest.id, **asked}, by=by)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["storyEntries"]


def titles(found: Any) -> str:
    return "".join(node["title"] for node in found["nodes"])


async def test_the_newest_come_first_unless_asked_otherwise(
    contest: Contest, reader: Member, clock: FrozenClock
) -> None:
    await told(contest, clock, a=1, b=3, c=0, d=2)

    newest = await contest.entries(reader, first=3)
    rest = await contest.entries(reader, first=3, after=newest["pageInfo"]["endCursor"])

    assert (titles(newest), titles(rest), newest["totalCount"]) == ("dcb", "a", 4)
    assert (newest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert titles(await contest.entries(reader, sort="MOST_VOTED")) == "bdac"
    assert titles(await contest.entries(reader, sort=None)) == "dcba"
    assert titles(await contest.entries(reader, sort="RANKING")) == ""


async def test_of_equal_votes_the_one_published_first_is_ahead(
    contest: Contest, reader: Member, clock: FrozenClock
) -> None:
    await told(contest, clock, a=0, b=1, c=0, d=1)

    assert titles(await contest.entries(reader, sort="MOST_VOTED")) == "bdac"


async def test_a_list_by_votes_goes_on_as_it_was_when_its_first_page_was_read(
    contest: Contest, reader: Member, clock: FrozenClock
) -> None:
    stories = await told(contest, clock, a=3, b=2, c=1, d=0)
    first = await page(contest, reader, first=2, sort="MOST_VOTED")

    await contest.voted(stories["d"], 5)  # from the end to the front
    await contest.voted(stories["b"], 3)
    await told(contest, clock, e=4)  # and one more that is published only now
    second = await page(contest, reader, first=1, sort="MOST_VOTED", after=first["pageInfo"]["endCursor"])
    third = await page(contest, reader, first=2, sort="MOST_VOTED", after=second["pageInfo"]["endCursor"])
    anew = await page(contest, reader, sort="MOST_VOTED")

    assert [titles(each) for each in (first, second, third)] == ["ab", "c", "de"]
    assert [node["votes"] for node in third["nodes"]] == [5, 4]  # what is shown is what is there now
    assert (third["pageInfo"]["hasNextPage"], titles(anew)) == (False, "bdeac")


async def test_a_list_by_votes_pages_backwards_as_it_was(contest: Contest, reader: Member, clock: FrozenClock) -> None:
    stories = await told(contest, clock, a=3, b=2, c=1, d=0)
    end = await page(contest, reader, first=None, last=2, sort="MOST_VOTED")
    await contest.voted(stories["c"], 5)

    before = {"last": 2, "first": None, "before": end["pageInfo"]["startCursor"]}
    front = await page(contest, reader, sort="MOST_VOTED", **before)

    assert (titles(end), titles(front)) == ("cd", "ab")
    assert (front["pageInfo"]["hasPreviousPage"], front["pageInfo"]["hasNextPage"]) == (False, True)


async def test_every_story_is_seen_once_while_votes_rain(contest: Contest, reader: Member, clock: FrozenClock) -> None:
    names = "abcdefghij"
    stories = await told(contest, clock, **{name: number % 4 for number, name in enumerate(names)})

    seen, after = "", None
    for name in reversed(names):
        found = await page(contest, reader, first=1, sort="MOST_VOTED", after=after)
        seen, after = seen + titles(found), found["pageInfo"]["endCursor"]
        await contest.voted(stories[name], 4)

    assert seen == "dhcgbfjaei"


async def test_a_cursor_opens_on_its_own_list_alone(contest: Contest, reader: Member, clock: FrozenClock) -> None:
    await told(contest, clock, a=1, b=0)
    other = await Contest.open(contest.ports, contest.gql, contest.world)
    cursor = (await page(contest, reader, first=1, sort="MOST_VOTED"))["pageInfo"]["endCursor"]

    for campaign, sort in ((contest, "NEWEST"), (other, "MOST_VOTED")):
        answer = await contest.gql.ask(PAGE, {"id": campaign.id, "after": cursor, "sort": sort}, by=reader)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("campaign_id", [to_global("StoryCampaign", NOBODY), to_global("Course", NOBODY), "x"])
async def test_an_unknown_contest_is_not_found(contest: Contest, reader: Member, campaign_id: str) -> None:
    answer = await contest.gql.run("StoryEntries", {"campaignId": campaign_id}, by=reader)

    assert answer["data"]["storyEntries"] is None
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_contest_without_stories_is_an_empty_list(contest: Contest, reader: Member) -> None:
    found = await contest.entries(reader)

    assert (found["totalCount"], found["nodes"]) == (0, [])
    assert found["pageInfo"] == {"hasNextPage": False, "endCursor": None}


async def test_stories_are_for_members(contest: Contest, gql: Gql) -> None:
    entry_id = await contest.published()

    for operation, variables in (("StoryCampaigns", {}), ("StoryEntries", {"campaignId": contest.id})):
        assert (await gql.run(operation, variables))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    for gid in (contest.id, entry_id):
        assert (await gql.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": gid}))["data"]["node"] is None


async def test_what_the_viewer_voted_for_is_marked(contest: Contest, reader: Member, clock: FrozenClock) -> None:
    stories = await told(contest, clock, a=1, b=1, c=0)
    await contest.vote(reader, stories["b"])

    marked = {node["title"]: node["viewerVoted"] for node in (await contest.entries(reader))["nodes"]}

    assert marked == {"a": False, "b": True, "c": False}


async def test_a_suspended_author_is_out_of_sight_until_let_in_again(
    contest: Contest, reader: Member, clock: FrozenClock
) -> None:
    stories = await told(contest, clock, a=2, b=1)
    author = (await StoryEntry.get(id=row_id(stories["a"]))).member_id
    await Member.filter(id=author).update(suspended_at=clock.now())

    hidden = await page(contest, reader, sort="MOST_VOTED")
    node = await contest.gql.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": stories["a"]}, by=reader)
    await Member.filter(id=author).update(suspended_at=None)
    again = await page(contest, reader, sort="MOST_VOTED")

    assert (titles(hidden), hidden["totalCount"], node["data"]["node"]) == ("b", 1, None)
    assert [(each["title"], each["votes"]) for each in again["nodes"]] == [("a", 2), ("b", 1)]


async def test_an_author_who_hides_is_not_named_to_others(contest: Contest, reader: Member) -> None:
    may = await contest.author()
    await contest.published(may)
    await Member.filter(id=may.id).update(hidden_on_boards=True)

    named = [(await contest.entries(by))["nodes"][0]["member"] for by in (may, reader)]

    assert named[0]["id"] == to_global("Member", may.id)
    assert named[1] is None


async def test_a_page_takes_as_many_statements_however_many_stories_it_shows(
    contest: Contest, reader: Member, clock: FrozenClock
) -> None:
    await told(contest, clock, a=1, b=0, c=2, d=0, e=1, f=0)
    pool = await db._pool()

    async def statements(first: int) -> int:
        with counted(pool) as seen:
            found = await contest.entries(reader, first=first, sort="MOST_VOTED")
        assert len(found["nodes"]) == first
        return sum(1 for statement in seen if "story" in statement)

    assert await statements(6) == await statements(2) > 0


async def test_a_contest_says_how_far_it_is(contest: Contest, reader: Member, clock: FrozenClock) -> None:
    shown = []
    for step in (-timedelta(seconds=1), timedelta(seconds=1), OPEN_FOR, JUDGED_FOR):
        clock.advance(step)
        found = await contest.seen(reader)
        shown.append((found["status"], found["votesLeftToday"]))
    await contest.ends(clock)
    shown.append(((await contest.seen(reader))["status"], 0))

    assert shown == [("UPCOMING", 0), ("OPEN", 1), ("JUDGING", 0), ("JUDGING", 0), ("PUBLISHED", 0)]


async def test_contests_are_listed_the_last_to_close_first_and_page_on(
    contest: Contest, reader: Member, gql: Gql
) -> None:
    for day in (20, 10):
        await contest.announce(title=f"到{day}日", closesAt=f"2026-03-{day}T04:00:00Z")
    source = """query ($after: String) { storyCampaigns(first: 2, after: $after) {
      totalCount nodes { title jury { id } prizes { points } viewerJudges } pageInfo { hasNextPage endCursor } } }"""

    first = (await gql.ask(source, by=reader))["data"]["storyCampaigns"]
    rest = (await gql.ask(source, {"after": first["pageInfo"]["endCursor"]}, by=reader))["data"]["storyCampaigns"]

    assert [node["title"] for node in first["nodes"] + rest["nodes"]] == ["到20日", "到10日", "我的小店故事"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (3, True, False)
