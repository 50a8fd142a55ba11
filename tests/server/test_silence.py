"""What the server does not tell: names that were not asked for, its schema where it should not, faults."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from graphql import get_introspection_query

from kit.settings import Environment, Settings
from services.ports import Ports
from tests.gql import Gql


@pytest.fixture
async def production(ports: Ports) -> AsyncIterator[Gql]:
    """An application with the settings that production has for what is shown."""
    settings = ports.settings.model_copy(update={"environment": Environment.PRODUCTION, "graphiql": False})
    async with Gql.over(replace(ports, settings=settings)) as client:
        yield client


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ cources { totalCount } }", {}),
        ("{ courses { totalCont } }", {}),
        ("{ courses(fist: 1) { totalCount } }", {}),
        ("{ courses(sort: NEWST) { totalCount } }", {}),
        ("{ courses(filter: {txt: \"a\"}) { totalCount } }", {}),
        ("query ($f: CourseFiltr) { courses(filter: $f) { totalCount } }", {}),
        ("query ($f: CourseFilter) { courses(filter: $f) { totalCount } }", {"f": {"txt": "a"}}),
        ("query ($f: CourseFilter) { courses(filter: $f) { totalCount } }", {"f": {"kind": "REQUIRD"}}),
        ("query ($s: CourseSort) { courses(sort: $s) { totalCount } }", {"s": "NEWST"}),
        ("{ viewer { id @skp(if: true) } }", {}),
        ("{ viewer { ...Fragmnt } } fragment Fragment on Viewer { id }", {}),
        ("{ node(id: 1) { ... on Corse { id } } }", {}),
    ],
)  # fmt: skip
async def test_no_message_suggests_a_name(gql: Gql, document: str, variables: dict[str, object]) -> None:
    text = (await gql.post({"query": document, "variables": variables})).text

    assert "errors" in text
    for hint in ("Did you mean", "totalCount", "NEWEST", "REQUIRED", "'text'", "'first'", "'filter'", "'Course'"):
        assert hint not in text.replace("'CourseFilter'", ""), text


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(), '{ __type(name: "Course") { name } }',
        "{ ...F } fragment F on Query { a: __schema { queryType { name } } }",
    ],
)  # fmt: skip
async def test_production_does_not_describe_itself(production: Gql, gql: Gql, document: str) -> None:
    refused, shown = await production.ask(document), await gql.ask(document)

    assert "introspection is switched off" in refused["errors"][0]["message"]
    assert "data" not in refused
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "errors" not in shown


async def test_a_type_name_is_no_secret(production: Gql) -> None:
    assert await production.ask("{ __typename levels { __typename number } }") is not None
    assert (await production.ask("{ __typename }"))["data"] == {"__typename": "Query"}


async def test_a_socket_does_not_describe_it_either(production: Gql) -> None:
    async with production.socket() as socket:
        socket.subscribe("1", "{ __schema { queryType { name } } }")
        refused = await socket.receive()

    assert refused["type"] == "error"
    assert "introspection is switched off" in refused["payload"][0]["message"]


@pytest.mark.parametrize(
    ("environment", "chosen", "shown"),
    [
        (Environment.DEVELOPMENT, None, True), (Environment.PRODUCTION, None, False),
        (Environment.DEVELOPMENT, False, False), (Environment.PRODUCTION, True, True),
    ],
)  # fmt: skip
def test_introspection_is_for_development_unless_set(
    environment: Environment, chosen: bool | None, shown: bool
) -> None:
    assert Settings(environment=environment, introspection=chosen).may_introspect is shown


async def test_graphiql_is_not_there_where_it_is_off(production: Gql) -> None:
    assert (await production.http.get("/graphiql")).status_code == 404


async def test_a_variable_of_a_wrong_kind_leaves_no_trace_in_the_log(
    gql: Gql, member: UUID, capfd: pytest.CaptureFixture[str]
) -> None:
    document = (
        'query ($id: ID!) { node(id: $id) { id } courses(filter: {text: "13800138000"}, first: 0) { totalCount } }'
    )

    await gql.post({"query": document, "variables": {"id": ["secret-in-a-variable"]}}, by=member)
    await gql.post({"query": document, "variables": {"id": "secret-in-a-variable"}}, by=member)

    said = "".join(capfd.readouterr())
    assert "secret-in-a-variable" not in said
    assert "13800138000" not in said
