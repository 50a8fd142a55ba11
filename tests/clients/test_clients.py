"""The real clients: HTTP, sockets and server-sent events, the apps' own documents, and a token that ends."""

import asyncio
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from auth.tokens import LIFE
from kit.clock import FrozenClock, SystemClock
from models.accounts import Member
from services.ports import Ports
from tests.documents import OPERATIONS
from tests.process import Serving
from tests.world import World

PASSWORD = "correct horse battery"
PHONE = "+8613900000001"
DYING_SECONDS = 6
PATIENCE_SECONDS = 120


@pytest.fixture
async def learner(world: World, clock: FrozenClock) -> Member:
    """Somebody who joined an hour ago, by the clock on the wall: the served process knows no other."""
    clock.at = SystemClock().now() - timedelta(hours=1)
    member = await world.member("阿May", phone=PHONE, password=PASSWORD)
    await world.post(member, await world.outlet())
    return member


async def told(node: Path, script: str, serving: Serving, ports: Ports, world: World, member: Member) -> dict[str, Any]:
    """The report of a client that told its story."""
    course = await world.course("陈列入门", lessons=2, seconds=60)
    session = await world.signed_in(member)
    given = {
        "url": f"{serving.address}/graphql", "documents": OPERATIONS,
        "phone": PHONE, "password": PASSWORD, "course": course.gid,
    }  # fmt: skip

    def token() -> str:
        """An access token that is about to end."""
        issued = SystemClock().now() - LIFE + timedelta(seconds=DYING_SECONDS)
        return ports.tokens.issue(member.id, session.session_id, issued)[0]

    def converse() -> dict[str, Any]:
        process = subprocess.Popen(
            ["node", script], cwd=node, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(orjson.dumps(given).decode(), file=process.stdin, flush=True)
            for line in process.stdout:
                message: dict[str, Any] = orjson.loads(line)
                if message != {"want": "token"}:
                    return message
                print(orjson.dumps(token()).decode(), file=process.stdin, flush=True)
            raise AssertionError(process.communicate(timeout=10)[1])
        finally:
            process.kill()
            process.communicate()

    return await asyncio.wait_for(asyncio.to_thread(converse), PATIENCE_SECONDS)


@pytest.mark.parametrize("script", ["graphql-ws.mjs", "apollo.mjs", "urql.mjs", "graphql-sse.mjs"])
async def test_a_real_client_asks_listens_and_outlives_its_token(
    node: Path, learner: Member, serving: Serving, ports: Ports, world: World, script: str
) -> None:
    report = await told(node, script, serving, ports, world, learner)

    assert (report["name"], report["statuses"], report["before"]) == ("阿May", ["ACCEPTED"], 0)
    assert report["after"] == report["score"] > 0
    assert "lesson.completed" in report["awards"]
    assert report["again"] == [report["after"]] * 2, "the present state comes first, again after the token's end"
    assert report["ended"] == [None if script == "graphql-sse.mjs" else 4403]
    if script == "apollo.mjs":
        assert (report["hashed"], report["levels"]) == ([{"method": "GET", "text": False}], 10)
    if script == "urql.mjs":
        assert report["streamed"] == report["after"]
