"""GraphQL over HTTP: what is malformed is 4xx, what is refused says why, and nothing of ours leaks."""

import gzip
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from graphql import get_introspection_query

from kit.clock import FrozenClock
from kit.words import Language
from models.sessions import Session
from server.view import preferred_media
from services.media import media_url
from services.ports import Ports
from tests.gql import Gql
from tests.world import World

NEWER = "application/graphql-response+json"
VIEWER = "{ viewer { id } }"


def code(answer: dict[str, Any]) -> str:
    assert "data" not in answer, answer
    found: str = answer["errors"][0]["extensions"]["code"]
    return found


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"5", b'"x"', b"[]", b"{", b"\xff", b"{}", b'{"query":5}', b'{"query":null}', b'{"query":""}',
        b'{"query":"{viewer{id}}","variables":[]}', b'{"query":"{viewer{id}}","variables":"x"}',
        b'{"query":"{viewer{id}}","operationName":5}', b'{"query":"{viewer{id}}","extensions":[]}',
        b'[{"query":"{viewer{id}}"}]', b'{"query":"{viewer{id}}","variables":{"a":"\\u0000"}}',
        b'{"query":"{viewer{id}}","variables":{"a":NaN}}', b"[" * 100_000,
        gzip.compress(b'{"query":"{viewer{id}}"}', mtime=0),
    ],
)  # fmt: skip
async def test_a_malformed_body_is_400(gql: Gql, body: bytes) -> None:
    response = await gql.http.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert code(response.json()) == "BAD_USER_INPUT"


async def test_a_huge_integer_is_no_fault(gql: Gql) -> None:
    body = b'{"query":"{viewer{id}}","variables":{"a":' + b"9" * 4301 + b"}}"

    response = await gql.http.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert response.status_code < 500


async def test_a_body_over_the_cap_is_413_and_not_read_on(gql: Gql) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while read < 10_000_000:
            read += 65_536
            yield b" " * 65_536

    response = await gql.http.post("/graphql", content=endless(), headers={"content-type": "application/json"})

    assert response.status_code == 413
    assert read <= 18 * 65_536


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_other_kinds_of_body_are_415(gql: Gql, content_type: str) -> None:
    response = await gql.http.post("/graphql", content=b'{"query":"{a}"}', headers={"content-type": content_type})

    assert response.status_code == 415


async def test_a_get_answers_queries_and_refuses_mutations(gql: Gql) -> None:
    asked = await gql.http.get(
        "/graphql", params={"query": "query($id:ID!){node(id:$id){id}}", "variables": '{"id":"x"}'}
    )
    refused = await gql.http.get(
        "/graphql", params={"query": "mutation{signOut(input:{everywhere:false}){signedOutSessions}}"}
    )

    assert (asked.status_code, asked.json()["data"]) == (200, {"node": None})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_a_document_that_does_not_run_is_400_to_those_who_know(gql: Gql) -> None:
    for document in ("{", "{ nope }", "query A{viewer{id}} query B{viewer{id}}", "query($a:Int!){viewer{id}}"):
        newer = await gql.post({"query": document}, headers={"accept": NEWER})
        older = await gql.post({"query": document}, headers={"accept": "application/json"})

        assert (newer.status_code, older.status_code) == (400, 200), document
        assert newer.headers["content-type"] == f"{NEWER}; charset=utf-8"
        assert older.headers["content-type"] == "application/json; charset=utf-8"
        assert code(newer.json()) == code(older.json()) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"), ("*/*", "application/json"), ("application/*", "application/json"),
        (NEWER, NEWER), (f"{NEWER}, application/json", NEWER), (f"{NEWER};q=0.1, application/json", "application/json"),
        (f"application/json;q=0.9, {NEWER}", NEWER), ("text/html", None), ("application/json;q=0", None),
        ("application/json; charset=utf-8", "application/json"), (f"{NEWER};q=x", None),
    ],
)  # fmt: skip
def test_the_media_type_is_the_one_liked_best(accept: str, media: str | None) -> None:
    assert preferred_media(accept) == media


async def test_signed_out_is_a_null_viewer(gql: Gql) -> None:
    assert await gql.ask(VIEWER) == {"data": {"viewer": None}}


async def test_a_good_token_shows_the_viewer(gql: Gql, member: UUID) -> None:
    answer = await gql.ask(VIEWER, by=member)

    assert answer["data"]["viewer"]["id"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic x", "Bearer " + "a" * 9000])
async def test_a_malformed_token_is_unauthenticated_for_the_whole_request(gql: Gql, authorization: str) -> None:
    response = await gql.post({"query": VIEWER}, headers={"authorization": authorization, "accept": NEWER})

    assert response.status_code == 401
    assert code(response.json()) == "UNAUTHENTICATED"


async def test_an_expired_token_is_unauthenticated(gql: Gql, member: UUID, clock: FrozenClock) -> None:
    headers = {"authorization": f"Bearer {await gql.token(member)}"}
    clock.advance(timedelta(minutes=16))

    response = await gql.post({"query": VIEWER}, headers=headers)

    assert response.status_code == 200
    assert code(response.json()) == "UNAUTHENTICATED"


async def test_a_revoked_session_is_unauthenticated(gql: Gql, member: UUID, ports: Ports) -> None:
    headers = {"authorization": f"Bearer {await gql.token(member)}"}
    await Session.all().update(ended_at=ports.clock.now(), end_reason="SIGNED_OUT")

    response = await gql.post({"query": VIEWER}, headers=headers)

    assert code(response.json()) == "UNAUTHENTICATED"


async def test_sign_in_and_refresh_do_not_look_at_the_token(gql: Gql) -> None:
    refresh = 'refreshSession(input:{refreshToken:"x"}){userErrors{code}}'
    document = f"mutation{{{refresh}}}"
    beside = f"mutation{{{refresh} ...F}} fragment F on Mutation{{signOut(input:{{}}){{signedOutSessions}}}}"
    headers = {"authorization": "Bearer expired"}

    alone = (await gql.post({"query": document}, headers=headers)).json()
    mixed = (await gql.post({"query": beside}, headers=headers)).json()

    assert alone["data"]["refreshSession"]["userErrors"] == [{"code": "SESSION_EXPIRED"}]
    assert code(mixed) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.CHINESE), ("fr", Language.CHINESE), ("en", Language.ENGLISH),
        ("en-GB,zh;q=0.5", Language.ENGLISH), ("zh-CN,zh;q=0.9,en;q=0.8", Language.CHINESE),
        ("en;q=x,zh;q=0.1", Language.CHINESE),
    ],
)  # fmt: skip
async def test_messages_come_in_the_language_asked_for(gql: Gql, header: str, language: Language) -> None:
    headers = {"authorization": "Bearer x", "accept-language": header}

    [error] = (await gql.post({"query": VIEWER}, headers=headers)).json()["errors"]

    known = {Language.CHINESE: "登录已失效，请重新登录", Language.ENGLISH: "Please sign in again."}
    assert error["message"] == known[language]


async def test_a_fault_is_masked_and_its_log_holds_no_values(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret +8613800138000")

    monkeypatch.setattr("resolvers.viewer.Viewer.of", broken)
    with structlog.testing.capture_logs() as logs:
        response = await gql.post(
            {"query": 'query Mine { viewer { id } node(id: "hidden-literal") { id } }'}, by=member
        )

    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": response.headers["x-request-id"]}
    assert error["message"] == "Something went wrong on our side."
    assert response.json()["data"] == {"viewer": None, "node": None}
    assert any(line["event"] == "fault" and line["request_id"] == response.headers["x-request-id"] for line in logs)
    assert "secret" not in str(logs)
    assert "13800138000" not in str(logs)
    assert "hidden-literal" not in str(logs)


async def test_the_request_log_names_the_operation_and_nothing_else(gql: Gql, member: UUID) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await gql.post(
            {"query": "query Find($id: ID!) { node(id: $id) { id } }", "variables": {"id": "private"}}, by=member
        )

    [line] = [line for line in logs if line["event"] == "http"]
    assert (line["operation"], line["status"], line["path"]) == ("Find", 200, "/graphql")
    assert line["request_id"] == response.headers["x-request-id"]
    assert "private" not in str(logs)


async def test_answers_are_not_stored_by_anyone(gql: Gql) -> None:
    headers = (await gql.post({"query": VIEWER})).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


async def test_long_answers_are_compressed_and_media_is_not(gql: Gql, world: World) -> None:
    asset = await world.media(content=b"film " * 1000)
    address = media_url(gql.ports, asset.id).url

    answer = await gql.http.post(
        "/graphql", json={"query": get_introspection_query()}, headers={"accept-encoding": "gzip"}
    )
    film = await gql.http.get(address, headers={"accept-encoding": "gzip", "range": "bytes=0-1999"})

    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in film.headers
    assert (film.status_code, len(film.content)) == (206, 2000)
