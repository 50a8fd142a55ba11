"""Signing in, staying signed in and signing out."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from auth.actor import Actor
from auth.codes import Purpose, Verdict
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, not_found
from kit.ids import new_id, new_secret
from kit.paging import Ask, Page
from models.accounts import locked_member, member_by_phone, seen
from models.member_lists import home_path
from models.sessions import (
    Knock,
    RefreshToken,
    Session,
    SignInFailure,
    count_living_sessions,
    end_sessions,
    forget_before,
    forget_failures,
    living_sessions,
    lock_doors,
    locked_session,
    sessions_by_ids,
    successor_of,
    token_of,
)
from services.audit import record
from services.codes import check_device_text, may_sign_in, refusal, try_code, use_up
from services.doors import at_door, knock_of, prove_human, record_failure, refuse_trying
from services.ports import Ports
from services.signing import deny, ready_keys

REFRESH_LIFE = timedelta(days=60)
"""From the last use."""
SESSION_LIFE = timedelta(days=365)
REPLAY_GRACE = timedelta(seconds=30)
LONGEST_REFRESH_TOKEN = 200
KEPT_AFTER_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Device:
    """`id` is made once per installation of the app; `name` is what its owner calls it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    member_id: UUID
    session_id: UUID
    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Link:
    """A refresh token as it is answered; the tables keep its hash alone."""

    member_id: UUID
    session_id: UUID
    text: str
    expires_at: datetime


async def sign_in_with_code(ports: Ports, phone: str, code: str, device: Device, *, address: str = "") -> SignedIn:
    """Open a session by a code sent to the phone.

    CODE_WRONG for a wrong or used one and for an unknown phone alike; CODE_EXPIRED after 5 minutes or 5 wrong tries;
    THROTTLED in the growing pauses after wrong ones.
    """
    number = ports.phones.normalise(phone, "phone")
    _check_device(device)
    knock = knock_of(ports, number, device.id, address)
    await refuse_trying(ports, knock)

    async def work() -> _Link | DomainError:
        await lock_doors(knock)
        await refuse_trying(ports, knock)
        verdict, row = await try_code(ports, number, Purpose.SIGN_IN, code)
        member = await member_by_phone(knock.phone_index)
        if verdict is Verdict.RIGHT and member is not None:
            member = await locked_member(member.id)
        if verdict is Verdict.RIGHT:
            await use_up(ports, row)
            if member is None or not may_sign_in(member):
                verdict = Verdict.WRONG
        if verdict is Verdict.WRONG:
            await record_failure(ports, knock)
        if refused := refusal(verdict, "code"):
            return refused  # not raised: the try is to be kept
        assert member is not None
        return await _open_session(ports, member.id, knock, device)

    return await _answer(ports, await at_door(knock, work))


async def sign_in_with_password(
    ports: Ports, phone: str, password: str, device: Device, *, address: str = "", captcha_token: str | None = None
) -> SignedIn:
    """Open a session by a password. CREDENTIALS_WRONG whatever was wrong; THROTTLED in the growing pauses after wrong
    ones; CAPTCHA_REQUIRED before a suspicious device or network may go on."""
    number = ports.phones.normalise(phone, "phone")
    _check_device(device)
    knock = knock_of(ports, number, device.id, address)
    human = await prove_human(ports, knock, address, captcha_token)
    await refuse_trying(ports, knock, human=human)
    attempt = await at_door(knock, lambda: _begin_attempt(ports, knock, human=human))
    member = await member_by_phone(knock.phone_index)
    right = await ports.passwords.verify(password, member.password_hash if member else None)

    async def work() -> _Link | None:
        assert member is not None
        await attempt.delete()
        current = await locked_member(member.id)
        same = current is not None and current.password_hash == member.password_hash
        return await _open_session(ports, member.id, knock, device) if same and may_sign_in(current) else None

    link = await transaction(work) if right else None
    return await _answer(ports, link or DomainError(ErrorCode.CREDENTIALS_WRONG))


async def refresh_session(ports: Ports, refresh_token: str) -> SignedIn:
    """Exchange a refresh token for its successor and a fresh access token.

    The successor is worked out from its parent, so that a lost answer can be given again: for 30 s, and as long as the
    successor is unused. Any other second use ends the session: SESSION_REUSED. Whatever is unknown or over is
    SESSION_EXPIRED.
    """
    if len(refresh_token) > LONGEST_REFRESH_TOKEN:
        raise DomainError(ErrorCode.SESSION_EXPIRED)
    return await _answer(ports, await transaction(lambda: _next_link(ports, refresh_token)))


async def sign_out(ports: Ports, actor: Actor, *, session_id: UUID | None = None, everywhere: bool = False) -> int:
    """End this session, another of the member's or all; how many. NOT_FOUND for one not open and theirs.

    Where this session ends, the token presented is denied as well.
    """

    async def work() -> int:
        chosen = None if everywhere else [session_id or actor.session_id]
        ended = await end_sessions(actor.member_id, ports.clock.now(), "SIGNED_OUT", chosen)
        if not ended and session_id is not None and not everywhere:
            raise not_found("sessionId")
        if actor.token_id is not None and (everywhere or session_id in (None, actor.session_id)):
            await deny(ports, actor.token_id)
        return ended

    return await transaction(work)


async def list_sessions(ports: Ports, member_id: UUID, ask: Ask) -> Page[Session]:
    """The member's living sessions, last seen first; keyed by (last_seen_at, id)."""
    now = ports.clock.now()
    return await living_sessions(member_id, now, now - REFRESH_LIFE, ask)


async def own_sessions(actor: Actor, session_ids: Sequence[UUID]) -> list[Session | None]:
    """The actor's own sessions of these ids, in their order; None for others."""
    found = await sessions_by_ids(session_ids)
    return [each if each is not None and each.member_id == actor.member_id else None for each in found]


async def count_sessions(ports: Ports, member_id: UUID) -> int:
    now = ports.clock.now()
    return await count_living_sessions(member_id, now, now - REFRESH_LIFE)


async def tidy_sessions(ports: Ports) -> None:
    """Forget codes and failures after two days, denied tokens once they would have expired anyway, and sessions a month
    after their end."""
    now = ports.clock.now()
    await forget_before(codes=now - timedelta(days=2), tokens=now, sessions=now - KEPT_AFTER_END)


async def _next_link(ports: Ports, text: str) -> _Link | DomainError:
    now = ports.clock.now()
    found = await token_of(_hash(text))
    session = await locked_session(found.session_id) if found else None
    token = await token_of(_hash(text))  # as it is under the lock
    if session is None or token is None:
        return DomainError(ErrorCode.SESSION_EXPIRED)
    if session.ended_at is not None:
        reused = session.end_reason == "REUSED"
        return DomainError(ErrorCode.SESSION_REUSED if reused else ErrorCode.SESSION_EXPIRED)
    if now >= min(token.expires_at, session.expires_at):
        return DomainError(ErrorCode.SESSION_EXPIRED)
    successor = await successor_of(token.hash)
    if successor is None:
        await RefreshToken.filter(hash=token.hash).update(used_at=now)
        successor = await _keep(session, _successor(ports, text), now, parent_hash=token.hash)
    elif token.used_at is not None and now - token.used_at > REPLAY_GRACE and successor.used_at is not None:
        await end_sessions(session.member_id, now, "REUSED", [session.id])
        home = await home_path(session.member_id)
        await record(ports, session.member_id, "session.reused", "Session", session.id, region_path=home)
        return DomainError(ErrorCode.SESSION_REUSED)
    await Session.filter(id=session.id).update(last_seen_at=now)
    await seen(session.member_id, now)
    return _Link(session.member_id, session.id, _successor(ports, text), successor.expires_at)


async def _open_session(ports: Ports, member_id: UUID, knock: Knock, device: Device) -> _Link:
    """A new family. The caller holds the member's row, so that a suspension cannot miss it."""
    require_transaction()
    await forget_failures(knock.phone_index)
    now = ports.clock.now()
    session = await Session.create(
        id=new_id(),
        member_id=member_id,
        device_id=device.id,
        device_name=device.name,
        created_at=now,
        last_seen_at=now,
        expires_at=now + SESSION_LIFE,
    )
    await seen(member_id, now)
    text = new_secret()
    first = await _keep(session, text, now, parent_hash=None)
    return _Link(member_id, session.id, text, first.expires_at)


async def _keep(session: Session, text: str, now: datetime, *, parent_hash: str | None) -> RefreshToken:
    return await RefreshToken.create(
        hash=_hash(text),
        session_id=session.id,
        parent_hash=parent_hash,
        created_at=now,
        expires_at=min(now + REFRESH_LIFE, session.expires_at),
    )


async def _begin_attempt(ports: Ports, knock: Knock, *, human: bool) -> SignInFailure:
    """Count a try before it is made, so that twenty at once are twenty; a right one is taken off again."""
    await lock_doors(knock)
    await refuse_trying(ports, knock, human=human)
    return await record_failure(ports, knock)


async def _answer(ports: Ports, link: _Link | DomainError) -> SignedIn:
    if isinstance(link, DomainError):
        raise link
    await ready_keys(ports)
    token, expires_at = ports.tokens.issue(link.member_id, link.session_id, ports.clock.now())
    return SignedIn(link.member_id, link.session_id, token, expires_at, link.text, link.expires_at)


def _check_device(device: Device) -> None:
    check_device_text(device.id, "deviceId")
    check_device_text(device.name, "deviceName")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _successor(ports: Ports, parent: str) -> str:
    mac = hmac.new(ports.settings.key("refresh"), parent.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
