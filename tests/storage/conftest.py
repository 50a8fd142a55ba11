"""A small S3 server on a socket of this machine, and each storage in turn.

moto keeps objects, parts, ranges and copies as S3 does. It checks no signature, no expiry and no checksum of a signed
address: that these are right is shown in `test_signatures.py`, against the example AWS publishes and against botocore.
"""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from kit.ids import new_word
from kit.settings import Settings, read_settings
from providers.storage.base import Storage
from providers.storage.local import LocalStorage
from providers.storage.registry import STORAGE
from providers.storage.s3 import S3Storage


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_settings(s3_server: str, tmp_path: Path) -> Settings:
    """A bucket of its own for each test."""
    bucket = f"academy-{new_word(12).lower()}"
    keys = {"aws_access_key_id": "academy", "aws_secret_access_key": "not-a-secret"}
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1", **keys).create_bucket(Bucket=bucket)
    return read_settings(
        storage_provider="s3", s3_endpoint=s3_server, s3_bucket=bucket, s3_path_style=True,
        s3_access_key_id="academy", s3_secret_access_key="not-a-secret", data_dir=tmp_path,
    )  # fmt: skip


@pytest.fixture(params=sorted(STORAGE))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Every provider there is passes the same tests."""
    if request.param == "local":
        return LocalStorage(tmp_path)
    assert request.param == "s3", "give a new provider its place here"
    return S3Storage(request.getfixturevalue("s3_settings"))
