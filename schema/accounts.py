"""Members, their sessions and the ways in, as clients see them."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from auth.names import without_middle
from models import accounts as rows
from models import sessions as session_rows
from models.outlets import regions_by_ids
from models.profiles import Profile
from schema.context import Info
from schema.errors import Payload
from schema.ids import decode, encode
from schema.levels import Level
from schema.node import Node
from schema.outlets import Outlet, Region
from schema.paging import DEFAULT_ROWS, After, Before, Connection, First, Last, ask, connection
from schema.profiles import own_profile
from schema.totals import Points
from schema.viewer_part import ViewerPart
from schema.words import Role
from services.accounts import PhoneChange, ProfileChange
from services.codes import CodeAsked
from services.media import media_url
from services.people import files_of
from services.sessions import Device, SignedIn, count_sessions, list_sessions

if TYPE_CHECKING:
    from schema.viewer import Viewer


@strawberry.type(description="A role over a part of the region tree.")
class RoleGrant:
    role: Role = strawberry.field(description="What its holder may do.")
    row: strawberry.Private[rows.GrantRow]

    @strawberry.field(description="Where it holds, with everything below; null: everywhere.")
    async def region(self, info: Info) -> Region | None:
        region_id = self.row.region_id
        row = await info.context.loaders.of(regions_by_ids).load(region_id) if region_id is not None else None
        return Region.of(row) if row is not None else None


@strawberry.type(description="Someone with an account. What is kept about them is for themselves and staff of theirs.")
class Member(Node):
    display_name: str = strawberry.field(
        description="What they call themselves; on boards of some academies, their shop's name without its middle."
    )
    member_id: strawberry.Private[UUID]
    row: strawberry.Private[rows.Member | None] = None
    masked: strawberry.Private[bool] = False

    @classmethod
    def of(cls, row: rows.Member) -> Self:
        return cls(id=encode("Member", row.id), display_name=row.display_name, member_id=row.id, row=row)

    @classmethod
    def named(cls, member: rows.NamedMember) -> Self:
        """Somebody of whom only the name was read with something else; the rest is read once it is asked for."""
        return cls(id=encode("Member", member.id), display_name=member.display_name, member_id=member.id)

    @classmethod
    def on_board(cls, info: Info, profile: Profile) -> Self:
        """As others read them on boards: by the name that the setting `board_names` chooses."""
        actor, row = info.context.actor, profile.member
        if info.context.ports.settings.board_names == "member" or (actor is not None and actor.member_id == row.id):
            return cls.of(row)
        name = without_middle(profile.outlet.name if profile.outlet is not None else "")
        return cls(id=encode("Member", row.id), display_name=name, member_id=row.id, row=row, masked=True)

    @strawberry.field(description="Their picture, signed; null without one, and where their name is masked.")
    async def avatar_url(self, info: Info) -> str | None:
        return avatar_of(info, await self._row(info)) if not self.masked else None

    @strawberry.field(description="The level their lifetime points have reached (等级).")
    async def level(self, info: Info) -> Level | None:
        return await Level.load(info, self.member_id)

    @strawberry.field(description="Their points on both accounts (积分); null for whom it is no business of.")
    async def points(self, info: Info) -> Points | None:
        if await self._file(info) is None:
            return None
        return Points.of((await own_profile(info, self.member_id)).account)

    @strawberry.field(description="The outlet they learn for now; null when signed out.")
    async def outlet(self, info: Info) -> Outlet | None:
        if info.context.actor is None:
            return None
        row = (await own_profile(info, self.member_id)).outlet
        if row is None:
            return None
        outlet = Outlet.of(row)
        return replace(outlet, name=without_middle(outlet.name)) if self.masked else outlet

    @strawberry.field(description="Their phone but for the middle; null for whom it is no business of.")
    async def masked_phone(self, info: Info) -> str | None:
        return (await self._row(info)).masked_phone if await self._file(info) is not None else None

    @strawberry.field(description="Each role they hold, once; null for whom it is no business of.")
    async def roles(self, info: Info) -> list[Role] | None:
        held = await self._file(info)
        return [role for role in Role if any(role is grant.role for grant in held)] if held is not None else None

    @strawberry.field(description="Their roles with where they hold (职权范围); null for whom it is no business of.")
    async def role_grants(self, info: Info) -> list[RoleGrant] | None:
        held = await self._file(info)
        return [RoleGrant(role=grant.role, row=grant) for grant in held] if held is not None else None

    @strawberry.field(description="The last sign-in or refresh; null for whom it is no business of.")
    async def last_seen_at(self, info: Info) -> datetime | None:
        return (await self._row(info)).last_seen_at if await self._file(info) is not None else None

    @strawberry.field(
        description="Since when they are shut out (停用); null otherwise, and for whom it is no business of."
    )
    async def suspended_at(self, info: Info) -> datetime | None:
        return (await self._row(info)).suspended_at if await self._file(info) is not None else None

    async def _file(self, info: Info) -> list[rows.GrantRow] | None:
        actor = info.context.actor
        return await info.context.loaders.of(files_of, actor).load(self.member_id) if actor is not None else None

    async def _row(self, info: Info) -> rows.Member:
        row = self.row or await info.context.loaders.of(rows.members_by_ids).load(self.member_id)
        assert row is not None, "members are never deleted"
        return row


@strawberry.type(description="One sign-in on one device.")
class Session(Node):
    device_name: str = strawberry.field(description="What the device called itself when signing in.")
    created_at: datetime = strawberry.field(description="The sign-in.")
    last_seen_at: datetime = strawberry.field(description="The last sign-in or refresh.")
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
    @strawberry.field(description="What the viewer calls themselves.")
    async def display_name(self, info: Info) -> str | None:
        return (await self._row(info)).display_name

    @strawberry.field(description="All roles the viewer holds anywhere.")
    async def roles(self, info: Info) -> list[Role] | None:
        held = {grant.role for grant in await info.context.loaders.of(rows.active_grants).load(self.member_id)}
        return [role for role in Role if role in held]

    @strawberry.field(description="The viewer's picture, signed; null without one.")
    async def avatar_url(self, info: Info) -> str | None:
        return avatar_of(info, await self._row(info))

    @strawberry.field(description="Others see the viewer's places on boards without a name.")
    async def hidden_on_boards(self, info: Info) -> bool | None:
        return (await self._row(info)).hidden_on_boards

    @strawberry.field(description="The viewer's phone number with its middle hidden.")
    async def masked_phone(self, info: Info) -> str | None:
        return (await self._row(info)).masked_phone

    @strawberry.field(description="Where the viewer is signed in, last seen first.")
    async def sessions(
        self,
        info: Info,
        first: First = DEFAULT_ROWS,
        after: After = None,
        last: Last = None,
        before: Before = None,
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
        return (await own_profile(info, self.member_id)).member


def avatar_of(info: Info, row: rows.Member) -> str | None:
    return media_url(info.context.ports, row.avatar_media_id).url if row.avatar_media_id is not None else None


@strawberry.type(description="The tokens of a session. Keep the refresh token where no other app reads it.")
class SessionTokens:
    access_token: str = strawberry.field(description="Goes into the `authorization` header, behind `Bearer `.")
    access_token_expires_at: datetime = strawberry.field(
        description="A quarter of an hour after it was issued; refresh before."
    )
    refresh_token: str = strawberry.field(
        description="For `refreshSession` alone, once; the answer brings its successor."
    )
    refresh_token_expires_at: datetime = strawberry.field(description="Unused until then, the session ends.")

    @classmethod
    def of(cls, found: SignedIn) -> Self:
        return cls(
            access_token=found.access_token,
            access_token_expires_at=found.access_token_expires_at,
            refresh_token=found.refresh_token,
            refresh_token_expires_at=found.refresh_token_expires_at,
        )


@strawberry.input(description="Which phone asks for a code.")
class RequestSignInCodeInput:
    phone: str = strawberry.field(description="With country code; without one it is Chinese.")
    device_id: str = strawberry.field(description="Made once per installation.")
    captcha_token: str | None = strawberry.field(
        default=None, description="What the captcha (安全验证) gave, after CAPTCHA_REQUIRED; else left out."
    )


@strawberry.type(description="The same whether or not the phone is known here.")
class RequestSignInCodePayload(Payload):
    retry_after_seconds: int | None = strawberry.field(default=None, description="When a new code may be asked for.")
    expires_in_seconds: int | None = strawberry.field(default=None, description="Of the code on its way; else 0.")

    @classmethod
    def of(cls, asked: CodeAsked) -> Self:
        return cls(retry_after_seconds=asked.retry_after_seconds, expires_in_seconds=asked.expires_in_seconds)


@strawberry.input(description="A phone number and the code that was sent to it.")
class SignInWithCodeInput:
    phone: str = strawberry.field(description="With country code; without one it is Chinese.")
    code: str = strawberry.field(description="The six digits of the text message.")
    device_id: str = strawberry.field(description="Made once per installation.")
    device_name: str = strawberry.field(description='For the list of sessions, as "May\'s phone".')

    def device(self) -> Device:
        return Device(self.device_id, self.device_name)


@strawberry.input(description="For staff who were given a password.")
class SignInWithPasswordInput:
    phone: str = strawberry.field(description="With country code; without one it is Chinese.")
    password: str = strawberry.field(description="As it was set; nothing is trimmed.")
    device_id: str = strawberry.field(description="Made once per installation.")
    device_name: str = strawberry.field(description='For the list of sessions, as "May\'s phone".')
    captcha_token: str | None = strawberry.field(
        default=None, description="What the captcha (安全验证) gave, after CAPTCHA_REQUIRED; else left out."
    )

    def device(self) -> Device:
        return Device(self.device_id, self.device_name)


@strawberry.type(description="A new session, and who signed in.")
class SignInPayload(Payload):
    session: SessionTokens | None = strawberry.field(default=None, description="The tokens; null if refused.")
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="Who is signed in now; null if refused."
    )


@strawberry.input(description="The token of the session to go on with.")
class RefreshSessionInput:
    refresh_token: str = strawberry.field(description="The newest one that was received.")


@strawberry.type(description="The session with its next tokens.")
class RefreshSessionPayload(Payload):
    session: SessionTokens | None = strawberry.field(default=None, description="Keep them before using them.")


@strawberry.input(description="Which sessions end; without anything this one.")
class SignOutInput:
    everywhere: bool | None = strawberry.field(default=False, description="Every session of the viewer.")
    session_id: strawberry.ID | None = strawberry.field(default=None, description="Another one; default: this one.")

    def session(self) -> UUID | None:
        return decode(self.session_id, "Session", "sessionId") if self.session_id is not None else None


@strawberry.type(description="What ended.")
class SignOutPayload(Payload):
    signed_out_sessions: int | None = strawberry.field(default=None, description="How many sessions were ended.")


@strawberry.input(description="What is to change; what is left out or null stays.")
class UpdateProfileInput:
    display_name: str | None = strawberry.field(default=None, description="1-24 characters.")
    avatar_media_id: strawberry.ID | None = strawberry.field(default=None, description="A picture uploaded before.")
    hidden_on_boards: bool | None = strawberry.field(
        default=None, description="Whether others see the viewer's places on boards without a name."
    )

    def plain(self) -> ProfileChange:
        media_id = self.avatar_media_id
        avatar = decode(media_id, "Media", "avatarMediaId") if media_id is not None else None
        return ProfileChange(self.display_name, avatar, self.hidden_on_boards)


@strawberry.type(description="The viewer with what was changed.")
class UpdateProfilePayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="After the change; null if refused."
    )


@strawberry.input(description="The number to move to.")
class RequestChangePhoneCodesInput:
    new_phone: str = strawberry.field(description="With country code; without one it is Chinese.")


@strawberry.type(description="A code is on its way to each of the two numbers.")
class RequestChangePhoneCodesPayload(Payload):
    retry_after_seconds: int | None = strawberry.field(default=None, description="When new codes may be asked for.")
    expires_in_seconds: int | None = strawberry.field(default=None, description="Of the codes on their way; else 0.")

    @classmethod
    def of(cls, asked: CodeAsked) -> Self:
        return cls(retry_after_seconds=asked.retry_after_seconds, expires_in_seconds=asked.expires_in_seconds)


@strawberry.input(description="The new number and a code from both, old and new.")
class ChangePhoneInput:
    new_phone: str = strawberry.field(description="The number the codes were asked for.")
    code_from_old: str = strawberry.field(description="The code sent to the number of now.")
    code_from_new: str = strawberry.field(description="The code sent to the new number.")

    def plain(self) -> PhoneChange:
        return PhoneChange(self.new_phone, self.code_from_old, self.code_from_new)


@strawberry.type(description="The viewer under the new number.")
class ChangePhonePayload(Payload):
    viewer: Annotated["Viewer", strawberry.lazy("schema.viewer")] | None = strawberry.field(
        default=None, description="After the change; null if refused."
    )
