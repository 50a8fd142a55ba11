"""kit/embedded.py and kit/processes.py: servers that start after anything and end with us."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from kit.embedded import EmbeddedFailure, Postgres, Valkey, socket_directory
from kit.processes import command_of, is_running, spawn, wait_until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def sockets(data: Path) -> Iterator[Path]:
    data.mkdir()
    directory = socket_directory(data)
    yield directory
    subprocess.run(["rm", "-rf", str(directory)], check=True)


@pytest.fixture
def postgres(data: Path, sockets: Path) -> Iterator[Postgres]:
    server = Postgres(data, sockets, durable=False).start()
    yield server
    server.stop()


async def remembered(server: Postgres) -> list[int]:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        await connection.execute("INSERT INTO kept SELECT count(*) + 1 FROM kept")
        return [row["number"] for row in await connection.fetch("SELECT number FROM kept ORDER BY number")]
    finally:
        await connection.close()


async def test_what_was_written_is_there_after_a_stop(postgres: Postgres) -> None:
    assert await remembered(postgres) == [1]

    postgres.stop()
    postgres.start()

    assert await remembered(postgres) == [1, 2]


async def test_a_killed_postgres_starts_again_with_its_data(postgres: Postgres) -> None:
    postgres.stop()
    postgres.durable = True
    postgres.start()
    assert await remembered(postgres) == [1]
    assert postgres.process is not None

    postgres.process.kill()
    postgres.process.wait()
    assert not postgres.is_alive()
    postgres.start()

    assert await remembered(postgres) == [1, 2]


async def test_a_pid_file_whose_number_is_somebody_elses_blocks_nothing(postgres: Postgres) -> None:
    postgres.stop()
    pid_file = postgres.home / "postmaster.pid"
    pid_file.write_text(f"{os.getppid()}\n{postgres.home}\n1\n5432\n{postgres.sockets}\n\n1 1\nready\n")

    postgres.start()

    assert await remembered(postgres) == [1]


async def test_a_server_that_outlived_its_owner_is_ended_first(postgres: Postgres) -> None:
    assert await remembered(postgres) == [1]
    orphan = postgres.process
    assert orphan is not None

    heir = Postgres(postgres.home.parent, postgres.sockets.parent, durable=False).start()

    assert orphan.wait(5) == 0
    assert await remembered(heir) == [1, 2]
    heir.stop()


async def test_chinese_letters_are_letters_and_order_is_bytewise(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url())

    letters = await connection.fetchval("SELECT '移动培训' ~ '^[[:alpha:]]+$'")
    order = await connection.fetchval("SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['b', 'B', 'a', '移']) x")
    await connection.close()

    assert letters is True
    assert order == "Bab移"


async def test_a_closed_directory_above_is_no_hindrance(tmp_path: Path, sockets: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "data", sockets, durable=False)
    (closed / "data").mkdir()

    server.start()
    found = await remembered(server)
    server.stop()

    assert found == [1]
    assert server.home.stat().st_uid != 0  # PostgreSQL refuses to run as root


async def test_a_durable_valkey_keeps_what_it_took(data: Path, sockets: Path) -> None:
    server = Valkey(data, sockets).start()
    redis = Redis.from_url(server.url())
    await redis.set("key", "value")
    await redis.aclose()

    server.stop()
    server.start()

    redis = Redis.from_url(server.url())
    assert await redis.get("key") == b"value"
    await redis.aclose()
    server.stop()


def test_a_server_that_cannot_start_says_why(data: Path, sockets: Path) -> None:
    server = Valkey(data, sockets)
    server.home.mkdir(parents=True)
    (server.home / "appendonlydir").write_text("no directory")

    with pytest.raises(EmbeddedFailure, match="appendonlydir"):
        server.start()

    assert not server.is_alive()


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys, time\n"
        "from kit.processes import spawn\n"
        "child = spawn(['/bin/sleep', '60'], death_signal=signal.SIGTERM, log=pathlib.Path(sys.argv[1]))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert wait_until(lambda: is_running(pid, "sleep 60"), 5)

    owner.kill()
    owner.wait()
    owner.stdout.close()

    ended = wait_until(lambda: not is_running(pid, "sleep 60"), 5)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    assert ended or sys.platform != "linux"  # elsewhere the next start ends it


def test_a_process_is_known_by_its_command_and_not_by_its_number(tmp_path: Path) -> None:
    child = spawn(["/bin/sleep", "60"], death_signal=signal.SIGTERM, log=tmp_path / "log")

    assert wait_until(lambda: is_running(child.pid, "sleep 60"), 5)
    assert not is_running(child.pid, "postgres")

    child.kill()
    child.wait()
    assert command_of(child.pid) is None
