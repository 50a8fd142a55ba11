"""Sessions with their refresh tokens, sign-in codes with their limits, and the keys that sign access tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

from kit.db import execute, require_transaction, rows
from kit.paging import Ask, Page, page_of
from kit.words import Role
from models.accounts import GrantRow, Member


class Session(Model):
    """One sign-in on one device; the family of all refresh tokens that follow from it."""

    id = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", "sessions", on_delete=fields.RESTRICT
    )
    member_id: UUID
    device_id = fields.CharField(64)
    device_name = fields.CharField(64)
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(20, null=True)

    class Meta:
        table = "sessions"


class RefreshToken(Model):
    """A link of the family's chain. Only SHA-256 hashes (hex) are kept, so a stolen table signs nobody in."""

    hash = fields.CharField(64, primary_key=True)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField("models.Session", "tokens")
    session_id: UUID
    parent_hash = fields.CharField(64, null=True, unique=True)
    created_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "refresh_tokens"


class SignInCode(Model):
    """One request for a code. It is kept for unknown phones too, so that limits and answers do not tell them apart."""

    id = fields.UUIDField(primary_key=True)
    phone_index = fields.CharField(64)
    purpose = fields.CharField(20)
    code_hash = fields.CharField(64)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    tries = fields.SmallIntField(default=0)
    used_at = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sign_in_codes"


class PasswordFailure(Model):
    """One try at a password that was not right, known phone or not; enough of them close the door for a while."""

    id = fields.UUIDField(primary_key=True)
    phone_index = fields.CharField(64)
    failed_at = fields.DatetimeField()

    class Meta:
        table = "password_failures"


class SigningKey(Model):
    """A key pair for access tokens. The private half is encrypted by the server's secret."""

    kid = fields.CharField(32, primary_key=True)
    private_pem = fields.BinaryField()
    public_jwk: dict[str, str] = fields.JSONField()
    created_at = fields.DatetimeField()
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "signing_keys"


async def lock_phone(phone_index: str) -> None:
    """Let one transaction at a time deal with this phone's codes and passwords, whether or not anybody has it."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"phone {phone_index}")


async def locked_session(session_id: UUID) -> Session | None:
    """The session, its row locked until the transaction ends."""
    return await Session.select_for_update().get_or_none(id=session_id)


async def sessions_by_ids(ids: Sequence[UUID]) -> list[Session | None]:
    """The sessions of these ids, in the order of `ids`."""
    found = {session.id: session for session in await Session.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def session_grants(session_id: UUID, member_id: UUID, now: datetime) -> list[GrantRow] | None:
    """What the member may do; None unless the session is theirs and open, and they are not suspended."""
    found = await rows(
        "SELECT g.role, g.region_id, coalesce(r.path, '') AS path FROM sessions s JOIN members m ON m.id = s.member_id"
        " LEFT JOIN role_grants g ON g.member_id = m.id AND g.revoked_at IS NULL"
        " LEFT JOIN regions r ON r.id = g.region_id"
        " WHERE s.id = $1 AND s.member_id = $2 AND s.ended_at IS NULL AND s.expires_at > $3"
        " AND m.suspended_at IS NULL",
        session_id, member_id, now,
    )  # fmt: skip
    if not found:
        return None
    return [GrantRow(Role(row["role"]), row["region_id"], row["path"]) for row in found if row["role"] is not None]


async def living_sessions(member_id: UUID, now: datetime, unused_since: datetime, ask: Ask) -> Page[Session]:
    """The member's open sessions seen after `unused_since`, last seen first; keyed by (last_seen_at, id)."""
    found = _living(member_id, now, unused_since).order_by(
        *(("last_seen_at", "id") if ask.backwards else ("-last_seen_at", "-id"))
    )
    if ask.after is not None:
        found = found.filter(_beyond("lt", ask.after))
    if ask.before is not None:
        found = found.filter(_beyond("gt", ask.before))
    return page_of(await found.limit(ask.limit + 1), ask)


async def count_living_sessions(member_id: UUID, now: datetime, unused_since: datetime) -> int:
    return await _living(member_id, now, unused_since).count()


async def ended_among(session_ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Those of these sessions that are over: signed out, revoked, of a suspended member, or a year old."""
    found = await rows(
        "SELECT id FROM sessions WHERE id = ANY($1) AND (ended_at IS NOT NULL OR expires_at <= $2)",
        list(session_ids), now,
    )  # fmt: skip
    return {row["id"] for row in found}


async def end_sessions(member_id: UUID, at: datetime, reason: str, session_ids: Sequence[UUID] | None = None) -> int:
    """End these open sessions of the member, or all; how many."""
    ended = await rows(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE member_id = $1 AND ended_at IS NULL"
        " AND ($4::uuid[] IS NULL OR id = ANY($4)) RETURNING id",
        member_id, at, reason, None if session_ids is None else list(session_ids),
    )  # fmt: skip
    return len(ended)


async def token_of(token_hash: str) -> RefreshToken | None:
    return await RefreshToken.get_or_none(hash=token_hash)


async def successor_of(token_hash: str) -> RefreshToken | None:
    return await RefreshToken.get_or_none(parent_hash=token_hash)


async def newest_code(phone_index: str, purpose: str) -> SignInCode | None:
    return await SignInCode.filter(phone_index=phone_index, purpose=purpose).order_by("-created_at", "-id").first()


async def code_times(phone_index: str, since: datetime) -> list[datetime]:
    """When codes of any purpose were asked for since then, newest first."""
    found = SignInCode.filter(phone_index=phone_index, created_at__gt=since).order_by("-created_at")
    return [code.created_at for code in await found]


async def failure_times(phone_index: str, since: datetime) -> list[datetime]:
    """When wrong passwords were given since then, newest first."""
    found = PasswordFailure.filter(phone_index=phone_index, failed_at__gt=since).order_by("-failed_at")
    return [failure.failed_at for failure in await found]


async def signing_keys() -> list[SigningKey]:
    """Every key that is kept, oldest first."""
    return await SigningKey.all().order_by("created_at", "kid")


async def lock_signing_keys() -> None:
    """Let one transaction at a time change the ring."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('signing keys', 0))")


async def forget_before(*, codes: datetime, sessions: datetime) -> None:
    """Delete codes and failures older than `codes`, and sessions that ended or expired before `sessions`."""
    await execute("DELETE FROM sign_in_codes WHERE created_at < $1", codes)
    await execute("DELETE FROM password_failures WHERE failed_at < $1", codes)
    await execute("DELETE FROM sessions WHERE least(ended_at, expires_at) < $1", sessions)


def _living(member_id: UUID, now: datetime, unused_since: datetime) -> QuerySet[Session]:
    return Session.filter(member_id=member_id, ended_at__isnull=True, expires_at__gt=now, last_seen_at__gt=unused_since)


def _beyond(side: str, key: Sequence[object]) -> Q:
    last_seen_at, session_id = key
    further: dict[str, Any] = {f"last_seen_at__{side}": last_seen_at}
    level: dict[str, Any] = {"last_seen_at": last_seen_at, f"id__{side}": session_id}
    return Q(**further) | Q(**level)
