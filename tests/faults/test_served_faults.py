"""A server over the network, and what may happen to it while people learn."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from kit.clock import SystemClock, monotonic
from kit.db import rows
from kit.processes import wait_until
from kit.words import PostRole
from server.wiring import build_ports
from services.board_verifying import verify_boards
from services.ports import Ports
from tests.faults.boards import equal_again
from tests.faults.locks import held, until_waiting
from tests.phone import Phone, begin, line, watched
from tests.process import PATIENCE_SECONDS, Serving
from tests.world import MadeCourse, World

LEARNERS = 12
LESSONS = 150
LESSON_SECONDS = 2
READINGS = 5 * LEARNERS
MOST_SECONDS = 60.0  # ten are asked for; a machine that runs other things as well may take longer

DROPS = 200
DROPS_AT_ONCE = 8
POOL = 3
BUSY = """
SELECT count(*) AS n FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


@dataclass(frozen=True, slots=True)
class Town:
    """A served academy on the database of this test, its Valkey its own."""

    server: Serving
    database_url: str
    phones: list[str]
    """Of learners at two stations, who have learned nothing yet."""
    course: MadeCourse
    """Of many short lessons."""


@asynccontextmanager
async def a_town(world: World, data: Path, *words: str) -> AsyncIterator[Town]:
    course = await world.course(lessons=LESSONS, seconds=LESSON_SECONDS)
    county = await world.region(parent=await world.region(parent=await world.region()))
    numbers = [world.phone() for _ in range(LEARNERS)]
    for half in (numbers[: LEARNERS // 2], numbers[LEARNERS // 2 :]):
        outlet = await world.outlet(region=await world.region(parent=county))
        for number in half:
            await world.learner(outlet=outlet, phone=number, role=PostRole.CLERK)
    database_url = world.ports.settings.database_url or ""
    variables = {
        "ACADEMY_DATABASE_URL": database_url,
        "ACADEMY_DEMO": "true",  # for the code 888888; nothing is seeded where there are regions
        "ACADEMY_DATABASE_POOL_SIZE": str(POOL),
        "ACADEMY_DATABASE_WAIT_SECONDS": "60",
    }
    server = Serving(data, words, variables)
    await asyncio.to_thread(server.start)
    yield Town(server, database_url, numbers, course)
    assert await asyncio.to_thread(server.stop) == 0


async def learn(town: Town, number: str, stop: asyncio.Event, stale: list[bool]) -> int:
    """Lesson by lesson, with a look at the board after each; how many. Whatever is answered, it is no error."""
    async with Phone.at(town.server.address) as phone:
        await phone.sign_in(number)
        for done, lesson in enumerate(town.course.lesson_gids):
            if stop.is_set():
                return done
            await phone.watch(lesson, LESSON_SECONDS)
            board = await phone.send("HonourBoard", metric="LEARNING_SECONDS", period="WEEK")
            stale.append(board["honourBoard"]["stale"])
            await asyncio.sleep(0.05)
    return LESSONS


async def until_more(readings: list[bool], count: int) -> None:
    until, deadline = len(readings) + count, monotonic() + PATIENCE_SECONDS
    while len(readings) < until:
        assert monotonic() < deadline, f"{len(readings)} of {until} readings"
        await asyncio.sleep(0.01)


async def test_valkey_killed_and_emptied_while_people_learn_costs_no_answer_and_no_board(
    ports: Ports, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_town(world, tmp_path / "data") as town:
        server, stop, stale = town.server, asyncio.Event(), list[bool]()
        people = [asyncio.create_task(learn(town, number, stop, stale)) for number in town.phones]
        await until_more(stale, READINGS)

        killed = server.child("valkey-server")
        server.process.send_signal(signal.SIGSTOP)  # or Valkey would be back before its data is gone
        os.kill(killed, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until, lambda: killed not in server.children(), PATIENCE_SECONDS)
        shutil.rmtree(server.data / "valkey")
        gone = len(stale)
        await until_more(stale, READINGS)
        away = stale[gone + LEARNERS :]  # without those that were asked before
        server.process.send_signal(signal.SIGCONT)
        assert await asyncio.to_thread(wait_until, server.is_ready, PATIENCE_SECONDS)
        back = monotonic()
        await until_more(stale, 2 * LEARNERS)
        stop.set()
        done = await asyncio.gather(*people)

        redis_url = orjson.loads((server.data / "run.json").read_bytes())["redis_url"]
        served = ports.settings.model_copy(update={"redis_url": redis_url})
        async with build_ports(served, clock=SystemClock()) as own, asyncio.timeout(MOST_SECONDS):
            await equal_again(own)
            waited = monotonic() - back
            differences = await verify_boards(own)

    with capsys.disabled():
        print(
            f"\n{sum(done)} lessons without an error; boards equal the rows {waited:.1f} s after Valkey came back empty"
        )
    assert not all(stale[:gone])
    assert all(away)
    assert len(away) > 2 * LEARNERS
    assert max(done) < LESSONS  # so that all of it happened while people learned
    assert differences == []


async def test_two_hundred_dropped_sockets_leave_every_connection_of_the_pool(
    ports: Ports, world: World, tmp_path: Path
) -> None:
    async with a_town(world, tmp_path / "data", "--no-worker") as town, Phone.at(town.server.address) as phone:
        dice, first = random.Random(7), town.course.lesson_gids[0]
        tokens = [await phone.sign_in(number) for number in town.phones]

        async def drop(number: int) -> None:
            async with line(town.server.address, tokens[number % LEARNERS]) as socket:
                await begin(socket, "ReportProgress", input=watched(first, (number % 2, number % 2 + 1)))
                await asyncio.sleep(dice.uniform(0, 0.03))
                socket.transport.abort()

        for start in range(0, DROPS, DROPS_AT_ONCE):
            await asyncio.gather(*(drop(number) for number in range(start, start + DROPS_AT_ONCE)))

        # As many requests as the pool has connections stand still at once: none is lost.
        async with held(town.database_url, "members"):
            asked = [asyncio.create_task(phone.watch(first, 1)) for _ in range(2 * POOL)]
            await until_waiting(POOL)
        await asyncio.gather(*asked)
        assert (await rows(BUSY)) == [{"n": 0}]
