"""One room with thousands in it, over real WebSockets: every message to everybody, beside a plain Strawberry server.

.venv/bin/python -m bench.room

Beside two thousand there is a room of five, without the plain server. The followers are a process of their own, and so
is each server. A message counts from the moment before it is posted to
the moment a follower has it; the servers run one after the other, under the same load.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx

from bench.ground import Figure, main, percentiles
from kit.clock import monotonic
from kit.db import copy_rows
from kit.ids import new_id, to_global
from kit.words import LiveStatus, Role
from models.accounts import grant
from models.live import LiveLesson, LiveStep
from services.ports import Ports
from services.signing import ready_keys

FOLLOWERS, MOST_FOLLOWERS = 2_000, 5_000
MESSAGES = 20
PAUSE_SECONDS = 1.0
ROOT = Path(__file__).parents[1]
ROOM = """
subscription LiveRoom($liveLessonId: ID!, $after: Int) {
  liveRoom(liveLessonId: $liveLessonId, after: $after) {
    seq at offsetSeconds
    event {
      __typename
      ... on LiveStatusChanged { status }
      ... on LiveMessagePosted { id kind text author { id displayName } }
      ... on LiveMessageRemoved { id }
      ... on LivePollOpened { poll { id question options { id text } closesAt } }
      ... on LivePollClosed { poll { id options { id text votes } } }
      ... on LiveCheckInAsked { id answerBy }
      ... on LiveAudienceChanged { watching }
      ... on LiveProductPinned { product { id title } }
    }
  }
}
"""
POST = """
mutation ($input: PostLiveMessageInput!) { postLiveMessage(input: $input) { message { seq } userErrors { code } } }
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What a server did: seconds from posting to having it, for each delivery, and of processor for all of them."""

    seconds: list[float]
    processor_seconds: float

    @property
    def each_microseconds(self) -> float:
        return self.processor_seconds / len(self.seconds) * 1e6


async def figures(ports: Ports, learners: int) -> list[Figure]:
    async def say_there(http: httpx.AsyncClient, number: int) -> None:
        (await http.post("/say", json={"seq": number, "text": _text(number)})).raise_for_status()

    some, most = min(FOLLOWERS, learners), min(MOST_FOLLOWERS, learners)
    ours = await _ours(ports, some)
    plain = await _run("plain", ports, {"liveLessonId": "room"}, [""] * some, say_there)
    found = _figures(ours, some, plain)
    return found + _figures(await _ours(ports, most), most) if most > some else found


async def _ours(ports: Ports, followers: int) -> Run:
    """A room of its own, whose host is among the followers."""
    lesson_id, host = await _room(ports)
    tokens = await _tokens(ports, [host, *await _members(ports, followers - 1)])
    variables: dict[str, object] = {"liveLessonId": to_global("LiveLesson", lesson_id)}

    async def say(http: httpx.AsyncClient, number: int) -> None:
        given = {"liveLessonId": variables["liveLessonId"], "kind": "CHAT", "clientId": str(new_id())}
        body = {"query": POST, "variables": {"input": {**given, "text": _text(number)}}}
        answer = await http.post("/graphql", json=body, headers={"authorization": f"Bearer {tokens[0]}"})
        assert answer.json()["data"]["postLiveMessage"]["userErrors"] == [], answer.text

    return await _run("academy", ports, variables, tokens, say)


def _figures(ours: Run, followers: int, plain: Run | None = None) -> list[Figure]:
    what = f"a message to {followers:,} in one room of one process"
    (p50, p99), cpu = percentiles(ours.seconds), ours.each_microseconds
    times = processor = ""
    if plain is not None:
        (plain_50, plain_99), plain_cpu = percentiles(plain.seconds), plain.each_microseconds
        times = f"{plain_50:.0f} ms, {plain_99:.0f} ms; {plain_50 / p50:.1f}x, {plain_99 / p99:.1f}x"
        times, processor = f"plain Strawberry: {times}", f"plain Strawberry: {plain_cpu:.0f} µs; {plain_cpu / cpu:.1f}x"
    return [
        Figure(f"{what}: p50, p99", f"{p50:.0f} ms, {p99:.0f} ms", beside=times),
        Figure(f"{what}: processor for each delivery", f"{cpu:.0f} µs", beside=processor),
    ]


def _text(number: int) -> str:
    return f"第{number}句：荔枝今天早上刚摘的，还带着露水，喜欢的点一下链接"


async def _run(kind: str, ports: Ports, variables: dict[str, object], tokens: Sequence[str], say: object) -> Run:
    plan = {"document": ROOM, "variables": variables, "tokens": list(tokens), "messages": MESSAGES}
    with tempfile.TemporaryDirectory(prefix="academy-crowd-") as directory:
        path = Path(directory) / "plan.json"
        path.write_text(json.dumps(plan))
        async with _process("bench.room_server", kind, ports=ports) as server:
            address = await _line(server)
            async with (
                _process("bench.room_crowd", address, str(path), ports=ports) as crowd,
                httpx.AsyncClient(base_url=address, timeout=60) as http,
            ):
                assert await _line(crowd) == "ready"
                await asyncio.sleep(PAUSE_SECONDS)
                before, posted = await _processor_seconds(server), list[float]()
                for number in range(1, MESSAGES + 1):
                    posted.append(monotonic())
                    await say(http, number)  # type: ignore[operator]
                    await asyncio.sleep(max(0.0, posted[-1] + PAUSE_SECONDS - monotonic()))
                found = json.loads(await _line(crowd))
                used = await _processor_seconds(server) - before
    assert found["faults"] == [], found["faults"][:5]
    assert len(found["moments"]) == MESSAGES
    return Run([moment - at for at, moments in zip(posted, found["moments"], strict=True) for moment in moments], used)


@asynccontextmanager
async def _process(*words: str, ports: Ports) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = ports.settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ACADEMY_")},
            "ACADEMY_DATABASE_URL": settings.database_url or "", "ACADEMY_REDIS_URL": settings.redis_url or "",
            "ACADEMY_DATA_DIR": str(settings.data_dir), "ACADEMY_TRUSTED_PROXIES": "127.0.0.0/8",
        },
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().strip()
    assert line, "the process has ended"
    return line


async def _processor_seconds(server: asyncio.subprocess.Process) -> float:
    assert server.stdin is not None
    server.stdin.write(b"\n")
    return float(await _line(server))


async def _room(ports: Ports) -> tuple[UUID, UUID]:
    """A lesson on air, and its host."""
    [host] = await _members(ports, 1)
    now = ports.clock.now()
    await grant(new_id(), host, Role.LECTURER, None, now, None)
    lesson = await LiveLesson.create(
        id=new_id(), status=LiveStatus.LIVE, title="荔枝", host_id=host, min_percent=80, min_seconds=0, created_at=now,
        starts_at=now, ends_at=now + timedelta(hours=1), doors_open_at=now, doors_close_at=now + timedelta(hours=1),
    )  # fmt: skip
    await LiveStep.create(lesson_id=lesson.id, status=lesson.status, at=now, cause="bench")
    return lesson.id, host


async def _members(ports: Ports, count: int) -> list[UUID]:
    now, members = ports.clock.now(), [new_id() for _ in range(count)]
    columns = ("id", "display_name", "hidden_on_boards", "joined_at")
    await copy_rows("members", columns, [(each, f"学员{number}", False, now) for number, each in enumerate(members)])
    return members


async def _tokens(ports: Ports, members: Sequence[UUID]) -> list[str]:
    """A session for each member, and its access token."""
    now = ports.clock.now()
    await ready_keys(ports)
    sessions = [new_id() for _ in members]
    columns = ("id", "member_id", "device_id", "device_name", "created_at", "last_seen_at", "expires_at")
    await copy_rows(
        "sessions", columns,
        [
            (session, member, "bench", "bench", now, now, now + timedelta(days=1))
            for session, member in zip(sessions, members, strict=True)
        ],
    )  # fmt: skip
    return [ports.tokens.issue(*pair, now)[0] for pair in zip(members, sessions, strict=True)]


if __name__ == "__main__":
    main(__doc__, figures)
