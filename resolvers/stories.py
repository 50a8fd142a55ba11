"""Photo-story contests: looking, submitting, voting; and announcing, reviewing, judging."""

from typing import Annotated

import strawberry

from kit.words import Role
from models import stories as rows
from models.story_lists import count_campaigns, count_entries
from resolvers.guard import staff, viewer
from resolvers.mutation import mutation
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.stories import (
    CreateStoryCampaignInput,
    CreateStoryCampaignPayload,
    ReviewStoryInput,
    ReviewStoryPayload,
    ScoreStoryInput,
    ScoreStoryPayload,
    StoryCampaign,
    StoryEntry,
    SubmitStoryInput,
    SubmitStoryPayload,
    VoteForStoryInput,
    VoteForStoryPayload,
)
from schema.words import StoryEntryStatus, StorySort
from services import stories, story_contests


async def story_campaign_node(info: Info, key: str) -> Node | None:
    row_id = row_key(key)
    if row_id is None or info.context.actor is None:
        return None
    row = await info.context.loaders.of(rows.campaigns_by_ids).load(row_id)
    return StoryCampaign.of(row) if row is not None else None


async def story_entry_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(stories.visible_entries, actor).load(row_id)
    return StoryEntry.of(row) if row is not None else None


@strawberry.type
class StoryQueries:
    @strawberry.field(description="All photo-story contests (征文活动), the last to close first.")
    async def story_campaigns(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[StoryCampaign] | None:
        viewer(info)
        scope = "story campaigns"
        return connection(
            info,
            await stories.list_campaigns(ask(info, scope, first, after, last, before)),
            scope=scope,
            of=StoryCampaign.of,
            key=lambda row: [row.closes_at, row.id],
            count=count_campaigns,
        )

    @strawberry.field(description="The stories of a contest that are published.")
    async def story_entries(
        self,
        info: Info,
        campaign_id: Annotated[strawberry.ID, strawberry.argument(description="Of a contest.")],
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        sort: Annotated[StorySort | None, strawberry.argument(description="In which order.")] = StorySort.NEWEST,
        status: Annotated[
            StoryEntryStatus | None,
            strawberry.argument(description="For jury, admins and auditors: those in another state, as SUBMITTED."),
        ] = StoryEntryStatus.PUBLISHED,
    ) -> Connection[StoryEntry] | None:
        actor, order = viewer(info), sort or StorySort.NEWEST
        campaign = decode(campaign_id, "StoryCampaign", "campaignId")
        wanted = await stories.wanted_entries(actor, campaign, status or StoryEntryStatus.PUBLISHED)
        scope = f"story entries {order} {wanted}"
        return connection(
            info,
            await stories.list_entries(wanted, order, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=lambda line: StoryEntry.of(line.entry),
            key=lambda line: line.key,
            count=lambda: count_entries(wanted, order),
        )


@strawberry.type
class StoryMutations:
    @mutation(description="Submit a story to a contest (投稿); once it was refused, again. Admins look at it first.")
    async def submit_story(self, info: Info, input: SubmitStoryInput) -> SubmitStoryPayload:
        row = await stories.submit_story(info.context.ports, viewer(info), input.plain())
        return SubmitStoryPayload(entry=StoryEntry.of(row))

    @mutation(description="Vote for a story (投票), once; again changes nothing.")
    async def vote_for_story(self, info: Info, input: VoteForStoryInput) -> VoteForStoryPayload:
        actor, ports = viewer(info), info.context.ports
        row = await stories.vote_for_story(ports, actor, decode(input.entry_id, "StoryEntry", "entryId"))
        left = await stories.votes_left_in(ports, actor.member_id, row.campaign_id)
        return VoteForStoryPayload(entry=StoryEntry.of(row), votes_left_today=left)

    @mutation(description="Publish a story, refuse it, or take it back out (审核). For admins.")
    async def review_story(self, info: Info, input: ReviewStoryInput) -> ReviewStoryPayload:
        actor = staff(info, Role.ADMIN)
        row = await story_contests.review_story(info.context.ports, actor, input.plain())
        return ReviewStoryPayload(entry=StoryEntry.of(row))

    @mutation(description="Score a story (评分). For the jury of its contest.")
    async def score_story(self, info: Info, input: ScoreStoryInput) -> ScoreStoryPayload:
        actor, entry_id = viewer(info), decode(input.entry_id, "StoryEntry", "entryId")
        row = await story_contests.score_story(info.context.ports, actor, entry_id, input.score)
        return ScoreStoryPayload(entry=StoryEntry.of(row))

    @mutation(description="Announce a contest for all learners (发起征文). For admins over everything.")
    async def create_story_campaign(self, info: Info, input: CreateStoryCampaignInput) -> CreateStoryCampaignPayload:
        actor = staff(info, Role.ADMIN)
        row = await story_contests.create_story_campaign(info.context.ports, actor, input.plain())
        return CreateStoryCampaignPayload(campaign=StoryCampaign.of(row))
