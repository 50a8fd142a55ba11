# ruff: noqa: E501, RUF012 - the operations are written by `make migrations`
"""Photo-story contests: campaigns, entries, pictures, votes, scores; and what these tables promise."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import RunSQL

from kit.words import StoryEntryStatus

RULES = """
CREATE TABLE story_prizes (
    campaign_id uuid NOT NULL CONSTRAINT story_prizes_campaign REFERENCES story_campaigns (id),
    from_position integer NOT NULL,
    to_position integer NOT NULL,
    points integer NOT NULL,
    CONSTRAINT story_prizes_pkey PRIMARY KEY (campaign_id, from_position),
    CONSTRAINT story_prizes_range CHECK (from_position >= 1 AND to_position >= from_position),
    CONSTRAINT story_prizes_points CHECK (points >= 1)
);
CREATE TABLE story_jurors (
    campaign_id uuid NOT NULL CONSTRAINT story_jurors_campaign REFERENCES story_campaigns (id),
    member_id uuid NOT NULL CONSTRAINT story_jurors_member REFERENCES members (id),
    CONSTRAINT story_jurors_pkey PRIMARY KEY (campaign_id, member_id)
);
CREATE TABLE story_pictures (
    media_id uuid CONSTRAINT story_pictures_pkey PRIMARY KEY
        CONSTRAINT story_pictures_media REFERENCES media_assets (id),
    entry_id uuid NOT NULL CONSTRAINT story_pictures_entry REFERENCES story_entries (id),
    place smallint NOT NULL,
    CONSTRAINT story_pictures_place UNIQUE (entry_id, place),
    CONSTRAINT story_pictures_most CHECK (place BETWEEN 1 AND 9)
);
CREATE TABLE story_votes (
    entry_id uuid NOT NULL CONSTRAINT story_votes_entry REFERENCES story_entries (id),
    member_id uuid NOT NULL CONSTRAINT story_votes_member REFERENCES members (id),
    campaign_id uuid NOT NULL CONSTRAINT story_votes_campaign REFERENCES story_campaigns (id),
    number integer NOT NULL,
    day date NOT NULL,
    voted_at timestamptz NOT NULL,
    CONSTRAINT story_votes_pkey PRIMARY KEY (entry_id, member_id),
    CONSTRAINT story_votes_number UNIQUE (campaign_id, number)
);
CREATE INDEX story_votes_of_member ON story_votes (member_id, campaign_id, day);
CREATE TABLE story_scores (
    entry_id uuid NOT NULL CONSTRAINT story_scores_entry REFERENCES story_entries (id),
    member_id uuid NOT NULL CONSTRAINT story_scores_member REFERENCES members (id),
    score smallint NOT NULL,
    scored_at timestamptz NOT NULL,
    CONSTRAINT story_scores_pkey PRIMARY KEY (entry_id, member_id),
    CONSTRAINT story_scores_range CHECK (score BETWEEN 0 AND 100)
);
CREATE INDEX story_scores_of_member ON story_scores (member_id);

ALTER TABLE story_campaigns
    ADD CONSTRAINT story_campaigns_window CHECK (closes_at > opens_at),
    ADD CONSTRAINT story_campaigns_judging CHECK (judging_ends_at >= closes_at + interval '1 hour'),
    ADD CONSTRAINT story_campaigns_votes CHECK (votes_per_day >= 1 AND votes_cast >= 0),
    ADD CONSTRAINT story_campaigns_weight CHECK (vote_weight BETWEEN 0 AND 100),
    ADD CONSTRAINT story_campaigns_not_ranked_early CHECK (ranked_at >= judging_ends_at);
CREATE INDEX story_campaigns_by_closing ON story_campaigns (closes_at, id);
CREATE INDEX story_campaigns_to_rank ON story_campaigns (judging_ends_at) WHERE ranked_at IS NULL;

ALTER TABLE story_entries
    ADD CONSTRAINT story_entries_one_each UNIQUE (campaign_id, member_id),
    ADD CONSTRAINT story_entries_position UNIQUE (campaign_id, position),
    ADD CONSTRAINT story_entries_votes CHECK (votes >= 0),
    ADD CONSTRAINT story_entries_ranked CHECK ((position IS NULL) = (score IS NULL) AND position >= 1),
    ADD CONSTRAINT story_entries_score CHECK (score BETWEEN 0 AND 10000),
    ADD CONSTRAINT story_entries_published CHECK (status <> 'PUBLISHED' OR published_at IS NOT NULL),
    ADD CONSTRAINT story_entries_reviewed CHECK ((reviewed_at IS NULL) = (reviewed_by IS NULL));
CREATE INDEX story_entries_by_status ON story_entries (campaign_id, status);
CREATE INDEX story_entries_of_member ON story_entries (member_id);
"""

UNDO = "DROP TABLE story_scores, story_votes, story_pictures, story_jurors, story_prizes;"


class Migration(migrations.Migration):
    dependencies = [("models", "0019_corrections")]

    operations = [
        ops.CreateModel(
            name="StoryCampaign",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("title", fields.CharField(max_length=80)),
                ("brief", fields.CharField(max_length=2000)),
                ("opens_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closes_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("judging_ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("votes_per_day", fields.SmallIntField()),
                ("vote_weight", fields.SmallIntField()),
                ("votes_cast", fields.IntField(default=0)),
                ("ranked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "story_campaigns", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoryEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "campaign",
                    fields.ForeignKeyField(
                        "models.StoryCampaign",
                        source_field="campaign_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stories",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "region",
                    fields.ForeignKeyField(
                        "models.Region",
                        source_field="region_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="stories",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=80)),
                ("text", fields.CharField(max_length=2000)),
                (
                    "status",
                    fields.CharEnumField(
                        description="SUBMITTED: SUBMITTED\nPUBLISHED: PUBLISHED\nREFUSED: REFUSED\nWITHDRAWN: WITHDRAWN\nLAPSED: LAPSED",
                        enum_type=StoryEntryStatus,
                        max_length=10,
                    ),
                ),
                ("submitted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("published_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reviewed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reviewed_by", fields.UUIDField(null=True)),
                ("note", fields.CharField(default="", max_length=500)),
                ("votes", fields.IntField(default=0)),
                ("position", fields.IntField(null=True)),
                ("score", fields.IntField(null=True)),
            ],
            options={"table": "story_entries", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        RunSQL(RULES, reverse_sql=UNDO),
    ]
