"""`docs/api.md` is true: its flows run from top to bottom as they stand, its documents and its table are the server's.

The shell of the flows is small, and read here: `NAME=...`, `$(api '...' | pick a.b)`, `api '...'`. What the page gets
by curl alone, and what it shows of a socket, is validated.
"""

import re
import shlex
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution import get_variable_values

from kit.clock import FrozenClock
from kit.words import OutletTier
from schema.error_codes import with_table
from server.api import schema
from tests.gql import Gql
from tests.stories.contest import Contest
from tests.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")
TAKEN = re.compile(r"\$\((.*?)\s*(?:\| pick ([\w.]+))?\)")
BY_CURL = re.compile(r"^curl .*?-d '(\{.*\})'", re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE) if found == kind]


class Shell:
    """Follows the page as a reader with a terminal would."""

    def __init__(self, gql: Gql, clock: FrozenClock) -> None:
        self.gql, self.clock = gql, clock
        self.names: dict[str, str] = {}
        self.answers: list[dict[str, Any]] = []

    async def follow(self, block: str) -> None:
        for line in block.splitlines():
            if not line or line.startswith(("api()", "pick()", "curl ", "#")):
                continue
            if assigned := ASSIGNMENT.fullmatch(line):
                self.names[assigned[1]] = await self._value(assigned[2])
            else:
                await self._run(line)

    async def _value(self, text: str) -> str:
        taken = TAKEN.fullmatch(text)
        if taken is None:
            return self._words(text)[0] if text else ""
        command, path = taken.groups()
        if command.startswith("date "):
            return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        if "uuid4" in command:
            return str(uuid4())
        found = await self._run(command)
        if path is None:
            return orjson.dumps(found).decode()
        return str(reduce(lambda value, key: value[int(key) if key.isdigit() else key], path.split("."), found))

    async def _run(self, line: str) -> Any:
        command, *words = self._words(line)
        if command == "echo":
            return orjson.loads(words[0])
        assert command == "api", line
        headers = {"authorization": f"Bearer {self.names['TOKEN']}"} if self.names["TOKEN"] else {}
        answer = (await self.gql.post(orjson.loads(words[0]), headers=headers)).json()
        self.answers.append(answer)
        return answer

    def _words(self, line: str) -> list[str]:
        """The words of a line, names filled in; the shell's are in capitals, GraphQL's are not."""
        words = shlex.split(line, comments=True)
        return [re.sub(r"\$([A-Z_]+)", lambda match: self.names[match[1]], word) for word in words]


async def test_the_flows_run_from_top_to_bottom(gql: Gql, world: World, clock: FrozenClock) -> None:
    outlet = await world.outlet("好又来", tier=OutletTier.MODERN)
    await world.learner("阿May", outlet=outlet, phone="+8613800138000")
    for _ in range(5):
        await world.course(lessons=2)
    contest = await Contest.open(world.ports, gql, world)
    await contest.published(await contest.author("小李"))
    shell = Shell(gql, clock)

    for block in blocks("sh"):
        await shell.follow(block)

    errors = [error["extensions"]["code"] for answer in shell.answers for error in answer.get("errors", ())]
    refused = [
        error["code"]
        for answer in shell.answers
        for payload in answer["data"].values()
        if isinstance(payload, dict)
        for error in payload.get("userErrors", ())
    ]
    statuses = [
        result["status"]
        for answer in shell.answers
        for result in (answer["data"].get("reportProgress") or {}).get("results", ())
    ]
    votes = [answer["data"]["voteForStory"] for answer in shell.answers if "voteForStory" in answer["data"]]
    assert [vote["entry"] for vote in votes] == [{"votes": 1, "viewerVoted": True}]
    assert len(shell.answers) >= 19
    assert errors == ["UNAUTHENTICATED"]  # all three are shown on purpose
    assert refused == ["CREDENTIALS_WRONG", "STATE_FORBIDS"]
    assert statuses == ["ACCEPTED", "DUPLICATE"]


def requests() -> Iterator[dict[str, Any]]:
    """What the page sends without `api`: by curl, and on a socket."""
    yield from (orjson.loads(body) for body in BY_CURL.findall(PAGE))
    for block in blocks("json"):
        for line in block.splitlines():
            message = orjson.loads(line)
            if message.get("type") == "subscribe":
                yield message["payload"]


def test_what_is_sent_by_other_roads_is_valid() -> None:
    sent = list(requests())

    for request in sent:
        document = parse(request["query"])
        assert validate(schema.graphql_schema, document) == []
        [operation] = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        variables = get_variable_values(
            schema.graphql_schema, operation.variable_definitions or (), request.get("variables", {})
        )
        assert not isinstance(variables, list), variables
    assert len(sent) >= 2


def test_documents_on_the_page_are_the_schemas() -> None:
    for text in blocks("graphql"):
        assert validate(schema.graphql_schema, parse(text)) == []


def test_the_table_of_error_codes_is_that_of_the_server() -> None:
    assert with_table(PAGE) == PAGE, "python main.py export-errors docs/api.md"
