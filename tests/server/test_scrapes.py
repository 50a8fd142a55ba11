"""/metrics while what it asks is away: whoever watches hears of it, and of everything else as well."""

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit.processes import wait_until
from tests.process import PATIENCE_SECONDS, Serving

SCRAPER_SECONDS = 10  # as long as Prometheus waits unless it is told otherwise


def scraped(server: Serving) -> str:
    with urllib.request.urlopen(f"{server.address}/metrics", timeout=SCRAPER_SECONDS) as answer:
        return str(answer.read().decode())


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """They keep their connections and answer nothing, as behind a network that swallows every packet."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def below(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (map(int, line.split()) for line in listed.splitlines())
    return [pid for pid, of in pairs if of == parent]


def test_databases_that_hang_are_told_before_the_scraper_gives_up(tmp_path: Path) -> None:
    server = Serving(tmp_path / "data", ("--no-worker",)).start()
    postgres, valkey = server.child("bin/postgres"), server.child("valkey-server")

    well = scraped(server)
    with frozen(postgres, *below(postgres)):
        without_database = scraped(server)
    with frozen(valkey):
        without_redis = scraped(server)
    again = wait_until(lambda: "academy_database_up 1.0\n" in scraped(server), PATIENCE_SECONDS)
    again = again and wait_until(lambda: "academy_redis_up 1.0\n" in scraped(server), PATIENCE_SECONDS)
    server.stop()

    assert "academy_database_up 1.0\n" in well
    assert "academy_redis_up 1.0\n" in well
    assert "academy_database_up 0.0\n" in without_database
    assert "academy_responses_total{" in without_database
    assert "academy_redis_up 0.0\n" in without_redis
    assert again
