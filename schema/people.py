"""Members as staff deal with them: filters, inputs, payloads. The member itself is in `schema/accounts.py`."""

import strawberry

from schema.accounts import Member
from schema.errors import Payload
from schema.ids import decode
from schema.words import OutletTier, Role
from services.people import MemberFilter as Wanted
from services.people import RoleChange


@strawberry.input(description="Which members; all that is given must hold.")
class MemberFilter:
    text: str | None = strawberry.field(default=None, description="A whole phone, or part of a name.")
    role: Role | None = strawberry.field(default=None, description="Who holds this role, anywhere.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who has a post or a role there or in a region below."
    )
    tier: OutletTier | None = strawberry.field(default=None, description="Who works at an outlet of this tier.")
    outlet_id: strawberry.ID | None = strawberry.field(default=None, description="Who works at this outlet.")

    def plain(self) -> Wanted:
        region, outlet = self.region_id, self.outlet_id
        region_id = decode(region, "Region", "filter", "regionId") if region is not None else None
        outlet_id = decode(outlet, "Outlet", "filter", "outletId") if outlet is not None else None
        return Wanted(self.text, self.role, region_id, self.tier, outlet_id)


@strawberry.input(description="Whose phone is to be shown, and what for.")
class RevealPhoneInput:
    member_id: strawberry.ID = strawberry.field(description="Someone in a region the viewer administers.")
    reason: str = strawberry.field(description="Why it is needed, 1-200 characters; kept in the audit log.")


@strawberry.type(description="The phone in full. That it was shown is in the audit log (审计日志).")
class RevealPhonePayload(Payload):
    phone: str | None = strawberry.field(default=None, description="With country code; null if refused.")


@strawberry.input(description="Who is to hold which role where.")
class GrantRoleInput:
    member_id: strawberry.ID = strawberry.field(description="Someone else, in a region the viewer administers.")
    role: Role = strawberry.field(description="Any but LEARNER, which comes and goes with the posts.")
    region_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where, with everything below; null: everywhere. Within what the viewer administers."
    )

    def plain(self) -> RoleChange:
        return _change(self.member_id, self.role, self.region_id)


@strawberry.type(description="The member with the roles they hold now.")
class GrantRolePayload(Payload):
    member: Member | None = strawberry.field(default=None, description="After the change; null if refused.")


@strawberry.input(description="Who is to hold which role where no longer.")
class RevokeRoleInput:
    member_id: strawberry.ID = strawberry.field(description="Someone else, in a region the viewer administers.")
    role: Role = strawberry.field(description="One that they hold over exactly this region.")
    region_id: strawberry.ID | None = strawberry.field(default=None, description="As it was granted; null: everywhere.")

    def plain(self) -> RoleChange:
        return _change(self.member_id, self.role, self.region_id)


@strawberry.type(description="The member with the roles they still hold.")
class RevokeRolePayload(Payload):
    member: Member | None = strawberry.field(default=None, description="After the change; null if refused.")


@strawberry.input(description="Who is to be shut out (停用), or let in again.")
class SuspendMemberInput:
    member_id: strawberry.ID = strawberry.field(description="Someone else, in a region the viewer administers.")
    suspended: bool = strawberry.field(
        description="True ends all their sessions at once; false lets them sign in anew."
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, 1-200 characters; needed to suspend. Kept in the audit log."
    )


@strawberry.type(description="The member as suspended or not.")
class SuspendMemberPayload(Payload):
    member: Member | None = strawberry.field(default=None, description="After the change; null if refused.")


def _change(member_id: str, role: Role, region_id: str | None) -> RoleChange:
    region = decode(region_id, "Region", "regionId") if region_id is not None else None
    return RoleChange(decode(member_id, "Member", "memberId"), role, region)
