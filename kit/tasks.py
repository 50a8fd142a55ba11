"""Tasks beside one another: taking turns, and ending what runs in the background."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Turns:
    """One at a time for each key, first come first served, within this process alone.

    For whoever would otherwise wait for a row's lock with a connection in hand: correctness is the lock's affair.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        async with self._locks.setdefault(key, asyncio.Lock()):
            yield


async def end(*tasks: asyncio.Task[Any], patience_seconds: float = 1.0) -> None:
    """Cancel tasks and wait for them; what they raise is not raised here.

    A cancel can get lost: an error while a task clears up takes its place, and a loop that survives errors goes on.
    So it is repeated.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=patience_seconds)
    await asyncio.gather(*tasks, return_exceptions=True)


async def some_at_once(most: int, works: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do all of it, up to `most` pieces at a time, each begun in its turn; what they give, in the order of the works.

    Where one fails the others are ended, and its error is raised.
    """
    waiting = iter(enumerate(works))
    given: dict[int, T] = {}

    async def work_on() -> None:
        for number, work in waiting:
            given[number] = await work()

    workers = [asyncio.create_task(work_on()) for _ in range(most)]
    try:
        await asyncio.gather(*workers)
    finally:
        await end(*workers)
    return [given[number] for number in sorted(given)]


@asynccontextmanager
async def beside(most: int) -> AsyncIterator[Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]]:
    """Hand over work that is done beside what the block does, up to `most` pieces at a time, begun in their order.

    Handing over waits while there are as many, and raises what one of them has raised; so does the end of the block,
    which waits for all. A block that fails ends them.
    """
    doing: set[asyncio.Task[object]] = set()

    async def wait(until: int) -> None:
        while len(doing) > until:
            done, _ = await asyncio.wait(doing, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                doing.discard(task)
                task.result()

    async def hand(work: Callable[[], Awaitable[object]]) -> None:
        await wait(most - 1)
        doing.add(asyncio.ensure_future(work()))

    try:
        yield hand
        await wait(0)
    finally:
        await end(*doing)
