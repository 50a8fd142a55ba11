"""Signed addresses, by the book: the example AWS publishes, and botocore's own signer."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from kit.settings import read_settings
from providers.storage.s3 import S3Storage
from providers.storage.sigv4 import Credentials, presigned

# docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
PUBLISHED = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_the_example_that_aws_publishes() -> None:
    url = presigned(
        PUBLISHED, "GET", "https://examplebucket.s3.amazonaws.com", "/test.txt",
        now=datetime(2013, 5, 24, tzinfo=UTC), seconds=86400,
    )  # fmt: skip

    assert url == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_botocore_signs_the_same_request_the_same_way() -> None:
    headers = {
        "content-length": "12",
        "content-type": "video/mp4",
        "x-amz-checksum-sha256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
    }
    origin, path = "https://media.example.com:9000", "/academy/uploads/a b~(1).mp4"
    request = AWSRequest("PUT", f"{origin}/academy/uploads/a%20b~%281%29.mp4", headers=dict(headers))
    S3SigV4QueryAuth(
        BotoCredentials(PUBLISHED.access_key_id, PUBLISHED.secret_access_key), "s3", "eu-west-1", expires=600
    ).add_auth(request)
    theirs = parse_qs(urlsplit(request.url).query)
    now = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    ours = presigned(
        Credentials(PUBLISHED.access_key_id, PUBLISHED.secret_access_key, "eu-west-1"), "PUT", origin, path,
        now=now, seconds=600, headers=headers,
    )  # fmt: skip

    assert parse_qs(urlsplit(ours).query) == theirs


def test_an_address_to_put_binds_length_type_and_checksum() -> None:
    storage = S3Storage(
        read_settings(
            s3_bucket="academy",
            s3_region="eu-west-1",
            s3_access_key_id="AK",
            s3_secret_access_key="secret",
        )
    )
    now = datetime(2026, 3, 2, tzinfo=UTC)
    said = {"content_type": "video/mp4", "size_bytes": 12, "sha256": SHA256, "now": now, "seconds": 60}

    address = storage.put_address("uploads/incoming/a.mp4", **said)
    others = [
        storage.put_address("uploads/incoming/a.mp4", **said | change)
        for change in ({"size_bytes": 13}, {"content_type": "audio/mp4"}, {"sha256": "0" * 64})
    ]

    assert address is not None
    assert urlsplit(address.url).netloc == "academy.s3.eu-west-1.amazonaws.com"
    query = parse_qs(urlsplit(address.url).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host;x-amz-checksum-sha256"]
    assert len({address.url, *(each.url for each in others if each is not None)}) == 4
    assert "secret" not in address.url
