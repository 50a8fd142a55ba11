"""Photo-story contests, for those who take part: submitting a story and voting."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from auth.permissions import may_tell_stories, may_vote_for, reach_over_stories
from kit.clock import day_of
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import StoryCampaignStatus, StoryEntryStatus, StorySort
from models import stories, story_lists
from models.accounts import locked_member
from models.outlets import placement_at
from models.stories import StoryCampaign, StoryEntry
from models.story_lists import Listed, Wanted
from services.ports import Ports

LONGEST_TITLE = 80
LONGEST_TEXT = 2000
MOST_PICTURES = 9


@dataclass(frozen=True, slots=True)
class Story:
    """What a member submits; the pictures in their order."""

    campaign_id: UUID
    title: str
    text: str
    picture_ids: tuple[UUID, ...] = ()


async def submit_story(ports: Ports, actor: Actor, story: Story) -> StoryEntry:
    """Hand in the one story of a member for a campaign; a refused one may be handed in anew, as it is or changed.

    The same again gives the same answer. NOT_OPEN and CLOSED outside the campaign's time; STATE_FORBIDS for another
    story while one waits or is published; NOT_FOUND for what is no picture of the member's, CONFLICT for one that
    belongs to another story.
    """
    if not may_tell_stories(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    title, text = " ".join(story.title.split()), story.text.strip()
    if not 1 <= len(title) <= LONGEST_TITLE or not is_seen(title):
        raise bad_input("title")
    if len(text) > LONGEST_TEXT or not any(is_seen(each) for each in text.split()):
        raise bad_input("text")
    if len(story.picture_ids) > MOST_PICTURES:
        raise bad_input("imageMediaIds")
    for place, picture_id in enumerate(story.picture_ids):
        if picture_id in story.picture_ids[:place]:
            raise bad_input("imageMediaIds", str(place))

    async def work() -> StoryEntry:
        if await locked_member(actor.member_id) is None:
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        campaign = await stories.held_campaign(story.campaign_id)
        if campaign is None:
            raise not_found("campaignId")
        before = await stories.locked_entry_of(campaign.id, actor.member_id)
        if before is not None and before.status is not StoryEntryStatus.REFUSED:
            [pictures] = await stories.pictures_of([before.id])
            if (before.title, before.text, pictures) != (title, text, list(story.picture_ids)):
                raise DomainError(ErrorCode.STATE_FORBIDS, field=["campaignId"])
            return before
        now = ports.clock.now()
        if campaign.status_at(now) is StoryCampaignStatus.UPCOMING:
            raise DomainError(ErrorCode.NOT_OPEN, field=["campaignId"])
        if campaign.status_at(now) is not StoryCampaignStatus.OPEN:
            raise DomainError(ErrorCode.CLOSED, field=["campaignId"])
        place = await placement_at(actor.member_id, now)
        entry = before or StoryEntry(id=new_id(), campaign_id=campaign.id, member_id=actor.member_id)
        entry.region_id = place.region_id if place else None
        entry.title, entry.text = title, text
        entry.status, entry.submitted_at = StoryEntryStatus.SUBMITTED, now
        entry.reviewed_at, entry.reviewed_by, entry.note = None, None, ""
        await entry.save(force_create=before is None, force_update=before is not None)
        await _put_pictures(entry, story.picture_ids)
        return entry

    return await transaction(work)


async def vote_for_story(ports: Ports, actor: Actor, entry_id: UUID) -> StoryEntry:
    """Give a published story the member's one vote, while its campaign is open. Again: the same answer.

    FORBIDDEN for the own story; LIMIT_REACHED once the day's votes of the campaign are given; CLOSED after its end.
    """
    if not may_tell_stories(actor):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> StoryEntry:
        if await locked_member(actor.member_id) is None:
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        [entry] = await stories.readable_entries(actor.member_id, (), [entry_id])
        if entry is None:
            raise not_found("entryId")
        if not may_vote_for(actor, entry.member_id):
            raise DomainError(ErrorCode.FORBIDDEN)
        if entry.status is not StoryEntryStatus.PUBLISHED:
            raise not_found("entryId")
        [given] = await stories.voted(actor.member_id, [entry_id])
        if given:
            return entry
        [campaign] = await stories.campaigns_by_ids([entry.campaign_id])
        assert campaign is not None, "campaigns are never deleted"
        now = ports.clock.now()
        if campaign.status_at(now) is not StoryCampaignStatus.OPEN:
            raise DomainError(ErrorCode.CLOSED, field=["entryId"])
        [used] = await stories.votes_used(actor.member_id, day_of(now), [campaign.id])
        if used >= campaign.votes_per_day:
            raise DomainError(ErrorCode.LIMIT_REACHED, field=["entryId"])
        if not await stories.cast_vote(entry, actor.member_id, day_of(now), now):
            raise not_found("entryId")
        return await StoryEntry.get(id=entry_id)

    return await transaction(work)


async def votes_left(ports: Ports, member_id: UUID, campaigns: Sequence[StoryCampaign]) -> list[int]:
    """How many votes the member may still give today in each campaign; none where no votes are taken now."""
    now = ports.clock.now()
    used = await stories.votes_used(member_id, day_of(now), [each.id for each in campaigns])
    return [
        max(each.votes_per_day - given, 0) if each.status_at(now) is StoryCampaignStatus.OPEN else 0
        for each, given in zip(campaigns, used, strict=True)
    ]


async def votes_left_in(ports: Ports, member_id: UUID, campaign_id: UUID) -> int:
    """`votes_left` in one campaign."""
    [campaign] = await stories.campaigns_by_ids([campaign_id])
    assert campaign is not None, "campaigns are never deleted"
    [left] = await votes_left(ports, member_id, [campaign])
    return left


async def list_campaigns(ask: Ask) -> Page[StoryCampaign]:
    """All campaigns, the last to close first."""
    return await story_lists.campaigns_page(ask)


async def wanted_entries(actor: Actor, campaign_id: UUID, status: StoryEntryStatus) -> Wanted:
    """The entries of a campaign that the actor may list.

    NOT_FOUND for an unknown campaign. What is not published is for its jury, and for admins and auditors from their
    regions; to others it is FORBIDDEN.
    """
    [campaign] = await stories.campaigns_by_ids([campaign_id])
    if campaign is None:
        raise not_found("campaignId")
    if status is StoryEntryStatus.PUBLISHED:
        return Wanted(campaign_id)
    [juror_ids] = await stories.jurors_of([campaign_id])
    tops = ("",) if actor.member_id in juror_ids else reach_over_stories(actor)
    if not tops:
        raise DomainError(ErrorCode.FORBIDDEN)
    return Wanted(campaign_id, status, tops)


async def list_entries(wanted: Wanted, sort: StorySort, ask: Ask) -> Page[Listed]:
    return await story_lists.entries_page(wanted, sort, ask)


async def visible_entries(actor: Actor, ids: Sequence[UUID]) -> list[StoryEntry | None]:
    """The entries of these ids, in their order; None for what the actor may not read."""
    return await stories.readable_entries(actor.member_id, reach_over_stories(actor), ids)


async def _put_pictures(entry: StoryEntry, picture_ids: Sequence[UUID]) -> None:
    """The caller holds the entry, and its author."""
    require_transaction()
    own = await stories.pictures_owned(entry.member_id, picture_ids)
    for place, picture_id in enumerate(picture_ids):
        if picture_id not in own:
            raise not_found("imageMediaIds", str(place))
    taken = await stories.put_pictures(entry.id, picture_ids)
    for place, picture_id in enumerate(picture_ids):
        if picture_id in taken:
            raise DomainError(ErrorCode.CONFLICT, field=["imageMediaIds", str(place)])
