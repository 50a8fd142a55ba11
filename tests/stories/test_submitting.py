"""Submitting a story: one each, with one's own pictures, while the contest is open."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit.clock import FrozenClock
from kit.ids import to_global
from kit.words import Role
from models.accounts import Member
from models.courses import MediaAsset
from models.stories import StoryEntry, pictures_of
from models.uploads import Upload
from services.ports import Ports
from tests.gql import Gql
from tests.stories.contest import OPEN_FOR, Contest, faults, row_id
from tests.uploads.files import PNG, uploaded
from tests.world import World

MINE = (
    """query ($id: ID!) { node(id: $id) { ... on StoryCampaign { viewerEntry { id status title note imageUrls } } } }"""
)
NOBODY = UUID(int=7)


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World) -> Contest:
    return await Contest.open(ports, gql, world)


async def mine(contest: Contest, by: Any) -> Any:
    return (await contest.gql.ask(MINE, {"id": contest.id}, by=by))["data"]["node"]["viewerEntry"]


async def test_a_story_waits_for_review_and_only_its_author_sees_it(contest: Contest, world: World) -> None:
    may, other = await contest.author(), await contest.author("小李")
    picture = await world.picture(may)

    payload = await contest.submit(may, pictures=[picture.id])

    assert payload["userErrors"] == []
    assert payload["entry"]["status"] == "SUBMITTED"
    assert (await contest.seen(may))["viewerEntry"] == {"id": payload["entry"]["id"], "status": "SUBMITTED"}
    assert (await contest.seen(other))["viewerEntry"] is None
    assert (await contest.entries(other))["totalCount"] == 0
    asked = {"id": payload["entry"]["id"]}
    assert (await contest.gql.ask("query ($id: ID!) { node(id: $id) { id } }", asked, by=other))["data"]["node"] is None
    assert len((await mine(contest, may))["imageUrls"]) == 1


async def test_pictures_come_through_uploads_and_are_shown_in_their_order(contest: Contest, gql: Gql) -> None:
    may = await contest.author()
    contents = [PNG + bytes([number]) for number in range(9)]
    ids = [to_global("Media", row_id(await uploaded(gql, may, content, "image/png"))) for content in contents]

    payload = await contest.submit(may, imageMediaIds=ids[::-1])
    assert payload["userErrors"] == []
    await contest.review(payload["entry"]["id"])

    [story] = (await contest.entries(await contest.author("小李")))["nodes"]
    fetched = [await gql.http.get(url.replace("http://127.0.0.1:8000", "")) for url in story["imageUrls"]]
    assert [answer.content for answer in fetched] == contents[::-1]


async def test_the_same_story_twenty_times_at_once_is_one_entry(contest: Contest, world: World) -> None:
    may = await contest.author()
    pictures = [(await world.picture(may)).id for _ in range(3)]

    answers = await asyncio.gather(*(contest.submit(may, pictures=pictures) for _ in range(20)))

    assert {answer["entry"]["id"] for answer in answers} == {answers[0]["entry"]["id"]}
    [entry] = await StoryEntry.all()
    assert await pictures_of([entry.id]) == [pictures]


async def test_another_story_is_refused_while_one_waits_or_is_published(contest: Contest) -> None:
    may = await contest.author()
    entry_id = (await contest.submit(may))["entry"]["id"]

    waiting = await contest.submit(may, "另一个故事")
    await contest.review(entry_id)
    published = await contest.submit(may, "另一个故事")
    again = await contest.submit(may)

    assert faults(waiting) == faults(published) == [("STATE_FORBIDS", ["campaignId"])]
    assert (again["entry"], again["userErrors"]) == ({"id": entry_id, "status": "PUBLISHED"}, [])
    assert (await contest.row(entry_id)).title == "雨夜的灯"


async def test_a_refused_story_shows_why_and_is_submitted_anew(contest: Contest, world: World) -> None:
    may = await contest.author()
    kept, dropped, added = [(await world.picture(may)).id for _ in range(3)]
    entry_id = (await contest.submit(may, pictures=[kept, dropped]))["entry"]["id"]
    await contest.review(entry_id, "REFUSE")
    refused = await mine(contest, may)

    anew = await contest.submit(may, "雨夜的灯（新）", [added, kept])

    assert (refused["status"], refused["note"]) == ("REFUSED", "照片不够清楚，请换一张。")
    assert (anew["entry"], anew["userErrors"]) == ({"id": entry_id, "status": "SUBMITTED"}, [])
    row = await contest.row(entry_id)
    assert (row.title, row.note, row.reviewed_at) == ("雨夜的灯（新）", "", None)
    assert await pictures_of([row.id]) == [[added, kept]]


async def test_a_story_belongs_into_the_time_of_its_contest(contest: Contest, clock: FrozenClock) -> None:
    may, late = await contest.author(), await contest.author("小李")
    clock.advance(timedelta(seconds=-1))
    before = await contest.submit(may)
    clock.advance(timedelta(seconds=1))
    during = await contest.submit(may)
    clock.advance(OPEN_FOR)
    after = await contest.submit(late)
    repeated = await contest.submit(may)

    assert faults(before) == [("NOT_OPEN", ["campaignId"])]
    assert faults(during) == []
    assert faults(after) == [("CLOSED", ["campaignId"])]
    assert repeated["entry"] == during["entry"]
    assert await StoryEntry.all().count() == 1


async def test_whoever_submits_while_it_closes_is_in_time_or_told_so(contest: Contest, clock: FrozenClock) -> None:
    people = [await contest.author(f"作者{number}") for number in range(20)]
    clock.advance(OPEN_FOR - timedelta(seconds=1))
    answered = []

    async def submit(member: Member) -> None:
        answered.append(await contest.submit(member))
        if len(answered) == 5:  # the others are somewhere on their way
            clock.advance(timedelta(seconds=1))

    await asyncio.gather(*(submit(each) for each in people))

    refused = [answer for answer in answered if answer["userErrors"]]
    assert [faults(answer) for answer in refused] == [[("CLOSED", ["campaignId"])]] * len(refused)
    entries = await StoryEntry.all()
    assert len(entries) == 20 - len(refused)
    assert len(entries) >= 5
    assert all(entry.submitted_at < clock.now() for entry in entries)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"title": " "}, ("BAD_USER_INPUT", ["title"])),
        ({"title": "好" * 81}, ("BAD_USER_INPUT", ["title"])),
        ({"title": "灯\u202e火"}, ("BAD_USER_INPUT", ["title"])),
        ({"text": "\u200b\n "}, ("BAD_USER_INPUT", ["text"])),
        ({"text": "好" * 2001}, ("BAD_USER_INPUT", ["text"])),
        ({"campaignId": to_global("StoryCampaign", NOBODY)}, ("NOT_FOUND", ["campaignId"])),
        ({"campaignId": to_global("Course", NOBODY)}, ("NOT_FOUND", ["campaignId"])),
        ({"campaignId": "x"}, ("NOT_FOUND", ["campaignId"])),
        ({"imageMediaIds": [to_global("Media", NOBODY)]}, ("NOT_FOUND", ["imageMediaIds", "0"])),
        ({"imageMediaIds": ["x"]}, ("NOT_FOUND", ["imageMediaIds", "0"])),
    ],
    ids=str,
)
async def test_a_story_that_cannot_be_taken_says_why(
    contest: Contest, change: dict[str, Any], fault: tuple[str, list[str]]
) -> None:
    payload = await contest.submit(await contest.author(), **change)

    assert faults(payload) == [fault]
    assert await StoryEntry.all().count() == 0


async def test_text_is_kept_in_nfc_and_nul_is_refused(contest: Contest) -> None:
    may = await contest.author()
    nul = await contest.gql.run(
        "SubmitStory", {"input": {"campaignId": contest.id, "title": "灯", "text": "a\0"}}, by=may
    )
    assert nul["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await StoryEntry.all().count() == 0

    payload = await contest.submit(may, "  Cafe\u0301   灯 ", text="第一行\n第二行 👨‍👩‍👧")

    row = await contest.row(payload["entry"]["id"])
    assert (row.title, row.text) == ("Caf\u00e9 灯", "第一行\n第二行 👨‍👩‍👧")


async def test_pictures_are_the_author_s_own_whole_images_each_once(contest: Contest, world: World) -> None:
    may, other = await contest.author(), await contest.author("小李")
    own, foreign, film = await world.picture(may), await world.picture(other), await world.picture(may)
    unfinished = await world.picture(may)
    await MediaAsset.filter(id=film.id).update(kind="VIDEO")
    await Upload.filter(id=unfinished.id).update(completed_at=None)
    many = [(await world.picture(may)).id for _ in range(10)]

    refused = [
        await contest.submit(may, pictures=pictures)
        for pictures in ([own.id, foreign.id], [film.id], [unfinished.id], [own.id, own.id], many)
    ]

    assert [faults(answer) for answer in refused] == [
        [("NOT_FOUND", ["imageMediaIds", "1"])],
        [("NOT_FOUND", ["imageMediaIds", "0"])],
        [("NOT_FOUND", ["imageMediaIds", "0"])],
        [("BAD_USER_INPUT", ["imageMediaIds", "1"])],
        [("BAD_USER_INPUT", ["imageMediaIds"])],
    ]
    assert await StoryEntry.all().count() == 0


async def test_a_picture_is_in_one_story_also_when_two_want_it_at_once(contest: Contest, world: World) -> None:
    may = await contest.author()
    picture = (await world.picture(may)).id
    second = await Contest.open(contest.ports, contest.gql, world)

    answers = await asyncio.gather(*(each.submit(may, pictures=[picture]) for each in (contest, second)))

    assert sorted(map(str, map(faults, answers))) == ["[('CONFLICT', ['imageMediaIds', '0'])]", "[]"]
    assert await StoryEntry.all().count() == 1


async def test_only_who_learns_at_a_shop_takes_part(contest: Contest, world: World, gql: Gql) -> None:
    entry_id = await contest.published()
    fields = {"campaignId": contest.id, "title": "灯", "text": "灯"}

    for member in (await world.member("路人"), await world.staff(Role.SUPERVISOR)):
        answers = [
            await gql.run("SubmitStory", {"input": fields}, by=member),
            await gql.run("VoteForStory", {"input": {"entryId": entry_id}}, by=member),
        ]
        assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN", "FORBIDDEN"]
    signed_out = await gql.run("SubmitStory", {"input": fields})
    assert signed_out["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await StoryEntry.all().count() == 1
