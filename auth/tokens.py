"""Access tokens: short-lived JWTs, signed by ES256 and read under a stricter policy than the library's own.

python-jose stays inside this file. Left to itself it takes a token without `exp` or `aud`, any `typ`, unknown `crit`,
and lets exceptions of many kinds escape; so header and claims are judged here, and it only signs and checks signatures
with keys of our own ring, chosen by `kid`. Whatever is wrong with a token, the answer is UNAUTHENTICATED.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jws

from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.seals import Seal

ALGORITHM = "ES256"
TYPE = "at+jwt"
ISSUER = "growth-academy"
AUDIENCE = "academy-app"
LIFE = timedelta(minutes=15)
CLOCK_SKEW = timedelta(seconds=60)
"""How far ahead the clock of another server may have signed."""
LONGEST_TOKEN = 4 * 1024
HEADER_FIELDS = frozenset({"alg", "typ", "kid"})
CLAIM_NAMES = frozenset({"iss", "aud", "sub", "sid", "jti", "exp", "iat"})

MOST_REMEMBERED = 10_000
"""Verified tokens a process remembers, the longest unused forgotten first: some 6 MB, and 11 tokens a second."""

PUBLISHED_BEFORE_USE = timedelta(minutes=2)
"""A new key is shown this long before it signs, so that every process knows it by then."""
KEPT_AFTER_USE = timedelta(hours=1)
"""A retired key is accepted this long; tokens live a quarter of it."""


@dataclass(frozen=True, slots=True)
class Claims:
    member_id: UUID
    session_id: UUID
    token_id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key pair as it is kept: the private half sealed."""

    kid: str
    private_pem: bytes
    public_jwk: dict[str, str]
    created_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Remembered:
    claims: Claims
    kid: str


@dataclass(frozen=True, slots=True)
class _RingKey:
    stored: StoredKey
    private: Any
    public: Any


class Tokens:
    """Signs and reads access tokens with a ring of keys that `install` may exchange at any time."""

    def __init__(self, key: bytes) -> None:
        """`key` (32 bytes) seals the private keys at rest."""
        self.loaded_at = float("-inf")
        """When the ring was last exchanged, on the clock that never steps back."""
        self._seal = Seal(key)
        self._ring: dict[str, _RingKey] = {}
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    def make_key(self, now: datetime) -> StoredKey:
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = jwk.construct(private.public_key(), ALGORITHM).to_dict()
        kid = new_id().hex
        shown = {**public, "use": "sig", "kid": kid}
        return StoredKey(kid, self._seal.close(pem, f"signing key {kid}"), shown, created_at=now)

    def install(self, keys: Iterable[StoredKey], loaded_at: float) -> None:
        """Exchange the ring. ValueError if a key was sealed under another secret."""
        ring = {}
        for key in keys:
            known = self._ring.get(key.kid)
            if known is None:
                pem = self._seal.open(key.private_pem, f"signing key {key.kid}")
                ring[key.kid] = _RingKey(key, jwk.construct(pem, ALGORITHM), jwk.construct(key.public_jwk, ALGORITHM))
            else:
                ring[key.kid] = _RingKey(key, known.private, known.public)
        self._ring = ring
        self.loaded_at = loaded_at

    def public_keys(self, now: datetime) -> dict[str, list[dict[str, str]]]:
        """The JWKS document: every key that may have signed a living token or soon will."""
        return {"keys": [key.stored.public_jwk for key in self._ring.values() if _accepted(key.stored, now)]}

    def issue(self, member_id: UUID, session_id: UUID, now: datetime) -> tuple[str, datetime]:
        """A token and the moment it ends."""
        key = self._signer(now)
        issued_at = int(now.timestamp())
        expires_at = issued_at + int(LIFE.total_seconds())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": str(member_id), "sid": str(session_id), "jti": new_id().hex,
            "exp": expires_at, "iat": issued_at,
        }  # fmt: skip
        headers = {"typ": TYPE, "kid": key.stored.kid}
        text: str = jws.sign(claims, key.private, headers=headers, algorithm=ALGORITHM)
        return text, datetime.fromtimestamp(expires_at, UTC)

    def knows_key_of(self, text: str) -> bool:
        """False if the token is well headed but names a key that is not on the ring; reloading it may help."""
        try:
            if _digest(text) in self._remembered:
                return True
            return _judged(_parts(text)[0])["kid"] in self._ring
        except Exception:
            return True

    def verify(self, text: str, now: datetime) -> Claims:
        """What the token says, if it is ours, whole and alive at `now`; UNAUTHENTICATED otherwise.

        A signature is worked out once and remembered by a hash of the text until the token or its key ends. Whether the
        session lives, and whether this one token was denied, is not asked here: that is looked up for each request.
        """
        try:
            digest = _digest(text)
            known = self._remembered.get(digest) or self._verified(text)
            _require(known.kid in self._ring and _accepted(self._ring[known.kid].stored, now))
            _require(known.claims.issued_at <= now + CLOCK_SKEW and now < known.claims.expires_at)
        except Exception as error:
            self.forget(text)
            raise DomainError(ErrorCode.UNAUTHENTICATED) from error
        self._remembered[digest] = known
        self._remembered.move_to_end(digest)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return known.claims

    def forget(self, text: str) -> None:
        """Work the token out anew when it comes again; nobody does once it was refused."""
        if len(text) <= LONGEST_TOKEN and text.isascii():
            self._remembered.pop(_digest(text), None)

    def _verified(self, text: str) -> _Remembered:
        """The token's claims and key, if that key signed them and they are of our making; whenever it is."""
        header, body, signature = _parts(text)
        kid = _judged(header)["kid"]
        _require(self._ring[kid].public.verify(text.rpartition(".")[0].encode(), signature))
        claims = _object(body)
        _require(claims.keys() == CLAIM_NAMES and claims["iss"] == ISSUER and claims["aud"] == AUDIENCE)
        _require(type(claims["exp"]) is int and type(claims["iat"]) is int)
        _require(str(UUID(claims["sub"])) == claims["sub"] and str(UUID(claims["sid"])) == claims["sid"])
        _require(UUID(claims["jti"]).hex == claims["jti"])
        issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        _require(expires_at <= issued_at + LIFE)
        return _Remembered(Claims(UUID(claims["sub"]), UUID(claims["sid"]), claims["jti"], issued_at, expires_at), kid)

    def _signer(self, now: datetime) -> _RingKey:
        living = [key for key in self._ring.values() if _accepted(key.stored, now)]
        assert living, "no signing key is installed"
        seasoned = [key for key in living if key.stored.created_at + PUBLISHED_BEFORE_USE <= now]
        if seasoned:
            return max(seasoned, key=lambda key: (key.stored.created_at, key.stored.kid))
        return min(living, key=lambda key: (key.stored.created_at, key.stored.kid))


def _accepted(key: StoredKey, now: datetime) -> bool:
    return key.retired_at is None or now < key.retired_at + KEPT_AFTER_USE


def _digest(text: str) -> bytes:
    _require(len(text) <= LONGEST_TOKEN and text.isascii())
    return hashlib.sha256(text.encode()).digest()


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    """Header, claims and signature of what has a token's shape and size; raises whatever comes up for anything else."""
    _require(len(text) <= LONGEST_TOKEN and text.isascii())
    header, body, signature = (_decoded(part) for part in text.split("."))
    return header, body, signature


def _judged(plain: bytes) -> dict[str, str]:
    """The header if it is one of ours to the letter: nothing else in it, so no `crit` and no key brought along."""
    header = _object(plain)
    _require(header.keys() == HEADER_FIELDS)
    _require(header["alg"] == ALGORITHM and header["typ"] == TYPE and isinstance(header["kid"], str))
    return header


def _object(plain: bytes) -> dict[str, Any]:
    """JSON in its one right spelling, too: no name twice, of which each reader would take another, no spaces."""
    found: dict[str, Any] = orjson.loads(plain)
    _require(isinstance(found, dict) and orjson.dumps(found) == plain)
    return found


def _decoded(part: str) -> bytes:
    """Base64url in its one right spelling, so that a token cannot be written in several ways."""
    plain = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    _require(base64.urlsafe_b64encode(plain).decode().rstrip("=") == part)
    return plain


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("not one of our tokens")
