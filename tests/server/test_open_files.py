"""A web process may hold thousands of phones, however few open files it was started with."""

import asyncio
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.children import allow_many_files
from services.ports import Ports
from tests.process import Serving

FILES = resource.RLIMIT_NOFILE


@pytest.fixture
def few_files() -> Iterator[int]:
    """This process, and what it starts, may open one file less than it could; the hard limit."""
    soft, hard = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (hard - 1, hard))
    yield hard
    resource.setrlimit(FILES, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process are told by Linux alone")
async def test_web_processes_may_open_as_many_files_as_the_system_lets(
    ports: Ports, tmp_path: Path, few_files: int
) -> None:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
    }
    server = Serving(tmp_path / "data", ("--workers", "2"), variables).start()

    ours = [pid for pid, command in server.children().items() if "main.py" in command]
    limits = sorted(resource.prlimit(pid, FILES) for pid in ours)
    assert await asyncio.to_thread(server.stop) == 0

    few, many = (few_files - 1, few_files), (few_files, few_files)
    assert limits == [few, few, many, many]  # the worker and the ingest, and the two that phones come to


def test_where_it_is_not_allowed_nothing_is_said(few_files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuses)
    allow_many_files()
    monkeypatch.undo()

    assert resource.getrlimit(FILES) == (few_files - 1, few_files)
