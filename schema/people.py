"""Members as staff deal with them: filters, inputs, payloads. The member itself is in `schema/accounts.py`."""

from typing import Self

import strawberry

from kit.errors import ErrorCode as Code
from kit.words import Language
from schema.accounts import Member
from schema.errors import Payload, message_of
from schema.ids import decode
from schema.words import ErrorCode, OutletTier, Role
from services.people import MemberFilter as Wanted
from services.people import RoleChange
from services.tables import ImportReport, Rejected

MOST_REJECTED = 100
TAKEN = {Language.CHINESE: "已被使用", Language.ENGLISH: "Taken already."}
"""What CONFLICT means for a line: in the file, or by an outlet elsewhere."""

COLUMNS = {  # as the import names them -> (zh-CN, en)
    "code": ("店铺编码", "Outlet code"),
    "name": ("店名", "Outlet name"),
    "region": ("地区编码", "Region code"),
    "tier": ("等级", "Tier"),
    "segment": ("档位", "Segment"),
    "owner_name": ("店主姓名", "Owner's name"),
    "owner_phone": ("店主手机", "Owner's phone"),
}


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


@strawberry.input(description="Which sheet of outlets and owners is to be imported (导入店铺).")
class ImportOutletsInput:
    upload_id: strawberry.ID = strawberry.field(
        description="A completed upload of the viewer's: CSV or xlsx, with a heading."
    )
    dry_run: bool | None = strawberry.field(default=False, description="True reports the same and changes nothing.")


@strawberry.type(description="A line that was left out.")
class RejectedLine:
    line: int = strawberry.field(description="In the file, from 1; the heading is the first.")
    code: ErrorCode = strawberry.field(description="What is wrong, for the program.")
    message: str = strawberry.field(description="What is wrong with which column, in the language of Accept-Language.")

    @classmethod
    def of(cls, row: Rejected, language: Language) -> Self:
        chinese, english = COLUMNS.get(row.column, (row.column, row.column))
        label = english if language is Language.ENGLISH else chinese
        colon = ": " if language is Language.ENGLISH else "："
        message = TAKEN[language] if row.code is Code.CONFLICT else message_of(row.code, language)
        return cls(line=row.line, code=row.code, message=f"{label}{colon}{message}" if label else message)


@strawberry.type(description="What the import did, or would do. The same file again is all unchanged.")
class ImportOutletsPayload(Payload):
    created: int | None = strawberry.field(default=None, description="Outlets that are new.")
    updated: int | None = strawberry.field(default=None, description="Outlets of which something changed.")
    unchanged: int | None = strawberry.field(default=None, description="Outlets that are so already.")
    rejected_count: int | None = strawberry.field(default=None, description="Lines that were left out.")
    rejected: list[RejectedLine] | None = strawberry.field(default=None, description="The first 100 of them, by line.")

    @classmethod
    def of(cls, report: ImportReport, language: Language) -> Self:
        return cls(
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            rejected_count=len(report.rejected),
            rejected=[RejectedLine.of(row, language) for row in report.rejected[:MOST_REJECTED]],
        )


def _change(member_id: str, role: Role, region_id: str | None) -> RoleChange:
    region = decode(region_id, "Region", "regionId") if region_id is not None else None
    return RoleChange(decode(member_id, "Member", "memberId"), role, region)
