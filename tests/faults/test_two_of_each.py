"""Two web processes and two workers on one database and one Valkey, each killed in its turn while people learn."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from kit.clock import SystemClock, monotonic
from kit.db import rows
from kit.processes import command_of, wait_until
from kit.words import PostRole
from server.wiring import build_ports
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.ports import Ports
from services.records import progress_verify
from tests.faults.boards import equal_again
from tests.faults.workers import Worker
from tests.phone import Phone, watched
from tests.process import PATIENCE_SECONDS, Serving
from tests.world import MadeCourse, World

LEARNERS = 8
LESSONS = 30
LESSON_SECONDS = 2
BETWEEN = 5 * LEARNERS
"""Reports that are answered between one thing that happens and the next."""
UNDER_WAY = 2
"""Requests that a web process holds, at least, when it is killed."""


@dataclass
class Load:
    """Learners without rest: each has its next report on the way as soon as one is answered.

    One without an answer is sent again, unchanged, to the other address.
    """

    webs: list[Serving]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answered: list[str] = field(default_factory=list)
    """The events of which a phone was told that they count."""
    by: list[int] = field(default_factory=lambda: [0, 0])
    """How many each of the two has answered since it was started."""
    under_way: list[int] = field(default_factory=lambda: [0, 0])
    broken: list[int] = field(default_factory=lambda: [0, 0])
    """How many were under way at each of the two, and died with it."""

    async def learn(self, number: str, course: MadeCourse) -> int:
        """Watch the course again and again; give the points that the last answer told of."""
        turns, points = cycle(range(len(self.webs))), 0
        async with Phone.at(self.webs[0].address) as phone:
            await phone.sign_in(number)
            for lesson in cycle(course.lesson_gids):
                if self.over.is_set():
                    break
                report = watched(lesson, (0, LESSON_SECONDS))
                while (told := await self.ask(next(turns), phone, report)) is None:
                    pass
                assert told >= points
                points = told
        return points

    async def ask(self, web: int, phone: Phone, report: dict[str, object]) -> int | None:
        """The learner's points as the answer has them; None if there was no answer."""
        phone.http.base_url = httpx.URL(self.webs[web].address)
        self.under_way[web] += 1
        try:
            answer = (await phone.send("ReportProgress", input=report))["reportProgress"]
        except httpx.ConnectError:
            return None
        except httpx.TransportError:
            self.broken[web] += 1
            return None
        finally:
            self.under_way[web] -= 1
        assert answer["userErrors"] == []
        assert answer["results"][0]["status"] in ("ACCEPTED", "DUPLICATE")
        self.by[web] += 1
        self.answered.append(report["events"][0]["eventId"])  # type: ignore[index]
        return int(answer["viewer"]["points"]["lifetime"])

    async def more(self) -> None:
        """Return once `BETWEEN` more reports are answered."""
        until = len(self.answered) + BETWEEN
        await eventually(lambda: len(self.answered) >= until)

    async def back(self, web: int) -> None:
        """Return once this one answers like the other."""
        await eventually(lambda: self.by[web] >= LEARNERS)

    async def kill_web(self, web: int) -> None:
        """Kill -9 the web process and its parent, with requests under way."""
        served = self.webs[web]
        children = await asyncio.to_thread(served.children)
        await eventually(lambda: self.under_way[web] >= UNDER_WAY)
        for pid in (*children, served.process.pid):  # its children first: they would hear of the parent's death
            os.kill(pid, signal.SIGKILL)
        gone = await asyncio.to_thread(
            wait_until, lambda: not any(command_of(pid) for pid in children), PATIENCE_SECONDS
        )
        assert gone
        await asyncio.to_thread(served.process.communicate)
        self.by[web] = 0


@asynccontextmanager
async def two_of_each(ports: Ports, directory: Path) -> AsyncIterator[tuple[list[Serving], list[Worker]]]:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        "ACADEMY_DEMO": "true",  # for the code 888888; nothing is seeded where there are regions
    }
    webs = [Serving(directory / name, ("--no-worker",), variables) for name in ("web-1", "web-2")]
    workers = [Worker(directory / name, variables) for name in ("worker-1", "worker-2")]
    started: list[Serving | Worker] = []
    try:
        for each in (*webs, *workers):
            await asyncio.to_thread(each.start)
            started.append(each)
        yield webs, workers
    finally:
        for each in started:
            each.process.kill()  # one that has ended is left alone


async def eventually(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not holds():
        assert monotonic() < deadline, "nothing goes on"
        await asyncio.sleep(0.005)


async def test_each_is_killed_in_its_turn_under_load_and_nothing_that_was_answered_is_lost(
    ports: Ports,
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    course = await world.course(lessons=LESSONS, seconds=LESSON_SECONDS)
    shop = await world.outlet()
    numbers = [world.phone() for _ in range(LEARNERS)]
    people = [await world.learner(outlet=shop, phone=number, role=PostRole.CLERK) for number in numbers]
    async with two_of_each(ports, tmp_path) as (webs, workers):
        began, load = monotonic(), Load(webs)
        learning = [asyncio.create_task(load.learn(number, course)) for number in numbers]
        for web, worker, turn in zip(webs, workers, (0, 1), strict=True):
            await load.more()
            await asyncio.to_thread(worker.kill)  # leader or not: the other leads from now on
            await load.more()
            await asyncio.to_thread(worker.start)
            await load.more()
            await load.kill_web(turn)
            await load.more()
            await asyncio.to_thread(web.start)
            await load.back(turn)
        load.over.set()
        told, took = await asyncio.gather(*learning), monotonic() - began

        async with build_ports(ports.settings, clock=SystemClock()) as own, asyncio.timeout(PATIENCE_SECONDS):
            await until_empty()
            await equal_again(own)
            differences = await verify_boards(own)
        stopped = [await asyncio.to_thread(each.stop) for each in (*webs, *workers)]

    with capsys.disabled():
        print(f"\n{len(load.answered)} reports answered in {took:.0f} s, {sum(load.broken)} died with a web process")
    assert differences == []
    assert await progress_verify() == []
    assert await ledger_verify() == []
    known = {str(row["event_id"]) for row in await rows("SELECT event_id FROM learning_events")}
    assert known == set(load.answered)
    assert len(load.answered) == len(known)
    assert all(broken > 0 for broken in load.broken)
    has = {row["member_id"]: row["lifetime"] for row in await rows("SELECT member_id, lifetime FROM point_accounts")}
    assert all(has[member.id] >= points > 0 for member, points in zip(people, told, strict=True))
    assert stopped == [0, 0, 0, 0]


async def until_empty() -> None:
    while await rows("SELECT FROM outbox LIMIT 1"):  # noqa: ASYNC110 - another process empties it
        await asyncio.sleep(0.05)
