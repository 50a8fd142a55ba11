"""Signing in and out, and what members change about themselves."""

import strawberry

from resolvers.guard import viewer
from resolvers.mutation import mutation
from schema.accounts import (
    ChangePhoneInput,
    ChangePhonePayload,
    Member,
    RefreshSessionInput,
    RefreshSessionPayload,
    RequestChangePhoneCodesInput,
    RequestChangePhoneCodesPayload,
    RequestSignInCodeInput,
    RequestSignInCodePayload,
    Session,
    SessionTokens,
    SignInPayload,
    SignInWithCodeInput,
    SignInWithPasswordInput,
    SignOutInput,
    SignOutPayload,
    UpdateProfileInput,
    UpdateProfilePayload,
)
from schema.context import Info
from schema.ids import row_key
from schema.node import Node
from schema.viewer import Viewer
from services import accounts, codes, outlets, sessions


async def member_node(info: Info, key: str) -> Node | None:
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(outlets.visible_members, actor).load(row_id)
    return Member.of(row) if row is not None else None


async def session_node(info: Info, key: str) -> Node | None:
    """One's own only."""
    row_id, actor = row_key(key), info.context.actor
    if row_id is None or actor is None:
        return None
    row = await info.context.loaders.of(sessions.own_sessions, actor).load(row_id)
    return Session.of(row, actor.session_id) if row is not None else None


@strawberry.type
class AccountMutations:
    @mutation(description="Send a code to a phone by text message. The answer never tells whether the phone is known.")
    async def request_sign_in_code(self, info: Info, input: RequestSignInCodeInput) -> RequestSignInCodePayload:
        asked = await codes.request_sign_in_code(
            info.context.ports,
            input.phone,
            input.device_id,
            address=info.context.address,
            captcha_token=input.captcha_token,
        )
        return RequestSignInCodePayload.of(asked)

    @mutation(description="Begin a session with a phone number and the code sent to it.")
    async def sign_in_with_code(self, info: Info, input: SignInWithCodeInput) -> SignInPayload:
        ports = info.context.ports
        address = info.context.address
        found = await sessions.sign_in_with_code(ports, input.phone, input.code, input.device(), address=address)
        return SignInPayload(session=SessionTokens.of(found), viewer=Viewer.of(found.member_id))

    @mutation(description="Begin a session with a phone number and a password; for staff.")
    async def sign_in_with_password(self, info: Info, input: SignInWithPasswordInput) -> SignInPayload:
        ports = info.context.ports
        found = await sessions.sign_in_with_password(
            ports,
            input.phone,
            input.password,
            input.device(),
            address=info.context.address,
            captcha_token=input.captcha_token,
        )
        return SignInPayload(session=SessionTokens.of(found), viewer=Viewer.of(found.member_id))

    @mutation(description="Exchange a refresh token for the next pair of tokens.")
    async def refresh_session(self, info: Info, input: RefreshSessionInput) -> RefreshSessionPayload:
        found = await sessions.refresh_session(info.context.ports, input.refresh_token)
        return RefreshSessionPayload(session=SessionTokens.of(found))

    @mutation(description="End this session, another one, or all of them.")
    async def sign_out(self, info: Info, input: SignOutInput) -> SignOutPayload:
        ended = await sessions.sign_out(
            info.context.ports, viewer(info), session_id=input.session(), everywhere=bool(input.everywhere)
        )
        return SignOutPayload(signed_out_sessions=ended)

    @mutation(description="Change what the viewer is called, looks like, and shows on boards.")
    async def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfilePayload:
        actor = viewer(info)
        await accounts.update_profile(info.context.ports, actor, input.plain())
        return UpdateProfilePayload(viewer=Viewer.of(actor.member_id))

    @mutation(description="Send a code each to the viewer's present number and the new one.")
    async def request_change_phone_codes(
        self, info: Info, input: RequestChangePhoneCodesInput
    ) -> RequestChangePhoneCodesPayload:
        asked = await codes.request_change_phone_codes(info.context.ports, viewer(info), input.new_phone)
        return RequestChangePhoneCodesPayload.of(asked)

    @mutation(description="Move the account to another phone number, with a code from both.")
    async def change_phone(self, info: Info, input: ChangePhoneInput) -> ChangePhonePayload:
        actor = viewer(info)
        await accounts.change_phone(info.context.ports, actor, input.plain())
        return ChangePhonePayload(viewer=Viewer.of(actor.member_id))
