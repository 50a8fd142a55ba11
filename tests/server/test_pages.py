"""Health, readiness, keys, and a GraphiQL that needs nobody else's servers."""

import dataclasses
import re
from pathlib import Path
from uuid import UUID

import pytest
from graphql import parse, validate

from kit.db import execute
from kit.redis import open_redis
from server.api import schema
from server.pages import STATIC
from services.ports import Ports
from tests.gql import Gql

ADDRESS = re.compile(r"""(?:src|href|url|import|fetch)\s*[=(]\s*["'`]?\s*(?:https?:)?//\w""")


async def test_a_living_process_is_healthy(gql: Gql) -> None:
    assert (await gql.http.get("/healthz")).json() == {"status": "ok"}


async def test_a_server_with_everything_is_ready(gql: Gql) -> None:
    response = await gql.http.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"ready": True, "missing": []})


async def test_a_missing_migration_is_named(gql: Gql) -> None:
    await execute("UPDATE tortoise_migrations SET name = name || '-away' WHERE name LIKE '0007%'")
    try:
        response = await gql.http.get("/readyz")
    finally:
        await execute("UPDATE tortoise_migrations SET name = replace(name, '-away', '')")

    assert (response.status_code, response.json()) == (503, {"ready": False, "missing": ["migrations"]})


async def test_redis_away_is_named_and_does_not_stop_the_server(ports: Ports, tmp_path: Path) -> None:
    away = open_redis(f"unix://{tmp_path}/nobody.sock")

    async with Gql.over(dataclasses.replace(ports, redis=away)) as gql:
        response = await gql.http.get("/readyz")

    await away.aclose()
    assert (response.status_code, response.json()) == (200, {"ready": True, "missing": ["redis"]})


async def test_the_public_keys_hold_nothing_private(gql: Gql, member: UUID) -> None:
    await gql.token(member)

    [key] = (await gql.http.get("/.well-known/jwks.json")).json()["keys"]

    assert (key["kty"], key["crv"], key["use"]) == ("EC", "P-256", "sig")
    assert "d" not in key


async def test_graphiql_is_served_from_our_own_files(gql: Gql) -> None:
    page = await gql.http.get("/graphiql")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert (await gql.http.get(path)).status_code == 200, path
    assert (await gql.http.get("/", follow_redirects=False)).headers["location"] == "/graphiql"


async def test_a_browser_at_the_endpoint_is_shown_to_graphiql_and_a_client_is_not(gql: Gql) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

    shown = await gql.http.get("/graphql", headers=browser, follow_redirects=False)
    asked = await gql.http.get("/graphql", params={"query": "{ __typename }"}, headers=browser)
    client = await gql.http.get("/graphql", headers={"accept": "application/json"}, follow_redirects=False)

    assert (shown.status_code, shown.headers["location"]) == (307, "/graphiql")
    assert asked.json()["data"] == {"__typename": "Query"}
    assert client.status_code == 400


async def test_graphiql_can_be_switched_off(ports: Ports) -> None:
    settings = ports.settings.model_copy(update={"graphiql": False})

    async with Gql.over(dataclasses.replace(ports, settings=settings)) as gql:
        assert (await gql.http.get("/graphiql")).status_code == 404
        assert (await gql.http.get("/")).status_code == 404
        assert (await gql.http.get("/graphql", headers={"accept": "text/html"})).status_code == 406


@pytest.mark.parametrize(
    "path", sorted(path.name for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html"))
)
def test_no_file_loads_anything_from_elsewhere(path: str) -> None:
    [file] = STATIC.rglob(path)

    assert ADDRESS.findall(file.read_text(encoding="utf-8")) == []


def test_the_example_operations_are_valid() -> None:
    text = (STATIC / "examples.js").read_text(encoding="utf-8")
    examples = re.findall(r"query: `(.*?)`", text, re.DOTALL)

    assert len(examples) == 6
    for example in examples:
        assert validate(schema.graphql_schema, parse(example)) == [], example
