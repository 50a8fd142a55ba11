"""Sessions with their refresh tokens, sign-in codes with their limits, and the keys that sign access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
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
    """One request for a code. It is kept for unknown phones too, so that limits and answers do not tell them apart.

    `network` is a keyed hash (hex) of where it came from. `wanted`: a message is to go out, and will cost something.
    """

    id = fields.UUIDField(primary_key=True)
    phone_index = fields.CharField(64)
    device_id = fields.CharField(64, null=True)
    network = fields.CharField(64, null=True)
    wanted = fields.BooleanField(default=False)
    purpose = fields.CharField(20)
    code_hash = fields.CharField(64)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    tries = fields.SmallIntField(default=0)
    used_at = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    """When it was handed to the SMS provider, or may have been: no code is handed over twice."""

    class Meta:
        table = "sign_in_codes"


class SignInFailure(Model):
    """One try at a code or a password that was not right, known phone or not; enough of them close a door for a while.

    A try at a password is written down before it is made, and taken off again when it was right.
    """

    id = fields.UUIDField(primary_key=True)
    phone_index = fields.CharField(64)
    device_id = fields.CharField(64, null=True)
    network = fields.CharField(64, null=True)
    failed_at = fields.DatetimeField()

    class Meta:
        table = "sign_in_failures"


class DeniedToken(Model):
    """An access token that is refused although its session lives or may live again; kept until it would expire."""

    token_id = fields.CharField(64, primary_key=True)
    denied_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "denied_tokens"


class SigningKey(Model):
    """A key pair for access tokens. The private half is encrypted by the server's secret."""

    kid = fields.CharField(32, primary_key=True)
    private_pem = fields.BinaryField()
    public_jwk: dict[str, str] = fields.JSONField()
    created_at = fields.DatetimeField()
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "signing_keys"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """What its member may do, and when the credit that waits for them is to be paid; None: none waits."""

    grants: tuple[GrantRow, ...]
    credit_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Knock:
    """A try to get in: at which phone's door, by which device, from which network (a keyed hash); None: not told."""

    phone_index: str
    device_id: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """When codes were asked for, newest first."""

    phone: Sequence[datetime]
    device: Sequence[datetime]
    network: Sequence[datetime]


class Failures(NamedTuple):
    tries: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The wrong tries within each window."""

    phone: Failures
    device: Failures
    network: Failures


async def lock_doors(*knocks: Knock) -> None:
    """Let one transaction at a time deal with the codes and tries of these phones, known or not, devices and networks.

    Everybody locks in one order, so that nobody waits in a circle; `lock_messages` comes last.
    """
    require_transaction()
    phones = sorted({f"phone {knock.phone_index}" for knock in knocks})
    devices = sorted({f"device {knock.device_id}" for knock in knocks if knock.device_id is not None})
    networks = sorted({f"network {knock.network}" for knock in knocks if knock.network is not None})
    await rows(
        "SELECT pg_advisory_xact_lock(hashtextextended(door, 0)) FROM unnest($1::text[]) AS door",
        [*phones, *devices, *networks],
    )


async def lock_messages() -> None:
    """Let one transaction at a time decide whether one more message may cost money."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('messages', 0))")


async def locked_session(session_id: UUID) -> Session | None:
    """The session, its row locked until the transaction ends."""
    return await Session.select_for_update().get_or_none(id=session_id)


async def sessions_by_ids(ids: Sequence[UUID]) -> list[Session | None]:
    """The sessions of these ids, in the order of `ids`."""
    found = {session.id: session for session in await Session.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def open_session(session_id: UUID, member_id: UUID, token_id: str, now: datetime) -> OpenSession | None:
    """The session; None unless it is the member's and open, the token not denied, and they are not suspended."""
    found = await rows(
        "SELECT g.role, g.region_id, coalesce(r.path, '') AS path, b.due_at FROM sessions s"
        " JOIN members m ON m.id = s.member_id LEFT JOIN learning_budgets b ON b.member_id = m.id"
        " LEFT JOIN role_grants g ON g.member_id = m.id AND g.revoked_at IS NULL"
        " LEFT JOIN regions r ON r.id = g.region_id"
        " WHERE s.id = $1 AND s.member_id = $2 AND s.ended_at IS NULL AND s.expires_at > $3"
        " AND m.suspended_at IS NULL AND NOT EXISTS (SELECT 1 FROM denied_tokens d WHERE d.token_id = $4)",
        session_id, member_id, now, token_id,
    )  # fmt: skip
    if not found:
        return None
    grants = [GrantRow(Role(row["role"]), row["region_id"], row["path"]) for row in found if row["role"] is not None]
    return OpenSession(tuple(grants), found[0]["due_at"])


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
        "SELECT s.id FROM sessions s JOIN members m ON m.id = s.member_id"
        " WHERE s.id = ANY($1) AND (s.ended_at IS NOT NULL OR s.expires_at <= $2 OR m.suspended_at IS NOT NULL)",
        list(session_ids), now,
    )  # fmt: skip
    return {row["id"] for row in found}


async def end_sessions(member_id: UUID, at: datetime, reason: str, session_ids: Sequence[UUID] | None = None) -> int:
    """End these open sessions of the member, or all, and forget the phones they are pushed to; how many."""
    ended = await rows(
        "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE member_id = $1 AND ended_at IS NULL"
        " AND ($4::uuid[] IS NULL OR id = ANY($4)) RETURNING id",
        member_id, at, reason, None if session_ids is None else list(session_ids),
    )  # fmt: skip
    await execute("DELETE FROM push_devices WHERE session_id = ANY($1::uuid[])", [row["id"] for row in ended])
    return len(ended)


async def token_of(token_hash: str) -> RefreshToken | None:
    return await RefreshToken.get_or_none(hash=token_hash)


async def successor_of(token_hash: str) -> RefreshToken | None:
    return await RefreshToken.get_or_none(parent_hash=token_hash)


async def newest_code(phone_index: str, purpose: str) -> SignInCode | None:
    return await SignInCode.filter(phone_index=phone_index, purpose=purpose).order_by("-created_at", "-id").first()


KNOWN_DEVICE = """
WITH known AS MATERIALIZED (
    SELECT EXISTS (
        SELECT 1 FROM sessions s JOIN members m ON m.id = s.member_id
        WHERE m.phone_index = $1 AND s.device_id = $2 AND s.end_reason IS DISTINCT FROM 'REUSED'
    ) AS here
)
"""
"""Whether the device has signed in with the phone before: it is then judged by its own deeds alone."""


async def asked_lately(knock: Knock, since: datetime) -> Asked:
    """The requests for codes of any purpose that count at this door; one statement, the same for every phone."""
    [found] = await rows(
        f"""{KNOWN_DEVICE} SELECT
        ARRAY(SELECT created_at FROM sign_in_codes WHERE phone_index = $1 AND created_at > $4
              AND (device_id = $2 OR NOT (SELECT here FROM known)) ORDER BY created_at DESC) AS phone,
        ARRAY(SELECT created_at FROM sign_in_codes WHERE device_id = $2 AND created_at > $4
              ORDER BY created_at DESC) AS device,
        ARRAY(SELECT created_at FROM sign_in_codes WHERE network = $3 AND created_at > $4
              AND NOT (SELECT here FROM known) ORDER BY created_at DESC) AS network""",  # noqa: S608 - no values
        knock.phone_index, knock.device_id, knock.network, since,
    )  # fmt: skip
    return Asked(found["phone"], found["device"], found["network"])


async def failed_lately(knock: Knock, *, phone: datetime, device: datetime, network: datetime) -> Failed:
    """The wrong tries that count at this door, each since its own moment; one statement, the same for every phone."""
    [found] = await rows(
        f"""{KNOWN_DEVICE} SELECT phone.*, device.*, network.* FROM
        (SELECT count(*) AS phone_count, max(failed_at) AS phone_newest FROM sign_in_failures
         WHERE phone_index = $1 AND failed_at > $4 AND (device_id = $2 OR NOT (SELECT here FROM known))) phone,
        (SELECT count(*) AS device_count, max(failed_at) AS device_newest FROM sign_in_failures
         WHERE device_id = $2 AND failed_at > $5) device,
        (SELECT count(*) AS network_count, max(failed_at) AS network_newest FROM sign_in_failures
         WHERE network = $3 AND failed_at > $6 AND NOT (SELECT here FROM known)) network""",  # noqa: S608 - no values
        knock.phone_index, knock.device_id, knock.network, phone, device, network,
    )  # fmt: skip
    return Failed(
        Failures(found["phone_count"], found["phone_newest"]),
        Failures(found["device_count"], found["device_newest"]),
        Failures(found["network_count"], found["network_newest"]),
    )


async def forget_failures(phone_index: str) -> None:
    """The right person came."""
    await execute("DELETE FROM sign_in_failures WHERE phone_index = $1", phone_index)


async def nth_message_at(number: int, since: datetime) -> datetime | None:
    """When the `number`-th newest message that cost something was asked for; None if there were fewer since then."""
    found = await rows(
        "SELECT created_at FROM sign_in_codes WHERE wanted AND created_at > $1 ORDER BY created_at DESC"
        " OFFSET $2 LIMIT 1",
        since, number - 1,
    )  # fmt: skip
    return found[0]["created_at"] if found else None


async def deny_token(token_id: str, at: datetime, expires_at: datetime) -> bool:
    """Refuse this token from now on; False if it was refused already."""
    denied = await rows(
        "INSERT INTO denied_tokens (token_id, denied_at, expires_at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING token_id",
        token_id, at, expires_at,
    )  # fmt: skip
    return bool(denied)


async def denied_among(token_ids: Sequence[str | None]) -> set[str | None]:
    """Those of these tokens that are refused one by one; None is none."""
    found = await rows("SELECT token_id FROM denied_tokens WHERE token_id = ANY($1)", list(token_ids))
    return {row["token_id"] for row in found}


async def signing_keys() -> list[SigningKey]:
    """Every key that is kept, oldest first."""
    return await SigningKey.all().order_by("created_at", "kid")


async def lock_signing_keys() -> None:
    """Let one transaction at a time change the ring."""
    require_transaction()
    await rows("SELECT pg_advisory_xact_lock(hashtextextended('signing keys', 0))")


async def forget_before(*, codes: datetime, tokens: datetime, sessions: datetime) -> None:
    """Delete codes and failures older than `codes`, refusals of tokens that expired before `tokens`, and sessions that
    ended or expired before `sessions`."""
    await execute("DELETE FROM sign_in_codes WHERE created_at < $1", codes)
    await execute("DELETE FROM sign_in_failures WHERE failed_at < $1", codes)
    await execute("DELETE FROM denied_tokens WHERE expires_at < $1", tokens)
    await execute("DELETE FROM sessions WHERE least(ended_at, expires_at) < $1", sessions)


def _living(member_id: UUID, now: datetime, unused_since: datetime) -> QuerySet[Session]:
    return Session.filter(member_id=member_id, ended_at__isnull=True, expires_at__gt=now, last_seen_at__gt=unused_since)


def _beyond(side: str, key: Sequence[object]) -> Q:
    last_seen_at, session_id = key
    further: dict[str, Any] = {f"last_seen_at__{side}": last_seen_at}
    level: dict[str, Any] = {"last_seen_at": last_seen_at, f"id__{side}": session_id}
    return Q(**further) | Q(**level)
