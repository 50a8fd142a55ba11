"""The documents that bring other servers down. Each is refused for little more than a plain query costs.

Times are of this process's own work, the least of several, as ratios to a plain query in the same run.
"""

from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from tests.gql import Gql

PLAIN = {"query": "{ viewer { id displayName } courses(first: 5) { nodes { id title } } }"}
MOST_PLAIN_QUERIES = 10
"""A plain query takes 2-5 ms, an attack less than 50."""

BOMB = (
    "".join(f" fragment F{i} on Course{{...F{i + 1} ...F{i + 1}}}" for i in range(30)) + " fragment F30 on Course{id}"
)
NESTED = "".join(
    f" fragment F{i} on Region{{a:ancestors{{...F{i + 1}}} b:ancestors{{...F{i + 1}}}}}" for i in range(30)
)
DEEP = "{regions{nodes{" + "ancestors{" * 60 + "id" + "}" * 60 + "}}}"
SCHEMA = "{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}"
IDS = "query($ids:[ID!]!){nodes(ids:$ids){id}}"
COURSES = "query($filter:CourseFilter){courses(filter:$filter){totalCount}}"

ATTACKS: dict[str, dict[str, Any]] = {
    "10,000 aliases": {"query": "{" + " ".join(f"a{i}:viewer{{id}}" for i in range(10_000)) + "}"},
    "600 aliases": {"query": "{" + " ".join(f"a{i}:__typename" for i in range(600)) + "}"},
    "100,000 tokens": {"query": "{" + "a " * 100_000 + "}"},
    "9,000 tokens": {"query": "{" + "a " * 9_000 + "}"},
    "a flat fragment bomb": {"query": "{courses{nodes{...F0}}}" + BOMB},
    "a nested fragment bomb": {"query": "{regions{nodes{...F0}}}" + NESTED + " fragment F30 on Region{id}"},
    "a bomb beside a small operation": {
        "query": "query A{viewer{id}} query B{courses{nodes{...F0}}}" + BOMB, "operationName": "A"
    },
    "fragments in a circle": {"query": "{...F}fragment F on Query{...G}fragment G on Query{...F}"},
    "1,000 conflicting fields": {"query": "{" + " ".join(f"course(id:{i}){{id}}" for i in range(1_000)) + "}"},
    "200 conflicting fields": {"query": "{" + " ".join(f"course(id:{i}){{id}}" for i in range(200)) + "}"},
    "deep nesting": {"query": DEEP},
    "deeper nesting": {"query": "{" + "a{" * 5_000},
    "a page of 100,000": {"query": "{courses(first:100000){nodes{id}}}"},
    "pages within pages": {"query": "{regions(first:100){nodes{ancestors{ancestors{ancestors{ancestors{id}}}}}}}"},
    "10,000 directives": {"query": "{viewer{id " + "@skip(if:false)" * 10_000 + "}}"},
    "300 directives": {"query": "{viewer{id " + "@skip(if:false)" * 300 + "}}"},
    "1,000 operations": {"query": "".join(f"query Q{i}{{__typename}}" for i in range(1_000)), "operationName": "Q1"},
    "150 operations": {"query": "".join(f"query Q{i}{{__typename}}" for i in range(150)), "operationName": "Q1"},
    "introspection within introspection": {"query": SCHEMA},
    "deep lists in a literal": {"query": "{nodes(ids:" + "[" * 190 + "]" * 190 + "){id}}"},
    "deep lists in a variable": {"query": IDS, "variables": {"ids": orjson.loads("[" * 200 + "]" * 200)}},
    "long lists in a variable": {"query": IDS, "variables": {"ids": ["x"] * 50_000}},
    "wide objects in a variable": {"query": COURSES, "variables": {"filter": {f"a{i}": i for i in range(20_000)}}},
    "1,500 unknown names in one": {"query": COURSES, "variables": {"filter": {f"a{i}": i for i in range(1_500)}}},
    "a huge text in a variable": {"query": COURSES, "variables": {"filter": {"text": "a" * 250_000}}},
    "a text that swells when composed": {"query": COURSES, "variables": {"filter": {"text": "\ufdfa" * 80_000}}},
    "marks without end": {"query": COURSES, "variables": {"filter": {"text": "e" + "\u0315\u0300" * 24_000}}},
    "a huge text in a literal": {"query": '{courses(filter:{text:"' + "a" * 19_000 + '"}){totalCount}}'},
    "1,000 variables": {
        "query": "query(" + " ".join(f"$a{i}:Int" for i in range(1_000)) + "){__typename}", "variables": {}
    },
    "one variable again and again": {"query": "query(" + "$a:Int " * 400 + "){__typename}"},
    "a megabyte": {"query": "{viewer{id}}", "variables": {"a": "x" * 1_000_000}},
    "a megabyte of document": {"query": "{viewer{id}}#" + "x" * 1_000_000},
    "comments": {"query": "#\n" * 9_000 + "{viewer{id}}"},
    "names that are almost right": {"query": "{" + " ".join(f"cources{i}" for i in range(600)) + "}"},
}  # fmt: skip

Send = Callable[[dict[str, Any]], Awaitable[httpx.Response]]


@pytest.fixture
async def send(gql: Gql, member: UUID) -> Send:
    """Sends a request as a member does, and is warm."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {await gql.token(member)}"}

    async def sent(body: dict[str, Any]) -> httpx.Response:
        return await gql.http.post("/graphql", content=orjson.dumps(body), headers=headers)

    for _ in range(5):
        assert "errors" not in (await sent(PLAIN)).json()
    return sent


async def cost_of(send: Send, body: dict[str, Any], times: int) -> float:
    found: list[float] = []
    for _ in range(times):
        began = process_time()
        await send(body)
        found.append(process_time() - began)
    return min(found)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_for_little_more_than_a_plain_query(send: Send, name: str) -> None:
    response = await send(ATTACKS[name])

    assert response.status_code < 500
    assert response.json()["errors"][0]["extensions"]["code"] in ("QUERY_TOO_COMPLEX", "BAD_USER_INPUT")
    assert not response.json().get("data", {}) or set(response.json()["data"].values()) == {None}
    attack, plain = await cost_of(send, ATTACKS[name], 5), await cost_of(send, PLAIN, 10)
    assert attack < MOST_PLAIN_QUERIES * plain, f"{attack / plain:.1f} plain queries"
