"""Trusted documents: what our clients send is known by its hash, other words can be refused, and some may be kept."""

import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from graphql import parse, print_ast
from typer.testing import CliRunner

from kit.words import Role
from server.cli import app
from server.trusted import BadDocument, load_trusted, sha256
from services.ports import Ports
from tests.documents import OPERATIONS
from tests.gql import Gql
from tests.world import World

NEWER = "application/graphql-response+json"
LEVELS = next(text for listed in load_trusted().operations if listed.name == "Levels" for text in listed.texts.values())
OWN_WORDS = "{ levels { number } }"


def by_hash(document_hash: str, **more: object) -> dict[str, object]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document_hash}}, **more}


def code(response: httpx.Response) -> str:
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


@pytest.fixture
async def strict(ports: Ports) -> AsyncIterator[Gql]:
    """A client of a server that answers trusted documents alone."""
    settings = ports.settings.model_copy(update={"trusted_documents_only": True})
    async with Gql.over(dataclasses.replace(ports, settings=settings)) as client:
        yield client


async def test_a_document_may_be_named_in_every_way_that_clients_know(gql: Gql) -> None:
    name = sha256(LEVELS)
    persisted = orjson.dumps(by_hash(name)["extensions"]).decode()

    answers = [
        await gql.post(by_hash(name)),
        await gql.post({"documentId": name}),
        await gql.post({"documentId": f"sha256:{name}", "operationName": "Levels", "variables": {}}),
        await gql.http.get("/graphql", params={"documentId": name}),
        await gql.http.get("/graphql", params={"extensions": persisted, "operationName": "Levels"}),
    ]

    assert all(len(answer.json()["data"]["levels"]) == 10 for answer in answers), [each.text for each in answers]


def test_every_operation_of_the_apps_is_known_by_its_canonical_text() -> None:
    trusted = load_trusted()

    assert {listed.name for listed in trusted.operations} == set(OPERATIONS)
    for name, text in OPERATIONS.items():
        operation, *fragments = parse(text).definitions
        fragments.sort(key=lambda part: part.name.value)  # type: ignore[union-attr]
        canonical = "\n\n".join(print_ast(part) for part in [operation, *fragments])
        assert trusted.text_of(sha256(canonical)) == canonical, name


async def test_an_id_that_stands_for_nothing_is_told_so_and_nothing_is_learnt(gql: Gql) -> None:
    unknown = sha256(OWN_WORDS)

    newer = await gql.post(by_hash(unknown), headers={"accept": NEWER})
    older = await gql.post(by_hash(unknown))
    sent = await gql.post(by_hash(unknown, query=OWN_WORDS))
    again = await gql.post(by_hash(unknown))

    assert (newer.status_code, older.status_code) == (400, 200)
    assert code(newer) == code(older) == code(again) == "PERSISTED_QUERY_NOT_FOUND"
    assert len(sent.json()["data"]["levels"]) == 10


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"documentId": 5}, ["documentId"]),
        ({"documentId": ""}, ["documentId"]),
        ({"extensions": {"persistedQuery": 5}}, ["extensions", "persistedQuery"]),
        ({"extensions": {"persistedQuery": {"sha256Hash": "x"}}}, ["extensions", "persistedQuery"]),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}}, ["extensions", "persistedQuery"]),
        ({"extensions": {"persistedQuery": {"version": 1}}}, ["extensions", "persistedQuery", "sha256Hash"]),
        ({"extensions": {"persistedQuery": None}}, ["query"]),
    ],
)
async def test_a_name_of_another_shape_is_400(gql: Gql, body: dict[str, Any], field: list[str]) -> None:
    refused = await gql.post(body)

    assert (refused.status_code, code(refused)) == (400, "BAD_USER_INPUT")
    assert refused.json()["errors"][0]["extensions"]["field"] == field


async def test_a_mutation_by_id_is_not_for_get(gql: Gql) -> None:
    refused = await gql.http.get("/graphql", params={"documentId": sha256(OPERATIONS["SignOut"])})

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_a_socket_takes_ids_too(gql: Gql, world: World) -> None:
    async with gql.socket(by=await world.learner()) as socket:
        socket.send({"id": "1", "type": "subscribe", "payload": by_hash(sha256(OPERATIONS["MyPoints"]))})
        assert (await socket.next())["data"]["myPoints"]["awards"] == []

        socket.send({"id": "2", "type": "subscribe", "payload": by_hash("0" * 64)})
        refused = await socket.receive()

    assert (refused["id"], refused["type"]) == ("2", "error")
    assert refused["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_other_words_are_refused_to_all_but_admins(strict: Gql, world: World) -> None:
    admin = await world.staff(Role.ADMIN)
    supervisor = await world.staff(Role.SUPERVISOR)

    for stranger in (None, await world.learner(), supervisor):
        for source in (OWN_WORDS, "{ nope }", "{", f"{LEVELS} query B {{ levels {{ number }} }}"):
            refused = await strict.post({"query": source, "operationName": "Levels"}, by=stranger)
            assert code(refused) == "PERSISTED_QUERY_NOT_FOUND", source
            assert "data" not in refused.json()
    assert len((await strict.ask(OWN_WORDS, by=admin))["data"]["levels"]) == 10
    assert code(await strict.post({"query": "{ nope }"}, by=admin)) == "BAD_USER_INPUT"


async def test_a_bad_token_is_unauthenticated_whatever_is_asked(strict: Gql) -> None:
    for source in (OWN_WORDS, LEVELS):
        refused = await strict.post({"query": source}, headers={"authorization": "Bearer bad"})
        assert code(refused) == "UNAUTHENTICATED"


async def test_a_trusted_document_is_known_however_it_is_laid_out(strict: Gql, world: World) -> None:
    spread = "fragment L on Level { fromPoints perks } query Levels { levels { number title ...L } }"
    for source in (
        LEVELS,
        "query Levels{levels{number,title,fromPoints,perks}}",
        "# ours\nquery   Levels { levels { __typename number title fromPoints perks } __typename }",
    ):
        assert len((await strict.ask(source))["data"]["levels"]) == 10, source
    for source in (
        "query Levels { levels { number title fromPoints } }",
        "query Levels { levels { number title fromPoints perks kind: __typename } }",
        "query Levels { levels { number title fromPoints perks @include(if: true) } }",
        "query Others { levels { number title fromPoints perks } }",
        spread,
    ):
        assert code(await strict.post({"query": source})) == "PERSISTED_QUERY_NOT_FOUND", source
    assert (await strict.run("MyLearning", by=await world.learner()))["data"]["viewer"]


async def test_a_socket_refuses_other_words_too(strict: Gql, world: World) -> None:
    own = "subscription { myPoints { viewer { id } } }"
    async with strict.socket(by=await world.learner()) as socket:
        socket.subscribe("1", own)
        refused = await socket.receive()
        socket.subscribe("2", OPERATIONS["MyPoints"])
        assert "errors" not in await socket.next("2")
    async with strict.socket(by=await world.staff(Role.ADMIN)) as socket:
        socket.subscribe("3", own)
        assert "errors" not in await socket.next("3")

    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "PERSISTED_QUERY_NOT_FOUND")


def apollo(*entries: dict[str, object], version: int = 1) -> dict[str, object]:
    return {"format": "apollo-persisted-query-manifest", "version": version, "operations": list(entries)}


def entry(text: str, name: str = "Few", kind: str = "query", **more: object) -> dict[str, object]:
    return {"id": sha256(text), "name": name, "type": kind, "body": text, **more}


FEW = "query Few { levels { number __typename } }"


def test_manifests_are_read_beside_the_apps_files(tmp_path: Path) -> None:
    relay = "query RelayFewQuery {\n  levels {\n    title\n  }\n}\n"
    md5 = hashlib.md5(relay.encode(), usedforsecurity=False).hexdigest()
    (tmp_path / "points.graphql").write_text("query Levels { levels { number } } # ours")
    (tmp_path / "persisted-query-manifest.json").write_bytes(orjson.dumps(apollo(entry(FEW))))
    (tmp_path / "relay.json").write_bytes(orjson.dumps({md5: relay}))
    (tmp_path / "README.md").write_text("Not a document.")

    trusted = load_trusted(tmp_path)

    assert [listed.name for listed in trusted.operations] == ["Few", "Levels", "RelayFewQuery"]
    assert trusted.text_of(sha256(FEW)) == FEW
    assert trusted.text_of(md5) == trusted.text_of(sha256(relay)) == relay
    assert trusted.holds("query Few{levels{number}}")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("points.graphql", "query Old { levels { gone } }", "points.graphql: Old: Cannot query field 'gone'"),
        ("points.graphql", "query Old { levels { number }", "points.graphql: Syntax Error"),
        ("points.graphql", "{ levels { number } }", "points.graphql: every operation needs a name"),
        ("points.graphql", "query Big { " + "levels { number } " * 31 + "}", "points.graphql: Big: QUERY_TOO_COMPLEX"),
        ("a.json", apollo(entry(FEW, id="0" * 64)), "is not the sha256 of its document"),
        ("a.json", apollo(entry(FEW, name="Many")), "a.json: Many: its body is another operation"),
        ("a.json", apollo(entry(FEW, kind="mutation")), "a.json: Few: its body is another operation"),
        ("a.json", apollo(entry(FEW), version=2), "a.json: a manifest of an unknown format or version"),
        ("a.json", apollo({"id": "x", "body": FEW}), "a.json: an entry of the manifest is not as it should be"),
        ("a.json", {"format": "other"}, "a.json: a manifest of an unknown format"),
        ("a.json", {"x": "query A { levels { number } } query B { levels { number } }"}, "a document holds one"),
        ("a.json", {"x": 5}, "a.json: ids and documents are text"),
        ("a.json", [FEW], "a.json: neither a manifest of Apollo's nor one of Relay's"),
        ("a.json", "{", "a.json: unexpected end of data"),
    ],
)
def test_a_document_that_cannot_be_answered_is_named_with_the_reason(
    tmp_path: Path, name: str, content: object, complaint: str
) -> None:
    text = content if isinstance(content, str) else orjson.dumps(content).decode()
    (tmp_path / name).write_text(text)

    with pytest.raises(BadDocument) as bad:
        load_trusted(tmp_path)

    assert complaint in str(bad.value)


def test_one_id_stands_for_one_document(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(orjson.dumps({"1": FEW}))
    (tmp_path / "b.json").write_bytes(orjson.dumps({"1": "query Few { levels { title } }"}))

    with pytest.raises(BadDocument, match="1 stands for another document too"):
        load_trusted(tmp_path)


def test_the_list_is_verified_and_shown_from_the_command_line() -> None:
    verified = CliRunner().invoke(app, ["documents", "verify"])
    shown = CliRunner().invoke(app, ["documents", "list"])

    assert verified.output == f"The schema answers all {len(OPERATIONS)} trusted operations.\n"
    assert f"{sha256(OPERATIONS['Levels'])}  query         Levels\n" in shown.output


async def test_a_public_document_has_a_tag_and_is_not_sent_twice(gql: Gql) -> None:
    params = {"documentId": sha256(LEVELS)}

    first = await gql.http.get("/graphql", params=params)
    tag = first.headers["etag"]
    kept = {"cache-control": "public, max-age=60", "vary": "Accept, Accept-Language, Authorization"}

    assert {name: first.headers[name] for name in kept} == kept
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await gql.http.get("/graphql", params=params, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), known
        assert {name: again.headers[name] for name in kept} == kept
    for known in ('"other"', tag[:-2] + '"', ""):
        again = await gql.http.get("/graphql", params=params, headers={"if-none-match": known})
        assert (again.status_code, again.json()) == (200, first.json()), known


async def test_the_tag_follows_what_the_answer_says(gql: Gql, world: World) -> None:
    params = {"documentId": sha256(OPERATIONS["Modules"])}

    async def tag(**headers: str) -> str:
        return (await gql.http.get("/graphql", params=params, headers=headers)).headers["etag"]

    before = await tag()
    assert await tag() == await tag(**{"accept-encoding": "gzip"}) == before
    assert await tag(accept=NEWER) != before
    await world.course("陈列入门", lessons=1)
    assert await tag() != before


async def test_every_other_answer_is_nobodys_to_keep(gql: Gql, world: World) -> None:
    name = sha256(LEVELS)
    token = {"authorization": f"Bearer {await gql.token(await world.learner())}"}

    answers = {
        "with a token": await gql.http.get("/graphql", params={"documentId": name}, headers=token),
        "in its own words": await gql.http.get("/graphql", params={"query": LEVELS}),
        "by POST": await gql.post({"documentId": name}),
        "with an error": await gql.http.get("/graphql", params={"documentId": sha256(OPERATIONS["HonourBoard"])}),
        "with a bad token": await gql.http.get(
            "/graphql", params={"documentId": name}, headers={"authorization": "Bearer bad"}
        ),
        "not found": await gql.http.get("/graphql", params={"documentId": "0" * 64}),
    }

    for how, answer in answers.items():
        assert answer.headers["cache-control"] == "no-store", how
        assert "etag" not in answer.headers, how
    assert answers["with a token"].status_code == 200
