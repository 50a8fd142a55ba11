"""Work that is handed over: some at a time, in its order, and no error is lost."""

import asyncio
from functools import partial

import pytest

from kit.tasks import beside, some_at_once


async def endless(ended: asyncio.Event) -> None:
    """Until it is cancelled, which it tells."""
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def test_some_pieces_at_a_time_are_begun_in_their_order_and_all_are_done() -> None:
    begun: list[int] = []
    doing, most_at_once = 0, 0

    async def work(number: int) -> None:
        nonlocal doing, most_at_once
        begun.append(number)
        doing += 1
        most_at_once = max(most_at_once, doing)
        await asyncio.sleep(0)
        doing -= 1

    async with beside(3) as hand:
        for number in range(10):
            await hand(partial(work, number))

    assert (begun, doing, most_at_once) == (list(range(10)), 0, 3)


async def test_an_error_is_raised_where_work_is_handed_over_and_ends_the_others() -> None:
    ended = asyncio.Event()

    async def fail() -> None:
        raise ValueError("no")

    async def all_three() -> None:
        async with beside(2) as hand:
            await hand(partial(endless, ended))
            await hand(fail)
            await hand(partial(endless, ended))

    with pytest.raises(ValueError, match="no"):
        await all_three()
    assert ended.is_set()


async def test_an_error_of_the_last_piece_is_raised_at_the_end() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        async with beside(2) as hand:
            await hand(fail)


async def test_a_block_that_fails_ends_what_it_has_handed_over() -> None:
    ended = asyncio.Event()

    async def block() -> None:
        async with beside(2) as hand:
            await hand(partial(endless, ended))
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert ended.is_set()


async def test_what_pieces_give_is_in_their_order_whoever_is_done_first() -> None:
    last = asyncio.Event()

    async def first_to_begin() -> int:
        await last.wait()
        return 1

    async def last_to_begin() -> int:
        last.set()
        return 2

    assert await some_at_once(2, [first_to_begin, last_to_begin]) == [1, 2]
