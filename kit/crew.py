"""Arithmetic spread over processes: parts of a work done beside one another, their answers in the order of the parts.

Each process keeps a loop of its own for as long as it lives, so what a work opens there (a pool of connections) is
there for its next part.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from kit.processes import die_with_parent

P = TypeVar("P")
A = TypeVar("A")

Begin = Callable[[], Awaitable[None]]
"""Done once in each process before its first part. Like every work it must be importable: it is sent by name."""


_DIED = "A process died in the middle of its work, killed or out of memory. Nothing is known of the rest."


class CrewLost(Exception):
    """A process died in the middle of its work, so that nothing is known of some parts."""


class Crew:
    """Whoever is there to work: this process alone, or several others."""

    def __init__(self, pool: ProcessPoolExecutor | None, processes: int, begin: Begin) -> None:
        self._pool = pool
        self._ahead = processes + 1 if pool is not None else 0
        self._begin = begin

    async def answers(self, work: Callable[[P], Awaitable[A]], parts: Sequence[P]) -> AsyncGenerator[A, None]:
        """What `work` gives for each part, in their order. What it raises anywhere is raised here.

        `CrewLost` if a process dies.
        """
        asked: deque[asyncio.Future[A]] = deque()
        try:
            for part in parts:
                if self._pool is None:
                    yield await work(part)
                    continue
                asked.append(self._ask(self._pool, work, part))
                if len(asked) > self._ahead:
                    yield await asked.popleft()
            while asked:
                yield await asked.popleft()
        except BrokenExecutor as error:
            raise CrewLost(_DIED) from error
        finally:
            for future in asked:
                future.cancel()

    def _ask(self, pool: ProcessPoolExecutor, work: Callable[[P], Awaitable[A]], part: P) -> asyncio.Future[A]:
        with _undisturbed():
            return asyncio.get_running_loop().run_in_executor(pool, _do, self._begin, work, part)


@asynccontextmanager
async def crew(processes: int, begin: Begin) -> AsyncIterator[Crew]:
    """`processes` others, each of which begins with `begin`; 0: this process alone, which has begun already.

    They start with the first part, and none of them outlives the block, or this process, however either ends.
    """
    if processes == 0:
        yield Crew(None, 0, begin)
        return
    others = {*active_children()}
    # Not by fork: a child would have our connections and our loop.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _attend, (os.getpid(),))
    try:
        yield Crew(pool, processes, begin)
    except BaseException:
        _end([child for child in active_children() if child not in others])
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(children: Sequence[BaseProcess]) -> None:
    """At once: they only read, and whatever they are at is not wanted any more."""
    for child in children:
        child.terminate()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A process that starts meanwhile will never hear a Ctrl-C in the terminal: that is for us, and we end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_runner: asyncio.Runner | None = None
"""Of this process, where it is one of a crew."""


def _attend(parent: int) -> None:
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask for that
        os._exit(1)


def _do(begin: Begin, work: Callable[[Any], Awaitable[A]], part: Any) -> A:
    global _runner
    if _runner is None:
        runner = asyncio.Runner()
        try:
            runner.run(_awaited(begin()))
        except BaseException:
            runner.close()
            raise
        _runner = runner
    return _runner.run(_awaited(work(part)))


async def _awaited(work: Awaitable[A]) -> A:
    return await work
