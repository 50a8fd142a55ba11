"""Assignments as those see them who give them."""

from datetime import datetime
from typing import Self

import strawberry

from models import accounts, assignments
from schema.accounts import Member
from schema.context import Info
from schema.courses import Course
from schema.errors import Payload
from schema.ids import decode, decode_each, encode
from schema.node import Node
from schema.outlets import Outlet, Region
from schema.words import OutletTier
from services.assigning import Audience
from services.outlets import visible_outlets, visible_regions


@strawberry.type(description="A course that was asked of somebody (学习安排): a member, an outlet, a region and tier.")
class Assignment(Node):
    row: strawberry.Private[assignments.Assignment]
    tier: OutletTier | None = strawberry.field(description="Outlets of this tier; null: of any, or see the others.")
    due_at: datetime = strawberry.field(description="By when it is to be completed.")
    reason: str = strawberry.field(description="Why, as the learner reads it.")
    assigned_at: datetime = strawberry.field(description="When it was asked.")
    withdrawn_at: datetime | None = strawberry.field(description="Since when it is asked of nobody any more.")

    @classmethod
    def of(cls, row: assignments.Assignment) -> Self:
        return cls(
            id=encode("Assignment", row.id),
            row=row,
            tier=row.tier,
            due_at=row.due_at,
            reason=row.reason,
            assigned_at=row.assigned_at,
            withdrawn_at=row.withdrawn_at,
        )

    @strawberry.field(description="What is to be learned.")
    async def course(self, info: Info) -> Course | None:
        return await Course.load(info, self.row.course_id)

    @strawberry.field(description="The people of this region and what lies below; null: everywhere, or see the others.")
    async def region(self, info: Info) -> Region | None:
        if self.row.region_id is None or info.context.actor is None:
            return None
        row = await info.context.loaders.of(visible_regions, info.context.actor).load(self.row.region_id)
        return Region.of(row) if row is not None else None

    @strawberry.field(description="The people of this outlet.")
    async def outlet(self, info: Info) -> Outlet | None:
        if self.row.outlet_id is None or info.context.actor is None:
            return None
        row = await info.context.loaders.of(visible_outlets, info.context.actor).load(self.row.outlet_id)
        return Outlet.of(row) if row is not None else None

    @strawberry.field(description="This one member.")
    async def member(self, info: Info) -> Member | None:
        if self.row.member_id is None:
            return None
        row = await info.context.loaders.of(accounts.members_by_ids).load(self.row.member_id)
        return Member.of(row) if row is not None else None


@strawberry.input(description="Whom a course is assigned to; any of it together.")
class AssignmentTarget:
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its people and those below, also who comes later; with a tier only those."
    )
    tier: OutletTier | None = strawberry.field(default=None, description="People of outlets of this tier.")
    outlet_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Their people; at most 500.")
    member_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Single people; at most 500.")

    def plain(self) -> Audience:
        region = self.region_id
        return Audience(
            region_id=decode(region, "Region", "to", "regionId") if region is not None else None,
            tier=self.tier,
            outlet_ids=tuple(decode_each(self.outlet_ids or [], "Outlet", "to", "outletIds")),
            member_ids=tuple(decode_each(self.member_ids or [], "Member", "to", "memberIds")),
        )


@strawberry.input(description="What is asked of whom.")
class AssignCourseInput:
    course_id: strawberry.ID = strawberry.field(description="A published course.")
    to: AssignmentTarget = strawberry.field(description="Within what the viewer administers.")
    due_at: datetime = strawberry.field(description="By when; within a year.")
    reason: str = strawberry.field(description="Why, for the learner to read; 1-200 characters.")


@strawberry.type(description="How many people are asked.")
class AssignCoursePayload(Payload):
    assigned: int | None = strawberry.field(default=None, description="People it reaches now; null if refused.")


@strawberry.input(description="Which assignment is to be taken back.")
class WithdrawAssignmentInput:
    assignment_id: strawberry.ID = strawberry.field(description="One within what the viewer administers.")


@strawberry.type(description="The assignment that was taken back.")
class WithdrawAssignmentPayload(Payload):
    assignment: Assignment | None = strawberry.field(default=None, description="With withdrawnAt; null if refused.")
