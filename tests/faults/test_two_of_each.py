"""Two web processes and two workers on one database and one Valkey, one of each killed in the middle of learning."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx

from kit.clock import SystemClock, monotonic
from kit.db import rows
from kit.processes import wait_until
from kit.words import PostRole
from server.wiring import build_ports
from services.board_verifying import verify_boards
from services.ledger import ledger_verify
from services.ports import Ports
from services.records import progress_verify
from tests.faults.boards import equal_again
from tests.phone import Phone, watched
from tests.process import PATIENCE_SECONDS, ROOT, Serving, environment
from tests.world import MadeCourse, World

LEARNERS = 6
LESSONS = 30
LESSON_SECONDS = 2
EVENTS = "SELECT count(*) AS n FROM learning_events WHERE member_id = ANY($1)"


async def test_one_of_each_is_killed_and_nothing_that_was_answered_is_lost(
    ports: Ports, world: World, tmp_path: Path
) -> None:
    course = await world.course(lessons=LESSONS, seconds=LESSON_SECONDS)
    shop = await world.outlet()
    numbers = [world.phone() for _ in range(LEARNERS)]
    people = [await world.learner(outlet=shop, phone=number, role=PostRole.CLERK) for number in numbers]
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        "ACADEMY_DEMO": "true",  # for the code 888888; nothing is seeded where there are regions
    }
    webs = [Serving(tmp_path / name, ("--no-worker",), variables) for name in ("one", "two")]
    with a_worker(tmp_path / "three", variables) as first, a_worker(tmp_path / "four", variables) as second:
        for web in webs:
            await asyncio.to_thread(web.start)
        sent = [0]
        learning = [asyncio.create_task(learn(webs, number, course, sent)) for number in numbers]

        await until_sent(sent, LEARNERS * LESSONS // 5)
        os.kill(first.pid, signal.SIGKILL)  # leader or not: the other leads from now on
        await until_sent(sent, LEARNERS * LESSONS * 2 // 5)
        await asyncio.to_thread(webs[0].kill)
        after_the_kill = sent[0]
        await asyncio.gather(*learning)

        assert after_the_kill < LEARNERS * LESSONS  # so that they went on learning with one of each
        assert second.poll() is None
        async with (
            build_ports(ports.settings, clock=SystemClock()) as own,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            await equal_again(own)
            await until_empty()
            assert await verify_boards(own) == []
        assert await progress_verify() == []
        assert await ledger_verify() == []
        assert await rows(EVENTS, [member.id for member in people]) == [{"n": LEARNERS * LESSONS}]
        [done] = await rows(
            "SELECT count(*) AS n FROM course_enrolments WHERE course_id = $1 AND completed_at IS NOT NULL",
            course.id,
        )
        assert done == {"n": LEARNERS}
        assert await asyncio.to_thread(webs[1].stop) == 0


async def learn(webs: list[Serving], number: str, course: MadeCourse, sent: list[int]) -> None:
    """Every lesson, one report each; one without an answer is sent again, unchanged, to the other address."""
    addresses = cycle(web.address for web in webs)
    async with Phone.at(next(addresses)) as phone:
        await phone.sign_in(number)
        for lesson in course.lesson_gids:
            report = watched(lesson, (0, LESSON_SECONDS))
            while True:
                try:
                    answer = (await phone.send("ReportProgress", input=report))["reportProgress"]
                except httpx.TransportError:
                    phone.http.base_url = httpx.URL(next(addresses))
                    continue
                break
            assert answer["userErrors"] == []
            assert answer["results"][0]["status"] in ("ACCEPTED", "DUPLICATE")
            sent[0] += 1
            phone.http.base_url = httpx.URL(next(addresses))


async def until_sent(sent: list[int], count: int) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while sent[0] < count:
        assert monotonic() < deadline, f"{sent[0]} of {count} reports"
        await asyncio.sleep(0.01)


async def until_empty() -> None:
    while await rows("SELECT FROM outbox LIMIT 1"):  # noqa: ASYNC110 - another process empties it
        await asyncio.sleep(0.05)


@contextmanager
def a_worker(data: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A `worker` that works; ended when the block is."""
    data.mkdir()
    log = data / "worker.log"
    command = [sys.executable, "main.py", "worker", "--data-dir", str(data)]
    with log.open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(**variables), stderr=said, stdout=said)
    try:
        assert wait_until(lambda: "The worker works" in log.read_text(), PATIENCE_SECONDS)
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
