"""Requests to Tencent Cloud's APIs, signed with TC3-HMAC-SHA256."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

ALGORITHM = "TC3-HMAC-SHA256"


def signed(
    key_id: str,
    key_secret: str,
    *,
    endpoint: str,
    service: str,
    action: str,
    version: str,
    content: bytes,
    now: datetime,
) -> dict[str, str]:
    """The headers of a POST of `content`, which is JSON, that asks for `action`; `endpoint` is https://host."""
    headers = {
        "content-type": "application/json; charset=utf-8",
        "host": urlsplit(endpoint).netloc,
        "x-tc-action": action,
    }
    seconds, date = int(now.timestamp()), f"{now:%Y-%m-%d}"
    permission = authorization(key_id, key_secret, service, headers, content, now=seconds, date=date)
    return {**headers, "authorization": permission, "x-tc-timestamp": str(seconds), "x-tc-version": version}


def authorization(
    key_id: str, key_secret: str, service: str, headers: Mapping[str, str], content: bytes, *, now: int, date: str
) -> str:
    """The header that signs a POST of `content` to / at `now` (Unix seconds; `date` is its day in UTC). `headers` in
    lower case, every one of them is signed."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip().lower()}\n" for name in names)
    canonical = "\n".join(["POST", "/", "", lines, ";".join(names), hashlib.sha256(content).hexdigest()])
    scope = f"{date}/{service}/tc3_request"
    to_sign = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{key_secret}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
