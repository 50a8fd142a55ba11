"""Members: who acts, what they show of themselves, their phone, and the first admin."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.actor import Actor, Grant
from auth.codes import Purpose, Verdict
from auth.names import clean_name
from auth.tokens import Claims
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.words import Role
from models.accounts import Member, add_member, grant, locked_member, member_by_phone
from models.courses import media_by_id
from models.member_lists import home_path
from models.outlets import region_by_code
from models.sessions import open_session
from models.uploads import upload_by_id
from services.audit import record
from services.codes import lock_phones, refusal, try_code, use_up
from services.outbox import announce
from services.ports import Ports


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who asks something, and when the credit that waits for them is to be paid; None: none waits."""

    actor: Actor
    credit_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """None leaves a thing as it is."""

    display_name: str | None = None
    avatar_media_id: UUID | None = None
    hidden_on_boards: bool | None = None


@dataclass(frozen=True, slots=True)
class PhoneChange:
    new_phone: str
    code_from_old: str
    code_from_new: str


async def actor_of(ports: Ports, claims: Claims) -> Actor:
    """Who acts with this token; UNAUTHENTICATED once it is denied, the session has ended or the member is suspended."""
    return (await visit_of(ports, claims)).actor


async def visit_of(ports: Ports, claims: Claims) -> Visit:
    """Who acts with this token, and what has to be done first; UNAUTHENTICATED as in `actor_of`."""
    found = await open_session(claims.session_id, claims.member_id, claims.token_id, ports.clock.now())
    if found is None:
        raise DomainError(ErrorCode.UNAUTHENTICATED)
    grants = tuple(Grant(each.role, each.region_id, each.region_path) for each in found.grants)
    actor = Actor(claims.member_id, claims.session_id, grants, token_id=claims.token_id)
    return Visit(actor, found.credit_due_at)


async def update_profile(ports: Ports, actor: Actor, change: ProfileChange) -> None:
    """Change name, picture, and whether others see the member on boards."""
    wanted: dict[str, object] = {}
    if change.display_name is not None:
        wanted["display_name"] = clean_name(change.display_name, "displayName")
    if change.avatar_media_id is not None:
        media, upload = await media_by_id(change.avatar_media_id), await upload_by_id(change.avatar_media_id)
        # Only what they have uploaded themselves: an address signed for them would show them anybody's picture.
        if media is None or media.kind != "IMAGE" or upload is None or upload.member_id != actor.member_id:
            raise not_found("avatarMediaId")
        wanted["avatar_media_id"] = media.id
    if change.hidden_on_boards is not None:
        wanted["hidden_on_boards"] = change.hidden_on_boards

    async def work() -> None:
        if not await Member.filter(id=actor.member_id, deleted_at__isnull=True).update(**wanted):
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        await announce("member", str(actor.member_id))

    if wanted:
        await transaction(work)


async def change_phone(ports: Ports, actor: Actor, change: PhoneChange) -> None:
    """Move the account to another phone, proved by a code sent to each. A code is used up only if both are right."""
    new_number = ports.phones.normalise(change.new_phone, "newPhone")
    new_index = ports.phones.index(new_number)

    async def work() -> DomainError | None:
        member = await Member.get(id=actor.member_id)
        if member.phone_cipher is None:
            return DomainError(ErrorCode.STATE_FORBIDS)
        old_number = ports.phones.open(member.phone_cipher)
        if old_number == new_number:
            return bad_input("newPhone")
        await lock_phones(ports, [old_number, new_number])
        locked = await locked_member(actor.member_id)
        if locked is None or locked.phone_index != member.phone_index:
            return DomainError(ErrorCode.CONFLICT)
        by_old, old_code = await try_code(ports, old_number, Purpose.CHANGE_PHONE_OLD, change.code_from_old)
        by_new, new_code = await try_code(ports, new_number, Purpose.CHANGE_PHONE_NEW, change.code_from_new)
        if by_old is not Verdict.RIGHT or by_new is not Verdict.RIGHT:
            return refusal(by_old, "codeFromOld") or refusal(by_new, "codeFromNew")
        if await member_by_phone(new_index) is not None:
            return DomainError(ErrorCode.CODE_WRONG, field=["codeFromNew"])  # as for a phone that got none
        await use_up(ports, old_code)
        await use_up(ports, new_code)
        await Member.filter(id=actor.member_id).update(
            phone_cipher=ports.phones.seal(new_number),
            phone_index=new_index,
            masked_phone=ports.phones.mask(new_number),
        )
        home = await home_path(actor.member_id)
        await record(ports, actor, "member.phone_changed", "Member", actor.member_id, region_path=home)
        return None

    if refused := await transaction(work):
        raise refused


async def create_admin(
    ports: Ports, phone: str, name: str, *, password: str | None = None, region_code: str | None = None
) -> Member:
    """Make the member with this phone an admin of the region (none: of everything); the name is for a new member.

    For the command line, which nobody stands behind: the audit shows no actor. Done again, it sets the password anew.
    """
    number = ports.phones.normalise(phone, "phone")
    password_hash = await ports.passwords.hash(password, "password") if password is not None else None
    region = await region_by_code(region_code) if region_code is not None else None
    if region_code is not None and region is None:
        raise not_found("regionCode")

    async def work() -> Member:
        member = await member_with_phone(ports, number, clean_name(name, "name"))
        region_id = region.id if region else None
        if password_hash is not None:
            await Member.filter(id=member.id).update(password_hash=password_hash)
        await grant(new_id(), member.id, Role.ADMIN, region_id, ports.clock.now(), None)
        path = region.path if region else None
        await record(ports, None, "admin.created", "Member", member.id, {"region": region_code}, region_path=path)
        return member

    return await transaction(work)


async def member_with_phone(ports: Ports, number: str, name: str) -> Member:
    """The member with this E.164 number, made with `name` if there is none; the row locked."""
    require_transaction()
    index = ports.phones.index(number)
    fresh = Member(
        id=new_id(),
        display_name=name,
        phone_cipher=ports.phones.seal(number),
        phone_index=index,
        masked_phone=ports.phones.mask(number),
        joined_at=ports.clock.now(),
    )
    while True:
        await add_member(fresh)
        found = await member_by_phone(index)
        locked = await locked_member(found.id) if found is not None else None
        if locked is not None and locked.phone_index == index:  # else the phone was given up a moment ago
            return locked
