"""Assigning courses, and looking at what was assigned."""

from typing import Annotated

import strawberry

from kit.words import Role
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.assigning import (
    AssignCourseInput,
    AssignCoursePayload,
    Assignment,
    WithdrawAssignmentInput,
    WithdrawAssignmentPayload,
)
from schema.context import Info
from schema.ids import decode, row_key
from schema.node import Node
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from services import assigning


async def assignment_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(assigning.visible_assignments, actor).load(row_id)
    return Assignment.of(row) if row is not None else None


@strawberry.type
class AssigningQueries:
    @strawberry.field(
        description="For admins and auditors: what is assigned in their regions, the last due first (学习安排)."
    )
    async def assignments(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        course_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of this course; of any unless given.")
        ] = None,
    ) -> Connection[Assignment] | None:
        actor = staff(info, Role.ADMIN, Role.AUDITOR)
        wanted = decode(course_id, "Course", "courseId") if course_id is not None else None
        scope = f"assignments {actor.member_id} {wanted}"
        return connection(
            info,
            await assigning.list_assignments(actor, wanted, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Assignment.of,
            key=lambda row: [row.due_at, row.id],
            count=lambda: assigning.count_listed(actor, wanted),
        )


@strawberry.type
class AssigningMutations:
    @mutation(description="Ask people to complete a course by a day (安排学习). For admins, within their regions.")
    async def assign_course(self, info: Info, input: AssignCourseInput) -> AssignCoursePayload:
        actor, course_id = staff(info, Role.ADMIN), decode(input.course_id, "Course", "courseId")
        to, ports = input.to.plain(), info.context.ports
        return AssignCoursePayload(
            assigned=await assigning.assign_course(ports, actor, course_id, to, input.due_at, input.reason)
        )

    @mutation(description="Take an assignment back (撤回安排); again changes nothing. For admins of its region.")
    async def withdraw_assignment(self, info: Info, input: WithdrawAssignmentInput) -> WithdrawAssignmentPayload:
        actor, row_id = staff(info, Role.ADMIN), decode(input.assignment_id, "Assignment", "assignmentId")
        row = await assigning.withdraw_assignment(info.context.ports, actor, row_id)
        return WithdrawAssignmentPayload(assignment=Assignment.of(row))
