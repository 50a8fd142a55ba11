"""Our verdict on tokens beside PyJWT's, whole and in real time: where they differ, which is meant, and why.

Every token here bears a true signature of ours unless it says otherwise, so what refuses it is policy alone.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from auth.tokens import AUDIENCE, CLAIM_NAMES, ISSUER, LIFE, LONGEST_TOKEN, MOST_REMEMBERED, Tokens
from kit.clock import SystemClock, monotonic
from tests.auth.test_tokens import (
    CLAIMS,
    HEADER,
    KEY,
    KID,
    MEMBER,
    NOW,
    PRIVATE,
    PUBLIC,
    SESSION,
    TOKENS,
    b64,
    installed,
    json_values,
    refused,
    respelled,
    signed,
    spelled,
    without,
)

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256."""


def present() -> dict[str, Any]:
    """Claims that are good at this very moment."""
    now = int(SystemClock().now().timestamp())
    return {**CLAIMS, "exp": now + int(LIFE.total_seconds()), "iat": now}


def ours(token: str) -> bool:
    return not refused(token, now=SystemClock().now())


def theirs(token: str) -> bool:
    """PyJWT, told everything it can be told of our policy."""
    try:
        jwt.decode(
            token,
            PUBLIC,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": sorted(CLAIM_NAMES)},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError, AttributeError):
        return False
    return True


def head(**changed: object) -> Callable[[], str]:
    return lambda: signed({**HEADER, **changed}, present())


def body(**changed: object) -> Callable[[], str]:
    return lambda: signed(claims={**present(), **changed})


def lacking(name: str) -> Callable[[], str]:
    return lambda: signed(claims=without(name, present()))


def later(name: str, seconds: float) -> Callable[[], str]:
    return lambda: signed(claims={**present(), name: present()[name] + seconds})


def added(text: str) -> Callable[[], str]:
    """Claims with a piece of JSON at their end."""
    return lambda: signed(claims=spelled(present())[:-1] + text.encode() + b"}")


def as_text(name: str) -> Callable[[], str]:
    return lambda: signed(claims={**present(), name: str(present()[name])})


NOT_OURS = "what we issue has exactly these fields: more is from elsewhere, or was meant to be obeyed"
ONE_SPELLING = "a token has one spelling, so that no two readers read two things"
ALWAYS_SHORT = "a token lives a quarter of an hour from its making, whoever signs it"
WHOLE_SECONDS = "times are whole seconds: a number of another kind is another issuer's"
BOUNDED = "nobody makes us read more than 4 KB"
OTHER_KIND = "the type keeps other JWTs of ours, now or to come, from passing for access tokens"
BY_KID = "the key is chosen by name from the ring, never guessed"

STRICTER: dict[str, tuple[Callable[[], str], str]] = {
    "typ JWT": (head(typ="JWT"), OTHER_KIND),
    "typ in capitals": (head(typ="AT+JWT"), OTHER_KIND),
    "no typ": (lambda: signed(without("typ", HEADER), present()), OTHER_KIND),
    "no kid": (lambda: signed(without("kid", HEADER), present()), BY_KID),
    "an unknown kid": (head(kid="x"), BY_KID),
    "a kid that climbs": (head(kid="../../../dev/null"), BY_KID),
    "a kid of SQL": (head(kid="x' UNION SELECT 'secret' --"), BY_KID),
    "a kid with NUL": (head(kid=f"{KID}\0"), BY_KID),
    "a key brought along": (head(jwk=KEY.stored.public_jwk), NOT_OURS),
    "an address of keys": (head(jku="https://example.com/jwks.json"), NOT_OURS),
    "a compressed body": (head(zip="DEF"), NOT_OURS),
    "b64 said aloud": (head(b64=True), NOT_OURS),
    "one claim more": (body(admin=True), NOT_OURS),
    "nbf, and past": (body(nbf=1), NOT_OURS),
    "the audience in a list": (body(aud=[AUDIENCE]), NOT_OURS),
    "another audience beside ours": (body(aud=[AUDIENCE, "other"]), NOT_OURS),
    "a jti of nothing": (body(jti=""), NOT_OURS),
    "a jti with NUL": (body(jti="a\0b"), "PostgreSQL could not even look for it"),
    "a sub that is no member": (body(sub="1"), NOT_OURS),
    "a sub in braces": (body(sub=f"{{{MEMBER}}}"), ONE_SPELLING),
    "a session that climbs": (body(sid="../../x"), NOT_OURS),
    "alg twice": (
        lambda: signed(spelled(HEADER).replace(b'{"alg"', b'{"alg":"none","alg"'), present()),
        ONE_SPELLING,
    ),
    "sub twice": (added(f',"sub":"{SESSION}"'), ONE_SPELLING),
    "exp twice": (lambda: signed(claims=b'{"exp":1,' + spelled(present())[1:]), ONE_SPELLING),
    "spaces in the JSON": (lambda: signed(claims=spelled(present()).replace(b",", b", ")), ONE_SPELLING),
    "a byte order mark": (lambda: signed(claims=b"\xef\xbb\xbf" + spelled(present())), ONE_SPELLING),
    "UTF-16": (lambda: signed(claims=spelled(present()).decode().encode("utf-16")), ONE_SPELLING),
    "a lone surrogate": (added(',"jti":"\\ud800"'), ONE_SPELLING),
    "a padded signature": (lambda: signed(claims=present()) + "==", ONE_SPELLING),
    "NaN beside": (added(',"x":NaN'), "NaN is no JSON"),
    "deep JSON": (added(',"x":' + "[" * 900 + "]" * 900), NOT_OURS),
    "exp with a fraction": (later("exp", -0.5), WHOLE_SECONDS),
    "exp as a float": (later("exp", -1.0), WHOLE_SECONDS),
    "exp as text": (as_text("exp"), WHOLE_SECONDS),
    "iat as text": (as_text("iat"), WHOLE_SECONDS),
    "iat true": (body(iat=True), WHOLE_SECONDS),
    "exp in a week": (later("exp", 7 * 86400), ALWAYS_SHORT),
    "exp beyond all calendars": (body(exp=10**30), ALWAYS_SHORT),
    "iat a week ago": (later("iat", -7 * 86400), ALWAYS_SHORT),
    "5 KB": (body(jti="j" * 5000), BOUNDED),
    "a megabyte": (body(jti="j" * 2**20), BOUNDED),
}

MILDER: dict[str, tuple[Callable[[], str], str]] = {
    "iat half a minute ahead": (
        lambda: signed(claims={**present(), "iat": present()["iat"] + 30}),
        "clocks of our own servers differ: a minute is allowed for",
    ),
}

REFUSED_BY_BOTH: dict[str, Callable[[], str]] = {
    **{f"no {name}": lacking(name) for name in sorted(CLAIM_NAMES)},
    "a kid that is a number": head(kid=1),
    "crit that nobody knows": head(crit=["exp"]),
    "crit empty": head(crit=[]),
    "exp true": body(exp=True),
    "exp NaN": body(exp=float("nan")),
    "exp infinite": body(exp=float("inf")),
    "iat a minute and a half ahead": later("iat", 90),
    "sub as a number": body(sub=1),
    "jti as a number": body(jti=7),
    "another issuer": body(iss="x"),
    "the issuer in a list": body(iss=[ISSUER]),
    "another audience": body(aud="x"),
    "past": lambda: signed(claims={**present(), "exp": present()["iat"] - 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", STRICTER)
def test_we_refuse_what_another_library_takes_and_mean_it(name: str) -> None:
    token, why = STRICTER[name][0](), STRICTER[name][1]

    assert theirs(token), "no longer a difference: move it to REFUSED_BY_BOTH"
    assert not ours(token), why


@pytest.mark.parametrize("name", MILDER)
def test_we_take_what_another_library_refuses_and_mean_it(name: str) -> None:
    token, why = MILDER[name][0](), MILDER[name][1]

    assert not theirs(token), "no longer a difference"
    assert ours(token), why


@pytest.mark.parametrize("name", REFUSED_BY_BOTH)
def test_both_refuse(name: str) -> None:
    token = REFUSED_BY_BOTH[name]()

    assert (ours(token), theirs(token)) == (False, False)


def high(token: str) -> str:
    """The same token under the other of its two signatures, (r, -s): anybody can work it out."""
    signing, _, signature = token.rpartition(".")
    plain = base64.urlsafe_b64decode(signature + "==")
    other = ORDER - int.from_bytes(plain[32:], "big")
    return f"{signing}.{b64(plain[:32] + other.to_bytes(32, 'big'))}"


def test_both_take_both_signatures_so_nothing_may_hang_on_a_tokens_text() -> None:
    """JOSE asks for no low s. The jti is the same in both, and so denying it ends both."""
    token = signed(claims=present())
    now = SystemClock().now()

    assert high(token) != token
    assert [ours(token), ours(high(token)), theirs(token), theirs(high(token))] == [True] * 4
    assert TOKENS.verify(token, now).token_id == TOKENS.verify(high(token), now).token_id


def test_one_signature_has_one_spelling() -> None:
    token = signed(claims=present())
    signing, _, signature = token.rpartition(".")
    standard = signature.replace("-", "+").replace("_", "/")
    spellings = {
        f"{signing}.{respelled(signature)}", f"{token}==", f"{token}\n", f"{token[:-1]} {token[-1]}",
        f"{signing}.{standard}",
    } - {token}  # fmt: skip

    assert ours(token)
    assert not any(ours(each) for each in spellings)


@given(st.sampled_from(sorted(CLAIM_NAMES)) | st.text(max_size=6), json_values)
def test_whatever_is_changed_in_the_claims_the_only_good_ones_are_ours(name: str, value: object) -> None:
    good = present()
    token = signed(claims={**good, name: value})

    assert ours(token) == ({**good, name: value} == good)
    assert theirs(token) or not ours(token)


@given(st.sampled_from(sorted(HEADER)) | st.text(max_size=6), json_values)
def test_whatever_is_changed_in_the_header_the_only_good_one_is_ours(name: str, value: object) -> None:
    header = {**HEADER, name: value}

    assert ours(signed(header, present())) == (header == HEADER)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["PEM", "DER", "JWK", "private"])
def test_no_form_of_our_key_is_a_secret_to_hash_with(alg: str, form: str) -> None:

    public = PublicFormat.SubjectPublicKeyInfo
    secret = {
        "PEM": PUBLIC.public_bytes(Encoding.PEM, public),
        "DER": PUBLIC.public_bytes(Encoding.DER, public),
        "JWK": spelled(KEY.stored.public_jwk),
        "private": PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }[form]
    signing = f"{b64(spelled({**HEADER, 'alg': alg}))}.{b64(spelled(present()))}"
    mac = jwt.get_algorithm_by_name(alg).sign(signing.encode(), secret)

    assert not ours(f"{signing}.{b64(mac)}")
    assert not theirs(f"{signing}.{b64(mac)}")


# What is remembered


def test_a_remembered_token_ends_as_any_other() -> None:
    tokens = installed()
    text, expires_at = tokens.issue(MEMBER, SESSION, NOW)

    assert tokens.verify(text, NOW) is tokens.verify(text, expires_at - timedelta(seconds=1))
    assert refused(text, tokens, expires_at)
    assert len(tokens._remembered) == 0


def test_a_remembered_token_ends_with_its_key() -> None:
    tokens = installed()
    text, _ = tokens.issue(MEMBER, SESSION, NOW)
    tokens.verify(text, NOW)

    tokens.install([tokens.make_key(NOW - timedelta(hours=1))], 1.0)

    assert refused(text, tokens)


def test_only_verified_tokens_are_remembered_and_none_by_its_text() -> None:
    tokens = installed()
    text, _ = tokens.issue(MEMBER, SESSION, NOW)
    for bad in (f"{text}x", text[:-4], "", "x" * (LONGEST_TOKEN + 1), "令牌"):
        assert refused(bad, tokens)
        tokens.forget(bad)

    assert len(tokens._remembered) == 0
    tokens.verify(text, NOW)
    assert list(tokens._remembered) == [hashlib.sha256(text.encode()).digest()]
    tokens.forget(text)
    assert len(tokens._remembered) == 0


def test_the_longest_unused_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auth.tokens.MOST_REMEMBERED", 3)
    tokens = installed()
    texts = [tokens.issue(MEMBER, SESSION, NOW)[0] for _ in range(4)]

    for text in (*texts[:3], texts[0], texts[3]):
        tokens.verify(text, NOW)

    kept = [hashlib.sha256(texts[place].encode()).digest() for place in (2, 0, 3)]
    assert list(tokens._remembered) == kept
    assert MOST_REMEMBERED == 10_000


def test_remembering_pays_many_times_over() -> None:
    """Both measured here, in turns, and the quickest of each: some hundred times, and ten are enough."""
    tokens = installed()
    text, _ = tokens.issue(MEMBER, SESSION, NOW)

    def seconds(tokens: Tokens, *, forgetting: bool) -> float:
        begun = monotonic()
        for _ in range(10):
            if forgetting:
                tokens.forget(text)
            tokens.verify(text, NOW)
        return monotonic() - begun

    pairs = [(seconds(tokens, forgetting=True), seconds(tokens, forgetting=False)) for _ in range(20)]

    assert min(worked for worked, _ in pairs) > 10 * min(remembered for _, remembered in pairs)
