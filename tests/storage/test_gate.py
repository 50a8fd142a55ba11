"""The gate lets in what AWS says is signed, and nothing else; and it lets in what we sign."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kit.clock import FrozenClock
from kit.settings import Settings
from providers.storage.base import PutAddress
from providers.storage.s3 import S3Storage
from tests.storage.gate import Asked, Gate, Refused, signature

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
STAMP, SCOPE = "20130524T000000Z", "20130524/us-east-1/s3/aws4_request"
NOTHING = hashlib.sha256(b"").hexdigest()
TEXT = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
ALWAYS = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": STAMP}

# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html: method, path, query, headers beside those of
# every request, hash of the body, signature
PUBLISHED = {
    "the first bytes of an object": (
        "GET", "/test.txt", "", {"range": "bytes=0-9"}, NOTHING,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "an object is put": (
        "PUT", "/test%24file.text", "",
        {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}, TEXT,
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "a word without a value": (
        "GET", "/", "lifecycle", {}, NOTHING,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "two words with values": (
        "GET", "/", "max-keys=2&prefix=J", {}, NOTHING,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "query", "more", "payload", "said"), PUBLISHED.values(), ids=list(PUBLISHED)
)
def test_the_signatures_that_aws_publishes(
    method: str, path: str, query: str, more: Mapping[str, str], payload: str, said: str
) -> None:
    headers = {**ALWAYS, **more, "x-amz-content-sha256": payload}
    pairs = [(name, value) for name, _, value in (word.partition("=") for word in query.split("&")) if name]

    found = signature(SECRET, Asked(method, path, query, headers), STAMP, SCOPE, sorted(headers), pairs, payload)

    assert found == said


# docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
ADDRESS = Asked(
    "GET", "/test.txt",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    {"host": "examplebucket.s3.amazonaws.com"},
)  # fmt: skip
SIGNED_AT = datetime(2013, 5, 24, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def gate_at(now: datetime, secret: str = SECRET, region: str = "us-east-1") -> Gate:
    return Gate(lambda *_: [], {KEY_ID: secret}, region, now=lambda: now)


def test_the_address_that_aws_publishes_is_let_in_for_its_day() -> None:
    gate_at(SIGNED_AT).look(ADDRESS)
    gate_at(SIGNED_AT + DAY - SECOND).look(ADDRESS)

    with pytest.raises(Refused) as late:
        gate_at(SIGNED_AT + DAY).look(ADDRESS)
    assert (late.value.status, late.value.code) == (403, "AccessDenied")


CHANGED = {
    "another method": (replace(ADDRESS, method="PUT"), 403, "SignatureDoesNotMatch"),
    "another object": (replace(ADDRESS, path="/test.tx"), 403, "SignatureDoesNotMatch"),
    "another host": (replace(ADDRESS, headers={"host": "otherbucket.s3.amazonaws.com"}), 403, "SignatureDoesNotMatch"),
    "a longer time": (replace(ADDRESS, query=ADDRESS.query.replace("86400", "86401")), 403, "SignatureDoesNotMatch"),
    "a later day": (replace(ADDRESS, query=ADDRESS.query.replace("24T", "25T")), 403, "SignatureDoesNotMatch"),
    "another word": (replace(ADDRESS, query=f"{ADDRESS.query}&acl=public"), 403, "SignatureDoesNotMatch"),
    "nobody we know": (replace(ADDRESS, query=ADDRESS.query.replace(KEY_ID, "AKIA")), 403, "InvalidAccessKeyId"),
    "eight days": (
        replace(ADDRESS, query=ADDRESS.query.replace("86400", "691200")), 400, "AuthorizationQueryParametersError",
    ),
    "what was not signed": (
        replace(ADDRESS, headers={**ADDRESS.headers, "x-amz-acl": "public-read"}), 403, "AccessDenied",
    ),
    "no signature at all": (replace(ADDRESS, query=""), 403, "AccessDenied"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "status", "code"), CHANGED.values(), ids=list(CHANGED))
def test_the_address_that_aws_publishes_is_good_for_nothing_else(asked: Asked, status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        gate_at(SIGNED_AT).look(asked)

    assert (refused.value.status, refused.value.code) == (status, code)


@pytest.mark.parametrize("gate", [gate_at(SIGNED_AT, secret=SECRET[:-1]), gate_at(SIGNED_AT, region="eu-west-1")])
def test_another_secret_and_another_region_know_no_such_signature(gate: Gate) -> None:
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        gate.look(ADDRESS)


# What we sign, sent over a socket

KEY, CONTENT = "uploads/incoming/a.mp4", b"twelve bytes"
SAID = {"content_type": "video/mp4", "size_bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
SECONDS = 7200


@pytest.fixture
def storage(s3_settings: Settings, gate: Gate, clock: FrozenClock) -> S3Storage:
    gate.now = clock.now
    return S3Storage(s3_settings)


def address(storage: S3Storage, clock: FrozenClock) -> PutAddress:
    found = storage.put_address(KEY, **SAID, now=clock.now(), seconds=SECONDS)
    assert found is not None
    return found


async def sent(method: str, url: str, headers: Mapping[str, str], content: bytes = b"") -> tuple[int, str]:
    """(status, the code of an error) of a request whose length is said by the client of HTTP itself."""
    own = {name: value for name, value in headers.items() if name != "content-length"}
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, url, headers=own, content=content)
    return answer.status_code, answer.text.partition("<Code>")[2].partition("<")[0]


Change = Callable[[str, dict[str, str], bytes], tuple[str, dict[str, str], bytes]]
OTHER = b"Twelve bytes"
OTHER_SUM = base64.b64encode(hashlib.sha256(OTHER).digest()).decode()
PUTS: dict[str, tuple[Change, tuple[int, str]]] = {
    "the next object": (lambda u, h, c: (u.replace("/a.mp4", "/b.mp4"), h, c), (403, "SignatureDoesNotMatch")),
    "what was verified": (lambda u, h, c: (u.replace("/incoming/a", "/a-1"), h, c), (403, "SignatureDoesNotMatch")),
    "a byte more": (lambda u, h, c: (u, h, c + b"!"), (403, "SignatureDoesNotMatch")),
    "a byte less": (lambda u, h, c: (u, h, c[:-1]), (403, "SignatureDoesNotMatch")),
    "a page": (lambda u, h, c: (u, {**h, "content-type": "text/html"}, c), (403, "SignatureDoesNotMatch")),
    "other bytes": (lambda u, h, c: (u, h, OTHER), (400, "BadDigest")),
    "other bytes with their checksum": (
        lambda u, h, c: (u, {**h, "x-amz-checksum-sha256": OTHER_SUM}, OTHER), (403, "SignatureDoesNotMatch"),
    ),
    "no checksum": (
        lambda u, h, c: (u, {name: h[name] for name in h if "checksum" not in name}, OTHER),
        (403, "SignatureDoesNotMatch"),
    ),
    "open to everybody": (lambda u, h, c: (u, {**h, "x-amz-acl": "public-read"}, c), (403, "AccessDenied")),
    "a day longer": (
        lambda u, h, c: (u.replace("Expires=7200", "Expires=93600"), h, c), (403, "SignatureDoesNotMatch"),
    ),
    "fewer headers signed": (
        lambda u, h, c: (u.replace("content-length%3B", ""), h, c), (403, "SignatureDoesNotMatch"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "refused"), PUTS.values(), ids=list(PUTS))
async def test_an_address_of_ours_takes_the_promised_bytes_to_their_place_and_nothing_else(
    storage: S3Storage, clock: FrozenClock, change: Change, refused: tuple[int, str]
) -> None:
    promised = address(storage, clock)
    url, headers, content = change(promised.url, dict(promised.headers), CONTENT)

    answer = await sent("PUT", url, headers, content)
    kept = [await storage.holds(key, len(content)) for key in (KEY, "uploads/incoming/b.mp4", "uploads/a-1.mp4")]
    right = await sent("PUT", promised.url, promised.headers, CONTENT)

    assert (url, headers, content) != (promised.url, dict(promised.headers), CONTENT), "nothing was changed"
    assert (answer, kept) == (refused, [False, False, False])
    assert right == (200, "")
    assert await storage.holds(KEY, len(CONTENT))


async def test_an_address_of_ours_is_good_until_its_last_second(
    storage: S3Storage, clock: FrozenClock, gate: Gate
) -> None:
    promised = address(storage, clock)
    clock.advance(timedelta(seconds=SECONDS - 1))
    in_time = await sent("PUT", promised.url, promised.headers, CONTENT)
    await storage.delete(KEY)

    clock.advance(SECOND)
    late = await sent("PUT", promised.url, promised.headers, CONTENT)

    assert (in_time, late) == ((200, ""), (403, "AccessDenied"))
    assert not await storage.holds(KEY, len(CONTENT))


async def test_an_address_to_get_gives_one_object_by_one_method_for_its_time(
    storage: S3Storage, clock: FrozenClock
) -> None:
    for key in (KEY, "uploads/b.mp4"):
        await storage.put(key, CONTENT)
    url = storage.get_address(KEY, "GET", "video/mp4", now=clock.now(), seconds=60)
    assert url is not None

    answers = [
        await sent("GET", url, {}),
        await sent("GET", url, {"range": "bytes=0-3"}),
        await sent("HEAD", url, {}),
        await sent("DELETE", url, {}),
        await sent("PUT", url, {}, OTHER),
        await sent("GET", url.replace("incoming/a.mp4", "b.mp4"), {}),
        await sent("GET", url.replace("inline", "attachment"), {}),
        await sent("GET", url.replace("video%2Fmp4", "text%2Fhtml"), {}),
    ]
    clock.advance(timedelta(seconds=60))
    late = await sent("GET", url, {})

    assert [status for status, _ in answers] == [200, 206, 403, 403, 403, 403, 403, 403]
    assert {code for _, code in answers[3:]} == {"SignatureDoesNotMatch"}
    assert late == (403, "AccessDenied")
    assert await storage.holds(KEY, len(CONTENT))


async def test_an_account_with_another_secret_comes_to_nothing(
    s3_settings: Settings, storage: S3Storage, clock: FrozenClock
) -> None:
    await storage.put(KEY, CONTENT)
    wrong = S3Storage(s3_settings.model_copy(update={"s3_secret_access_key": _other(s3_settings)}))
    promised = address(wrong, clock)
    seen = wrong.get_address(KEY, "GET", "video/mp4", now=clock.now(), seconds=60)
    assert seen is not None

    answers = [await sent("PUT", promised.url, promised.headers, CONTENT), await sent("GET", seen, {})]

    assert answers == [(403, "SignatureDoesNotMatch")] * 2


def _other(settings: Settings) -> object:
    secret = settings.s3_secret_access_key
    assert secret is not None
    return type(secret)("not-the-secret")
