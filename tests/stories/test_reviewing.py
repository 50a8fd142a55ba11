"""Review before publication, and the jury's scores."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.stories import StoryCampaign, jury_scores
from services.ports import Ports
from tests.gql import Gql
from tests.stories.contest import JUDGED_FOR, NOTE, OPEN_FOR, PLAN, Contest, faults, row_id
from tests.world import World

QUEUE = """query ($id: ID!, $status: StoryEntryStatus) {
  storyEntries(campaignId: $id, status: $status) { totalCount nodes { id note submittedAt juryScore viewerScore } }
}"""
ENTRY = "query ($id: ID!) { node(id: $id) { ... on StoryEntry { status note juryScore viewerScore score position } } }"
LOG = "{ auditLog(first: 3) { nodes { action summary object { id } actor { displayName } } } }"
POINTS = "{ viewer { pointEntries { nodes { rule amount } } } }"
NOBODY = UUID(int=7)


@pytest.fixture
async def jury(world: World) -> list[Member]:
    return [await world.member(name) for name in ("评委甲", "评委乙")]


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World, jury: list[Member]) -> Contest:
    return await Contest.open(ports, gql, world, jury, voteWeight=50)


async def queue(contest: Contest, by: Member, status: str = "SUBMITTED") -> Any:
    return await contest.gql.ask(QUEUE, {"id": contest.id, "status": status}, by=by)


async def code(contest: Contest, operation: str, by: Member, **fields: object) -> str:
    answer = await contest.gql.run(operation, {"input": fields}, by=by)
    found: str = answer["errors"][0]["extensions"]["code"]
    return found


async def test_what_is_published_is_read_by_all_pays_once_and_is_in_the_log(contest: Contest, gql: Gql) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]

    answers = await asyncio.gather(*(contest.review(entry_id) for _ in range(5)))

    assert [answer["entry"] for answer in answers] == [{"id": entry_id, "status": "PUBLISHED"}] * 5
    [story] = (await contest.entries(await contest.author("小李")))["nodes"]
    assert (story["id"], story["title"], story["votes"], story["position"]) == (entry_id, "雨夜的灯", 0, None)
    assert (story["member"]["displayName"], story["publishedAt"]) == ("阿May", "2026-03-02T04:00:00Z")
    paid = (await gql.ask(POINTS, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert [entry["rule"] for entry in paid] == ["story.published"]
    log = (await gql.ask(LOG, by=contest.admin))["data"]["auditLog"]["nodes"]
    assert [each["action"] for each in log] == ["story.published", "story_campaign.created"]
    assert (log[0]["object"], log[0]["actor"]["displayName"]) == ({"id": entry_id}, "管理员")
    await contest.books_are_clean()


async def test_a_story_that_was_refused_and_then_published_pays_once(contest: Contest, gql: Gql) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]
    await contest.review(entry_id, "REFUSE")
    await contest.submit(may, "改过的故事")

    await contest.review(entry_id)

    paid = (await gql.ask(POINTS, by=may))["data"]["viewer"]["pointEntries"]["nodes"]
    assert [entry["rule"] for entry in paid] == ["story.published"]
    [log, *_] = (await gql.ask(LOG, by=contest.admin))["data"]["auditLog"]["nodes"]
    assert log["action"] == "story.published"


async def test_of_two_reviewers_at_once_one_decides_and_the_other_hears_of_it(contest: Contest, world: World) -> None:
    second = await world.staff(Role.ADMIN, name="另一位管理员")
    for _ in range(5):
        entry_id = (await contest.submit(await contest.author()))["entry"]["id"]

        answers = await asyncio.gather(contest.review(entry_id), contest.review(entry_id, "REFUSE", by=second))

        assert sorted(str(faults(answer)) for answer in answers) == ["[('CONFLICT', ['entryId'])]", "[]"]
        [decided] = [answer["entry"]["status"] for answer in answers if answer["entry"]]
        row = await contest.row(entry_id)
        assert row.status == decided
        assert (row.note == NOTE) is (decided == "REFUSED")
        facts = await rows("SELECT 1 FROM facts WHERE kind = 'story.published' AND object_id = $1", row.id)
        assert len(facts) == (1 if decided == "PUBLISHED" else 0)


async def test_a_verdict_about_an_older_version_is_not_taken(contest: Contest, clock: FrozenClock) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]
    looked_at = (await queue(contest, contest.admin))["data"]["storyEntries"]["nodes"][0]["submittedAt"]
    await contest.review(entry_id, "REFUSE")
    clock.advance(timedelta(minutes=1))
    await contest.submit(may, "没人看过的版本")

    answer = await contest.review(entry_id, submittedAt=looked_at)

    assert faults(answer) == [("CONFLICT", ["submittedAt"])]
    assert (await contest.row(entry_id)).status == "SUBMITTED"


async def test_a_refusal_needs_a_reason_of_a_readable_length(contest: Contest) -> None:
    entry_id = (await contest.submit(await contest.author()))["entry"]["id"]

    refused = [await contest.review(entry_id, "REFUSE", note=note) for note in (None, "", " \n ", "好" * 501)]

    assert [faults(answer) for answer in refused] == [[("BAD_USER_INPUT", ["note"])]] * 4
    assert (await contest.row(entry_id)).status == "SUBMITTED"


async def test_a_published_story_can_be_withdrawn_for_good(contest: Contest) -> None:
    may, reader = await contest.author(), await contest.author("小李")
    entry_id = await contest.published(may)
    await contest.vote(reader, entry_id)

    answer = await contest.review(entry_id, "WITHDRAW")

    assert answer["entry"]["status"] == "WITHDRAWN"
    assert (await contest.entries(reader))["totalCount"] == 0
    assert (await contest.seen(reader))["votesLeftToday"] == 0
    assert faults(await contest.submit(may, "新的故事")) == [("STATE_FORBIDS", ["campaignId"])]
    for verdict in ("PUBLISH", "REFUSE"):
        assert faults(await contest.review(entry_id, verdict)) == [("STATE_FORBIDS", ["entryId"])]
    waiting = (await contest.submit(await contest.author("小陈")))["entry"]["id"]
    assert faults(await contest.review(waiting, "WITHDRAW")) == [("STATE_FORBIDS", ["entryId"])]


async def test_admins_review_the_stories_of_their_regions(contest: Contest, world: World) -> None:
    city, other = await world.region("东莞"), await world.region("广州")
    here, elsewhere = await world.staff(Role.ADMIN, city), await world.staff(Role.ADMIN, other)
    auditor = await world.staff(Role.AUDITOR, city)
    entry_id = (await contest.submit(await contest.author(region=await world.region(parent=city))))["entry"]["id"]

    counts = [(await queue(contest, by))["data"]["storyEntries"]["totalCount"] for by in (here, elsewhere, auditor)]
    assert counts == [1, 0, 1]
    assert faults(await contest.review(entry_id, by=elsewhere)) == [("NOT_FOUND", ["entryId"])]
    assert await code(contest, "ReviewStory", auditor, entryId=entry_id, verdict="PUBLISH") == "FORBIDDEN"
    assert (await contest.review(entry_id, by=here))["userErrors"] == []
    beyond = {"entryId": entry_id, "verdict": "WITHDRAW", "note": "x"}
    assert await code(contest, "ReviewStory", elsewhere, **beyond) == "FORBIDDEN"


async def test_nobody_reviews_the_own_story(contest: Contest, world: World) -> None:
    admin = await world.staff(Role.ADMIN)
    await world.post(admin, await world.outlet())
    entry_id = (await contest.submit(admin))["entry"]["id"]

    assert await code(contest, "ReviewStory", admin, entryId=entry_id, verdict="PUBLISH") == "FORBIDDEN"
    assert (await contest.row(entry_id)).status == "SUBMITTED"


async def test_what_waits_is_for_jury_and_staff_and_the_note_for_the_author(
    contest: Contest, jury: list[Member], world: World
) -> None:
    may, other = await contest.author(), await contest.author("小李")
    entry_id = (await contest.submit(may))["entry"]["id"]
    await contest.review(entry_id, "REFUSE")

    by_juror = await queue(contest, jury[0], "REFUSED")
    by_admin = await queue(contest, contest.admin, "REFUSED")
    own = (await contest.gql.ask(ENTRY, {"id": entry_id}, by=may))["data"]["node"]

    assert [by_juror["data"]["storyEntries"]["totalCount"], by_admin["data"]["storyEntries"]["nodes"][0]["note"]] == [
        1, NOTE,
    ]  # fmt: skip
    assert own["note"] == NOTE
    for stranger in (other, may, await world.staff(Role.SUPERVISOR), await world.member("路人")):
        refused = await queue(contest, stranger, "REFUSED")
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_author_is_told_of_every_verdict_once(contest: Contest, clock: FrozenClock) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]

    for verdict in ("REFUSE", "REFUSE", "PUBLISH", "PUBLISH", "WITHDRAW", "WITHDRAW"):
        if verdict == "PUBLISH":
            await contest.submit(may)
        await asyncio.gather(*(contest.review(entry_id, verdict) for _ in range(3)))
        clock.advance(timedelta(minutes=1))

    assert await contest.told(may) == [
        ("STORY_WITHDRAWN", f"“雨夜的灯” was taken out of the contest: {NOTE}"),
        ("STORY_PUBLISHED", "“雨夜的灯” is published. Now ask your friends to vote."),
        ("STORY_REFUSED", f"“雨夜的灯” was not accepted: {NOTE}"),
    ]


async def test_a_story_that_is_refused_twice_is_told_of_twice(contest: Contest, clock: FrozenClock) -> None:
    may = await contest.author()
    for _ in range(2):
        entry_id = (await contest.submit(may))["entry"]["id"]
        await contest.review(entry_id, "REFUSE")
        clock.advance(timedelta(minutes=1))

    assert [kind for kind, _ in await contest.told(may)] == ["STORY_REFUSED"] * 2


async def test_a_juror_s_score_may_change_while_judging_and_counts_once(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    entry_id = await contest.published()
    first, second = jury

    given = [
        (await contest.score(first, entry_id, 80))["entry"]["juryScore"],
        (await contest.score(second, entry_id, 91))["entry"]["juryScore"],
    ]
    clock.advance(OPEN_FOR)
    given.append((await contest.score(first, entry_id, 60))["entry"]["juryScore"])
    given.append((await contest.score(first, entry_id, 60))["entry"]["juryScore"])
    clock.advance(JUDGED_FOR)
    late = await contest.score(second, entry_id, 0)

    assert given == [80, 85.5, 75.5, 75.5]
    assert faults(late) == [("CLOSED", ["entryId"])]
    assert await jury_scores([row_id(entry_id)]) == [{first.id: 60, second.id: 91}]
    log = await rows("SELECT action FROM audit_entries WHERE action = 'story.scored'")
    assert len(log) == 3  # the same again is no deed


async def test_one_juror_at_once_from_ten_phones_has_one_score(contest: Contest, jury: list[Member]) -> None:
    entry_id = await contest.published()

    answers = await asyncio.gather(*(contest.score(jury[0], entry_id, score) for score in range(10)))

    assert all(answer["userErrors"] == [] for answer in answers)
    [given] = await jury_scores([row_id(entry_id)])
    assert list(given) == [jury[0].id]


async def test_the_jury_s_scores_are_secret_until_the_ranking(
    contest: Contest, jury: list[Member], clock: FrozenClock
) -> None:
    may, reader = await contest.author(), await contest.author("小李")
    entry_id = await contest.published(may)
    await contest.score(jury[0], entry_id, 80)

    async def shown(by: Member) -> Any:
        return (await contest.gql.ask(ENTRY, {"id": entry_id}, by=by))["data"]["node"]

    before = [(await shown(by))["juryScore"] for by in (may, reader, jury[1], contest.admin)]
    own = [(await shown(by))["viewerScore"] for by in jury]
    await contest.ends(clock)
    after = await shown(reader)

    assert (before, own) == ([None, None, 80, 80], [80, None])
    assert (after["juryScore"], after["score"], after["position"]) == (80, 40, 1)


async def test_only_the_jury_scores_and_nobody_the_own_story(
    contest: Contest, jury: list[Member], world: World
) -> None:
    may = await contest.author()
    entry_id = await contest.published(may)
    await world.post(jury[0], await world.outlet())
    own = await contest.published(jury[0])
    waiting = (await contest.submit(await contest.author("小陈")))["entry"]["id"]

    for outsider in (may, contest.admin, await contest.author("小李")):
        assert await code(contest, "ScoreStory", outsider, entryId=entry_id, score=100) == "FORBIDDEN"
    assert await code(contest, "ScoreStory", jury[0], entryId=own, score=100) == "FORBIDDEN"
    assert faults(await contest.score(jury[0], waiting, 50)) == [("STATE_FORBIDS", ["entryId"])]
    assert faults(await contest.score(jury[0], to_global("StoryEntry", uuid4()), 50)) == [("NOT_FOUND", ["entryId"])]
    for score in (-1, 101):
        assert faults(await contest.score(jury[0], entry_id, score)) == [("BAD_USER_INPUT", ["score"])]
    assert await rows("SELECT 1 FROM story_scores") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, ["title"]),
        ({"title": "好" * 81}, ["title"]),
        ({"brief": "好" * 2001}, ["brief"]),
        ({"closesAt": "2026-03-02T04:00:00Z"}, ["closesAt"]),
        ({"opensAt": "2026-01-01T00:00:00Z", "closesAt": "2026-03-02T03:00:00Z"}, ["closesAt"]),
        ({"closesAt": "2026-09-01T00:00:00Z"}, ["closesAt"]),
        ({"closesAt": "9999-12-31T23:59:59Z"}, ["closesAt"]),
        ({"opensAt": "2028-03-04T00:00:00Z", "closesAt": "2028-03-05T00:00:00Z"}, ["opensAt"]),
        ({"opensAt": "9999-12-31T00:00:00Z", "closesAt": "9999-12-31T23:00:00Z"}, ["opensAt"]),
        ({"judgingEndsAt": "2026-03-09T04:30:00Z"}, ["judgingEndsAt"]),
        ({"judgingEndsAt": "2026-04-10T00:00:00Z"}, ["judgingEndsAt"]),
        ({"votesPerDay": 0}, ["votesPerDay"]),
        ({"votesPerDay": 101}, ["votesPerDay"]),
        ({"voteWeight": -1}, ["voteWeight"]),
        ({"voteWeight": 101}, ["voteWeight"]),
        ({"voteWeight": 99}, ["juryIds"]),
        ({"juryIds": [to_global("Member", NOBODY)]}, ["juryIds", "0"]),
        ({"juryIds": ["x"]}, ["juryIds", "0"]),
        ({"prizes": [{"fromPosition": 0, "toPosition": 1, "points": 1}]}, ["prizes", "0", "fromPosition"]),
        ({"prizes": [{"fromPosition": 2, "toPosition": 1, "points": 1}]}, ["prizes", "0", "toPosition"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 501, "points": 1}]}, ["prizes", "0", "toPosition"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 1, "points": 0}]}, ["prizes", "0", "points"]),
        ({"prizes": [{"fromPosition": 1, "toPosition": 2, "points": 9}] * 2}, ["prizes", "1", "fromPosition"]),
        ({"prizes": [{"fromPosition": n, "toPosition": n, "points": 9} for n in range(1, 22)]}, ["prizes"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
async def test_a_contest_that_makes_no_sense_is_refused(
    ports: Ports, gql: Gql, world: World, change: dict[str, Any], field: list[str]
) -> None:
    admin = await world.staff(Role.ADMIN)

    payload = (await gql.data("CreateStoryCampaign", {"input": {**PLAN, **change}}, by=admin))["createStoryCampaign"]

    assert [error["field"] for error in payload["userErrors"]] == [field]
    assert await StoryCampaign.all().count() == 0


async def test_a_juror_is_named_once_and_is_somebody_who_can_sign_in(contest: Contest, jury: list[Member]) -> None:
    twice = await contest.announce([jury[0], jury[0]])
    await Member.filter(id=jury[1].id).update(suspended_at=contest.ports.clock.now())
    shut_out = await contest.announce(jury)

    assert faults(twice) == [("BAD_USER_INPUT", ["juryIds", "1"])]
    assert faults(shut_out) == [("NOT_FOUND", ["juryIds", "1"])]
    assert await StoryCampaign.all().count() == 1


async def test_contests_are_announced_by_admins_over_everything(contest: Contest, world: World) -> None:
    here = await world.staff(Role.ADMIN, await world.region("东莞"))

    for by in (here, await world.staff(Role.AUDITOR), await contest.author()):
        assert await code(contest, "CreateStoryCampaign", by, **PLAN) == "FORBIDDEN"
    assert await StoryCampaign.all().count() == 1
