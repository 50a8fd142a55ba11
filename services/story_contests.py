"""Photo-story contests, for those who run them: announcing, reviewing, judging, and the ranking with its prizes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.names import is_seen
from auth.permissions import may_judge_story, may_review_story, may_run_contests
from gamification.facts import StoryPublished
from gamification.prizes import STORY_PRIZE
from gamification.stories import JURY_SCORES, WEIGHTS, Contender, PrizeLine, prize_of, ranking
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import NoticeKind, StoryEntryStatus, StoryVerdict
from models import stories
from models.accounts import locked_member, members_by_ids
from models.audit import Details
from models.stories import StoryCampaign, StoryEntry
from services.audit import record
from services.notices import Tidings, tell, tell_each
from services.offers import path_of
from services.points import reward
from services.ports import Ports
from services.prizes import POINTS, Win, award_prizes
from services.stories import LONGEST_TITLE, visible_entries

LONGEST_BRIEF = 2000
LONGEST_NOTE = 500
VOTES_PER_DAY = range(1, 101)
MOST_JURORS = 20
MOST_PRIZE_LINES = 20
LAST_PRIZE = 500
"""The last position that may win something."""
FARTHEST = timedelta(days=731)
"""How far ahead a contest may open."""
LONGEST_CAMPAIGN = timedelta(days=92)
JUDGING = timedelta(days=3)
"""From the closing to the ranking, unless told otherwise."""
SHORTEST_JUDGING = timedelta(hours=1)
LONGEST_JUDGING = timedelta(days=31)

OUTCOME = {
    StoryVerdict.PUBLISH: StoryEntryStatus.PUBLISHED,
    StoryVerdict.REFUSE: StoryEntryStatus.REFUSED,
    StoryVerdict.WITHDRAW: StoryEntryStatus.WITHDRAWN,
}

TOLD = {
    StoryVerdict.PUBLISH: NoticeKind.STORY_PUBLISHED,
    StoryVerdict.REFUSE: NoticeKind.STORY_REFUSED,
    StoryVerdict.WITHDRAW: NoticeKind.STORY_WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """`vote_weight`: percent of the score that the votes are. `judging_ends_at` None: three days after closing."""

    title: str
    brief: str
    opens_at: datetime
    closes_at: datetime
    votes_per_day: int
    vote_weight: int
    juror_ids: tuple[UUID, ...] = ()
    prizes: tuple[PrizeLine, ...] = ()
    judging_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """`submitted_at`: which version was looked at; None: whichever is there."""

    entry_id: UUID
    verdict: StoryVerdict
    note: str = ""
    submitted_at: datetime | None = None


async def create_story_campaign(ports: Ports, actor: Actor, plan: CampaignPlan) -> StoryCampaign:
    """Announce a contest for all learners."""
    if not may_run_contests(actor):
        raise DomainError(ErrorCode.FORBIDDEN)
    now = ports.clock.now()
    title, brief = " ".join(plan.title.split()), plan.brief.strip()
    if not 1 <= len(title) <= LONGEST_TITLE or not is_seen(title):
        raise bad_input("title")
    if len(brief) > LONGEST_BRIEF:
        raise bad_input("brief")
    if plan.opens_at > now + FARTHEST:
        raise bad_input("opensAt")
    if not max(now, plan.opens_at) < plan.closes_at <= plan.opens_at + LONGEST_CAMPAIGN:
        raise bad_input("closesAt")
    judging_ends_at = plan.judging_ends_at or plan.closes_at + JUDGING
    if not plan.closes_at + SHORTEST_JUDGING <= judging_ends_at <= plan.closes_at + LONGEST_JUDGING:
        raise bad_input("judgingEndsAt")
    if plan.votes_per_day not in VOTES_PER_DAY:
        raise bad_input("votesPerDay")
    if plan.vote_weight not in WEIGHTS:
        raise bad_input("voteWeight")
    _check_prizes(plan.prizes)
    await _check_jury(plan)

    async def work() -> StoryCampaign:
        campaign = await StoryCampaign.create(
            id=new_id(),
            title=title,
            brief=brief,
            opens_at=plan.opens_at,
            closes_at=plan.closes_at,
            judging_ends_at=judging_ends_at,
            votes_per_day=plan.votes_per_day,
            vote_weight=plan.vote_weight,
            created_at=now,
        )
        lines = [(line.from_position, line.to_position, line.points) for line in plan.prizes]
        await stories.add_prizes_and_jury(campaign.id, lines, plan.juror_ids)
        details: Details = {"title": title, "jurors": len(plan.juror_ids)}
        await record(ports, actor, "story_campaign.created", "StoryCampaign", campaign.id, details)
        return campaign

    return await transaction(work)


async def review_story(ports: Ports, actor: Actor, review: Review) -> StoryEntry:
    """Publish or refuse what waits, or withdraw what is published; the same verdict again changes nothing.

    CONFLICT if another reviewer has decided otherwise meanwhile, or the author has submitted anew; CLOSED once judging
    is over. Publishing is a fact of the game, and pays once.
    """
    note = review.note.strip()
    if len(note) > LONGEST_NOTE or (review.verdict is not StoryVerdict.PUBLISH and not note):
        raise bad_input("note")
    [seen] = await visible_entries(actor, [review.entry_id])
    if seen is None:
        raise not_found("entryId")

    async def work() -> StoryEntry:
        if await locked_member(seen.member_id) is None:
            raise not_found("entryId")
        campaign = await stories.held_campaign(seen.campaign_id)
        entry = await stories.locked_entry(seen.id)
        path = await path_of(entry.region_id)
        if not may_review_story(actor, entry.member_id, path):
            raise DomainError(ErrorCode.FORBIDDEN)
        if review.submitted_at not in (None, entry.submitted_at):
            raise DomainError(ErrorCode.CONFLICT, field=["submittedAt"])
        if entry.status is OUTCOME[review.verdict]:
            return entry
        now = ports.clock.now()
        assert campaign is not None, "campaigns are never deleted"
        if now >= campaign.judging_ends_at:
            raise DomainError(ErrorCode.CLOSED, field=["entryId"])
        _check_way(entry.status, review.verdict)
        entry.status, entry.note = OUTCOME[review.verdict], note
        entry.reviewed_at, entry.reviewed_by = now, actor.member_id
        if review.verdict is StoryVerdict.PUBLISH:
            entry.published_at = now
        await entry.save(force_update=True)
        details: Details = {"note": note}  # no word of the author's: this log outlives accounts
        await record(
            ports,
            actor,
            {
                StoryVerdict.PUBLISH: "story.published",
                StoryVerdict.REFUSE: "story.refused",
                StoryVerdict.WITHDRAW: "story.withdrawn",
            }[review.verdict],
            "StoryEntry",
            entry.id,
            details,
            region_path=path or None,
        )
        # A story that is submitted anew is told of anew.
        key = f"{entry.id} {entry.submitted_at.isoformat()}"
        values = {"story": entry.title, "reason": note}
        await tell(ports, entry.member_id, TOLD[review.verdict], key, values, about=("StoryEntry", entry.id))
        if review.verdict is StoryVerdict.PUBLISH:
            await reward(ports, entry.member_id, [StoryPublished(entry.member_id, entry.id, now)])
        return entry

    return await transaction(work)


async def score_story(ports: Ports, actor: Actor, entry_id: UUID, score: int) -> StoryEntry:
    """Give a published story the juror's one score, or another one while judging lasts.

    FORBIDDEN for who is not in the jury, and for the own story; STATE_FORBIDS for what is not published.
    """
    if score not in JURY_SCORES:
        raise bad_input("score")
    [seen] = await visible_entries(actor, [entry_id])
    if seen is None:
        raise not_found("entryId")
    [juror_ids] = await stories.jurors_of([seen.campaign_id])
    if not may_judge_story(actor, seen.member_id, juror_ids):
        raise DomainError(ErrorCode.FORBIDDEN)

    async def work() -> StoryEntry:
        campaign = await stories.held_campaign(seen.campaign_id)
        entry = await stories.locked_entry(entry_id)
        now = ports.clock.now()
        assert campaign is not None, "campaigns are never deleted"
        if now >= campaign.judging_ends_at:
            raise DomainError(ErrorCode.CLOSED, field=["entryId"])
        if entry.status is not StoryEntryStatus.PUBLISHED:
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["entryId"])
        if await stories.put_score(entry_id, actor.member_id, score, now):
            path = await path_of(entry.region_id) or None
            details: Details = {"score": score}
            await record(ports, actor, "story.scored", "StoryEntry", entry_id, details, region_path=path)
        return entry

    return await transaction(work)


async def close_story_campaigns(ports: Ports) -> None:
    """A tick: make the ranking of every campaign whose judging is over, and write down who won what.

    Of several processes at once one does it. `services.prizes.pay_prizes` pays.
    """
    for campaign_id in await stories.campaigns_to_rank(ports.clock.now()):

        async def work(campaign_id: UUID = campaign_id) -> None:
            campaign = await stories.locked_campaign(campaign_id)
            if campaign is not None and campaign.ranked_at is None:
                await _rank(ports, campaign)

        await transaction(work)


async def _rank(ports: Ports, campaign: StoryCampaign) -> None:
    """The caller holds the campaign's row."""
    require_transaction()
    field = {each.entry_id: each for each in await stories.standings(campaign.id)}
    places = ranking(
        (Contender(each.entry_id, each.votes, each.jury, each.published_at) for each in field.values()),
        campaign.vote_weight,
    )
    now = ports.clock.now()
    await stories.publish_ranking(campaign.id, [(each.entry_id, each.position, each.score) for each in places], now)
    [found] = await stories.prizes_of([campaign.id])
    lines = [PrizeLine(*line) for line in found]
    wins = [
        Win(field[each.entry_id].member_id, each.position, points)
        for each in places
        if (points := prize_of(each.position, lines))
    ]
    await award_prizes(ports, STORY_PRIZE, campaign.id, wins)
    told = [
        Tidings(
            field[each.entry_id].member_id,
            str(campaign.id),
            {"contest": campaign.title, "rank": each.position, "points": points},
            ("StoryEntry", each.entry_id),
        )
        for each in places
        if (points := prize_of(each.position, lines))
    ]
    await tell_each(ports, NoticeKind.CONTEST_PRIZE, told)
    details: Details = {"title": campaign.title, "stories": len(places), "prizes": len(wins)}
    await record(ports, None, "story_campaign.ranked", "StoryCampaign", campaign.id, details)


def _check_way(before: StoryEntryStatus, verdict: StoryVerdict) -> None:
    """Whether a verdict may be given about an entry that stands so."""
    start = StoryEntryStatus.PUBLISHED if verdict is StoryVerdict.WITHDRAW else StoryEntryStatus.SUBMITTED
    if before is start:
        return
    decided = before in (StoryEntryStatus.PUBLISHED, StoryEntryStatus.REFUSED)
    if decided and verdict is not StoryVerdict.WITHDRAW:
        raise DomainError(ErrorCode.CONFLICT, field=["entryId"])
    raise DomainError(ErrorCode.STATE_FORBIDS, field=["entryId"])


def _check_prizes(lines: tuple[PrizeLine, ...]) -> None:
    if len(lines) > MOST_PRIZE_LINES:
        raise bad_input("prizes")
    last = 0
    for place, line in enumerate(lines):
        if line.from_position <= last:
            raise bad_input("prizes", str(place), "fromPosition")
        if not line.from_position <= line.to_position <= LAST_PRIZE:
            raise bad_input("prizes", str(place), "toPosition")
        if line.points not in POINTS:
            raise bad_input("prizes", str(place), "points")
        last = line.to_position


async def _check_jury(plan: CampaignPlan) -> None:
    """Everybody once, and all of them people who can still sign in; without a jury the votes are the whole score."""
    if len(plan.juror_ids) > MOST_JURORS or (not plan.juror_ids and plan.vote_weight < WEIGHTS[-1]):
        raise bad_input("juryIds")
    for place, member in enumerate(await members_by_ids(plan.juror_ids)):
        if member is None or member.deleted_at is not None or member.suspended_at is not None:
            raise not_found("juryIds", str(place))
        if member.id in plan.juror_ids[:place]:
            raise bad_input("juryIds", str(place))
