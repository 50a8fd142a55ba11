"""The end of a contest: one ranking, worked out from what counts, and every prize once."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest

from gamification.stories import Contender, ranking
from kit.clock import FrozenClock
from kit.db import rows, transaction
from kit.ids import to_global
from kit.settings import Settings
from models.accounts import Member
from models.prizes import Prize
from models.stories import StoryCampaign, StoryEntry, standings
from services.ports import Ports
from services.prizes import pay_prizes
from services.story_contests import close_story_campaigns
from tests.gql import Gql
from tests.process import ROOT, environment
from tests.stories.contest import JUDGED_FOR, OPEN_FOR, Contest, row_id
from tests.world import World

PRIZES = [{"fromPosition": 1, "toPosition": 1, "points": 500}, {"fromPosition": 2, "toPosition": 3, "points": 100}]
POINTS = "{ viewer { points { lifetime balance } pointEntries { nodes { rule title amount } } } }"


@pytest.fixture
async def jury(world: World) -> list[Member]:
    return [await world.member(name) for name in ("评委甲", "评委乙")]


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World, jury: list[Member]) -> Contest:
    return await Contest.open(ports, gql, world, jury, voteWeight=60, prizes=PRIZES, votesPerDay=9)


async def points(contest: Contest, by: Member) -> Any:
    return (await contest.gql.ask(POINTS, by=by))["data"]["viewer"]


async def balance(contest: Contest, by: Member) -> int:
    found: int = (await points(contest, by))["points"]["balance"]
    return found


async def five_stories(contest: Contest, jury: list[Member]) -> list[Member]:
    """Five authors, the last of whom comes first with the jury and the first with the voters."""
    authors = [await contest.author(f"作者{number}") for number in range(5)]
    for number, author in enumerate(authors):
        entry_id = await contest.published(author, f"故事{number}")
        await contest.voted(entry_id, 4 - number)
        await contest.score(jury[0], entry_id, 20 * number)
    return authors


async def test_the_ranking_is_made_of_votes_and_jury_and_shown_to_all(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    await five_stories(contest, jury)
    reader = await contest.author("读者")

    await contest.ends(clock)

    source = """query ($id: ID!) { storyEntries(campaignId: $id, sort: RANKING) { totalCount
      nodes { title position score votes juryScore } } }"""
    found = (await contest.gql.ask(source, {"id": contest.id}, by=reader))["data"]["storyEntries"]
    assert [tuple(node.values()) for node in found["nodes"]] == [
        ("故事0", 1, 60.0, 4, 0.0),
        ("故事1", 2, 53.0, 3, 20.0),
        ("故事2", 3, 46.0, 2, 40.0),
        ("故事3", 4, 39.0, 1, 60.0),
        ("故事4", 5, 32.0, 0, 80.0),
    ]
    assert (await contest.seen(reader))["status"] == "PUBLISHED"


async def test_the_ranking_kept_is_the_one_that_follows_from_the_rows(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    await five_stories(contest, jury)
    await contest.ends(clock)

    found = await transaction(lambda: standings(row_id(contest.id)))

    again = ranking((Contender(each.entry_id, each.votes, each.jury, each.published_at) for each in found), 60)
    kept = await StoryEntry.all().order_by("position").values_list("id", "position", "score")
    assert kept == [(each.entry_id, each.position, each.score) for each in again]


async def test_prizes_raise_the_balance_alone(contest: Contest, jury: list[Member], clock: FrozenClock) -> None:
    authors = await five_stories(contest, jury)
    before = [(await points(contest, author))["points"] for author in authors]

    await contest.ends(clock)

    after = [(await points(contest, author))["points"] for author in authors]
    assert [now["balance"] - then["balance"] for now, then in zip(after, before, strict=True)] == [500, 100, 100, 0, 0]
    assert [now["lifetime"] for now in after] == [then["lifetime"] for then in before]
    line = (await points(contest, authors[0]))["pointEntries"]["nodes"][0]
    assert (line["rule"], line["title"], line["amount"]) == ("prize.story", "Story contest prize", 500)
    await contest.books_are_clean()


async def test_nothing_is_ranked_before_judging_is_over(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    await five_stories(contest, jury)
    clock.advance(OPEN_FOR + JUDGED_FOR - timedelta(seconds=1))

    await close_story_campaigns(contest.ports)

    assert await StoryEntry.filter(position__isnull=False).count() == 0
    assert await Prize.all().count() == 0


async def test_ten_that_close_at_once_close_once(contest: Contest, jury: list[Member], clock: FrozenClock) -> None:
    authors = await five_stories(contest, jury)
    before = [await balance(contest, author) for author in authors]
    clock.advance(OPEN_FOR + JUDGED_FOR)

    async def close() -> None:
        await close_story_campaigns(contest.ports)
        await pay_prizes(contest.ports)

    await asyncio.gather(*(close() for _ in range(10)))

    won = [await balance(contest, author) - old for author, old in zip(authors, before, strict=True)]
    assert won == [500, 100, 100, 0, 0]
    told = [[text for kind, text in await contest.told(each) if kind == "CONTEST_PRIZE"] for each in authors]
    assert [len(texts) for texts in told] == [1, 1, 1, 0, 0]
    assert told[0] == ["You came in at place 1 in “我的小店故事”: 500 points are on your account."]
    assert len(await rows("SELECT 1 FROM audit_entries WHERE action = 'story_campaign.ranked'")) == 1
    await contest.books_are_clean()


async def test_processes_of_their_own_that_close_at_once_pay_every_prize_once(
    contest: Contest, jury: list[Member], clock: FrozenClock, settings: Settings
) -> None:
    authors = await five_stories(contest, jury)
    before = [await balance(contest, author) for author in authors]
    clock.advance(OPEN_FOR + JUDGED_FOR)
    assert settings.database_url is not None
    assert settings.redis_url is not None
    where = {"ACADEMY_DATABASE_URL": settings.database_url, "ACADEMY_REDIS_URL": settings.redis_url}

    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.stories.closing_worker", clock.now().isoformat(), cwd=ROOT,
            env=environment(**where, ACADEMY_DATA_DIR=str(settings.data_dir)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    ready = [await worker.stdout.readline() for worker in workers if worker.stdout is not None]
    await asyncio.gather(*(worker.communicate(b"go\n") for worker in workers))

    assert ready == [b"ready\n"] * 3
    assert [worker.returncode for worker in workers] == [0] * 3
    won = [await balance(contest, author) - old for author, old in zip(authors, before, strict=True)]
    assert won == [500, 100, 100, 0, 0]
    await contest.books_are_clean()


async def test_every_contest_that_ended_while_nobody_looked_is_caught_up(contest: Contest, clock: FrozenClock) -> None:
    author = await contest.author()
    await contest.published(author)
    second = await Contest.open(contest.ports, contest.gql, contest.world, prizes=PRIZES)
    await second.published(author)
    before = await balance(contest, author)
    clock.advance(timedelta(days=300))

    await close_story_campaigns(contest.ports)
    await pay_prizes(contest.ports)

    assert await balance(contest, author) - before == 1000
    assert await StoryCampaign.filter(ranked_at=clock.now()).count() == 2


async def test_a_vote_or_a_score_while_it_closes_is_in_the_ranking_or_refused(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    await five_stories(contest, jury)
    clock.advance(OPEN_FOR + JUDGED_FOR - timedelta(seconds=1))
    entries = await StoryEntry.all().order_by("id")

    async def score(entry: StoryEntry) -> Any:
        answer = await contest.score(jury[1], to_global("StoryEntry", entry.id), 100)
        clock.at = (await StoryCampaign.get(id=row_id(contest.id))).judging_ends_at
        await close_story_campaigns(contest.ports)
        return answer

    answers = await asyncio.gather(*(score(entry) for entry in entries))

    given = [entry.id for entry, answer in zip(entries, answers, strict=True) if not answer["userErrors"]]
    scored = [row["entry_id"] for row in await rows("SELECT entry_id FROM story_scores WHERE score = 100")]
    assert sorted(scored) == sorted(given)
    found = await transaction(lambda: standings(row_id(contest.id)))
    again = ranking((Contender(each.entry_id, each.votes, each.jury, each.published_at) for each in found), 60)
    kept = await StoryEntry.all().order_by("position").values_list("id", "position", "score")
    assert kept == [(each.entry_id, each.position, each.score) for each in again]


async def test_a_suspended_author_takes_no_place_and_the_next_one_moves_up(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    authors = await five_stories(contest, jury)
    before = [await balance(contest, author) for author in authors[:4]]
    await Member.filter(id=authors[0].id).update(suspended_at=clock.now())

    await contest.ends(clock)
    await Member.filter(id=authors[0].id).update(suspended_at=None)

    won = [await balance(contest, author) - old for author, old in zip(authors[:4], before, strict=True)]
    assert won == [0, 500, 100, 100]
    assert (await StoryEntry.get(member_id=authors[0].id)).position is None


async def test_what_nobody_reviewed_in_time_has_lapsed(contest: Contest, clock: FrozenClock) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]

    await contest.ends(clock)

    assert (await contest.seen(may))["viewerEntry"] == {"id": entry_id, "status": "LAPSED"}
    late = await contest.review(entry_id)
    assert [(error["code"], error["field"]) for error in late["userErrors"]] == [("CLOSED", ["entryId"])]


async def test_a_contest_without_stories_ends_without_prizes(contest: Contest, clock: FrozenClock) -> None:
    await contest.ends(clock)

    assert (await contest.seen(await contest.author()))["status"] == "PUBLISHED"
    assert await Prize.all().count() == 0


async def test_prizes_for_places_that_nobody_took_stay_where_they_are(contest: Contest, clock: FrozenClock) -> None:
    author = await contest.author()
    await contest.published(author)

    await contest.ends(clock)

    assert [(prize.member_id, prize.place, prize.points) for prize in await Prize.all()] == [(author.id, 1, 500)]
