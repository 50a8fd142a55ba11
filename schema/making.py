"""What makers and staff see of a course beside what everybody sees: who makes it, and the way it has come."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from models import accounts, making
from models.courses import CourseRow
from schema.accounts import Member
from schema.context import Info
from schema.words import CoursePart, CourseStatus
from services.courses import insight

MOST_MOVES = 50


@strawberry.type(description="A part in the team of a course, and who has it.")
class CourseMaker:
    part: CoursePart = strawberry.field(description="What they do.")
    member_id: strawberry.Private[UUID]

    @strawberry.field(description="Who it is; null once the account is gone.")
    async def member(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.member_id)
        return Member.of(row) if row is not None else None


@strawberry.type(description="A step of a course on its way, or of its next edition (流转记录).")
class CourseMove:
    row: strawberry.Private[making.CourseMove]
    edition: int = strawberry.field(description="Which edition was moved, from 1.")
    from_status: CourseStatus | None = strawberry.field(name="from", description="Null where it was proposed.")
    to_status: CourseStatus = strawberry.field(name="to", description="Where it came to be.")
    at: datetime = strawberry.field(description="When it was moved.")
    note: str = strawberry.field(description="Why, in the words of who moved it; may be empty.")

    @classmethod
    def of(cls, row: making.CourseMove) -> Self:
        return cls(
            row=row,
            edition=row.edition,
            from_status=row.from_status,
            to_status=row.to_status,
            at=row.at,
            note=row.note,
        )

    @strawberry.field(description="Who moved it; null: the server, or an account that is gone.")
    async def by(self, info: Info) -> Member | None:
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.by) if self.row.by else None
        return Member.of(row) if row is not None else None


@strawberry.type
class MadeByPeople:
    """The share of `Course` that only its makers and staff see."""

    row: strawberry.Private[CourseRow]

    @strawberry.field(description="Who makes it, part by part (制作团队); null for all but its makers and staff.")
    async def team(self, info: Info) -> list[CourseMaker] | None:
        if not await self.is_known(info):
            return None
        found = await info.context.loaders.of(making.teams_of).load(self.row.id)
        return [CourseMaker(part=each.part, member_id=each.member_id) for each in found]

    @strawberry.field(description="Who proposed it; null for all but its makers and staff, and for the oldest courses.")
    async def proposed_by(self, info: Info) -> Member | None:
        if self.row.proposed_by is None or not await self.is_known(info):
            return None
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.proposed_by)
        return Member.of(row) if row is not None else None

    @strawberry.field(description="What its makers think it is worth; what it pays is `points`. For makers and staff.")
    async def points_proposed(self, info: Info) -> int | None:
        return self.row.points_proposed if await self.is_known(info) else None

    @strawberry.field(description="Its latest 50 moves, the oldest first; null for all but its makers and staff.")
    async def history(self, info: Info) -> list[CourseMove] | None:
        if not await self.is_known(info):
            return None
        found = await info.context.loaders.of(making.moves_of, MOST_MOVES).load(self.row.id)
        return [CourseMove.of(row) for row in found]

    async def is_known(self, info: Info) -> bool:
        """Whether the viewer is one of its makers, or staff."""
        return await info.context.loaders.of(insight, info.context.actor).load(self.row.id)
