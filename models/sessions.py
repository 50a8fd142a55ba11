"""Sessions with their refresh tokens, sign-in codes with their limits, and the keys that sign access tokens."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.accounts import Member


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
    sent = fields.BooleanField()

    class Meta:
        table = "sign_in_codes"


class PasswordFailure(Model):
    """One wrong password, known phone or not; enough of them in an hour close the door for a while."""

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


async def locked_session(session_id: UUID) -> Session | None:
    """The session, its row locked until the transaction ends."""
    return await Session.select_for_update().get_or_none(id=session_id)


async def token_with_successor(token_hash: str) -> tuple[RefreshToken | None, RefreshToken | None]:
    """The token of this hash and the one that follows it, as far as they exist."""
    found = await RefreshToken.filter(hash=token_hash).first()
    return found, await RefreshToken.filter(parent_hash=token_hash).first() if found else None


async def newest_code(phone_index: str, purpose: str) -> SignInCode | None:
    return await SignInCode.filter(phone_index=phone_index, purpose=purpose).order_by("-created_at", "-id").first()


async def code_times(phone_index: str, since: datetime) -> list[datetime]:
    """When codes of any purpose were asked for since then, newest first."""
    found = SignInCode.filter(phone_index=phone_index, created_at__gt=since).order_by("-created_at")
    return [code.created_at for code in await found]
