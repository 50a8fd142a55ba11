"""`serve` and everything below it, killed in every order."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.embedded import socket_directory
from kit.processes import wait_until
from services.ports import Ports
from tests.faults.locks import held, until_waiting
from tests.phone import Phone
from tests.process import PATIENCE_SECONDS, ROOT, Serving, environment, run_main
from tests.world import World


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for all tests of this file: each leaves it serving."""
    served = Serving(tmp_path_factory.mktemp("serving") / "data", ("--workers", "2")).start()
    sockets = socket_directory(served.data)
    yield served
    assert served.stop(signal.SIGINT) == 0
    assert not (served.data / "run.json").exists()
    assert not sockets.exists()


@pytest.mark.parametrize("server", ["bin/postgres", "valkey-server"])
def test_a_database_that_is_killed_starts_again(serving: Serving, server: str) -> None:
    before = serving.child(server)

    os.kill(before, signal.SIGKILL)

    assert wait_until(lambda: before not in serving.children(), PATIENCE_SECONDS)
    assert wait_until(serving.is_ready, PATIENCE_SECONDS)
    assert serving.child(server) != before


def test_a_web_process_that_is_killed_starts_again(serving: Serving) -> None:
    before = {pid for pid, command in serving.children().items() if "main.py" in command}
    assert len(before) == 4  # two web processes, the worker and the ingest

    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def all_new() -> bool:
        now = {pid for pid, command in serving.children().items() if "main.py" in command}
        return len(now) == 4 and not now & before

    assert wait_until(all_new, PATIENCE_SECONDS)
    assert wait_until(serving.is_ready, PATIENCE_SECONDS)


def test_a_killed_serve_takes_all_with_it_and_blocks_no_start(serving: Serving) -> None:
    serving.kill()

    serving.start()

    assert serving.is_ready()


def test_a_second_serve_on_the_same_data_says_who_has_it(serving: Serving) -> None:
    second = run_main("serve", "--port", "0", "--data-dir", str(serving.data))

    assert second.returncode == 1
    assert f"in use by another server at {serving.address}" in " ".join(second.stderr.split())
    assert serving.is_ready()


def test_a_port_that_is_taken_is_said_in_a_sentence(serving: Serving, tmp_path: Path) -> None:
    port = serving.address.rpartition(":")[2]

    second = run_main("serve", "--port", port, "--data-dir", str(tmp_path))

    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_command_beside_a_server_uses_its_databases(serving: Serving) -> None:
    made = run_main("admin", "create", "--phone", "13900000001", "--name", "站长", "--data-dir", str(serving.data))
    verified = run_main("ledger", "verify", "--data-dir", str(serving.data))

    assert made.returncode == 0, made.stderr
    assert "站长" in made.stdout
    assert "139****0001" in made.stdout
    assert verified.returncode == 0, verified.stderr
    assert serving.is_ready()


def test_two_servers_stand_side_by_side_and_end_alone(serving: Serving, tmp_path: Path) -> None:
    other = Serving(tmp_path / "data").start()

    assert other.is_ready()
    assert other.address != serving.address
    assert other.stop() == 0
    assert serving.is_ready()
    assert not (other.data / "postgres/postmaster.pid").exists()


def test_the_application_runs_under_any_asgi_server(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "data"
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--log-level", "warning"]
    variables = environment(ACADEMY_DATA_DIR=str(data), ACADEMY_PUBLIC_URL=f"http://127.0.0.1:{port}")
    with subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.DEVNULL) as process:
        served = Serving(data, address=f"http://127.0.0.1:{port}")
        assert wait_until(served.is_ready, PATIENCE_SECONDS, pause=0.1)
        sockets = socket_directory(data)
        beside = run_main("migrate", "--data-dir", str(data))
        process.terminate()
        process.wait(PATIENCE_SECONDS)

    assert beside.stdout == "The database is up to date.\n"
    assert not (data / "postgres/postmaster.pid").exists()
    assert not (data / "run.json").exists()
    assert not sockets.exists()


async def test_a_request_under_way_is_answered_before_the_end_while_who_is_idle_or_new_is_sent_away(
    ports: Ports, world: World, tmp_path: Path
) -> None:
    await world.member(phone="+8613900000001", password="correct horse")
    database = ports.settings.database_url or ""
    variables = {"ACADEMY_DATABASE_URL": database, "ACADEMY_REDIS_URL": ports.settings.redis_url or ""}
    server = Serving(tmp_path / "data", variables=variables).start()
    proof = {"phone": "+8613900000001", "password": "correct horse", "deviceId": "d", "deviceName": "Test"}

    async with Phone.at(server.address) as phone:
        idle, line = await asyncio.open_connection(*server.address.removeprefix("http://").split(":"))
        line.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        ready = await idle.readuntil(b"}")
        async with held(database, "sessions"):
            asked = asyncio.create_task(phone.send("SignInWithPassword", input=proof))
            await until_waiting(1)
            server.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(wait_until, lambda: not takes_connections(server), PATIENCE_SECONDS)
            rest = await idle.read()
            under_way = not asked.done()
        answer = await asked
    line.close()
    await asyncio.to_thread(server.process.communicate, timeout=PATIENCE_SECONDS)

    assert ready.startswith(b"HTTP/1.1 200")
    assert (rest, under_way) == (b"", True)
    assert answer["signInWithPassword"]["session"]["accessToken"]
    assert server.process.returncode == 0


async def test_with_databases_of_its_own_it_starts_none(ports: Ports, tmp_path: Path) -> None:
    assert ports.settings.database_url is not None
    assert ports.settings.redis_url is not None
    variables = {"ACADEMY_DATABASE_URL": ports.settings.database_url, "ACADEMY_REDIS_URL": ports.settings.redis_url}
    server = Serving(tmp_path / "data", ("--no-worker",), variables=variables).start()

    ready, children = server.is_ready(), server.children()
    code = server.stop()

    assert ready
    assert ["main.py" in command for command in children.values()] == [True, True]  # the web process and the ingest
    assert not (tmp_path / "data/postgres").exists()
    assert not (tmp_path / "data/valkey").exists()
    assert code == 0


def test_a_command_that_is_told_to_stop_ends_its_databases_and_leaves_nothing_of_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "main.py", "seed", "--data-dir", str(data)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL) as seeding:
        assert wait_until((data / "run.json").exists, PATIENCE_SECONDS)
        sockets = socket_directory(data)
        while_it_seeds = sorted(path.name for path in sockets.iterdir() if path.name != "bin")
        seeding.terminate()
        seeding.wait(PATIENCE_SECONDS)

    assert while_it_seeds == ["pg", "valkey.sock"]
    assert seeding.returncode == 128 + signal.SIGTERM
    assert not sockets.exists()
    assert not (data / "postgres/postmaster.pid").exists()
    assert not (data / "run.json").exists()


def takes_connections(server: Serving) -> bool:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.socket() as line:
        return line.connect_ex((host, int(port))) == 0
