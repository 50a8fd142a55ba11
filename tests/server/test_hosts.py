"""Which names the server answers to, from which pages it takes sockets, and what every answer forbids."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from kit.settings import LOOPBACK, Settings
from server.pages import PAGE_POLICY
from server.request import address_of
from services.ports import Ports
from tests.gql import Gql
from tests.sockets import TestSocket

ASKED = {"query": "{ viewer { id } }"}


@pytest.fixture
async def gql(ports: Ports) -> AsyncIterator[Gql]:
    """The application of a laptop, that phones reach as https://school.example.com:8443/app."""
    change = {"allowed_hosts": LOOPBACK, "public_url": "https://school.example.com:8443/app"}
    async with Gql.over(replace(ports, settings=ports.settings.model_copy(update=change))) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "school.example.com", "School.Example.COM"]
)  # fmt: skip
async def test_the_servers_own_names_are_answered(gql: Gql, host: str) -> None:
    response = await gql.post(ASKED, headers={"host": host})

    assert (response.status_code, response.json()["data"]) == (200, {"viewer": None})


FOREIGN = [
    "evil.example.com", "school.example.com.evil.example.com", "xschool.example.com", "127.0.0.1.evil.example.com", "",
    " ", "localhost:", "localhost:port", "localhost:999999", "::1", "[::1", "[::1]x", "user@localhost", "localhost/",
    "*", "localhost, evil.example.com", "localhost\t", "0.0.0.0", "localhost.",
]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN)
async def test_another_name_is_refused_before_anything_else(gql: Gql, host: str) -> None:
    response = await gql.post(ASKED, headers={"host": host})

    assert (response.status_code, response.text) == (400, "This server has another name.\n")
    assert response.headers["x-request-id"]


async def test_two_names_are_none(gql: Gql) -> None:
    response = await gql.http.get("/.well-known/jwks.json", headers=[("host", "localhost"), ("host", "localhost")])

    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_told_under_any_name(gql: Gql, path: str) -> None:
    assert (await gql.http.get(path, headers={"host": "10.1.2.3:8000"})).status_code == 200


async def test_a_star_answers_to_every_name(ports: Ports) -> None:
    settings = ports.settings.model_copy(update={"allowed_hosts": ("*",)})

    async with Gql.over(replace(ports, settings=settings)) as gql:
        assert (await gql.post(ASKED, headers={"host": "anything"})).status_code == 200


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("a.example.com", {"a.example.com"}),
        ("A.example.com, [::1] ", {"a.example.com", "::1"}),
        ("*", {"*"}),
        ("", set()),
    ],
)
def test_names_are_listed_with_commas_or_spaces(monkeypatch, value: str, hosts: set[str]) -> None:
    monkeypatch.setenv("ACADEMY_ALLOWED_HOSTS", value)

    assert Settings().hosts == hosts | {"127.0.0.1"}


@pytest.mark.parametrize("value", ["https://a.example.com", "a.example.com:443", "*.example.com", "a/b", "a b c!"])
def test_what_is_no_name_is_refused_with_a_sentence(monkeypatch, value: str) -> None:
    monkeypatch.setenv("ACADEMY_ALLOWED_HOSTS", value)

    with pytest.raises(ValidationError, match="is no host name: give names and addresses without a port"):
        Settings()


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "https://school.example.com:8443", "http://[::1]:9", "capacitor://localhost"]
)
async def test_a_page_of_ours_may_open_a_socket(gql: Gql, origin: str) -> None:
    async with TestSocket(gql.app, {"host": "localhost", "origin": origin}) as socket:
        await socket.init()


async def test_an_app_that_names_no_page_may_open_a_socket(gql: Gql) -> None:
    async with TestSocket(gql.app, {"host": "localhost"}) as socket:
        await socket.init()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example.com", None),
        ("evil.example.com", "http://evil.example.com"),
        ("localhost", "https://evil.example.com"),
        ("localhost", "null"),
        ("localhost", ""),
        ("localhost", "localhost"),
        ("localhost", "https://localhost/path"),
        ("localhost", "https://localhost@evil.example.com"),
        ("localhost", "https://localhost.evil.example.com"),
        ("localhost", "file://"),
    ],
)
async def test_a_strange_page_opens_no_socket(gql: Gql, host: str, origin: str | None) -> None:
    headers = {"host": host} if origin is None else {"host": host, "origin": origin}

    with pytest.raises(AssertionError, match=r"websocket\.close"):
        await TestSocket(gql.app, headers).__aenter__()


@pytest.mark.parametrize("path", ["/graphql", "/media/x", "/healthz", "/.well-known/jwks.json", "/nowhere", "/static/"])
async def test_no_answer_is_a_page_or_stands_in_a_frame(gql: Gql, path: str) -> None:
    headers = (await gql.http.get(path, headers={"host": "localhost"})).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


async def test_graphiql_loads_from_us_alone_and_stands_in_no_frame(gql: Gql) -> None:
    headers = (await gql.http.get("/graphiql", headers={"host": "localhost"})).headers

    assert headers["content-security-policy"] == PAGE_POLICY
    assert "script-src 'self';" in PAGE_POLICY
    assert "frame-ancestors 'none'" in PAGE_POLICY
    assert headers["x-frame-options"] == "DENY"


async def test_a_forwarded_address_counts_only_from_a_proxy_of_ours(ports: Ports) -> None:
    """httpx' transport is the peer 127.0.0.1."""
    heard = []
    for proxies in ("127.0.0.0/8", "none"):
        settings = Settings(**{**ports.settings.model_dump(), "trusted_proxies": proxies})
        async with Gql.over(replace(ports, settings=settings)) as gql:
            heard.append(await _seen(gql))

    assert heard == ["203.0.113.7", "127.0.0.1"]


async def _seen(gql: Gql) -> str:
    """The address that a request through a proxy is told to have."""

    async def tell(request: Request) -> PlainTextResponse:
        return PlainTextResponse(address_of(request))

    gql.app.router.routes.insert(0, Route("/address", tell))
    return (await gql.http.get("/address", headers={"x-forwarded-for": "198.51.100.9, 203.0.113.7"})).text
