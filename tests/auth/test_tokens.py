"""Access tokens: ours are good, and whatever else is sent is UNAUTHENTICATED, never an error of another kind."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from auth.tokens import AUDIENCE, CLAIM_NAMES, ISSUER, KEPT_AFTER_USE, LIFE, StoredKey, Tokens
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MEMBER, SESSION = UUID(int=1), UUID(int=2)


def installed(*keys: StoredKey, tokens: Tokens | None = None) -> Tokens:
    ring = tokens or Tokens(b"k" * 32)
    ring.install(keys or [ring.make_key(NOW - timedelta(hours=1))], 0.0)
    return ring


TOKENS = installed()
KEY = next(iter(TOKENS._ring.values()))
PRIVATE = KEY.private.prepared_key
PUBLIC = PRIVATE.public_key()
KID = KEY.stored.kid
NOW_S = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": str(MEMBER), "sid": str(SESSION), "jti": "a" * 32, "exp": NOW_S + 900,
    "iat": NOW_S,
}  # fmt: skip
HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": KID}


def b64(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def spelled(part: object) -> bytes:
    """JSON as our tokens have it."""
    return json.dumps(part, separators=(",", ":")).encode()


def signed(header: object = HEADER, claims: object = CLAIMS, key: Any = PRIVATE) -> str:
    """A token with a true signature of ours over any header and claims; given bytes, over those."""
    parts = [b64(part if isinstance(part, bytes) else spelled(part)) for part in (header, claims)]
    signing = ".".join(parts)
    return f"{signing}.{b64(jwt.get_algorithm_by_name('ES256').sign(signing.encode(), key))}"


def refused(token: str, tokens: Tokens = TOKENS, now: datetime = NOW) -> bool:
    """False for a good one; any error but UNAUTHENTICATED goes on and fails the test."""
    try:
        tokens.verify(token, now)
    except DomainError as error:
        return error.code is ErrorCode.UNAUTHENTICATED
    return False


def without(name: str, source: dict[str, Any] = CLAIMS) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != name}


def test_a_token_of_ours_says_who_and_until_when() -> None:
    text, expires_at = TOKENS.issue(MEMBER, SESSION, NOW)

    claims = TOKENS.verify(text, NOW)

    assert (claims.member_id, claims.session_id, claims.issued_at) == (MEMBER, SESSION, NOW)
    assert claims.expires_at == expires_at == NOW + LIFE
    assert refused(text, now=NOW + LIFE)


def test_another_library_reads_our_tokens_by_our_jwks() -> None:
    text, _ = TOKENS.issue(MEMBER, SESSION, NOW)
    jwks = jwt.PyJWKSet.from_dict(TOKENS.public_keys(NOW))

    claims = jwt.decode(
        text, jwks[KID].key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER, options={"verify_exp": False}
    )

    assert claims.keys() == CLAIM_NAMES
    assert claims["sub"] == str(MEMBER)


def test_the_forger_of_these_tests_can_sign_a_good_one() -> None:
    assert TOKENS.verify(signed(), NOW).member_id == MEMBER


def bad_tokens() -> Iterator[tuple[str, str]]:
    good = signed()
    head, body, signature = good.split(".")
    pem = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for name, secret in (("PEM", pem), ("DER", der), ("JWK", json.dumps(KEY.stored.public_jwk).encode()), ("", b"")):
        for alg in ("HS256", "HS384", "HS512"):
            hashing = {**HEADER, "alg": alg}
            signing = f"{b64(spelled(hashing))}.{body}"
            mac = jwt.get_algorithm_by_name(alg).sign(signing.encode(), secret)
            yield f"{alg} by the public key as {name}", f"{signing}.{b64(mac)}"
    for alg in ("none", "None", "NONE", "", "nOnE"):
        unsigned = f"{b64(spelled({**HEADER, 'alg': alg}))}.{body}"
        yield f"alg {alg!r} without signature", f"{unsigned}."
        yield f"alg {alg!r} with one", f"{unsigned}.{signature}"
    for alg in ("RS256", "ES384", "ES512", "PS256", "EdDSA", "ES256K", None, 1, ["ES256"], {}):
        yield f"alg {alg}", signed({**HEADER, "alg": alg})
    for name in HEADER:
        yield f"header without {name}", signed(without(name, HEADER))
    for typ in ("JWT", "at+JWT", "application/at+jwt", None, 1, ["at+jwt"]):
        yield f"typ {typ}", signed({**HEADER, "typ": typ})
    for kid in ("", "x", None, 1, [KID], {"kid": KID}, f"{KID} ", "../../dev/null", "' OR 1=1 --", "\0", "x" * 2000):
        # Every worker makes keys of its own, but the tests' names must be the same.
        yield f"kid {kid!r}".replace(KID, "ours"), signed({**HEADER, "kid": kid})
    jwk = KEY.stored.public_jwk
    for extra in ({"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"jwk": jwk}, {"jku": "https://x"}, {"x5c": []}):
        yield f"header with {list(extra)[0]}", signed({**HEADER, **extra})  # noqa: RUF015
    for name in CLAIMS:
        yield f"no {name}", signed(claims=without(name))
        for value in (None, [], {}, "", True, -1, 1e400, 10**30, [CLAIMS[name]], {"a": CLAIMS[name]}):
            yield f"{name} {value!r}", signed(claims={**CLAIMS, name: value})
    yield "exp past", signed(claims={**CLAIMS, "exp": NOW_S})
    yield "exp as a fraction", signed(claims={**CLAIMS, "exp": NOW_S + 900.5})
    yield "exp far off", signed(claims={**CLAIMS, "exp": NOW_S + 901})
    yield "exp as text", signed(claims={**CLAIMS, "exp": str(NOW_S + 900)})
    yield "iat to come", signed(claims={**CLAIMS, "iat": NOW_S + 61})
    yield "nbf to come", signed(claims={**CLAIMS, "nbf": NOW_S + 500})
    yield "another audience among ours", signed(claims={**CLAIMS, "aud": [AUDIENCE, "other"]})
    yield "another issuer", signed(claims={**CLAIMS, "iss": "growth-academy-2"})
    yield "sub of no UUID", signed(claims={**CLAIMS, "sub": "1"})
    yield "an access token's shape by another key", signed(key=ec.generate_private_key(ec.SECP256R1()))
    yield "signature cut", good[:-2]
    yield "signature in another spelling", f"{head}.{body}.{respelled(signature)}"
    yield "signature padded", good + "=="
    yield "signature of zeros", f"{head}.{body}.{b64(bytes(64))}"
    der_signature = PRIVATE.sign(f"{head}.{body}".encode(), ec.ECDSA(KEY.private.hash_alg()))
    yield "signature in DER", f"{head}.{body}.{b64(der_signature)}"
    yield "empty", ""
    for text in (
        ".",
        "..",
        "...",
        f"{head}.{body}",
        f"{good}.x",
        f" {good}",
        f"{good}\n",
        good.replace(".", "。"),
        "\0",
    ):
        yield f"shape {text[:12]!r}", text
    yield "one megabyte", "a" * 2**20
    yield "a megabyte of claims", signed(claims={**CLAIMS, "x": "x" * 2**20})
    yield "deep header", signed(b"[" * 2900)
    yield "deep claims", signed(claims=b"[" * 2900)
    yield "deeper claims", signed(claims=b'{"a":' * 10**5)
    for raw in (b"", b"null", b"5", b'"x"', b"[]", b"{}", b"\xff\xfe", b"{", b'{"alg":NaN}', b"1" * 2500):
        yield f"header {raw[:8]!r}", signed(raw)
        yield f"claims {raw[:8]!r}", signed(claims=raw)
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    yield "RS256 with our kid", jwt.encode(CLAIMS, rsa_key, "RS256", headers={"typ": "at+jwt", "kid": KID})


def respelled(signature: str) -> str:
    """The same 64 bytes in base64url with other unused bits in the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]


BAD = dict(bad_tokens())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_unauthenticated(name: str) -> None:
    assert refused(BAD[name])
    assert TOKENS.knows_key_of(BAD[name]) in (True, False)


@pytest.mark.parametrize("name", BAD)
def test_we_take_nothing_that_another_library_would_not(name: str) -> None:
    """The oracle is given our key, algorithm, issuer and audience, and still takes more than we do."""
    try:
        jwt.decode(
            BAD[name],
            PUBLIC,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": sorted(CLAIM_NAMES), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        theirs = True
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError, AttributeError):
        theirs = False

    ours = not refused(BAD[name])

    assert not ours or theirs


@given(st.text(max_size=300))
def test_any_text_is_unauthenticated(text: str) -> None:
    assert refused(text)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_signed_bytes_are_unauthenticated(header: bytes, claims: bytes) -> None:
    assert refused(signed(header, claims))
    assert refused(signed(claims=claims))


@given(st.integers(0, len(signed()) - 1), st.integers(1, 127))
def test_a_token_changed_in_any_place_is_unauthenticated(place: int, by: int) -> None:
    token = signed()
    assert refused(token[:place] + chr((ord(token[place]) + by) % 128) + token[place + 1 :])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(CLAIM_NAMES)), json_values)
def test_a_claim_of_any_other_shape_never_escapes_as_another_error(name: str, value: object) -> None:
    assert refused(signed(claims={**CLAIMS, name: value}))


def test_a_new_key_signs_only_after_everybody_can_know_it() -> None:
    tokens = Tokens(b"k" * 32)
    old, new = tokens.make_key(NOW - timedelta(days=9)), tokens.make_key(NOW)
    retired = StoredKey(old.kid, old.private_pem, old.public_jwk, old.created_at, NOW + timedelta(minutes=2))
    tokens.install([retired, new], 0.0)

    before, _ = tokens.issue(MEMBER, SESSION, NOW + timedelta(seconds=119))
    after, _ = tokens.issue(MEMBER, SESSION, NOW + timedelta(seconds=120))

    assert jwt.get_unverified_header(before)["kid"] == old.kid
    assert jwt.get_unverified_header(after)["kid"] == new.kid
    assert tokens.verify(before, NOW + timedelta(minutes=16, seconds=58)).member_id == MEMBER


def test_a_retired_key_is_accepted_an_hour_and_then_forgotten() -> None:
    tokens = Tokens(b"k" * 32)
    old, new = tokens.make_key(NOW - timedelta(days=9)), tokens.make_key(NOW - timedelta(hours=1))
    retired = StoredKey(old.kid, old.private_pem, old.public_jwk, old.created_at, NOW)
    tokens.install([retired, new], 0.0)
    over = NOW + KEPT_AFTER_USE
    late = {**CLAIMS, "iat": int(over.timestamp()) - 9, "exp": int(over.timestamp()) + 9}
    forged = signed({**HEADER, "kid": old.kid}, late, tokens._ring[old.kid].private.prepared_key)

    assert tokens.verify(forged, over - timedelta(seconds=1)).member_id == MEMBER
    assert refused(forged, tokens, over)
    assert [key["kid"] for key in tokens.public_keys(over)["keys"]] == [new.kid]


def test_a_key_sealed_under_another_secret_is_no_key() -> None:
    foreign = Tokens(b"x" * 32).make_key(NOW)

    with pytest.raises(ValueError, match="another key"):
        Tokens(b"k" * 32).install([foreign], 0.0)


def test_the_private_half_is_neither_kept_nor_shown_in_the_clear() -> None:
    key = Tokens(b"k" * 32).make_key(NOW)

    assert b"PRIVATE" not in key.private_pem
    assert key.public_jwk.keys() == {"alg", "kty", "crv", "x", "y", "use", "kid"}


def test_each_token_has_an_id_of_its_own() -> None:
    first, second = (TOKENS.verify(TOKENS.issue(MEMBER, new_id(), NOW)[0], NOW) for _ in range(2))

    assert first.token_id != second.token_id
