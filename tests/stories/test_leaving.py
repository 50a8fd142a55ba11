"""What a member's export holds of contests, and what is left of them when they delete their account."""

import asyncio
import io
import zipfile
from datetime import timedelta
from typing import Any

import orjson
import pytest

from auth.codes import DEMO_CODE
from kit.clock import FrozenClock
from kit.db import rows
from kit.ids import to_global
from models.accounts import Member
from models.courses import Course, MediaAsset
from models.exports import DataExport
from models.stories import StoryEntry, jurors_of
from services.ports import Ports
from services.privacy_export import make_exports
from services.uploads import sweep_uploads
from tests.gql import Gql
from tests.privacy.test_deletion import places_holding
from tests.stories.contest import Contest, faults, row_id
from tests.uploads.files import PNG, uploaded
from tests.world import World

TITLE, TEXT = "独一无二的雨夜", "只有我一个人知道的灯"


@pytest.fixture
async def contest(ports: Ports, gql: Gql, world: World) -> Contest:
    juror = await world.member("评委甲")
    return await Contest.open(
        ports, gql, world, [juror], voteWeight=50, prizes=[{"fromPosition": 1, "toPosition": 1, "points": 9}]
    )


async def told(contest: Contest, by: Member) -> str:
    """A published story of the member's with a picture that was uploaded."""
    picture = to_global("Media", row_id(await uploaded(contest.gql, by, PNG, "image/png")))
    payload = await contest.submit(by, TITLE, text=TEXT, imageMediaIds=[picture])
    assert payload["userErrors"] == []
    await contest.review(payload["entry"]["id"])
    entry_id: str = payload["entry"]["id"]
    return entry_id


async def leaves(contest: Contest, member: Member) -> None:
    payload = await contest.do("DeleteMyAccount", member, code=DEMO_CODE)
    assert payload["userErrors"] == []


async def picture_url(contest: Contest, by: Member) -> str:
    [story] = (await contest.entries(by))["nodes"]
    url: str = story["imageUrls"][0]
    return url.removeprefix(contest.ports.settings.public_url)


async def test_an_export_holds_the_own_stories_votes_and_scores_and_nobody_else(
    contest: Contest, gql: Gql, world: World
) -> None:
    may, other = await contest.author(), await contest.author("小李独一无二")
    entry_id = await told(contest, may)
    theirs = await contest.published(other, "别人的故事")
    await contest.vote(may, theirs)
    juror_id = (await jurors_of([row_id(contest.id)]))[0][0]
    await contest.score(await Member.get(id=juror_id), theirs, 77)

    await contest.do("ExportMyData", may)
    await contest.do("ExportMyData", await Member.get(id=juror_id))
    await make_exports(contest.ports)

    files = await exported(contest, may)
    assert [(each["campaign"], each["title"], each["text"], len(each["pictures"])) for each in files["stories"]] == [
        ("我的小店故事", TITLE, TEXT, 1)
    ]
    assert [each["entry_id"] for each in files["story-votes"]] == [str(row_id(theirs))]
    assert files["story-scores"] == files["story-juries"] == []
    assert "小李独一无二" not in str(files)
    assert "别人的故事" not in str(files)
    judged = await exported(contest, await Member.get(id=juror_id))
    assert [each["score"] for each in judged["story-scores"]] == [77]
    assert [each["campaign"] for each in judged["story-juries"]] == ["我的小店故事"]
    assert entry_id not in str(judged)


async def exported(contest: Contest, by: Member) -> dict[str, Any]:
    """The export of the member's, by section."""
    export = await DataExport.get(member_id=by.id)
    content = b"".join([piece async for piece in contest.ports.storage.read(export.storage_key, 0, 10_000_000)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".json"): orjson.loads(archive.read(name))
            for name in archive.namelist()
            if name.endswith(".json")
        }


async def test_text_pictures_and_name_go_with_the_account(contest: Contest, gql: Gql, clock: FrozenClock) -> None:
    may, reader = await contest.author(), await contest.author("小李")
    await told(contest, may)
    url = await picture_url(contest, reader)
    assert (await gql.http.get(url)).status_code == 200
    before = await places_holding(TITLE, TEXT)

    await leaves(contest, may)
    at_once = await gql.http.get(url)
    clock.advance(timedelta(minutes=15))
    await sweep_uploads(contest.ports)

    assert {"story_entries.title: " + TITLE, "story_entries.text: " + TEXT} <= set(before)
    assert await places_holding(TITLE, TEXT) == []
    assert at_once.status_code == 404
    assert await MediaAsset.all().count() == 0
    [upload] = await rows("SELECT id, attempts, swept_at FROM uploads")
    assert upload["swept_at"] is not None
    assert not await contest.ports.storage.holds(f"uploads/{upload['id']}-1.png", len(PNG))


async def test_before_the_ranking_the_story_is_out_and_the_votes_others_gave_elsewhere_stay(
    contest: Contest, clock: FrozenClock
) -> None:
    may, reader = await contest.author(), await contest.author("小李")
    gone = await told(contest, may)
    other = await contest.published(await contest.author("小陈"), "别的故事")
    await contest.vote(may, other)
    await contest.vote(reader, gone)

    await leaves(contest, may)
    seen = await contest.entries(reader)
    await contest.ends(clock)

    assert [(node["title"], node["votes"]) for node in seen["nodes"]] == [("别的故事", 1)]
    assert seen["totalCount"] == 1
    row = await contest.row(gone)
    assert (row.status, row.title, row.votes, row.position) == ("WITHDRAWN", "", 1, None)
    assert (await contest.row(other)).position == 1
    refused = await contest.vote(reader, gone)
    assert faults(refused) == [("NOT_FOUND", ["entryId"])]


async def test_after_the_ranking_the_place_stays_without_words_or_name(contest: Contest, clock: FrozenClock) -> None:
    may, reader = await contest.author(), await contest.author("小李")
    await told(contest, may)
    await contest.ends(clock)

    await leaves(contest, may)

    [node] = (await contest.entries(reader))["nodes"]
    assert (node["title"], node["text"], node["imageUrls"], node["member"], node["position"]) == ("", "", [], None, 1)
    await contest.books_are_clean()


async def test_a_juror_who_leaves_is_out_of_the_jury_and_the_scores_stay(contest: Contest, clock: FrozenClock) -> None:
    entry_id = await contest.published()
    [[juror_id]] = await jurors_of([row_id(contest.id)])
    juror = await Member.get(id=juror_id)
    await contest.score(juror, entry_id, 80)

    await leaves(contest, juror)
    await contest.ends(clock)

    assert await jurors_of([row_id(contest.id)]) == [[]]
    row = await contest.row(entry_id)
    assert (row.score, row.position) == (4000, 1)


async def test_a_picture_that_something_else_shows_stays_there(contest: Contest, world: World) -> None:
    may = await contest.author()
    await told(contest, may)
    [picture] = await MediaAsset.all()
    course = await world.course()
    await Course.filter(id=course.id).update(cover_media_id=picture.id)

    await leaves(contest, may)

    assert await MediaAsset.filter(id=picture.id).exists()
    assert await rows("SELECT 1 FROM story_pictures") == []


async def test_an_author_who_leaves_while_others_vote_review_and_close_stands_in_nobody_s_way(
    contest: Contest, clock: FrozenClock
) -> None:
    may = await contest.author()
    entry_id = await told(contest, may)
    voters = [await contest.author(f"街坊{number}") for number in range(10)]

    voting = [contest.vote(each, entry_id) for each in voters]
    answers = await asyncio.gather(*voting[:5], leaves(contest, may), contest.review(entry_id, "WITHDRAW"), *voting[5:])

    assert {str(faults(answer)) for answer in answers if answer} <= {"[]", "[('NOT_FOUND', ['entryId'])]"}
    entry = await StoryEntry.get()
    assert (entry.status, entry.title) == ("WITHDRAWN", "")
    [counted] = await rows("SELECT count(*) AS n FROM story_votes")
    assert counted["n"] == entry.votes
    await contest.ends(clock)
    assert (await StoryEntry.get()).position is None
