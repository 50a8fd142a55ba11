"""What every place that keeps media does, in a directory and in a bucket."""

from collections.abc import AsyncIterator

import pytest

from providers.storage.base import Storage
from providers.storage.s3 import PART_BYTES


async def read(storage: Storage, key: str, start: int = 0, stop: int = 1 << 40) -> bytes:
    return b"".join([piece async for piece in storage.read(key, start, stop)])


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def test_what_is_put_is_kept_whole_and_read_in_ranges(storage: Storage) -> None:
    await storage.put("a/film.mp4", b"0123456789")
    await storage.put("a/film.mp4", b"0123456789")

    assert await read(storage, "a/film.mp4") == b"0123456789"
    assert await read(storage, "a/film.mp4", 3, 6) == b"345"
    assert await read(storage, "a/film.mp4", 8, 99) == b"89"
    assert await read(storage, "a/film.mp4", 10, 99) == b""
    assert await read(storage, "a/film.mp4", 4, 4) == b""
    assert await storage.holds("a/film.mp4", 10)
    assert not await storage.holds("a/film.mp4", 9)


async def test_what_is_not_there_is_not_found_and_may_be_deleted(storage: Storage) -> None:
    with pytest.raises(LookupError):
        await read(storage, "nothing")
    with pytest.raises(LookupError):
        await read(storage, "nothing", 4, 4)
    with pytest.raises(LookupError):
        await storage.copy("nothing", "something")

    await storage.delete("nothing")

    assert not await storage.holds("nothing", 0)
    assert not await storage.holds("something", 0)


@pytest.mark.parametrize("sizes", [[], [0], [3, 4], [PART_BYTES + 1, 5], [PART_BYTES, PART_BYTES]], ids=str)
async def test_pieces_become_one_object(storage: Storage, sizes: list[int]) -> None:
    content = [bytes([number + 1]) * size for number, size in enumerate(sizes)]

    size = await storage.put_pieces("long.bin", pieces(*content))

    assert size == sum(sizes)
    assert await storage.holds("long.bin", size)
    assert await read(storage, "long.bin") == b"".join(content)


async def test_a_broken_stream_keeps_nothing(storage: Storage) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(PART_BYTES)
        yield bytes(10)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await storage.put_pieces("half.bin", broken())

    with pytest.raises(LookupError):
        await read(storage, "half.bin")


async def test_a_copy_stays_what_it_was_when_its_source_changes(storage: Storage) -> None:
    await storage.put("incoming/a", b"first")
    await storage.copy("incoming/a", "kept/a")
    await storage.put("incoming/a", b"second")
    await storage.delete("incoming/a")

    assert await read(storage, "kept/a") == b"first"


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a//b", "A", "a b", "", ".hidden", "课"])
async def test_what_is_no_key_of_ours_is_refused(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="storage key"):
        await storage.put(key, b"x")
    with pytest.raises(ValueError, match="storage key"):
        await read(storage, key)
    with pytest.raises(ValueError, match="storage key"):
        await storage.copy("a", key)
