"""The demo's story contest: open, with stories that were voted for and one that waits for an admin."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from gamification.facts import StoryPublished
from kit.clock import day_of
from kit.db import transaction
from kit.words import Role, StoryEntryStatus
from models import stories
from models.courses import MediaAsset
from models.stories import StoryCampaign, StoryEntry
from seeds.covers import cover
from seeds.stories import BRIEF, PRIZES, STORIES, TITLE, SeedStory
from seeds.town import ACCOUNTS
from services.demo_city import City, Resident
from services.points import reward
from services.ports import Ports

OPENED = timedelta(days=5)
LASTS = timedelta(days=14)
JUDGED = timedelta(days=3)
VOTE_WEIGHT = 60


def story_pictures(city: City) -> Iterator[tuple[str, bytes]]:
    """(storage key, bytes) of the stories' pictures."""
    for number, story in enumerate(STORIES):
        yield _key(city, number), _picture(number, story)


async def tell_contest(ports: Ports, city: City, residents: list[Resident]) -> None:
    """Make the contest with these residents as authors and voters, the first of them the authors; again: nothing."""
    campaign_id = city.id("contest", TITLE)
    opens_at = city.now - OPENED
    there = [each for each in residents if each.joined_at < opens_at]
    authors, voters = there[: len(STORIES)], there[len(STORIES) :]

    async def work() -> None:
        if await stories.campaigns_by_ids([campaign_id]) != [None]:
            return
        campaign = await StoryCampaign.create(
            id=campaign_id,
            title=TITLE,
            brief=BRIEF,
            opens_at=opens_at,
            closes_at=opens_at + LASTS,
            judging_ends_at=opens_at + LASTS + JUDGED,
            votes_per_day=1,
            vote_weight=VOTE_WEIGHT,
            created_at=opens_at,
        )
        jurors = [city.id("member", each.key) for each in ACCOUNTS if each.role is Role.LECTURER]
        await stories.add_prizes_and_jury(campaign.id, PRIZES, jurors)
        for number, (story, author) in enumerate(zip(STORIES, authors, strict=False)):
            entry = await _enter(city, campaign, number, story, author)
            if entry.published_at is not None:
                fact = StoryPublished(author.member_id, entry.id, entry.published_at)
                await reward(ports, author.member_id, [fact])
            voted_at = opens_at + timedelta(days=2, minutes=number)
            for voter in voters[: story.votes or 0]:
                await stories.cast_vote(entry, voter.member_id, day_of(voted_at), voted_at)
            del voters[: story.votes or 0]  # each has one vote that day

    await transaction(work)


async def _enter(city: City, campaign: StoryCampaign, number: int, story: SeedStory, author: Resident) -> StoryEntry:
    submitted_at = campaign.opens_at + timedelta(hours=1 + number)
    published = story.votes is not None
    entry = await StoryEntry.create(
        id=city.id("story", number),
        campaign=campaign,
        member_id=author.member_id,
        region_id=author.placement.region_id,
        title=story.title,
        text=story.text,
        status=StoryEntryStatus.PUBLISHED if published else StoryEntryStatus.SUBMITTED,
        submitted_at=submitted_at,
        published_at=submitted_at + timedelta(hours=1) if published else None,
    )
    picture = _picture(number, story)
    asset = await MediaAsset.create(
        id=city.id("story picture", number),
        kind="IMAGE",
        content_type="image/svg+xml",
        size_bytes=len(picture),
        sha256=hashlib.sha256(picture).hexdigest(),
        storage_key=_key(city, number),
        created_at=submitted_at,
    )
    await stories.put_pictures(entry.id, [asset.id])
    return entry


def _key(city: City, number: int) -> str:
    return f"demo/{city.seed}/story-{number}.svg"


def _picture(number: int, story: SeedStory) -> bytes:
    return cover(story.look, TITLE, story.title, number).encode()
