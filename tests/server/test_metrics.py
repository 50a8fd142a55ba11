"""What /metrics tells, and whom."""

import asyncio
import dataclasses
import os
import signal
import urllib.request
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from kit import db
from kit.clock import monotonic
from kit.db import count_pool, execute, rows
from kit.metrics import counted
from kit.processes import wait_until
from kit.redis import open_redis
from kit.settings import Environment
from services.board_building import rebuild
from services.board_drift import board_drift
from services.ports import Ports
from tests.boards.story import earn, learner, outlet, settle, tree
from tests.gql import Gql
from tests.pool import pool_falls_idle
from tests.process import PATIENCE_SECONDS, Serving

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Figures:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figure(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((name, frozenset(labels.items())), 0.0)


def settled(ports: Ports, **changed: object) -> Ports:
    return dataclasses.replace(ports, settings=ports.settings.model_copy(update=changed))


async def drift(ports: Ports) -> tuple[int, int]:
    """What is measured once Valkey answers in time, which a busy machine may delay."""
    while (found := await board_drift(ports, 0)) is None:
        pass
    return found


async def test_requests_errors_and_what_waits_are_counted(gql: Gql) -> None:
    before = read((await gql.http.get("/metrics")).text)
    await execute(
        "INSERT INTO outbox (topic, key, payload, recorded_at, tries, due_at)"
        " VALUES ('course', 'x', '{}', now() - interval '90 s', 0, now() - interval '60 s')"
    )

    await gql.run("ReportProgress", {"input": {"events": [], "sentAt": "2026-03-02T04:00:00Z"}})
    await gql.http.post("/graphql", json={"query": "query Mine { viewer { id } }"})
    await gql.http.get("/wp-admin.php")
    after = read((await gql.http.get("/metrics")).text)

    def more(name: str, **labels: str) -> float:
        return figure(after, name, **labels) - figure(before, name, **labels)

    assert more("academy_request_seconds_count", route="/graphql", operation="ReportProgress") == 1
    assert more("academy_request_seconds_count", route="/graphql", operation="") == 1
    assert more("academy_responses_total", route="other", status="404") == 1
    assert more("academy_errors_total", code="UNAUTHENTICATED") == 1
    assert figure(after, "academy_outbox_rows", topic="course") == 1
    assert 90 <= figure(after, "academy_outbox_age_seconds", topic="course") < 90 + PATIENCE_SECONDS
    assert 60 <= figure(after, "academy_relay_lag_seconds", topic="course") < 60 + PATIENCE_SECONDS
    assert figure(after, "academy_database_up") == 1
    assert figure(after, "academy_database_wait_seconds_count") > 0


def pool_figures() -> dict[str, float]:
    """Of this process's pool, as they are now."""
    count_pool()  # as every process does every other second
    figures = read(generate_latest(counted.registry()).decode())
    return {
        "used": figure(figures, "academy_database_connections", state="used"),
        "idle": figure(figures, "academy_database_connections", state="idle"),
        "limit": figure(figures, "academy_database_connections_limit"),
        "waits": figure(figures, "academy_database_wait_seconds_count"),
        "waited": figure(figures, "academy_database_wait_seconds_sum"),
    }


async def test_the_pool_is_told_as_it_is(database: None) -> None:
    pool = await db._pool()
    most = pool.get_max_size()
    assert await pool_falls_idle()
    there = pool.get_size()

    at_rest = pool_figures()
    taken = [await pool.acquire() for _ in range(3)]
    with_three = pool_figures()
    taken += [await pool.acquire() for _ in range(most - 3)]
    with_all = pool_figures()
    waiting = asyncio.create_task(rows("SELECT 1 AS one"))
    await asyncio.sleep(0)  # it stands in line now
    began, one_waits = monotonic(), pool_figures()
    seconds = monotonic() - began
    for connection in taken:
        await pool.release(connection)
    found = await waiting
    in_the_end = pool_figures()

    def of_pool(figures: dict[str, float]) -> tuple[float, float, float]:
        return figures["used"], figures["idle"], figures["limit"]

    assert of_pool(at_rest) == (0, there, most)
    assert of_pool(with_three) == (3, max(there - 3, 0), most)
    assert of_pool(with_all) == of_pool(one_waits) == (most, 0, most)
    assert of_pool(in_the_end) == (0, most, most)
    assert found == [{"one": 1}]
    assert with_all["waits"] - at_rest["waits"] == most
    assert in_the_end["waits"] - one_waits["waits"] == 1
    assert in_the_end["waited"] - one_waits["waited"] >= seconds


async def test_what_a_client_writes_makes_no_line(gql: Gql) -> None:
    await gql.http.post("/graphql", json={"query": "query Grow13900000001 { viewer { id } }"})
    await gql.http.get("/13900000001/x")

    assert "13900000001" not in (await gql.http.get("/metrics")).text


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer é"}], ids=str)
async def test_with_a_token_nobody_without_it_sees_anything(ports: Ports, header: dict[str, str]) -> None:
    async with Gql.over(settled(ports, metrics_token=SecretStr("of the operators"))) as gql:
        refused = await gql.http.get("/metrics", headers={k: v.encode() for k, v in header.items()})
        shown = await gql.http.get("/metrics", headers={"authorization": "Bearer of the operators"})

    assert (refused.status_code, refused.text) == (404, "Not Found")
    assert "academy_database_up 1.0" in shown.text


async def test_without_a_token_only_this_machine_sees_it_and_only_in_development(ports: Ports) -> None:
    async def status(of: Ports, peer: str, **headers: str) -> int:
        async with Gql.over(of) as gql:
            transport = httpx.ASGITransport(gql.app, client=(peer, 50000))
            async with httpx.AsyncClient(transport=transport, base_url="http://academy") as http:
                return (await http.get("/metrics", headers=headers)).status_code

    production = settled(ports, environment=Environment.PRODUCTION)

    assert await status(ports, "127.0.0.1") == 200
    assert await status(ports, "10.0.0.7") == 404
    assert await status(ports, "127.0.0.1", **{"x-forwarded-for": "10.0.0.7"}) == 404
    assert await status(production, "127.0.0.1") == 404


async def test_a_board_that_differs_from_its_rows_is_measured(ports: Ports) -> None:
    there = await tree()
    shop = await outlet(ports, there.city)
    people = [await learner(ports, shop) for _ in range(3)]
    for who in people:
        await earn(ports, who, 5)
    await settle(ports)
    await rebuild(ports)
    right = await drift(ports)

    await execute("UPDATE metric_days SET amount = amount + 1 WHERE member_id = $1", people[0].id)
    wrong = await drift(ports)
    ports.clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    nobody = await drift(ports)

    assert right == (3, 0)
    assert wrong == (3, 1)
    assert nobody == (0, 0)


async def test_without_valkey_there_is_no_drift_to_tell(ports: Ports, tmp_path: Path) -> None:
    there = await tree()
    await earn(ports, await learner(ports, await outlet(ports, there.city)), 5)
    away = open_redis(f"unix://{tmp_path}/nobody.sock")

    found = await board_drift(dataclasses.replace(ports, boards=type(ports.boards)(away)), 0)

    await away.aclose()
    assert found is None


async def test_any_process_of_a_serve_tells_for_all_and_a_killed_one_goes_on_counting(
    ports: Ports, tmp_path: Path, member: UUID
) -> None:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
    }
    server = Serving(tmp_path / "data", ("--workers", "2"), variables).start()

    def ask(path: str) -> str:
        with urllib.request.urlopen(server.address + path, timeout=10) as answer:
            return str(answer.read().decode())

    def healthy() -> float:
        return figure(read(ask("/metrics")), "academy_responses_total", route="/healthz", status="200")

    for _ in range(10):
        ask("/healthz")
    first = healthy()
    web = [pid for pid, command in server.children().items() if "main.py" in command]
    for pid in web:
        os.kill(pid, signal.SIGKILL)
    again = wait_until(server.is_ready, PATIENCE_SECONDS) and wait_until(lambda: healthy() >= 10, PATIENCE_SECONDS)
    told = ask("/metrics")
    ticked = wait_until(lambda: 'academy_tick_seconds_count{tick="check boards"}' in ask("/metrics"), PATIENCE_SECONDS)
    # The worker leads as long as it holds a connection.
    leads = wait_until(
        lambda: figure(read(ask("/metrics")), "academy_database_connections", state="used") >= 1, PATIENCE_SECONDS
    )
    server.stop()

    assert first == 10
    assert again
    assert figure(read(told), "academy_database_connections_limit") == 4 * ports.settings.database_pool_size
    assert leads
    assert ticked
