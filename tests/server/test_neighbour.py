"""Whoever shares a server, and even a network address, with an attacker who never rests goes on as if alone."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from kit.clock import FrozenClock, SystemClock
from services.ports import Ports
from services.signing import ready_keys
from tests.documents import OPERATIONS
from tests.process import ROOT, Serving
from tests.server.test_attacks import ATTACKS
from tests.world import World

MOST_TIMES_AS_LONG = 3
"""On an idle machine it is about one. One process on one core; the attacker has the other, as have our own clients."""
CONNECTIONS = 20


@pytest.fixture
async def serving(ports: Ports, clock: FrozenClock, tmp_path: Path) -> AsyncIterator[Serving]:
    clock.at = SystemClock().now() - timedelta(hours=1)
    assert ports.settings.database_url is not None
    assert ports.settings.redis_url is not None
    variables = {"ACADEMY_DATABASE_URL": ports.settings.database_url, "ACADEMY_REDIS_URL": ports.settings.redis_url}
    # Nothing is forgiven while we measure, and the neighbour asks more often than any phone.
    patience = {"ACADEMY_SENDER_REFUSALS_PER_SECOND": "0.001", "ACADEMY_MEMBER_BUDGET": "100000000"}
    server = Serving(tmp_path, variables={**variables, **patience}).start()
    yield server
    server.stop()


async def bearer(ports: Ports, world: World, name: str) -> dict[str, str]:
    """The header of somebody who is signed in, by the clock on the wall."""
    member = await world.learner(name)
    session = await world.signed_in(member)
    await ready_keys(ports)
    token, _ = ports.tokens.issue(member.id, session.session_id, SystemClock().now())
    return {"authorization": f"Bearer {token}"}


@contextmanager
def attacking(serving: Serving, headers: dict[str, str]) -> Iterator[None]:
    """Within, the attacker is at it, and has been long enough to be known."""
    place = urlsplit(serving.address)
    told = {
        "host": place.hostname, "port": place.port, "connections": CONNECTIONS,
        "headers": {"content-type": "application/json", **headers},
        "bodies": [orjson.dumps(body).decode() for body in ATTACKS.values()],
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.attacker"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(orjson.dumps(told))
        process.stdin.close()
        assert process.stdout.readline() == b"throttled\n"
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def usual_time(http: httpx.Client, body: dict[str, Any]) -> float:
    """The median of a hundred answers."""
    times: list[float] = []
    for _ in range(100):
        began = perf_counter()
        answer = http.post("/graphql", json=body).json()
        times.append(perf_counter() - began)
        assert "errors" not in answer
    return median(times)


@pytest.mark.parametrize("attacker", ["a member", "nobody"])
async def test_a_neighbour_goes_on_beside_an_attacker_who_never_rests(
    serving: Serving, ports: Ports, world: World, attacker: str
) -> None:
    await world.course("陈列入门", lessons=2)
    neighbour = await bearer(ports, world, "阿May")
    headers = await bearer(ports, world, "小李") if attacker == "a member" else {}
    screen = {"query": OPERATIONS["CourseList"], "variables": {"first": 20}}

    with httpx.Client(base_url=serving.address, headers=neighbour, timeout=60) as http:
        usual_time(http, screen)
        alone = usual_time(http, screen)
        with attacking(serving, headers):
            beside = usual_time(http, screen)

    assert beside < MOST_TIMES_AS_LONG * alone, f"{beside / alone:.1f} times"
