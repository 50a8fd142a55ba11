"""Members, their sessions and the ways in, as clients see them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from models import accounts as rows
from models import sessions as session_rows
from models.outlets import current_outlets
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.levels import Level
from schema.node import Node
from schema.outlets import Outlet
from schema.paging import DEFAULT_ROWS, Connection, ask, connection
from schema.viewer_part import ViewerPart
from schema.words import Role
from services.accounts import PhoneChange, ProfileChange
from services.codes import CodeAsked
from services.media import media_url
from services.sessions import Device, SignedIn, count_sessions, list_sessions

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="Someone with an account, as others see them.")
class Member(Node):
    display_name: str
    row: strawberry.Private[rows.Member]

    @classmethod
    def of(cls, row: rows.Member) -> Self:
        return cls(id=encode("Member", row.id), display_name=row.display_name, row=row)

    @strawberry.field
    def avatar_url(self, info: Info) -> str | None:
        return avatar_of(info, self.row)

    @strawberry.field
    async def level(self, info: Info) -> Level | None:
        return await Level.load(info, self.row.id)

    @strawberry.field(description="The outlet they learn for now.")
    async def outlet(self, info: Info) -> Outlet | None:
        row = await info.context.loaders.of(current_outlets).load(self.row.id)
        return Outlet.of(row) if row is not None else None


@strawberry.type(description="One sign-in on one device.")
class Session(Node):
    device_name: str
    created_at: datetime
    last_seen_at: datetime
    current: bool = strawberry.field(description="The session that asks.")

    @classmethod
    def of(cls, row: session_rows.Session, current_id: UUID | None) -> Self:
        return cls(
            id=encode("Session", row.id),
            device_name=row.device_name,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            current=row.id == current_id,
        )


@strawberry.type
class AccountViewer(ViewerPart):
    @strawberry.field
    async def display_name(self, info: Info) -> str | None:
        return (await self._row(info)).display_name

    @strawberry.field
    async def roles(self, info: Info) -> list[Role] | None:
        held = {grant.role for grant in await info.context.loaders.of(rows.active_grants).load(self.member_id)}
        return [role for role in Role if role in held]

    @strawberry.field
    async def avatar_url(self, info: Info) -> str | None:
        return avatar_of(info, await self._row(info))

    @strawberry.field(description="Others see the viewer's places on boards without a name.")
    async def hidden_on_boards(self, info: Info) -> bool | None:
        return (await self._row(info)).hidden_on_boards

    @strawberry.field
    async def masked_phone(self, info: Info) -> str | None:
        return (await self._row(info)).masked_phone

    @strawberry.field(description="Where the viewer is signed in, last seen first.")
    async def sessions(
        self,
        info: Info,
        first: int | None = DEFAULT_ROWS,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Connection[Session] | None:
        ports, actor = info.context.ports, info.context.actor
        scope = f"sessions {self.member_id}"
        current_id = actor.session_id if actor is not None else None
        return connection(
            info,
            await list_sessions(ports, self.member_id, ask(info, scope, first, after, last, before)),
            scope=scope,
            of=lambda row: Session.of(row, current_id),
            key=lambda row: [row.last_seen_at, row.id],
            count=lambda: count_sessions(ports, self.member_id),
        )

    async def _row(self, info: Info) -> rows.Member:
        row = await info.context.loaders.of(rows.members_by_ids).load(self.member_id)
        assert row is not None, "members are never deleted"
        return row


def avatar_of(info: Info, row: rows.Member) -> str | None:
    return media_url(info.context.ports, row.avatar_media_id).url if row.avatar_media_id is not None else None


@strawberry.type(description="The tokens of a session. Keep the refresh token where no other app reads it.")
class SessionTokens:
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime

    @classmethod
    def of(cls, found: SignedIn) -> Self:
        return cls(
            access_token=found.access_token,
            access_token_expires_at=found.access_token_expires_at,
            refresh_token=found.refresh_token,
            refresh_token_expires_at=found.refresh_token_expires_at,
        )


@strawberry.input
class RequestSignInCodeInput:
    phone: str = strawberry.field(description="With country code; without one it is Chinese.")
    device_id: str = strawberry.field(description="Made once per installation.")


@strawberry.type
class RequestSignInCodePayload(Payload):
    retry_after_seconds: int | None = strawberry.field(default=None, description="When a new code may be asked for.")
    expires_in_seconds: int | None = strawberry.field(default=None, description="Of the code on its way; else 0.")

    @classmethod
    def of(cls, asked: CodeAsked) -> Self:
        return cls(retry_after_seconds=asked.retry_after_seconds, expires_in_seconds=asked.expires_in_seconds)


@strawberry.input
class SignInWithCodeInput:
    phone: str
    code: str
    device_id: str
    device_name: str

    def device(self) -> Device:
        return Device(self.device_id, self.device_name)


@strawberry.input
class SignInWithPasswordInput:
    phone: str
    password: str
    device_id: str
    device_name: str

    def device(self) -> Device:
        return Device(self.device_id, self.device_name)


@strawberry.type
class SignInPayload(Payload):
    session: SessionTokens | None = None
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = None


@strawberry.input
class RefreshSessionInput:
    refresh_token: str


@strawberry.type
class RefreshSessionPayload(Payload):
    session: SessionTokens | None = None


@strawberry.input
class SignOutInput:
    everywhere: bool | None = strawberry.field(default=False, description="Every session of the viewer.")
    session_id: strawberry.ID | None = strawberry.field(default=None, description="Another one; default: this one.")

    def session(self) -> UUID | None:
        return decode(self.session_id, "Session", "sessionId") if self.session_id is not None else None


@strawberry.type
class SignOutPayload(Payload):
    signed_out_sessions: int | None = None


@strawberry.input
class UpdateProfileInput:
    """What is left out or null stays."""

    display_name: str | None = strawberry.field(default=None, description="1-24 characters.")
    avatar_media_id: strawberry.ID | None = None
    hidden_on_boards: bool | None = None

    def plain(self) -> ProfileChange:
        media_id = self.avatar_media_id
        avatar = decode(media_id, "Media", "avatarMediaId") if media_id is not None else None
        return ProfileChange(self.display_name, avatar, self.hidden_on_boards)


@strawberry.type
class UpdateProfilePayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = None


@strawberry.input
class RequestChangePhoneCodesInput:
    new_phone: str


@strawberry.type
class RequestChangePhoneCodesPayload(Payload):
    retry_after_seconds: int | None = None
    expires_in_seconds: int | None = None

    @classmethod
    def of(cls, asked: CodeAsked) -> Self:
        return cls(retry_after_seconds=asked.retry_after_seconds, expires_in_seconds=asked.expires_in_seconds)


@strawberry.input
class ChangePhoneInput:
    new_phone: str
    code_from_old: str
    code_from_new: str

    def plain(self) -> PhoneChange:
        return PhoneChange(self.new_phone, self.code_from_old, self.code_from_new)


@strawberry.type
class ChangePhonePayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = None
