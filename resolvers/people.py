"""Members as staff deal with them: the list, phones, roles, suspension."""

from typing import Annotated
from uuid import UUID

import strawberry

from kit.words import Role
from models.accounts import members_by_ids
from resolvers.guard import staff
from resolvers.mutation import mutation
from schema.accounts import Member
from schema.context import Info
from schema.ids import decode
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.people import (
    GrantRoleInput,
    GrantRolePayload,
    ImportOutletsInput,
    ImportOutletsPayload,
    MemberFilter,
    RevealPhoneInput,
    RevealPhonePayload,
    RevokeRoleInput,
    RevokeRolePayload,
    SuspendMemberInput,
    SuspendMemberPayload,
)
from services import people
from services.outlet_import import import_uploaded_outlets


@strawberry.type
class PeopleQueries:
    @strawberry.field(description="For admins and auditors: the people of their regions, who joined last first.")
    async def members(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[MemberFilter | None, strawberry.argument(description="Which of them.")] = None,
    ) -> Connection[Member] | None:
        actor, ports = staff(info, Role.ADMIN, Role.AUDITOR), info.context.ports
        wanted = (filter or MemberFilter()).plain()
        scope = f"members {actor.member_id} {wanted}"
        return connection(
            info,
            await people.list_members(ports, actor, wanted, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=Member.of,
            key=lambda row: [row.joined_at, row.id],
            count=lambda: people.count_listed_members(ports, actor, wanted),
        )


@strawberry.type
class PeopleMutations:
    @mutation(description="For admins: show a phone in full, for a reason that is kept.")
    async def reveal_phone(self, info: Info, input: RevealPhoneInput) -> RevealPhonePayload:
        actor, member_id = staff(info, Role.ADMIN), decode(input.member_id, "Member", "memberId")
        return RevealPhonePayload(phone=await people.reveal_phone(info.context.ports, actor, member_id, input.reason))

    @mutation(description="For admins: give somebody a role over a region the admin administers.")
    async def grant_role(self, info: Info, input: GrantRoleInput) -> GrantRolePayload:
        actor, change = staff(info, Role.ADMIN), input.plain()
        await people.grant_role(info.context.ports, actor, change)
        return GrantRolePayload(member=await _member(change.member_id))

    @mutation(description="For admins: take a role back. Everything always keeps one admin.")
    async def revoke_role(self, info: Info, input: RevokeRoleInput) -> RevokeRolePayload:
        actor, change = staff(info, Role.ADMIN), input.plain()
        await people.revoke_role(info.context.ports, actor, change)
        return RevokeRolePayload(member=await _member(change.member_id))

    @mutation(description="For admins: shut somebody out at once, also from the boards, or let them in again.")
    async def suspend_member(self, info: Info, input: SuspendMemberInput) -> SuspendMemberPayload:
        actor, member_id = staff(info, Role.ADMIN), decode(input.member_id, "Member", "memberId")
        change = people.suspend_member if input.suspended else people.lift_suspension
        await change(info.context.ports, actor, member_id, input.reason or "")
        return SuspendMemberPayload(member=await _member(member_id))

    @mutation(description="For admins: create and change outlets with their owners, in the regions they administer.")
    async def import_outlets(self, info: Info, input: ImportOutletsInput) -> ImportOutletsPayload:
        actor, upload_id = staff(info, Role.ADMIN), decode(input.upload_id, "Upload", "uploadId")
        dry_run = bool(input.dry_run)
        report = await import_uploaded_outlets(info.context.ports, actor, upload_id, dry_run=dry_run)
        return ImportOutletsPayload.of(report, info.context.language)


async def _member(member_id: UUID) -> Member | None:
    """As it is after the change."""
    [row] = await members_by_ids([member_id])
    return Member.of(row) if row is not None else None
