"""The product's spine, as a stranger meets it: one command, then everything over the network."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from kit.clock import SystemClock
from kit.ids import new_id
from tests.documents import OPERATIONS

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60.0


class Phone:
    """An app on a phone: it knows an address, and a token once it has signed in."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def send(self, operation: str, **variables: object) -> dict[str, Any]:
        answer = (
            await self.http.post("/graphql", json={"query": OPERATIONS[operation], "variables": variables})
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def sign_in(self, phone: str) -> str:
        """Give the access token; every later call carries it."""
        asked = await self.send("RequestSignInCode", input={"phone": phone, "deviceId": "test"})
        assert asked["requestSignInCode"]["userErrors"] == []
        proof = {"phone": phone, "code": "888888", "deviceId": "test", "deviceName": "Test"}
        signed_in = (await self.send("SignInWithCode", input=proof))["signInWithCode"]
        assert signed_in["userErrors"] == []
        token: str = signed_in["session"]["accessToken"]
        self.http.headers["authorization"] = f"Bearer {token}"
        return token

    async def course_not_begun(self) -> dict[str, Any]:
        """A course of the demo's that this learner has not opened."""
        listed = await self.send("CourseList", first=100)
        fresh = [one for one in listed["courses"]["nodes"] if one["viewerProgress"]["percent"] == 0]
        assert fresh, "the demo leaves something to learn"
        course: dict[str, Any] = (await self.send("CourseDetail", id=fresh[0]["id"]))["course"]
        return course

    async def watch(self, lesson: dict[str, Any], kind: str) -> dict[str, Any]:
        """Report a whole lesson in one event."""
        now = SystemClock().now()
        event = {
            "eventId": str(new_id()),
            "lessonId": lesson["id"],
            "kind": kind,
            "occurredAt": (now - timedelta(seconds=1)).isoformat(),
            "spans": [{"fromSeconds": 0, "toSeconds": lesson["durationSeconds"]}],
            "playbackRate": 1.0,
        }
        sent = await self.send("ReportProgress", input={"sentAt": now.isoformat(), "events": [event]})
        report: dict[str, Any] = sent["reportProgress"]
        assert report["userErrors"] == []
        assert [result["status"] for result in report["results"]] == ["ACCEPTED"]
        return report


async def subscribe(socket: ClientConnection, token: str, operation: str, **variables: object) -> None:
    await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    payload = {"query": OPERATIONS[operation], "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def next_event(socket: ClientConnection) -> dict[str, Any]:
    """The data of the next event, within the second that the academy promises."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (message := json.loads(await socket.recv()))["type"] == "ping":
            await socket.send(json.dumps({"type": "pong"}))
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    data: dict[str, Any] = message["payload"]["data"]
    return data


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """What the server said up to the line that has `word`."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(f"the server ended: {said}")


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """(address, banner) of a server started by its one command on an empty directory."""
    data = tmp_path_factory.mktemp("served")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACADEMY_")}
    command = [sys.executable, "main.py", "serve", "--port", "0", "--data-dir", str(data)]
    with subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True) as process:
        try:
            banner = await asyncio.to_thread(read_until, process, "Ctrl-C")
            found = re.search(r"(http://127\.0\.0\.1:\d+)/graphql", banner)
            assert found, banner
            yield found[1], banner
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.to_thread(process.communicate, timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


@pytest.fixture
async def phone(served: tuple[str, str]) -> AsyncIterator[Phone]:
    async with httpx.AsyncClient(base_url=served[0], timeout=PATIENCE_SECONDS) as http:
        yield Phone(http)


async def test_a_stranger_signs_in_learns_and_sees_the_board_move(served: tuple[str, str], phone: Phone) -> None:
    address, banner = served
    numbers = re.findall(r"\+86\d{11}", banner)
    token = await phone.sign_in(numbers[0])
    course = await phone.course_not_begun()
    lesson = course["lessons"][0]
    board = {"metric": "POINTS", "period": "WEEK"}
    before = (await phone.send("HonourBoard", **board))["honourBoard"]

    async with connect(f"ws{address[4:]}/graphql", subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await subscribe(socket, token, "BoardMoved", boardId=before["id"])
        present = (await next_event(socket))["honourBoardMoved"]
        report = await phone.watch(lesson, "READ" if course["form"] == "ARTICLE" else "WATCHED")
        told = SystemClock().now()
        moved = (await next_event(socket))["honourBoardMoved"]
        waited = SystemClock().now() - told

    earned = sum(award["points"] for award in report["awards"])
    old_score = (present["viewerStanding"] or {"score": 0})["score"]
    assert earned > 0
    assert report["lessons"][0]["viewerProgress"]["completedAt"] is not None
    assert report["viewer"]["points"]["thisWeek"] == moved["viewerStanding"]["score"] == old_score + earned
    assert waited < timedelta(seconds=5), waited  # a second on a quiet machine
    after = (await phone.send("HonourBoard", **board))["honourBoard"]
    assert not after["stale"]
    assert after["viewerStanding"] != before["viewerStanding"]
    assert after["viewerStanding"]["score"] == old_score + earned


async def test_every_demo_account_signs_in(served: tuple[str, str], phone: Phone) -> None:
    numbers = re.findall(r"\+86\d{11}", served[1])
    assert len(numbers) == 7  # one for each role, and two learners of one shop

    for number in numbers:
        phone.http.headers.pop("authorization", None)
        await phone.sign_in(number)


async def test_the_server_says_that_it_is_ready(phone: Phone) -> None:
    assert (await phone.http.get("/healthz")).status_code == 200
    assert (await phone.http.get("/readyz")).status_code == 200


async def test_media_comes_by_signed_address_in_ranges(served: tuple[str, str], phone: Phone) -> None:
    await phone.sign_in(re.findall(r"\+86\d{11}", served[1])[0])
    listed = (await phone.send("CourseList", first=5, filter={"form": "VIDEO"}))["courses"]["nodes"]
    lesson = (await phone.send("CourseDetail", id=listed[0]["id"]))["course"]["lessons"][0]

    part = await phone.http.get(lesson["mediaUrl"], headers={"range": "bytes=0-99"})

    assert part.status_code == 206
    assert len(part.content) == 100
    assert part.headers["content-range"] == f"bytes 0-99/{lesson['media']['sizeBytes']}"
