"""A small S3 server on a socket of this machine, and each storage in turn.

moto keeps objects, parts, ranges and copies as S3 does. It checks no signature, no expiry and no checksum, so every
request, of the academy's own and of phones, comes to it through a gate that does (`gate.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.server import MotoRequestHandler
from werkzeug.serving import make_server

from kit.clock import SystemClock
from kit.ids import new_word
from kit.settings import Settings, read_settings
from providers.storage.base import Storage
from providers.storage.local import LocalStorage
from providers.storage.registry import STORAGE
from providers.storage.s3 import S3Storage
from tests.storage.gate import Gate


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[tuple[Gate, str]]:
    gate = Gate(DomainDispatcherApplication(create_backend_app), {"academy": "not-a-secret"})
    server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield gate, f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gate(_s3_server: tuple[Gate, str]) -> Iterator[Gate]:
    """What stands before the bucket; how a test sets it lasts as long as the test."""
    gate, _ = _s3_server
    yield gate
    gate.now, gate.knows_checksums = SystemClock().now, True


@pytest.fixture
def s3_settings(_s3_server: tuple[Gate, str], gate: Gate, tmp_path: Path) -> Settings:
    """A bucket of its own for each test."""
    bucket, address = f"academy-{new_word(12).lower()}", _s3_server[1]
    keys = {"aws_access_key_id": "academy", "aws_secret_access_key": "not-a-secret"}
    boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys).create_bucket(Bucket=bucket)
    return read_settings(
        storage_provider="s3", s3_endpoint=address, s3_bucket=bucket, s3_path_style=True,
        s3_access_key_id="academy", s3_secret_access_key="not-a-secret", data_dir=tmp_path,
    )  # fmt: skip


@pytest.fixture(params=sorted(STORAGE))
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Every provider there is passes the same tests."""
    if request.param == "local":
        return LocalStorage(tmp_path)
    assert request.param == "s3", "give a new provider its place here"
    return S3Storage(request.getfixturevalue("s3_settings"))
