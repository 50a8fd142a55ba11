"""Requests to Aliyun's APIs in the RPC style, signed with ACS3-HMAC-SHA256."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlsplit

from kit.ids import new_id

ALGORITHM = "ACS3-HMAC-SHA256"


def signed(
    key_id: str, key_secret: str, *, endpoint: str, action: str, version: str, values: Mapping[str, str], now: datetime
) -> tuple[str, dict[str, str]]:
    """Address and headers of a POST without a body that asks for `action`; `endpoint` is https://host."""
    query = canonical_query(values)
    headers = {
        "host": urlsplit(endpoint).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": new_id().hex,
        "x-acs-version": version,
    }
    permission = authorization(key_id, key_secret, query, headers)
    return f"{endpoint}/?{query}", {**headers, "authorization": permission}


def canonical_query(values: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(values.items()))


def authorization(key_id: str, key_secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The header that signs a POST to / without a body; `headers` in lower case, every one of them is signed."""
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = "\n".join(["POST", "/", query, lines, ";".join(names), headers["x-acs-content-sha256"]])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={';'.join(names)},Signature={signature}"
