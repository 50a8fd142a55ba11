"""The keys that sign access tokens, kept in the database, shared by all processes, exchanged by command; and the tokens
that are refused one by one."""

from datetime import timedelta

from auth.tokens import CLOCK_SKEW, KEPT_AFTER_USE, LIFE, PUBLISHED_BEFORE_USE, Claims, StoredKey
from kit.clock import monotonic
from kit.db import transaction
from models.sessions import SigningKey, deny_token, lock_signing_keys, signing_keys
from services.audit import record
from services.ports import Ports

FRESH_SECONDS = 60.0
"""A process hears of a new key within this time; new keys wait twice as long before they sign."""
RELOAD_PAUSE_SECONDS = 1.0
"""Tokens with made-up key ids make a process look again this often and no more."""


async def ready_keys(ports: Ports, *, older_than_seconds: float = FRESH_SECONDS) -> None:
    """Make sure that the ring is no older than this; makes the first key of a new academy."""
    if monotonic() - ports.tokens.loaded_at < older_than_seconds:
        return
    kept = await signing_keys() or await transaction(lambda: _first_key(ports))
    ports.tokens.install([_stored(key) for key in kept], monotonic())


async def claims_of(ports: Ports, token: str) -> Claims:
    """What a good access token says; UNAUTHENTICATED otherwise."""
    await ready_keys(ports)
    if not ports.tokens.knows_key_of(token):
        await ready_keys(ports, older_than_seconds=RELOAD_PAUSE_SECONDS)
    return ports.tokens.verify(token, ports.clock.now())


async def deny(ports: Ports, token_id: str) -> bool:
    """Refuse one access token, by its `jti`, until it would have expired; False if it was refused already.

    The session it belongs to goes on, and so do its other tokens. Seen at the next request everywhere.
    """
    now = ports.clock.now()
    return await deny_token(token_id, now, now + LIFE + CLOCK_SKEW)


async def deny_leaked(ports: Ports, token: str) -> bool:
    """Refuse one access token that was seen where it does not belong, and write down that it was; False if it is over
    already. The member stays signed in: the app has another within a quarter of an hour.

    For the command line, which nobody stands behind: the audit shows no actor.
    """
    claims = await claims_of(ports, token)

    async def work() -> bool:
        denied = await deny(ports, claims.token_id)
        if denied:
            await record(ports, None, "token.denied", "Session", claims.session_id)
        return denied

    return await transaction(work)


async def public_keys(ports: Ports) -> dict[str, list[dict[str, str]]]:
    """The JWKS document."""
    await ready_keys(ports)
    return ports.tokens.public_keys(ports.clock.now())


async def rotate_keys(ports: Ports) -> str:
    """Add a key and retire the others; its id. It signs after two minutes; living tokens stay good."""

    async def work() -> str:
        await lock_signing_keys()
        now = ports.clock.now()
        await SigningKey.filter(retired_at__isnull=True).update(retired_at=now + PUBLISHED_BEFORE_USE)
        await SigningKey.filter(retired_at__lt=now - KEPT_AFTER_USE - timedelta(days=1)).delete()
        return (await _add_key(ports)).kid

    kid = await transaction(work)
    await ready_keys(ports, older_than_seconds=0)
    return kid


async def _first_key(ports: Ports) -> list[SigningKey]:
    await lock_signing_keys()
    return await signing_keys() or [await _add_key(ports)]


async def _add_key(ports: Ports) -> SigningKey:
    made = ports.tokens.make_key(ports.clock.now())
    return await SigningKey.create(
        kid=made.kid, private_pem=made.private_pem, public_jwk=made.public_jwk, created_at=made.created_at
    )


def _stored(key: SigningKey) -> StoredKey:
    return StoredKey(key.kid, key.private_pem, key.public_jwk, key.created_at, key.retired_at)
