"""Bodies: how large, how packed, and how little a wrong one costs."""

import gzip
import random
import zlib
from collections.abc import Callable
from time import process_time
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from graphql import GraphQLInputObjectType, coerce_input_value
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList

from gamification.reports import MOST_SPANS
from kit.ids import new_id
from schema.learning import LearningEventInput
from server.api import schema
from services.ports import Ports
from tests.gql import Gql
from tests.progress.desk import learner, station
from tests.world import World

VIEWER = b'{"query":"{ viewer { id } }"}'
REPORT = """
mutation ($input: ReportProgressInput!) { reportProgress(input: $input) { results { status } userErrors { code } } }
"""
PROFILE = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { code field } } }"


async def sent(gql: Gql, body: bytes, encoding: str = "gzip", *, by: UUID | None = None) -> httpx.Response:
    headers = {"content-type": "application/json", "content-encoding": encoding, "accept-language": "en"}
    if by is not None:
        headers["authorization"] = f"Bearer {await gql.token(by)}"
    return await gql.http.post("/graphql", content=body, headers=headers)


def batch(gql: Gql, spans: int, document: str = REPORT, lesson: str = "x") -> bytes:
    """A hundred events of so many spans each, no two the same."""
    moment = gql.ports.clock.now().isoformat()
    watched = [{"fromSeconds": 1000 + 2 * step, "toSeconds": 1001 + 2 * step} for step in range(spans)]
    events = [
        {"eventId": str(new_id()), "lessonId": lesson, "kind": "WATCHED", "occurredAt": moment, "spans": watched}
        for _ in range(100)
    ]
    return orjson.dumps({"query": document, "variables": {"input": {"sentAt": moment, "events": events}}})


def code(response: httpx.Response) -> str:
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


async def test_a_packed_body_is_unpacked(gql: Gql) -> None:
    response = await sent(gql, gzip.compress(VIEWER))

    assert (response.status_code, response.json()["data"]) == (200, {"viewer": None})


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "x-gzip"])
async def test_no_other_packing_is_taken(gql: Gql, encoding: str) -> None:
    response = await sent(gql, VIEWER, encoding)

    assert (response.status_code, response.headers["accept-encoding"]) == (415, "gzip")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(VIEWER)[:-4], gzip.compress(VIEWER)[:12], b"", b"x", gzip.compress(VIEWER) + b"x",
        gzip.compress(VIEWER) * 2, zlib.compress(VIEWER), VIEWER, gzip.compress(VIEWER)[:-8] + b"\0" * 8,
    ],
    ids=["cut", "begun", "empty", "no gzip", "more behind it", "twice", "deflate", "not packed", "wrong sum"],
)  # fmt: skip
async def test_a_packed_body_that_is_not_whole_is_400(gql: Gql, body: bytes) -> None:
    response = await sent(gql, body)

    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


async def test_a_bomb_is_left_unexploded(gql: Gql) -> None:
    """50 MB in 50 KB: put down when what came out is out of proportion, after no longer than a plain query."""
    bomb = gzip.compress(b" " * 50_000_000)
    await sent(gql, gzip.compress(VIEWER))
    plain = await cpu_of(gql, gzip.compress(VIEWER))

    response = await sent(gql, bomb)

    assert (response.status_code, code(response)) == (413, "QUERY_TOO_COMPLEX")
    assert await cpu_of(gql, bomb) < 3 * plain


async def test_a_batch_of_a_member_may_hold_a_megabyte(gql: Gql, member: UUID) -> None:
    body = batch(gql, 30)
    body = body[:-1] + b',"extensions":{"app":"' + random.Random(1).randbytes(450_000).hex().encode() + b'"}}'
    assert 1_000_000 < len(body) < 1_048_576

    plain = await sent(gql, body, "identity", by=member)
    packed = await sent(gql, gzip.compress(body), by=member)

    for response in (plain, packed):
        results = response.json()["data"]["reportProgress"]["results"]
        assert [result["status"] for result in results] == ["REJECTED"] * 100  # there is no such lesson


async def test_a_hundred_events_with_all_the_spans_they_may_have_are_taken(
    gql: Gql, ports: Ports, world: World
) -> None:
    course = await world.course("陈列", lessons=1, seconds=3_600)
    may = await learner(ports, await station(ports))

    response = await sent(gql, batch(gql, MOST_SPANS, lesson=course.lesson_gids[0]), "identity", by=may.member_id)

    results = response.json()["data"]["reportProgress"]["results"]
    assert [result["status"] for result in results] == ["ACCEPTED"] * 100


def test_making_events_of_a_batch_is_little_beside_checking_it(gql: Gql) -> None:
    """Strawberry's own way takes five times as long as graphql-core's check, half a second for a whole batch."""
    checked_by = schema.graphql_schema.type_map["LearningEventInput"]
    assert isinstance(checked_by, GraphQLInputObjectType)
    events = orjson.loads(batch(gql, MOST_SPANS))["variables"]["input"]["events"]

    def check() -> list[Any]:
        return [coerce_input_value(event, checked_by) for event in events]

    def make() -> Any:
        scalars = schema.schema_converter.scalar_registry
        return convert_argument(checked, StrawberryList(LearningEventInput), scalars, schema.config)

    checked = check()
    made = make()

    assert [len(event.plain(0).spans) for event in made] == [MOST_SPANS] * 100
    assert least(make) < 2 * least(check)


def least(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of five."""
    found: list[float] = []
    for _ in range(5):
        began = process_time()
        work()
        found.append(process_time() - began)
    return min(found)


@pytest.mark.parametrize("document", [REPORT.replace("reportProgress(", "a: reportProgress("), REPORT])
async def test_a_batch_of_nobody_is_not_looked_into(gql: Gql, document: str) -> None:
    response = await sent(gql, batch(gql, 30, document) + b" " * 262_144, "identity")

    assert code(response) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { id } }", PROFILE, "{",
        REPORT.replace("reportProgress", "signOut(input: {}) { signedOutSessions } reportProgress"),
    ],
)  # fmt: skip
async def test_nothing_else_may_be_as_large_as_a_batch(gql: Gql, member: UUID, document: str) -> None:
    response = await sent(gql, batch(gql, 30, document) + b" " * 262_144, "identity", by=member)

    assert code(response) in ("QUERY_TOO_COMPLEX", "BAD_USER_INPUT")
    assert response.status_code == (200 if document == "{" else 413)


async def test_a_batch_of_more_values_than_are_looked_at_is_413(gql: Gql, member: UUID) -> None:
    response = await sent(gql, batch(gql, MOST_SPANS + 10), "identity", by=member)

    assert (response.status_code, code(response)) == (413, "QUERY_TOO_COMPLEX")


async def test_more_than_a_batch_is_413_whoever_sends_it(gql: Gql, member: UUID) -> None:
    body = batch(gql, 10) + b" " * 1_048_576

    plain, packed = await sent(gql, body, "identity", by=member), await sent(gql, gzip.compress(body), by=member)

    assert (plain.status_code, packed.status_code) == (413, 413)


WRONG = {
    "null": b"null",
    "a number": b"5",
    "a huge integer": b"9" * 200_000,
    "a huge integer in a variable": b'{"query":"{viewer{id}}","variables":{"a":' + b"9" * 200_000 + b"}}",
    "bad UTF-8": b'{"query":"' + b"\xff" * 200_000 + b'"}',
    "a lone surrogate": b'{"query":"{viewer{id}}","variables":{"a":"\\ud800"}}',
    "deep lists": b"[" * 250_000,
    "deep objects": b'{"a":' * 50_000,
    "deep variables": b'{"query":"{viewer{id}}","variables":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    "no end": b'{"query":"' + b"a" * 250_000,
    "not packed": gzip.compress(random.Random(1).randbytes(200_000)),
}


@pytest.mark.parametrize("name", sorted(WRONG))
async def test_a_wrong_body_is_400_and_costs_less_than_a_plain_query(gql: Gql, member: UUID, name: str) -> None:
    plain = await cpu_of(gql, VIEWER, "identity", by=member)

    response = await sent(gql, WRONG[name], "identity")

    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")
    assert await cpu_of(gql, WRONG[name], "identity") < 1.5 * plain


async def cpu_of(gql: Gql, body: bytes, encoding: str = "gzip", *, by: UUID | None = None) -> float:
    """Seconds of this process's time, the least of several: noise only adds."""
    found: list[float] = []
    for _ in range(12):
        began = process_time()
        await sent(gql, body, encoding, by=by)
        found.append(process_time() - began)
    return min(found)


async def field(gql: Gql, document: str, variables: dict[str, Any], by: UUID) -> tuple[int, list[str]]:
    response = await gql.post({"query": document, "variables": variables}, by=by)
    return response.status_code, response.json()["errors"][0]["extensions"]["field"]


async def test_what_nobody_types_is_refused_where_it_stands(gql: Gql, member: UUID) -> None:
    event = {"eventId": str(new_id()), "lessonId": "x\0", "kind": "READ", "occurredAt": "2026-03-02T04:00:00Z"}
    report = {"input": {"sentAt": "2026-03-02T04:00:00Z", "events": [{**event, "lessonId": "x"}, event]}}
    courses = "query ($filter: CourseFilter, $after: String) { courses(filter: $filter, after: $after) { totalCount } }"

    assert await field(gql, REPORT, report, member) == (400, ["events", "1", "lessonId"])
    assert await field(gql, courses, {"filter": {"text": "a\0"}}, member) == (400, ["filter", "text"])
    assert await field(gql, courses, {"after": "a" * 2001}, member) == (200, ["after"])
    for literal, where in (
        ('courses(filter: {text: "a\\u0000"})', ["filter", "text"]),
        (f'courses(after: "{"a" * 2001}")', ["after"]),
        (f"courses(first: {'9' * 5000})", ["first"]),
        ('nodes(ids: ["a", "\\u{0}"])', ["ids", "1"]),
    ):
        assert await field(gql, f"{{ {literal} {{ __typename }} }}", {}, member) == (200, where)


async def test_a_number_without_bounds_is_refused(gql: Gql, member: UUID) -> None:
    moment = "2026-03-02T04:00:00Z"
    event = f'{{eventId: "{new_id()}", lessonId: "x", kind: READ, occurredAt: "{moment}", playbackRate: 1e999}}'
    report = f'reportProgress(input: {{sentAt: "{moment}", events: [{event}]}})'
    document = f"mutation {{ {report} {{ userErrors {{ code }} }} }}"

    assert await field(gql, document, {}, member) == (200, ["events", "0", "playbackRate"])


async def test_a_value_of_another_kind_is_refused_where_it_stands(gql: Gql, member: UUID) -> None:
    spans = [{"fromSeconds": 0, "toSeconds": "x"}]
    event = {"eventId": str(new_id()), "lessonId": "x", "kind": "READ", "occurredAt": "2026-03-02T04:00:00Z"}
    report = {"input": {"sentAt": "2026-03-02T04:00:00Z", "events": [event, {**event, "spans": spans}]}}

    assert await field(gql, REPORT, report, member) == (200, ["events", "1", "spans", "0", "toSeconds"])
    assert await field(gql, "query ($id: ID!) { node(id: $id) { id } }", {"id": []}, member) == (200, ["id"])


@pytest.mark.parametrize("literal", [False, True])
async def test_too_long_a_text_is_a_user_error_of_its_field(gql: Gql, member: UUID, literal: bool) -> None:
    name = "a" * 2001
    if literal:
        document = f'mutation {{ updateProfile(input: {{displayName: "{name}"}}) {{ userErrors {{ code field }} }} }}'
        answer = await gql.ask(document, by=member)
    else:
        answer = await gql.ask(PROFILE, {"input": {"displayName": name}}, by=member)

    assert answer["data"]["updateProfile"]["userErrors"] == [{"code": "BAD_USER_INPUT", "field": ["displayName"]}]


@pytest.mark.parametrize("literal", [False, True])
async def test_text_is_kept_composed_and_otherwise_as_it_came(gql: Gql, member: UUID, literal: bool) -> None:
    came, kept = "Jose\u0301 <b>&", "Jos\u00e9 <b>&"
    if literal:
        await gql.ask(
            f'mutation {{ updateProfile(input: {{displayName: "{came}"}}) {{ userErrors {{ code }} }} }}', by=member
        )
    else:
        await gql.ask(PROFILE, {"input": {"displayName": came}}, by=member)

    answer = await gql.ask("{ viewer { displayName } }", by=member)

    assert answer["data"]["viewer"]["displayName"] == kept


@pytest.mark.parametrize("count", [2_000, 100_000])
async def test_variables_hold_no_more_values_than_are_looked_at(gql: Gql, member: UUID, count: int) -> None:
    response = await sent(
        gql, orjson.dumps({"query": "{ viewer { id } }", "variables": {"a": [0] * count}}), "identity"
    )

    assert (response.status_code, code(response)) == (413, "QUERY_TOO_COMPLEX")
