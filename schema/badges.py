"""Badges as clients see them."""

from datetime import datetime
from typing import Self

import strawberry

from gamification.titles import Title
from kit.words import Language
from models import badges
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.viewer_part import ViewerPart
from schema.words import BadgeMeasure
from services.badges import BadgePlan, sees_filling
from services.media import media_url


@strawberry.type(description="How far a new badge has been given to those who had reached it before it was there.")
class BadgeFilling:
    members_total: int | None = strawberry.field(description="Members to look at; null before it has begun.")
    members_done: int = strawberry.field(description="How many have been looked at.")
    awarded: int = strawberry.field(description="How many of them were given the badge.")
    finished_at: datetime | None = strawberry.field(description="When all had been looked at; null: not yet.")

    @classmethod
    def of(cls, row: badges.Badge) -> Self:
        return cls(
            members_total=row.fill_total,
            members_done=row.filled_members,
            awarded=row.filled_awards,
            finished_at=row.filled_at,
        )


@strawberry.type(description="A badge (徽章): a mark of what somebody has done, earned once and for good.")
class Badge(Node):
    row: strawberry.Private[badges.Badge]
    code: str = strawberry.field(description="Stable, for the program.")
    measure: BadgeMeasure = strawberry.field(description="What it is earned by.")
    threshold: int = strawberry.field(description="How much of the measure earns it.")
    valid_from: datetime = strawberry.field(description="From when it can be earned; what was done before counts.")

    @classmethod
    def of(cls, row: badges.Badge) -> Self:
        return cls(
            id=encode("Badge", row.id),
            row=row,
            code=row.code,
            measure=BadgeMeasure(row.measure),
            threshold=row.threshold,
            valid_from=row.valid_from,
        )

    @strawberry.field(description="For the learner to read, in the language of Accept-Language.")
    def title(self, info: Info) -> str:
        return _said(info, self.row.title_chinese, self.row.title_english)

    @strawberry.field(description="What one does to earn it, in the language of Accept-Language.")
    def description(self, info: Info) -> str:
        return _said(info, self.row.description_chinese, self.row.description_english)

    @strawberry.field(description="Its picture: an SVG of the server's own, or one that was uploaded, signed.")
    def icon_url(self, info: Info) -> str:
        ports = info.context.ports
        if self.row.icon_media_id is not None:
            return media_url(ports, self.row.icon_media_id).url
        return f"{ports.settings.public_url.rstrip('/')}/static/badges/{self.row.icon}.svg"

    @strawberry.field(description="When the viewer earned it; null: not yet.")
    async def viewer_earned_at(self, info: Info) -> datetime | None:
        actor = info.context.actor
        if actor is None:
            return None
        return await info.context.loaders.of(badges.earned_at, actor.member_id).load(self.row.id)

    @strawberry.field(description="For admins and auditors: how far it was given to those who had reached it before.")
    def filling(self, info: Info) -> BadgeFilling | None:
        return BadgeFilling.of(self.row) if sees_filling(info.context.actor) else None


def _said(info: Info, chinese: str, english: str) -> str:
    return english if info.context.language is Language.ENGLISH else chinese


@strawberry.type(description="A badge that the viewer has.")
class EarnedBadge:
    earned_at: datetime = strawberry.field(description="When the server gave it.")
    badge: Badge = strawberry.field(description="What was earned.")

    @classmethod
    def of(cls, row: badges.EarnedBadge) -> Self:
        return cls(earned_at=row.earned_at, badge=Badge.of(row.badge))


@strawberry.type
class BadgesViewer(ViewerPart):
    @strawberry.field(description="The badges the viewer has earned, the newest first (徽章).")
    async def badges(self) -> list[EarnedBadge] | None:
        return [EarnedBadge.of(row) for row in await badges.earned_by(self.member_id)]


@strawberry.input(description="A badge to declare; one of `icon` and `iconMediaId`.")
class CreateBadgeInput:
    code: str = strawberry.field(description="1-40 ASCII letters, digits and dots; never used before.")
    title: str = strawberry.field(description="In Chinese, 1-40 characters.")
    english_title: str = strawberry.field(description="1-40 characters.")
    description: str = strawberry.field(description="In Chinese, what one does to earn it; 1-200 characters.")
    english_description: str = strawberry.field(description="The same in English; 1-200 characters.")
    measure: BadgeMeasure = strawberry.field(description="What it is earned by.")
    threshold: int = strawberry.field(description="How much of the measure earns it, 1-1,000,000,000.")
    icon: str | None = strawberry.field(default=None, description="One of the server's own pictures, as sprout.")
    icon_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture among the media.")
    valid_from: datetime | None = strawberry.field(default=None, description="From when it is earned; default: now.")

    def plain(self) -> BadgePlan:
        media = self.icon_media_id
        return BadgePlan(
            code=self.code,
            title=Title(self.title, self.english_title),
            description=Title(self.description, self.english_description),
            measure=self.measure,
            threshold=self.threshold,
            icon=self.icon,
            icon_media_id=decode(media, "Media", "iconMediaId") if media is not None else None,
            valid_from=self.valid_from,
        )


@strawberry.type(description="What became of CreateBadgeInput.")
class CreateBadgePayload(Payload):
    badge: Badge | None = strawberry.field(default=None, description="The new badge.")
