"""What S3 looks at before it does anything: is this very request signed, by a key it knows, and for now?

moto does everything behind that door and guards none of it, so this stands before it. Written after the published
algorithm, of what came over the wire and without a line of ours or of boto's, and held against the examples that AWS
publishes (`test_gate.py`): docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html for a signature in
the headers, and sigv4-query-string-auth.html beside it for one in the address.
"""

import base64
import hashlib
import hmac
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from kit.clock import SystemClock

SKEW = timedelta(minutes=15)
LONGEST_SECONDS = 604_800


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: `path` and `query` still encoded, names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


@dataclass(slots=True)
class Gate:
    """A WSGI application before another. `now` is for addresses; whoever signs headers has the real time.

    `knows_checksums`: many servers that speak S3 pass over `x-amz-checksum-sha256`, as a header of no meaning to them.
    """

    app: Callable[..., Iterable[bytes]]
    secrets: Mapping[str, str]
    region: str = "us-east-1"
    now: Callable[[], datetime] = SystemClock().now
    knows_checksums: bool = True

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = _asked(environ)
        try:
            self.look(asked)
        except Refused as refused:
            words = [("Content-Type", "application/xml")]
            start_response(f"{refused.status} Refused", words)
            return [f"<Error><Code>{refused.code}</Code></Error>".encode()]
        return self.app({**environ, "wsgi.input": io.BytesIO(asked.body)}, start_response)

    def look(self, asked: Asked) -> None:
        """`Refused` unless the request may pass."""
        words = dict(_pairs(asked.query))
        if "X-Amz-Signature" in words:
            self._look_at_address(asked, words)
        else:
            self._look_at_headers(asked)
        claimed = asked.headers.get("x-amz-checksum-sha256")
        if claimed is not None and self.knows_checksums:
            found = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
            if claimed != found:
                raise Refused(400, "BadDigest")

    def _look_at_address(self, asked: Asked, words: Mapping[str, str]) -> None:
        stamp, seconds = words.get("X-Amz-Date", ""), words.get("X-Amz-Expires", "")
        if words.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or not seconds.isdigit():
            raise Refused(400, "AuthorizationQueryParametersError")
        if not 1 <= int(seconds) <= LONGEST_SECONDS:
            raise Refused(400, "AuthorizationQueryParametersError")
        names = words.get("X-Amz-SignedHeaders", "").split(";")
        pairs = [pair for pair in _pairs(asked.query) if pair[0] != "X-Amz-Signature"]
        self._compare(
            asked, words["X-Amz-Signature"], words["X-Amz-Credential"], stamp, names, pairs, "UNSIGNED-PAYLOAD"
        )
        if self.now() >= _moment(stamp) + timedelta(seconds=int(seconds)):
            raise Refused(403, "AccessDenied")

    def _look_at_headers(self, asked: Asked) -> None:
        kind, _, told = asked.headers.get("authorization", "").partition(" ")
        if kind != "AWS4-HMAC-SHA256":
            raise Refused(403, "AccessDenied")
        said = dict(part.strip().split("=", 1) for part in told.split(","))
        stamp, payload = asked.headers.get("x-amz-date", ""), asked.headers.get("x-amz-content-sha256", "")
        names = said["SignedHeaders"].split(";")
        self._compare(asked, said["Signature"], said["Credential"], stamp, names, _pairs(asked.query), payload)
        if abs(SystemClock().now() - _moment(stamp)) > SKEW:
            raise Refused(403, "RequestTimeTooSkewed")
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(asked.body).hexdigest()):
            raise Refused(400, "XAmzContentSHA256Mismatch")

    def _compare(
        self, asked: Asked, claimed: str, credential: str, stamp: str, names: list[str],
        pairs: list[tuple[str, str]], payload: str,
    ) -> None:  # fmt: skip
        key_id, _, scope = credential.partition("/")
        if key_id not in self.secrets:
            raise Refused(403, "InvalidAccessKeyId")
        if scope != f"{stamp[:8]}/{self.region}/s3/aws4_request":
            raise Refused(403, "SignatureDoesNotMatch")
        unsigned = {name for name in asked.headers if name.startswith("x-amz-")} - set(names)
        if "host" not in names or unsigned:
            raise Refused(403, "AccessDenied")
        if not hmac.compare_digest(
            claimed, signature(self.secrets[key_id], asked, stamp, scope, names, pairs, payload)
        ):
            raise Refused(403, "SignatureDoesNotMatch")


def signature(
    secret: str, asked: Asked, stamp: str, scope: str, names: list[str], pairs: list[tuple[str, str]], payload: str
) -> str:
    """Steps 1 to 3 of the published algorithm: canonical request, string to sign, signature."""
    lines = [asked.method, _encoded(unquote(asked.path), keep="/")]
    lines.append("&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)))
    lines += [f"{name}:{' '.join(asked.headers.get(name, '').split())}" for name in names]
    lines += ["", ";".join(names), payload]
    canonical = "\n".join(lines).encode()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical).hexdigest()])
    return _mac(_signing_key(secret, scope), to_sign).hex()


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encoded(text: str, *, keep: str = "") -> str:
    return quote(text, safe=f"-_.~{keep}")


def _pairs(query: str) -> list[tuple[str, str]]:
    """Decoded; a plus is a plus here."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _moment(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(403, "AccessDenied") from error


def _asked(environ: Mapping[str, Any]) -> Asked:
    path, _, query = str(environ["REQUEST_URI"]).partition("?")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
    return Asked(environ["REQUEST_METHOD"], path, query, headers, environ["wsgi.input"].read(length))
