"""Photo-story contests as clients see them."""

from datetime import datetime
from typing import Self

import strawberry

from gamification.stories import PrizeLine
from kit.words import Role
from models import accounts, stories
from schema.accounts import Member
from schema.boards import is_hidden
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, decode_each, encode
from schema.node import Node
from schema.words import StoryCampaignStatus, StoryEntryStatus, StoryVerdict
from services.media import media_url
from services.stories import Story, votes_left
from services.story_contests import CampaignPlan, Review


@strawberry.type(description="What the positions of a contest win (奖励).")
class StoryPrize:
    from_position: int = strawberry.field(description="The first position that wins it.")
    to_position: int = strawberry.field(description="The last one.")
    points: int = strawberry.field(description="What each of them gets, on the balance.")


@strawberry.type(description="A photo-story contest (征文). docs/story-contests.md tells how it is judged.")
class StoryCampaign(Node):
    row: strawberry.Private[stories.StoryCampaign]
    title: str = strawberry.field(description="What it is called.")
    brief: str = strawberry.field(description="What to tell about; may be empty.")
    opens_at: datetime = strawberry.field(description="From when stories are submitted and voted for.")
    closes_at: datetime = strawberry.field(description="The first moment they are not.")
    judging_ends_at: datetime = strawberry.field(description="When the ranking is made; until then the jury scores.")
    ranked_at: datetime | None = strawberry.field(description="Since when the ranking is public.")
    votes_per_day: int = strawberry.field(description="How many votes each member has a day, in Asia/Shanghai.")
    vote_weight: int = strawberry.field(description="Percent of the score that the votes are; the jury is the rest.")

    @classmethod
    def of(cls, row: stories.StoryCampaign) -> Self:
        return cls(
            id=encode("StoryCampaign", row.id),
            row=row,
            title=row.title,
            brief=row.brief,
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            judging_ends_at=row.judging_ends_at,
            ranked_at=row.ranked_at,
            votes_per_day=row.votes_per_day,
            vote_weight=row.vote_weight,
        )

    @strawberry.field(description="How far it is.")
    def status(self, info: Info) -> StoryCampaignStatus:
        return self.row.status_at(info.context.ports.clock.now())

    @strawberry.field(description="What can be won, the first positions first.")
    async def prizes(self, info: Info) -> list[StoryPrize]:
        found = await info.context.loaders.of(stories.prizes_of).load(self.row.id)
        return [StoryPrize(from_position=first, to_position=last, points=points) for first, last, points in found]

    @strawberry.field(description="Who scores the stories (评委).")
    async def jury(self, info: Info) -> list[Member]:
        ids = await info.context.loaders.of(stories.jurors_of).load(self.row.id)
        found = await info.context.loaders.of(accounts.members_by_ids).load_many(ids)
        return [Member.of(row) for row in found if row is not None]

    @strawberry.field(description="The viewer is in the jury.")
    async def viewer_judges(self, info: Info) -> bool:
        actor = info.context.actor
        return actor is not None and actor.member_id in await info.context.loaders.of(stories.jurors_of).load(
            self.row.id
        )

    @strawberry.field(description="How many votes the viewer may still give today; 0 while none are taken.")
    async def votes_left_today(self, info: Info) -> int:
        actor = info.context.actor
        if actor is None:
            return 0
        loader = info.context.loaders.of(votes_left, info.context.ports, actor.member_id)
        return await loader.load(self.row)

    @strawberry.field(description="What the viewer has submitted, in any state; null: nothing.")
    async def viewer_entry(self, info: Info) -> "StoryEntry | None":
        actor = info.context.actor
        if actor is None:
            return None
        row = await info.context.loaders.of(stories.entries_of_member, actor.member_id).load(self.row.id)
        return StoryEntry.of(row) if row is not None else None


@strawberry.type(description="A story with pictures that a member submitted to a contest (参赛作品).")
class StoryEntry(Node):
    row: strawberry.Private[stories.StoryEntry]
    title: str = strawberry.field(description="Of the story; empty once its author has left.")
    text: str = strawberry.field(description="The story; empty once its author has left.")
    status: StoryEntryStatus = strawberry.field(description="Where it stands.")
    submitted_at: datetime = strawberry.field(description="When it was submitted last; names this version of it.")
    published_at: datetime | None = strawberry.field(description="Since when everybody can read it.")
    votes: int = strawberry.field(description="How many members have voted for it.")
    position: int | None = strawberry.field(description="Its place in the ranking; null until that is public.")

    @classmethod
    def of(cls, row: stories.StoryEntry) -> Self:
        return cls(
            id=encode("StoryEntry", row.id),
            row=row,
            title=row.title,
            text=row.text,
            status=row.status,
            submitted_at=row.submitted_at,
            published_at=row.published_at,
            votes=row.votes,
            position=row.position,
        )

    @strawberry.field(description="Its pictures in order, signed addresses; at most 9.")
    async def image_urls(self, info: Info) -> list[str]:
        found = await info.context.loaders.of(stories.pictures_of).load(self.row.id)
        return [media_url(info.context.ports, media_id).url for media_id in found]

    @strawberry.field(description="The contest it was submitted to.")
    async def campaign(self, info: Info) -> StoryCampaign | None:
        row = await info.context.loaders.of(stories.campaigns_by_ids).load(self.row.campaign_id)
        return StoryCampaign.of(row) if row is not None else None

    @strawberry.field(description="Its author; null for one who does not want to be shown, or has left.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None and not is_hidden(info, row) else None

    @strawberry.field(description="What the reviewer told the author; null to who is neither, and where nothing was.")
    def note(self, info: Info) -> str | None:
        actor = info.context.actor
        told = actor is not None and (actor.member_id == self.row.member_id or actor.has(Role.ADMIN, Role.AUDITOR))
        return self.row.note or None if told else None

    @strawberry.field(description="The viewer has voted for it.")
    async def viewer_voted(self, info: Info) -> bool:
        actor = info.context.actor
        return actor is not None and await info.context.loaders.of(stories.voted, actor.member_id).load(self.row.id)

    @strawberry.field(description="What it came to, 0-100 with two decimals; null until the ranking is public.")
    def score(self) -> float | None:
        return self.row.score / 100 if self.row.score is not None else None

    @strawberry.field(
        description="The mean of the jury's scores, 0-100; until the ranking is public null but to jury and staff."
    )
    async def jury_score(self, info: Info) -> float | None:
        given = await info.context.loaders.of(stories.jury_scores).load(self.row.id)
        if not given or not (self.row.position is not None or await self._is_in_the_room(info)):
            return None
        return round(sum(given.values()) / len(given), 2)

    @strawberry.field(description="What the viewer gave it as one of the jury; null: nothing yet.")
    async def viewer_score(self, info: Info) -> int | None:
        actor = info.context.actor
        given = await info.context.loaders.of(stories.jury_scores).load(self.row.id)
        return given.get(actor.member_id) if actor is not None else None

    async def _is_in_the_room(self, info: Info) -> bool:
        """Jury, admins and auditors know the scores before the ranking; an author in the jury not those of the own."""
        actor = info.context.actor
        if actor is None or actor.member_id == self.row.member_id:
            return False
        jury = await info.context.loaders.of(stories.jurors_of).load(self.row.campaign_id)
        return actor.member_id in jury or actor.has(Role.ADMIN, Role.AUDITOR)


@strawberry.input(description="A story for a contest.")
class SubmitStoryInput:
    campaign_id: strawberry.ID = strawberry.field(description="The contest.")
    title: str = strawberry.field(description="1-80 characters, on one line.")
    text: str = strawberry.field(description="1-2,000 characters.")
    image_media_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At most 9 pictures that the viewer has uploaded, in order; each in one story only."
    )

    def plain(self) -> Story:
        pictures = decode_each(self.image_media_ids or [], "Media", "imageMediaIds")
        return Story(decode(self.campaign_id, "StoryCampaign", "campaignId"), self.title, self.text, tuple(pictures))


@strawberry.type(description="What became of SubmitStoryInput.")
class SubmitStoryPayload(Payload):
    entry: StoryEntry | None = strawberry.field(default=None, description="The entry, waiting to be reviewed.")


@strawberry.input(description="A story to vote for.")
class VoteForStoryInput:
    entry_id: strawberry.ID = strawberry.field(description="A published story of somebody else's.")


@strawberry.type(description="What became of VoteForStoryInput.")
class VoteForStoryPayload(Payload):
    entry: StoryEntry | None = strawberry.field(default=None, description="The story with its votes.")
    votes_left_today: int | None = strawberry.field(
        default=None, description="How many votes the viewer may still give today in this contest."
    )


@strawberry.input(description="A verdict about a story.")
class ReviewStoryInput:
    entry_id: strawberry.ID = strawberry.field(description="The story.")
    verdict: StoryVerdict = strawberry.field(description="What is decided.")
    note: str | None = strawberry.field(
        default=None, description="For the author, at most 500 characters; required unless it is published."
    )
    submitted_at: datetime | None = strawberry.field(
        default=None, description="The version that was looked at: CONFLICT if the author has submitted anew since."
    )

    def plain(self) -> Review:
        entry_id = decode(self.entry_id, "StoryEntry", "entryId")
        return Review(entry_id, self.verdict, self.note or "", self.submitted_at)


@strawberry.type(description="What became of ReviewStoryInput.")
class ReviewStoryPayload(Payload):
    entry: StoryEntry | None = strawberry.field(default=None, description="The story as it stands now.")


@strawberry.input(description="A juror's score of a story.")
class ScoreStoryInput:
    entry_id: strawberry.ID = strawberry.field(description="A published story of a contest the viewer judges.")
    score: int = strawberry.field(description="0-100; again replaces it, until judging ends.")


@strawberry.type(description="What became of ScoreStoryInput.")
class ScoreStoryPayload(Payload):
    entry: StoryEntry | None = strawberry.field(default=None, description="The story with its scores.")


@strawberry.input(description="What some positions of a new contest win.")
class StoryPrizeInput:
    from_position: int = strawberry.field(description="From 1, after the line before.")
    to_position: int = strawberry.field(description="At most 500.")
    points: int = strawberry.field(description="For each of them, 1-1,000,000, on the balance.")


@strawberry.input(description="A contest to announce, for all learners.")
class CreateStoryCampaignInput:
    title: str = strawberry.field(description="1-80 characters, on one line.")
    brief: str | None = strawberry.field(default=None, description="What to tell about, at most 2,000 characters.")
    opens_at: datetime = strawberry.field(
        description="From when stories are submitted and voted for; at most two years ahead."
    )
    closes_at: datetime = strawberry.field(description="In the future, at most 92 days after it opens.")
    judging_ends_at: datetime | None = strawberry.field(
        default=None, description="1 hour to 31 days after closing; default: 3 days."
    )
    votes_per_day: int | None = strawberry.field(default=1, description="Of each member, 1-100.")
    jury_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At most 20 members; may be left out if only votes count."
    )
    vote_weight: int | None = strawberry.field(
        default=100, description="Percent of the score that the votes are, 0-100; the jury's mean is the rest."
    )
    prizes: list[StoryPrizeInput] | None = strawberry.field(
        default=None, description="At most 20 lines, the first positions first."
    )

    def plain(self) -> CampaignPlan:
        return CampaignPlan(
            title=self.title,
            brief=self.brief or "",
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            judging_ends_at=self.judging_ends_at,
            votes_per_day=self.votes_per_day if self.votes_per_day is not None else 1,
            vote_weight=self.vote_weight if self.vote_weight is not None else 100,
            juror_ids=tuple(decode_each(self.jury_ids or [], "Member", "juryIds")),
            prizes=tuple(PrizeLine(each.from_position, each.to_position, each.points) for each in self.prizes or []),
        )


@strawberry.type(description="What became of CreateStoryCampaignInput.")
class CreateStoryCampaignPayload(Payload):
    campaign: StoryCampaign | None = strawberry.field(default=None, description="The new contest.")
