"""The real clients, from npm: installed by `npm ci` into an ignored folder, run by node."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ports import Ports
from tests.process import Serving

HERE = Path(__file__).parent
INSTALL_SECONDS = 300


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder to run node in. Without node these tests are skipped; in CI that is a failure."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail("CI needs node and npm: the real clients are tested there")
        pytest.skip("node and npm are not here, so the real clients are not tested")
    stamp = HERE / "node_modules" / ".locked"
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / ".npmrc").open() as turn:  # two workers of pytest share one folder
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != locked:
            done = subprocess.run(["npm", "ci"], cwd=HERE, capture_output=True, text=True, timeout=INSTALL_SECONDS)
            assert done.returncode == 0, done.stdout + done.stderr
            stamp.write_text(locked)
    return HERE


@pytest.fixture
async def serving(ports: Ports, tmp_path: Path) -> AsyncIterator[Serving]:
    """A process that serves the databases of this test."""
    assert ports.settings.database_url is not None
    assert ports.settings.redis_url is not None
    variables = {"ACADEMY_DATABASE_URL": ports.settings.database_url, "ACADEMY_REDIS_URL": ports.settings.redis_url}
    server = Serving(tmp_path, variables=variables).start()
    yield server
    server.stop()
