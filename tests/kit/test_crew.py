"""Work spread over processes: in order, and nobody is left over, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from kit.crew import Crew, CrewLost, crew
from kit.errors import DomainError, ErrorCode
from kit.processes import command_of, wait_until
from tests.kit import crew_at_work
from tests.process import PATIENCE_SECONDS, ROOT

_begun: list[int] = []


async def begin() -> None:
    _begun.append(os.getpid())


async def begin_in_vain() -> None:
    raise DomainError(ErrorCode.UNAVAILABLE, retry_after_seconds=1)


async def square(part: int) -> tuple[int, list[int], int]:
    await asyncio.sleep(0)
    return part * part, _begun, os.getpid()


async def refuse(part: int) -> int:
    if part == 3:
        raise DomainError(ErrorCode.NOT_FOUND, field=("part", "3"))
    return part


async def die(part: int) -> int:
    if part == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def alive(directory: Path) -> list[str]:
    """The crew of `crew_at_work` as far as it still is there."""
    commands = [command_of(int(path.name)) for path in directory.iterdir()]
    return [command for command in commands if command is not None and "multiprocessing" in command]


async def gather(processes: int, work: Callable[[int], Awaitable[int]], seen: list[int]) -> None:
    """Let a crew do twenty parts; what they gave is in `seen`, even if it ends early."""
    async with crew(processes, begin) as workers:
        async for answer in workers.answers(work, range(20)):
            seen.append(answer)


async def test_answers_come_in_the_order_of_the_parts_and_each_process_begins_once() -> None:
    async with crew(2, begin) as workers:
        found = [answer async for answer in workers.answers(square, range(30))]
        again = [answer async for answer in workers.answers(square, range(30, 40))]

    assert [answer for answer, _, _ in (*found, *again)] == [part * part for part in range(40)]
    assert all(begun == [process] for _, begun, process in (*found, *again))
    processes = {process for _, _, process in (*found, *again)}
    assert len(processes) <= 2
    assert os.getpid() not in processes


async def test_a_crew_of_none_is_this_process() -> None:
    async with crew(0, begin_in_vain) as workers:
        found = [answer async for answer in workers.answers(square, [1, 2])]

    assert [(answer, process) for answer, _, process in found] == [(1, os.getpid()), (4, os.getpid())]


@pytest.mark.parametrize("processes", [0, 2])
async def test_what_a_work_raises_is_raised_here_as_it_was(processes: int) -> None:
    seen: list[int] = []

    with pytest.raises(DomainError) as raised:
        await gather(processes, refuse, seen)

    assert (raised.value.code, raised.value.field) == (ErrorCode.NOT_FOUND, ("part", "3"))
    assert seen == [0, 1, 2]


async def test_a_process_that_cannot_begin_says_why() -> None:
    async with crew(1, begin_in_vain) as workers:
        answers = workers.answers(square, range(3))
        with pytest.raises(DomainError) as raised:
            await anext(answers)

    assert (raised.value.code, raised.value.retry_after_seconds) == (ErrorCode.UNAVAILABLE, 1)


async def test_a_process_that_is_killed_is_an_error_and_not_an_end() -> None:
    seen: list[int] = []

    with pytest.raises(CrewLost, match="died"):
        await gather(2, die, seen)

    assert seen == [0, 1, 2][: len(seen)]


async def test_who_is_at_work_is_ended_when_the_caller_gives_up(tmp_path: Path) -> None:
    async def work() -> None:
        await crew_at_work.main(tmp_path)

    task = asyncio.create_task(work())
    assert await asyncio.to_thread(wait_until, lambda: len(alive(tmp_path)) == 2, PATIENCE_SECONDS)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert alive(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_nobody_outlives_the_process_they_work_for(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.kit.crew_at_work", str(tmp_path)]
    parent = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert wait_until(lambda: len(alive(tmp_path)) == 2, PATIENCE_SECONDS)

    if number is signal.SIGINT:  # as a terminal does: everybody in front of it hears a Ctrl-C
        os.killpg(parent.pid, number)
    else:
        parent.send_signal(number)
    _, said = parent.communicate(timeout=PATIENCE_SECONDS)

    assert wait_until(lambda: alive(tmp_path) == [], PATIENCE_SECONDS)
    assert parent.returncode != 0
    assert said.endswith("KeyboardInterrupt\n" if number is signal.SIGINT else ""), said
    assert "SpawnProcess" not in said


async def test_answers_that_nobody_wants_any_more_are_not_asked_for() -> None:
    asked: list[int] = []

    async def note(part: int) -> int:
        asked.append(part)
        return part

    async with aclosing(Crew(None, 0, begin).answers(note, range(10))) as answers:
        async for answer in answers:
            if answer == 2:
                break

    assert asked == [0, 1, 2]
