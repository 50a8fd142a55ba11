"""What members agree to, being known as an adult, taking one's data along and leaving, as clients see it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from models import exports
from models.accounts import members_by_ids
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.node import Node
from schema.viewer_part import ViewerPart
from schema.words import ConsentPurpose, ExportStatus
from services import privacy
from services.codes import CodeAsked
from services.exported_files import file_url
from services.privacy import consents_of, text_url

if TYPE_CHECKING:
    from schema.accounts import Member


@strawberry.type(description="How one purpose stands with the viewer (同意).")
class Consent:
    row: strawberry.Private[privacy.Consent]
    purpose: ConsentPurpose = strawberry.field(description="What it is for.")
    version: int = strawberry.field(description="The version to agree to now, counted from 1.")
    required: bool = strawberry.field(description="Goes with the account; it is withdrawn by deleting that.")
    given_at: datetime | None = strawberry.field(
        description="When the viewer agreed to this version. Null: ask them, also when they agreed to an older one."
    )
    withdrawn_at: datetime | None = strawberry.field(
        description="When the viewer took it back. Null while it holds, or if they never agreed."
    )

    @classmethod
    def of(cls, row: privacy.Consent) -> Self:
        return cls(
            row=row,
            purpose=row.purpose,
            version=row.version,
            required=row.required,
            given_at=row.given_at,
            withdrawn_at=row.withdrawn_at,
        )

    @strawberry.field(description="A page with the text of this version, in the language of the request.")
    def text_url(self, info: Info) -> str:
        return text_url(info.context.ports, self.row, info.context.language)


@strawberry.type
class PrivacyViewer(ViewerPart):
    @strawberry.field(description="Every purpose there is, required ones first.")
    async def consents(self, info: Info) -> list[Consent] | None:
        return [Consent.of(row) for row in await info.context.loaders.of(consents_of).load(self.member_id)]

    @strawberry.field(
        description="Since when the viewer is known to be an adult (成年确认). Null: lessons for adults stay closed."
    )
    async def adult_confirmed_at(self, info: Info) -> datetime | None:
        row = await info.context.loaders.of(members_by_ids).load(self.member_id)
        return row.adult_confirmed_at if row is not None else None


@strawberry.input(description="The viewer agrees.")
class GiveConsentInput:
    purpose: ConsentPurpose = strawberry.field(description="To what.")
    version: int = strawberry.field(description="The version that was shown; CONFLICT once there is a newer one.")


@strawberry.type(description="What became of giving a consent.")
class GiveConsentPayload(Payload):
    consent: Consent | None = strawberry.field(default=None, description="As it stands now.")


@strawberry.input(description="The viewer takes back what they agreed to.")
class WithdrawConsentInput:
    purpose: ConsentPurpose = strawberry.field(description="Not a required one: STATE_FORBIDS.")


@strawberry.type(description="What became of taking a consent back.")
class WithdrawConsentPayload(Payload):
    consent: Consent | None = strawberry.field(default=None, description="As it stands now.")


@strawberry.input(description="An admin vouches that somebody is an adult (成年确认).")
class ConfirmAdultInput:
    member_id: strawberry.ID = strawberry.field(description="Somebody who works in the admin's regions.")

    def member(self) -> UUID:
        return decode(self.member_id, "Member", "memberId")


@strawberry.type(description="What became of confirming an adult.")
class ConfirmAdultPayload(Payload):
    member: Annotated["Member", strawberry.lazy("schema.accounts")] | None = strawberry.field(
        default=None, description="Who is confirmed."
    )
    adult_confirmed_at: datetime | None = strawberry.field(
        default=None, description="Since when; the first confirmation stays."
    )


@strawberry.type(description="Everything kept on the viewer, as a file (个人数据导出).")
class DataExport(Node):
    row: strawberry.Private[exports.DataExport]
    status: ExportStatus = strawberry.field(description="Ask `node` again until it is READY: a few minutes.")
    expires_at: datetime | None = strawberry.field(description="When the file goes: 24 hours after it was made.")
    size_bytes: int | None = strawberry.field(description="Of the file; null before it is made.")

    @classmethod
    def of(cls, row: exports.DataExport) -> Self:
        return cls(
            id=encode("DataExport", row.id),
            row=row,
            status=row.status,
            expires_at=row.expires_at,
            size_bytes=row.size_bytes,
        )

    @strawberry.field(
        description="Where the file, a zip of JSON, is fetched until it expires. Signed: keep it to oneself."
    )
    def url(self, info: Info) -> str | None:
        return file_url(info.context.ports, self.row)


@strawberry.input(description="Have everything kept on the viewer made into a file.")
class ExportMyDataInput:
    idempotency_key: UUID | None = strawberry.field(
        default=None, description="The same key gives the same export again, also when that is long made."
    )


@strawberry.type(description="What became of asking for an export.")
class ExportMyDataPayload(Payload):
    export: DataExport | None = strawberry.field(
        default=None, description="The one that is on its way, if there is one. LIMIT_REACHED after three on a day."
    )


@strawberry.input(description="Have a code sent that deletes the account.")
class RequestDeletionCodeInput:
    device_id: str = strawberry.field(description="Made once per installation, as at sign-in.")


@strawberry.type(description="What became of asking for the code.")
class RequestDeletionCodePayload(Payload):
    retry_after_seconds: int | None = strawberry.field(default=None, description="When a new code may be asked for.")
    expires_in_seconds: int | None = strawberry.field(default=None, description="Of the code on its way; else 0.")

    @classmethod
    def of(cls, asked: CodeAsked) -> Self:
        return cls(retry_after_seconds=asked.retry_after_seconds, expires_in_seconds=asked.expires_in_seconds)


@strawberry.input(description="Delete the viewer's account (注销账号). It cannot be undone.")
class DeleteMyAccountInput:
    code: str = strawberry.field(description="From `requestDeletionCode`.")


@strawberry.type(description="What became of deleting the account.")
class DeleteMyAccountPayload(Payload):
    deleted_at: datetime | None = strawberry.field(
        default=None,
        description="Every token is out from now on; if the answer is lost, the next one is UNAUTHENTICATED.",
    )
