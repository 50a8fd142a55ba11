from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from kit.clock import FrozenClock
from models.courses import MediaAsset
from providers.storage.base import Storage
from providers.storage.local import LocalStorage
from server.media import media
from services.media import media_url
from services.ports import Ports
from tests.world import World

FILM = bytes(range(256)) * 4


@pytest.fixture
async def asset(world: World) -> MediaAsset:
    return await world.media(60, FILM)


@pytest.fixture
async def client(ports: Ports) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/media/{media_id}", media)])
    app.state.ports = ports
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as made:
        yield made


async def test_a_signed_address_gives_the_bytes_with_type_tag_and_length(
    ports: Ports, asset: MediaAsset, client: httpx.AsyncClient
) -> None:
    answer = await client.get(media_url(ports, asset.id).url)

    assert (answer.status_code, answer.content) == (200, FILM)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(FILM))
    assert answer.headers["etag"] == f'"{asset.sha256}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-99999", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-99999", 0, 1024),
    ],
)
async def test_a_range_is_answered_with_just_those_bytes(
    ports: Ports, asset: MediaAsset, client: httpx.AsyncClient, wanted: str, start: int, stop: int
) -> None:
    answer = await client.get(media_url(ports, asset.id).url, headers={"range": wanted})

    assert (answer.status_code, answer.content) == (206, FILM[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/1024"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=2000-3000", "bytes=-0", f"bytes={'9' * 18}-"])
async def test_a_range_beyond_the_end_is_416_and_says_the_size(
    ports: Ports, asset: MediaAsset, client: httpx.AsyncClient, wanted: str
) -> None:
    answer = await client.get(media_url(ports, asset.id).url, headers={"range": wanted})

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize("wanted", ["bytes=-", "bytes=5-2", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=٣-٤"])
async def test_what_is_no_single_range_is_answered_with_the_whole(
    ports: Ports, asset: MediaAsset, client: httpx.AsyncClient, wanted: str
) -> None:
    answer = await client.get(media_url(ports, asset.id).url, headers={"range": wanted.encode()})

    assert (answer.status_code, answer.content) == (200, FILM)


async def test_a_resumed_download_of_other_bytes_starts_over(
    ports: Ports, asset: MediaAsset, client: httpx.AsyncClient
) -> None:
    url = media_url(ports, asset.id).url

    same = await client.get(url, headers={"range": "bytes=10-19", "if-range": f'"{asset.sha256}"'})
    other = await client.get(url, headers={"range": "bytes=10-19", "if-range": '"something else"'})

    assert (same.status_code, other.status_code) == (206, 200)


async def test_head_says_everything_but_the_bytes(ports: Ports, asset: MediaAsset, client: httpx.AsyncClient) -> None:
    url = media_url(ports, asset.id).url

    whole = await client.head(url)
    part = await client.head(url, headers={"range": "bytes=0-9"})

    assert (whole.status_code, whole.content, whole.headers["content-length"]) == (200, b"", "1024")
    assert (part.status_code, part.content, part.headers["content-length"]) == (206, b"", "10")


async def test_a_kept_copy_is_not_sent_again(ports: Ports, asset: MediaAsset, client: httpx.AsyncClient) -> None:
    answer = await client.get(media_url(ports, asset.id).url, headers={"if-none-match": f'"{asset.sha256}"'})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_an_address_expires(
    ports: Ports, clock: FrozenClock, asset: MediaAsset, client: httpx.AsyncClient
) -> None:
    address = media_url(ports, asset.id)
    clock.at = address.expires_at - timedelta(seconds=1)
    before = await client.get(address.url)

    clock.at = address.expires_at
    after = await client.get(address.url)

    assert (before.status_code, after.status_code) == (200, 403)
    assert after.content == b""


async def test_an_address_stays_the_same_within_the_hour_and_lives_long_enough(
    ports: Ports, clock: FrozenClock, asset: MediaAsset
) -> None:
    first = media_url(ports, asset.id)
    clock.advance(timedelta(minutes=20))
    later = media_url(ports, asset.id)

    assert later.expires_at - clock.now() >= timedelta(seconds=ports.settings.media_url_seconds)
    clock.advance(timedelta(hours=1))
    assert media_url(ports, asset.id).url != first.url


async def test_nothing_but_the_very_address_that_was_signed_is_answered(
    ports: Ports, world: World, asset: MediaAsset, client: httpx.AsyncClient
) -> None:
    other = await world.media(60, b"other bytes")
    url = media_url(ports, asset.id).url
    wrong = [
        url.replace(str(asset.id), str(other.id)),
        url.replace("until=", "until=9"),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.split("&")[0],
        url.split("?")[0],
        url.replace(str(asset.id), "..%2F..%2Fetc%2Fpasswd"),
        url.replace("until=", "until=-"),
        url.replace("signature=", "signature=%C3%A9"),
    ]

    answers = [await client.get(each) for each in wrong]

    assert {answer.status_code for answer in answers} <= {403, 404}
    assert [answer.content for answer in answers if answer.status_code == 403] == [b""] * 7


async def test_a_signed_address_without_bytes_behind_it_is_404(ports: Ports, client: httpx.AsyncClient) -> None:
    answer = await client.get(media_url(ports, uuid4()).url)

    assert answer.status_code == 404


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """In a directory; what every place does is in `tests/storage`."""
    return LocalStorage(tmp_path / "media")


async def test_storage_gives_back_any_part_of_what_was_put(storage: Storage) -> None:
    content = bytes(range(256)) * 3000

    await storage.put("a/b-1.mp4", content)

    assert b"".join([piece async for piece in storage.read("a/b-1.mp4", 0, len(content))]) == content
    assert b"".join([piece async for piece in storage.read("a/b-1.mp4", 5, 300_000)]) == content[5:300_000]
    assert await storage.holds("a/b-1.mp4", len(content))
    assert not await storage.holds("a/b-1.mp4", 1)


async def test_storage_replaces_whole_and_leaves_nothing_beside(storage: Storage, tmp_path: Path) -> None:
    await storage.put("one", b"first")

    await storage.put("one", b"second")

    assert b"".join([piece async for piece in storage.read("one", 0, 99)]) == b"second"
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["one"]


async def test_storage_keeps_what_comes_in_pieces_whole_or_not_at_all(storage: Storage, tmp_path: Path) -> None:
    async def pieces(*parts: bytes, breaks: bool = False) -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        if breaks:
            raise ConnectionError

    assert await storage.put_pieces("a/one", pieces(b"first ", b"", b"and second")) == 16
    with pytest.raises(ConnectionError):
        await storage.put_pieces("a/one", pieces(b"broken", breaks=True))
    with pytest.raises(ConnectionError):
        await storage.put_pieces("a/other", pieces(b"broken", breaks=True))

    assert b"".join([piece async for piece in storage.read("a/one", 0, 99)]) == b"first and second"
    assert [path.name for path in (tmp_path / "media/a").iterdir()] == ["one"]


async def test_storage_forgets_what_is_deleted_and_what_a_killed_write_left(storage: Storage, tmp_path: Path) -> None:
    await storage.put("a/one", b"x")
    (tmp_path / "media/a/.draft-one").write_bytes(b"half")

    await storage.delete("a/one")
    await storage.delete("a/one")

    assert not await storage.holds("a/one", 1)
    assert list((tmp_path / "media/a").iterdir()) == []


async def test_storage_does_not_know_what_was_never_put(storage: Storage) -> None:
    assert not await storage.holds("nothing", 0)
    with pytest.raises(LookupError):
        [piece async for piece in storage.read("nothing", 0, 1)]


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a/../b", ".hidden", "", "a//b", "A", "a\0"])
async def test_storage_refuses_keys_that_could_leave_its_place(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="storage key"):
        await storage.put(key, b"")
