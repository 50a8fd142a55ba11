"""Weekly leagues as clients see them."""

from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

import strawberry

from gamification.leagues import TITLES
from kit.clock import day_start
from models.leagues import Result
from schema.accounts import Member
from schema.boards import is_hidden
from schema.context import Info
from schema.ids import encode
from schema.node import Node
from schema.profiles import profile_of
from schema.viewer_part import ViewerPart
from schema.words import LeagueDivision, LeagueZone
from services import leagues


@strawberry.type(description="One line of a league.")
class LeagueStanding:
    member_id: strawberry.Private[UUID]
    position: int = strawberry.field(description="1, 2, 3: who reached the score first is ahead.")
    score: int = strawberry.field(description="The points of the week (本周积分).")
    zone: LeagueZone = strawberry.field(
        description="Where it leads as things stand; once the week is closed, for good."
    )

    @classmethod
    def of(cls, member_id: UUID, row: Result) -> Self:
        return cls(member_id=member_id, position=row.position, score=row.points, zone=row.zone)

    @strawberry.field(description="Who it is; null for a member who does not want to be shown.")
    async def member(self, info: Info) -> Member | None:
        profile = await profile_of(info, self.member_id)
        return Member.on_board(info, profile) if profile is not None and not is_hidden(info, profile.member) else None


@strawberry.type(
    description="About 30 learners of one tier and city who compete for a week (周联赛). The first 7 rise by a"
    " division, the last 7 fall; of fewer than 21 a third each."
)
class League(Node):
    row: strawberry.Private[leagues.League]
    division: LeagueDivision = strawberry.field(description="How high it is played.")
    starts_at: datetime = strawberry.field(description="Monday, 00:00 in Shanghai.")
    ends_at: datetime = strawberry.field(
        description="The Monday after; what was learned offline counts 72 hours longer."
    )

    @classmethod
    def of(cls, row: leagues.League) -> Self:
        starts_on = row.row.starts_on
        return cls(
            id=encode("League", row.row.id),
            row=row,
            division=row.row.division,
            starts_at=day_start(starts_on),
            ends_at=day_start(starts_on + timedelta(days=7)),
        )

    @strawberry.field(description="Its division's name in the reader's language, as Gold League (黄金联赛).")
    def title(self, info: Info) -> str:
        return TITLES[self.row.row.division].text(info.context.language)

    @strawberry.field(description="Everybody in it, the first place first; about 30.")
    def standings(self) -> list[LeagueStanding]:
        return [LeagueStanding.of(member_id, row) for member_id, row in self.row.lines]


@strawberry.type
class LeaguesViewer(ViewerPart):
    @strawberry.field(
        description="The viewer's league of this week; null while they are in none: learning something brings one."
    )
    async def league(self, info: Info) -> League | None:
        row = await info.context.loaders.of(leagues.leagues_of, info.context.ports).load(self.member_id)
        return League.of(row) if row is not None else None
