"""Photo-story contests: campaigns, their entries with pictures, votes and the jury's scores.

Votes are numbered in each campaign in the order in which they were committed, so that a list by votes can go on as it
was when its first page was read. Who locks several rows takes them in this order: the member, the campaign, the entry.
Pictures, jurors, votes, scores and prizes have no table class: they are written and read in sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.db import execute, require_transaction, rows
from kit.words import StoryCampaignStatus, StoryEntryStatus
from models.accounts import Member
from models.outlets import Region


class StoryCampaign(Model):
    """Stories and votes are taken in [opens_at, closes_at), scores of the jury until `judging_ends_at`.

    `vote_weight`: percent of the score. `votes_cast` numbers the votes. `ranked_at`: since when the ranking is public.
    """

    id = fields.UUIDField(primary_key=True)
    title = fields.CharField(80)
    brief = fields.CharField(2000)
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    judging_ends_at = fields.DatetimeField()
    votes_per_day = fields.SmallIntField()
    vote_weight = fields.SmallIntField()
    votes_cast = fields.IntField(default=0)
    ranked_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "story_campaigns"

    def status_at(self, now: datetime) -> StoryCampaignStatus:
        if self.ranked_at is not None:
            return StoryCampaignStatus.PUBLISHED
        if now < self.opens_at:
            return StoryCampaignStatus.UPCOMING
        return StoryCampaignStatus.OPEN if now < self.closes_at else StoryCampaignStatus.JUDGING


class StoryEntry(Model):
    """The one entry of a member in a campaign. The region is where the author stood when submitting; none: nowhere.

    `votes` counts the rows of `story_votes`. `score` is in hundredths of a point; it and `position` come with the
    ranking. `note` is what the last reviewer told the author.
    """

    id = fields.UUIDField(primary_key=True)
    campaign: fields.ForeignKeyRelation[StoryCampaign] = fields.ForeignKeyField(
        "models.StoryCampaign", "entries", on_delete=fields.RESTRICT
    )
    campaign_id: UUID
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "stories", on_delete=fields.RESTRICT
    )
    member_id: UUID
    region: fields.ForeignKeyNullableRelation[Region] = fields.ForeignKeyField(
        "models.Region", "stories", null=True, on_delete=fields.RESTRICT
    )
    region_id: UUID | None
    title = fields.CharField(80)
    text = fields.CharField(2000)
    status = fields.CharEnumField(StoryEntryStatus, max_length=10)
    submitted_at = fields.DatetimeField()
    published_at = fields.DatetimeField(null=True)
    reviewed_at = fields.DatetimeField(null=True)
    reviewed_by = fields.UUIDField(null=True)
    note = fields.CharField(500, default="")
    votes = fields.IntField(default=0)
    position = fields.IntField(null=True)
    score = fields.IntField(null=True)

    class Meta:
        table = "story_entries"


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for an entry when the ranking is made; `jury`: one score for each juror who gave one."""

    entry_id: UUID
    member_id: UUID
    votes: int
    jury: tuple[int, ...]
    published_at: datetime


# Campaigns


async def add_prizes_and_jury(
    campaign_id: UUID, prizes: Sequence[tuple[int, int, int]], juror_ids: Sequence[UUID]
) -> None:
    """Give a new campaign its prizes, as (from position, to position, points), and its jury."""
    require_transaction()
    for line in prizes:
        await execute("INSERT INTO story_prizes VALUES ($1, $2, $3, $4)", campaign_id, *line)
    await execute(
        "INSERT INTO story_jurors (campaign_id, member_id) SELECT $1, unnest($2::uuid[])", campaign_id, list(juror_ids)
    )


async def campaigns_by_ids(ids: Sequence[UUID]) -> list[StoryCampaign | None]:
    """The campaigns of these ids, in the order of `ids`."""
    found = {campaign.id: campaign for campaign in await StoryCampaign.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def held_campaign(campaign_id: UUID) -> StoryCampaign | None:
    """The campaign, kept from being ranked until the transaction ends; votes go on."""
    require_transaction()
    await rows("SELECT 1 FROM story_campaigns WHERE id = $1 FOR KEY SHARE", campaign_id)
    return await StoryCampaign.get_or_none(id=campaign_id)


async def locked_campaign(campaign_id: UUID) -> StoryCampaign | None:
    """The campaign, its row locked until the transaction ends: nobody submits, votes, reviews or scores meanwhile."""
    return await StoryCampaign.select_for_update().get_or_none(id=campaign_id)


async def campaigns_to_rank(now: datetime) -> list[UUID]:
    """Campaigns whose judging is over and whose ranking is not made yet, the earliest first."""
    due = StoryCampaign.filter(ranked_at=None, judging_ends_at__lte=now).order_by("judging_ends_at", "id")
    return [row[0] for row in await due.values_list("id")]


async def prizes_of(campaign_ids: Sequence[UUID]) -> list[list[tuple[int, int, int]]]:
    """The prizes of each campaign as (from position, to position, points), the first first, in the order of the ids."""
    shelf: dict[UUID, list[tuple[int, int, int]]] = {each: [] for each in campaign_ids}
    for row in await rows(
        "SELECT * FROM story_prizes WHERE campaign_id = ANY($1::uuid[]) ORDER BY from_position", list(campaign_ids)
    ):
        shelf[row["campaign_id"]].append((row["from_position"], row["to_position"], row["points"]))
    return [shelf[each] for each in campaign_ids]


async def jurors_of(campaign_ids: Sequence[UUID]) -> list[list[UUID]]:
    """Who is in the jury of each campaign, in the order of the ids."""
    shelf: dict[UUID, list[UUID]] = {each: [] for each in campaign_ids}
    for row in await rows(
        "SELECT campaign_id, member_id FROM story_jurors WHERE campaign_id = ANY($1::uuid[]) ORDER BY member_id",
        list(campaign_ids),
    ):
        shelf[row["campaign_id"]].append(row["member_id"])
    return [shelf[each] for each in campaign_ids]


# Entries


async def entries_by_ids(ids: Sequence[UUID]) -> list[StoryEntry | None]:
    """The entries of these ids, in the order of `ids`."""
    found = {entry.id: entry for entry in await StoryEntry.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def locked_entry(entry_id: UUID) -> StoryEntry:
    """The entry, its row locked until the transaction ends."""
    return await StoryEntry.select_for_update().get(id=entry_id)


async def locked_entry_of(campaign_id: UUID, member_id: UUID) -> StoryEntry | None:
    """What the member has submitted to the campaign, its row locked until the transaction ends."""
    return await StoryEntry.select_for_update().get_or_none(campaign_id=campaign_id, member_id=member_id)


async def entries_of_member(member_id: UUID, campaign_ids: Sequence[UUID]) -> list[StoryEntry | None]:
    """What the member has submitted to each campaign, in the order of the ids."""
    found = {
        entry.campaign_id: entry
        for entry in await StoryEntry.filter(member_id=member_id, campaign_id__in=list(campaign_ids))
    }
    return [found.get(each) for each in campaign_ids]


async def pictures_of(entry_ids: Sequence[UUID]) -> list[list[UUID]]:
    """The media of each entry in the order its author gave them, in the order of the ids."""
    shelf: dict[UUID, list[UUID]] = {each: [] for each in entry_ids}
    for row in await rows(
        "SELECT entry_id, media_id FROM story_pictures WHERE entry_id = ANY($1::uuid[]) ORDER BY place",
        list(entry_ids),
    ):
        shelf[row["entry_id"]].append(row["media_id"])
    return [shelf[each] for each in entry_ids]


async def put_pictures(entry_id: UUID, media_ids: Sequence[UUID]) -> set[UUID]:
    """Give an entry these pictures in place of those it has; the ones that another entry has already."""
    require_transaction()
    await execute("DELETE FROM story_pictures WHERE entry_id = $1", entry_id)
    put = await rows(
        "INSERT INTO story_pictures (media_id, entry_id, place)"
        " SELECT p.media_id, $1, p.place FROM unnest($2::uuid[]) WITH ORDINALITY AS p (media_id, place)"
        " ORDER BY p.media_id ON CONFLICT (media_id) DO NOTHING RETURNING media_id",
        entry_id, list(media_ids),
    )  # fmt: skip
    return set(media_ids) - {row["media_id"] for row in put}


async def pictures_owned(member_id: UUID, media_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these media that are pictures which the member has uploaded whole."""
    found = await rows(
        "SELECT a.id FROM media_assets a JOIN uploads u ON u.id = a.id"
        " WHERE a.id = ANY($2::uuid[]) AND a.kind = 'IMAGE' AND u.member_id = $1 AND u.completed_at IS NOT NULL",
        member_id, list(media_ids),
    )  # fmt: skip
    return {row["id"] for row in found}


async def readable_entries(member_id: UUID, tops: Sequence[str], ids: Sequence[UUID]) -> list[StoryEntry | None]:
    """Those of these entries that the member may read, in the order of `ids`: what is published and not by somebody
    suspended, their own, those of campaigns they are a juror of, and those from the subtrees `tops`."""
    found = await rows(
        "SELECT e.id FROM story_entries e JOIN members m ON m.id = e.member_id"
        " LEFT JOIN regions r ON r.id = e.region_id WHERE e.id = ANY($3::uuid[])"
        " AND ((e.status = 'PUBLISHED' AND m.suspended_at IS NULL) OR e.member_id = $1"
        " OR EXISTS (SELECT 1 FROM story_jurors j WHERE j.campaign_id = e.campaign_id AND j.member_id = $1)"
        " OR EXISTS (SELECT 1 FROM unnest($2::text[]) top WHERE starts_with(coalesce(r.path, ''), top)))",
        member_id, list(tops), list(ids),
    )  # fmt: skip
    readable = {row["id"] for row in found}
    return [entry if entry and entry.id in readable else None for entry in await entries_by_ids(ids)]


# Votes and scores


async def voted(member_id: UUID, entry_ids: Sequence[UUID]) -> list[bool]:
    """Whether the member has voted for each entry, in the order of the ids."""
    found = await rows(
        "SELECT entry_id FROM story_votes WHERE member_id = $1 AND entry_id = ANY($2::uuid[])",
        member_id, list(entry_ids),
    )  # fmt: skip
    cast = {row["entry_id"] for row in found}
    return [each in cast for each in entry_ids]


async def votes_used(member_id: UUID, day: date, campaign_ids: Sequence[UUID]) -> list[int]:
    """How often the member has voted in each campaign on a Shanghai day, in the order of the ids."""
    found = await rows(
        "SELECT campaign_id, count(*) AS used FROM story_votes"
        " WHERE member_id = $1 AND day = $2 AND campaign_id = ANY($3::uuid[]) GROUP BY campaign_id",
        member_id, day, list(campaign_ids),
    )  # fmt: skip
    used = {row["campaign_id"]: int(row["used"]) for row in found}
    return [used.get(each, 0) for each in campaign_ids]


async def cast_vote(entry: StoryEntry, member_id: UUID, day: date, now: datetime) -> bool:
    """Record a new vote under the campaign's next number; False if the entry is published no more, or ranked by now.

    The caller holds the voter's row. Holds the campaign's, which every voter wants, and the entry's until the end.
    """
    require_transaction()
    numbered = await rows(
        "UPDATE story_campaigns SET votes_cast = votes_cast + 1 WHERE id = $1 AND ranked_at IS NULL"
        " RETURNING votes_cast",
        entry.campaign_id,
    )
    counted = await execute(
        "UPDATE story_entries SET votes = votes + 1 WHERE id = $1 AND status = 'PUBLISHED'", entry.id
    )
    if not numbered or not counted:
        return False
    await execute(
        "INSERT INTO story_votes (entry_id, member_id, campaign_id, number, day, voted_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        entry.id, member_id, entry.campaign_id, numbered[0]["votes_cast"], day, now,
    )  # fmt: skip
    return True


async def put_score(entry_id: UUID, member_id: UUID, score: int, now: datetime) -> bool:
    """Give an entry the juror's score, in place of an earlier one; False if it is the same."""
    put = await rows(
        "INSERT INTO story_scores (entry_id, member_id, score, scored_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (entry_id, member_id) DO UPDATE SET score = excluded.score, scored_at = excluded.scored_at"
        " WHERE story_scores.score <> excluded.score RETURNING score",
        entry_id, member_id, score, now,
    )  # fmt: skip
    return bool(put)


async def jury_scores(entry_ids: Sequence[UUID]) -> list[Mapping[UUID, int]]:
    """What each juror gave each entry, in the order of the ids."""
    shelf: dict[UUID, dict[UUID, int]] = {each: {} for each in entry_ids}
    for row in await rows("SELECT * FROM story_scores WHERE entry_id = ANY($1::uuid[])", list(entry_ids)):
        shelf[row["entry_id"]][row["member_id"]] = row["score"]
    return [shelf[each] for each in entry_ids]


# The ranking


async def standings(campaign_id: UUID) -> list[Standing]:
    """What counts for every entry of the campaign that takes part: published, its author not suspended.

    Votes and scores are counted anew from their rows. The entries are locked until the transaction ends.
    """
    require_transaction()
    await rows("SELECT 1 FROM story_entries WHERE campaign_id = $1 ORDER BY id FOR UPDATE", campaign_id)
    found = await rows(
        "SELECT e.id, e.member_id, e.published_at,"
        " (SELECT count(*) FROM story_votes v WHERE v.entry_id = e.id) AS votes,"
        " ARRAY(SELECT s.score FROM story_scores s WHERE s.entry_id = e.id ORDER BY s.member_id) AS jury"
        " FROM story_entries e JOIN members m ON m.id = e.member_id"
        " WHERE e.campaign_id = $1 AND e.status = 'PUBLISHED' AND m.suspended_at IS NULL",
        campaign_id,
    )
    return [
        Standing(row["id"], row["member_id"], row["votes"], tuple(row["jury"]), row["published_at"]) for row in found
    ]


async def publish_ranking(campaign_id: UUID, places: Sequence[tuple[UUID, int, int]], now: datetime) -> None:
    """Make the ranking public, as (entry, position, score); what nobody has reviewed by now has lapsed.

    The caller holds the campaign's row and has read its standings.
    """
    require_transaction()
    ids, positions, scores = zip(*places, strict=True) if places else ((), (), ())
    await execute(
        "UPDATE story_entries e SET position = p.position, score = p.score"
        " FROM unnest($1::uuid[], $2::int[], $3::int[]) AS p (id, position, score) WHERE e.id = p.id",
        list(ids), list(positions), list(scores),
    )  # fmt: skip
    await execute(
        "UPDATE story_entries SET status = 'LAPSED' WHERE campaign_id = $1 AND status = 'SUBMITTED'", campaign_id
    )
    await execute("UPDATE story_campaigns SET ranked_at = $2 WHERE id = $1", campaign_id, now)
