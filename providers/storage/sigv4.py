"""AWS Signature Version 4 in the query of an address: whoever holds the address may make this one request, for a time.

Pure. Checked against the example AWS publishes and against botocore (`tests/storage/test_signatures.py`).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

LONGEST_SECONDS = 7 * 24 * 3600
"""AWS takes no address that is good for longer."""


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    region: str


def presigned(
    credentials: Credentials,
    method: str,
    origin: str,
    path: str,
    *,
    now: datetime,
    seconds: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """The address for one request: `headers` must be sent exactly as signed, `query` is part of the address.

    `origin` is scheme, host and port (https://bucket.s3.example.com), `path` the object's, not yet encoded.
    """
    assert 1 <= seconds <= LONGEST_SECONDS, seconds
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    signed = {"host": origin.split("://", 1)[1], **{name.lower(): value for name, value in (headers or {}).items()}}
    names = ";".join(sorted(signed))
    asked = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": names,
        **(query or {}),
    }
    encoded = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(asked.items()))
    target = quote(path, safe="/-_.~")
    canonical = "\n".join(
        [
            method,
            target,
            encoded,
            *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        ]
    )
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (stamp[:8], credentials.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"{origin}{target}?{encoded}&X-Amz-Signature={signature}"


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
