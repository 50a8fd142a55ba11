"""The documents that bring other servers down. Each is refused for little more than a plain query costs.

Times are of this process's own work, the least of several, as ratios to a plain query in the same run.
"""

from collections.abc import Awaitable, Callable
from time import process_time
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from kit.ids import new_id
from kit.settings import Settings
from models.accounts import Member
from server import refusals
from server.admission import PRICE_OF_BAD_VALUES
from server.bodies import SMALL_BYTES
from server.trusted import load_trusted
from services.ports import Ports
from tests.gql import Gql
from tests.sockets import Closed, TestSocket

PLAIN: dict[str, Any] = {"query": "{ viewer { id displayName } courses(first: 5) { nodes { id title } } }"}
TRUSTED = next(
    text for operation in load_trusted().operations if operation.name == "Modules" for text in operation.texts.values()
)
MOST_REFUSED = Settings().sender_refusals
MOST_ONCE_IMPATIENT = 1
"""Once too much was refused, large bodies are not read any more, and documents neither."""
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
    attack, plain = await cost_of(send, ATTACKS[name], 10), await cost_of(send, PLAIN, 10)
    assert attack < MOST_PLAIN_QUERIES * plain, f"{attack / plain:.1f} plain queries"


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_over_a_socket_is_refused_for_little_more_than_a_plain_query(
    gql: Gql, member: UUID, name: str
) -> None:
    async def told(socket: TestSocket, body: dict[str, Any]) -> dict[str, Any] | Closed:
        """The answer to one operation, or how the server hung up."""
        socket.send({"id": "1", "type": "subscribe", "payload": body})
        try:
            answer = await socket.receive()
            if answer["type"] == "next":
                assert (await socket.receive())["type"] == "complete"
        except Closed as closed:
            return closed
        return answer

    async def cost(body: dict[str, Any]) -> float:
        found: list[float] = []
        for _ in range(10):
            async with gql.socket(by=member) as socket:
                began = process_time()
                await told(socket, body)
                found.append(process_time() - began)
        return min(found)

    async with gql.socket(by=member) as socket:
        answer = await told(socket, ATTACKS[name])

    if isinstance(answer, Closed):
        assert answer.code == 1009
    else:
        # What is wrong with one field alone is answered beside the others, as a result.
        shown = {"errors": answer["payload"]} if answer["type"] == "error" else answer["payload"]
        assert shown["errors"][0]["extensions"]["code"] in ("QUERY_TOO_COMPLEX", "BAD_USER_INPUT")
        assert set((shown.get("data") or {}).values()) <= {None}
    attack, plain = await cost(ATTACKS[name]), await cost(PLAIN)
    assert attack < MOST_PLAIN_QUERIES * plain, f"{attack / plain:.1f} plain queries"


async def test_once_too_much_was_refused_an_attack_costs_less_than_a_plain_query(
    gql: Gql, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "monotonic", lambda: 1_000.0)  # patience does not come back meanwhile
    monkeypatch.setattr(refusals, "PAUSE_SECONDS", 0)
    neighbour, attacker = [await another(ports) for _ in range(2)]
    app = Phone(gql, await gql.token(neighbour), {"query": TRUSTED})
    script = Phone(gql, await gql.token(attacker), {})
    for body in [*ATTACKS.values(), *ATTACKS.values()][: MOST_REFUSED + 1]:
        await script.send(body)

    assert {(await script.send(body)).json()["errors"][0]["extensions"]["code"] for body in ATTACKS.values()} <= {
        "THROTTLED", "QUERY_TOO_COMPLEX"
    }  # fmt: skip

    for name, body in ATTACKS.items():
        attack_cost, plain_cost = await cost_of(script.send, body, 3), await cost_of(app.send, PLAIN, 3)
        assert attack_cost < MOST_ONCE_IMPATIENT * plain_cost, name


async def test_too_many_refused_documents_close_the_door_to_unknown_ones_for_a_while(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(refusals, "monotonic", lambda: now[0])
    monkeypatch.setattr(refusals, "PAUSE_SECONDS", 0)
    app = Phone(gql, await gql.token(member), {"query": TRUSTED})
    for _ in range(MOST_REFUSED):
        assert (await app.send({"query": "{nothing}"})).json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"

    shut = (await app.send({"query": "{viewer{id}}"})).json()
    large = (await app.send({"query": TRUSTED, "variables": {"more": "x" * SMALL_BYTES}})).json()
    by_app = (await app.send(app.plain)).json()
    now[0] += shut["errors"][0]["extensions"]["retryAfterSeconds"]
    again = (await app.send({"query": "{viewer{id}}"})).json()

    assert [answer["errors"][0]["extensions"]["code"] for answer in (shut, large)] == ["THROTTLED"] * 2
    assert "errors" not in by_app
    assert "errors" not in again


async def test_what_a_member_sends_does_not_cost_others_of_their_network(
    gql: Gql, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "monotonic", lambda: 1_000.0)
    monkeypatch.setattr(refusals, "PAUSE_SECONDS", 0)
    attacker, neighbour = [Phone(gql, await gql.token(await another(ports)), PLAIN) for _ in range(2)]
    for _ in range(MOST_REFUSED):
        await attacker.send({"query": "{nothing}"})

    shut = (await attacker.send(PLAIN)).json()
    beside = (await neighbour.send(PLAIN)).json()
    signed_out = (await gql.http.post("/graphql", json=PLAIN)).json()

    assert shut["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "errors" not in beside
    assert "errors" not in signed_out


@pytest.mark.parametrize("body", [b"{", b"null", b'{"query":"{viewer{id}}","variables":[]}'])
async def test_bodies_that_no_app_sends_are_held_against_their_sender(
    gql: Gql, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "monotonic", lambda: 1_000.0)
    monkeypatch.setattr(refusals, "PAUSE_SECONDS", 0)
    for _ in range(MOST_REFUSED):
        answer = await gql.http.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400

    shut = (await gql.http.post("/graphql", json=PLAIN)).json()
    by_app = (await gql.http.post("/graphql", json={"query": TRUSTED})).json()

    assert shut["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "errors" not in by_app


async def test_who_wore_out_our_patience_waits_to_hear_so(
    gql: Gql, member: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(refusals, "monotonic", lambda: 1_000.0)
    monkeypatch.setattr(refusals, "asyncio", SimpleNamespace(sleep=wait))
    script = Phone(gql, await gql.token(member), {})
    for _ in range(MOST_REFUSED + 3):
        await script.send({"query": "{nothing}"})

    assert waits == [refusals.PAUSE_SECONDS] * 3


async def test_values_that_are_refused_cost_the_member_who_sends_them(gql: Gql, member: UUID) -> None:
    app = Phone(gql, await gql.token(member), {"query": TRUSTED})
    first = (await app.send(app.plain)).json()["extensions"]["cost"]

    bad = (await app.send({"query": COURSES, "variables": {"filter": {"text": "a" * 5_000}}})).json()
    after = (await app.send(app.plain)).json()["extensions"]["cost"]

    assert "errors" in bad
    assert first["remaining"] - after["remaining"] == PRICE_OF_BAD_VALUES + after["requested"]


class Phone:
    """Sends requests as one member."""

    def __init__(self, gql: Gql, token: str, plain: dict[str, Any]) -> None:
        self.gql = gql
        self.plain = plain
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}

    async def send(self, body: dict[str, Any]) -> httpx.Response:
        return await self.gql.http.post("/graphql", content=orjson.dumps(body), headers=self._headers)


async def another(ports: Ports) -> UUID:
    row = await Member.create(id=new_id(), display_name="小李", joined_at=ports.clock.now())
    return row.id
