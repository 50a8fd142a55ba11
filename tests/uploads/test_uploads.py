"""Uploads: who may, what is taken, that nothing the client says is believed, and that nothing is left lying about."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.clock import FrozenClock
from kit.ids import from_global, to_global
from kit.words import Role
from models.accounts import Member
from models.courses import MediaAsset
from models.uploads import Upload
from services.media import media_url
from services.ports import Ports
from services.uploads import A_DAY, LIFE, MOST_A_DAY, MOST_ATTEMPTS, MOST_OPEN, SHEET_KEPT, SWEPT_AFTER, sweep_uploads
from tests.films import large_film
from tests.gql import Gql
from tests.uploads.files import (
    CSV,
    JPEG,
    M4A,
    MP3,
    MP4,
    NO_FILM,
    PNG,
    XLSX,
    completed,
    put,
    requested,
    uploaded,
    workbook,
)
from tests.world import World

GOOD = {
    "video/mp4": MP4,
    "audio/mp4": M4A,
    "audio/mpeg": MP3,
    "image/jpeg": JPEG,
    "image/png": PNG,
    "text/csv": CSV,
    XLSX: workbook(["编码"], ["A1"]),
}


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


def kept(ports: Ports) -> set[str]:
    """Every file of an upload in storage, drafts too."""
    root = ports.settings.data_dir / "media" / "uploads"
    return {str(path.relative_to(root.parent)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def clean(ports: Ports) -> None:
    for name in kept(ports):
        (ports.settings.data_dir / "media" / name).unlink()


def fault(code: str, *field: str) -> list[dict[str, object]]:
    return [{"code": code, "field": list(field) or None}]


@pytest.mark.parametrize("content_type", GOOD)
async def test_what_is_put_and_right_becomes_media_of_the_same_id(
    gql: Gql, ports: Ports, admin: Member, content_type: str
) -> None:
    content = GOOD[content_type]
    upload = (await requested(gql, admin, content, content_type, fileName="课程.bin"))["upload"]

    answer = await put(gql, upload, content)
    first = await completed(gql, admin, upload["id"])
    again = await completed(gql, admin, upload["id"])

    key = from_global(upload["id"])[1]
    assert (answer.status_code, answer.content) == (204, b"")
    assert first == again
    assert first == {
        "media": {
            "id": to_global("Media", key), "contentType": content_type, "sizeBytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "durationSeconds": 2 if content_type.startswith(("video", "audio")) else None,
        },
        "userErrors": [],
    }  # fmt: skip
    asset = await MediaAsset.get_or_none(id=key)
    assert (asset is None) == (content_type in ("text/csv", XLSX)), "a sheet becomes no media"
    if asset is not None:
        assert await ports.storage.holds(asset.storage_key, len(content))


async def test_a_film_of_twenty_megabytes_comes_in_pieces_and_is_played_as_it_came(
    gql: Gql, ports: Ports, admin: Member, tmp_path: Path
) -> None:
    film = (await large_film(tmp_path / "film.mp4")).read_bytes()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(film), 65_536):
            yield film[start : start + 65_536]

    upload = (await requested(gql, admin, film, "video/mp4"))["upload"]
    answer = await put(gql, upload, pieces(), **{"content-length": str(len(film))})
    media = (await completed(gql, admin, upload["id"]))["media"]
    played = await gql.http.get(media_url(ports, (await MediaAsset.get()).id).url)

    assert answer.status_code == 204
    assert (media["sizeBytes"], media["durationSeconds"]) == (len(film), 3)
    assert media["sha256"] == hashlib.sha256(film).hexdigest()
    assert (played.status_code, played.content == film) == (200, True)


async def test_one_wrong_byte_in_twenty_megabytes_is_found(gql: Gql, admin: Member, tmp_path: Path) -> None:
    film = (await large_film(tmp_path / "film.mp4")).read_bytes()
    spoiled = bytearray(film)
    spoiled[len(film) // 2] ^= 1
    upload = (await requested(gql, admin, film, "video/mp4"))["upload"]
    await put(gql, upload, bytes(spoiled))

    refused = await completed(gql, admin, upload["id"])

    assert refused == {"media": None, "userErrors": fault("UPLOAD_INVALID", "uploadId")}
    assert await MediaAsset.all().count() == 0


FAKES = {
    "the boxes of a film without a film": (NO_FILM, "video/mp4"),
    "a sound called a film": (M4A, "video/mp4"),
    "a tag without a sound": (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(40), "audio/mpeg"),
    "a text called mp4": (b"this is not a film at all, but it goes on for a while", "video/mp4"),
    "boxes without a beginning": (MP4[24:], "video/mp4"),
    "boxes without moov": (MP4[: MP4.index(b"moov") - 4], "video/mp4"),
    "a box longer than the file": (MP4[:-10], "video/mp4"),
    "a page called png": (b"<html><script>alert(1)</script></html>", "image/png"),
    "a png called jpeg": (PNG, "image/jpeg"),
    "half a jpeg": (JPEG[:-2], "image/jpeg"),
    "no frame": (b"\xff\xff\xff\xff" + bytes(40), "audio/mpeg"),
    "a program called csv": (b"\x7fELF\x02\x01\x01\x00" + bytes(40), "text/csv"),
    "a workbook called csv": (GOOD[XLSX], "text/csv"),
    "a csv called workbook": (CSV, XLSX),
}


@pytest.mark.parametrize(("content", "content_type"), FAKES.values(), ids=list(FAKES))
async def test_what_is_not_what_it_says_is_refused_and_may_be_put_again(
    gql: Gql, admin: Member, content: bytes, content_type: str
) -> None:
    upload = (await requested(gql, admin, content, content_type))["upload"]
    assert (await put(gql, upload, content)).status_code == 204

    refused = await completed(gql, admin, upload["id"])

    assert refused == {"media": None, "userErrors": fault("UPLOAD_INVALID", "uploadId")}
    assert await MediaAsset.all().count() == 0
    assert (await Upload.get()).completed_at is None


async def test_other_bytes_than_those_of_the_checksum_are_refused_until_the_right_ones_come(
    gql: Gql, admin: Member
) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG[:-1] + b"x")
    refused = await completed(gql, admin, upload["id"])

    await put(gql, upload, PNG)
    right = await completed(gql, admin, upload["id"])

    assert refused["userErrors"] == fault("UPLOAD_INVALID", "uploadId")
    assert right["userErrors"] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\课.mp4", "课.mp4"),
        ("/", None),
        ("..", None),
        ("", None),
        ("a\nb", None),
        ("x" * 201, None),
    ],
)
async def test_a_name_is_never_a_path(gql: Gql, ports: Ports, admin: Member, name: str, shown: str | None) -> None:
    answer = await requested(gql, admin, PNG, "image/png", fileName=name)

    if shown is None:
        assert answer == {"upload": None, "userErrors": fault("BAD_USER_INPUT", "fileName")}
        return
    await put(gql, answer["upload"], PNG)
    key = from_global(answer["upload"]["id"])[1]
    assert (await Upload.get()).file_name == shown
    assert kept(ports) == {f"uploads/{key}-1.png"}


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"contentType": "image/svg+xml"}, "UPLOAD_INVALID", "contentType"),
        ({"contentType": "image/png; charset=x"}, "UPLOAD_INVALID", "contentType"),
        ({"sizeBytes": 0}, "BAD_USER_INPUT", "sizeBytes"),
        ({"sizeBytes": -1}, "BAD_USER_INPUT", "sizeBytes"),
        ({"sizeBytes": 10 * 1024 * 1024 + 1}, "UPLOAD_INVALID", "sizeBytes"),
        ({"contentType": "video/mp4", "sizeBytes": 200 * 1024 * 1024 + 1}, "UPLOAD_INVALID", "sizeBytes"),
        ({"contentType": "text/csv", "sizeBytes": 20 * 1024 * 1024 + 1}, "UPLOAD_INVALID", "sizeBytes"),
        ({"sha256": "A" * 64}, "BAD_USER_INPUT", "sha256"),
        ({"sha256": "a" * 63}, "BAD_USER_INPUT", "sha256"),
    ],
)
async def test_what_cannot_be_taken_is_refused_before_it_comes(
    gql: Gql, admin: Member, said: dict[str, object], code: str, field: str
) -> None:
    assert await requested(gql, admin, PNG, **{"content_type": "image/png", **said}) == {
        "upload": None,
        "userErrors": fault(code, field),
    }
    assert await Upload.all().count() == 0


async def test_everybody_uploads_pictures_staff_other_media_and_admins_sheets(gql: Gql, world: World) -> None:
    for role in (Role.ACCOUNT_MANAGER, Role.SUPERVISOR):
        member = await world.staff(role)
        assert (await requested(gql, member, MP4, "video/mp4"))["userErrors"] == []
        assert await requested(gql, member, CSV, "text/csv") == {"refused": "FORBIDDEN"}
    lecturer = await world.staff(Role.LECTURER)
    assert (await requested(gql, lecturer, MP4, "video/mp4"))["userErrors"] == []
    assert await requested(gql, lecturer, CSV, "text/csv") == {"refused": "FORBIDDEN"}
    for member in (await world.staff(Role.AUDITOR), await world.learner()):
        assert (await requested(gql, member, PNG, "image/png"))["userErrors"] == []
        assert await requested(gql, member, MP4, "video/mp4") == {"refused": "FORBIDDEN"}
        assert await requested(gql, member, CSV, "text/csv") == {"refused": "FORBIDDEN"}


async def test_a_learner_begins_so_many_uploads_a_day(gql: Gql, world: World, clock: FrozenClock) -> None:
    may = await world.learner()
    for _ in range(MOST_A_DAY):
        assert (await requested(gql, may, PNG, "image/png"))["userErrors"] == []
        clock.advance(timedelta(minutes=10))  # so that few are open at once
    beyond = await requested(gql, may, PNG, "image/png")
    clock.advance(A_DAY)
    tomorrow = await requested(gql, may, PNG, "image/png")

    assert beyond["userErrors"] == fault("LIMIT_REACHED")
    assert tomorrow["userErrors"] == []


async def test_somebody_elses_upload_does_not_exist(gql: Gql, world: World, admin: Member) -> None:
    other = await world.staff(Role.ADMIN)
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG)

    for gid in (upload["id"], to_global("Media", from_global(upload["id"])[1]), "x"):
        assert (await completed(gql, other, gid))["userErrors"] == fault("NOT_FOUND", "uploadId")
    assert (await Upload.get()).completed_at is None


async def test_nothing_is_completed_before_it_has_come(gql: Gql, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]

    assert (await completed(gql, admin, upload["id"]))["userErrors"] == fault("STATE_FORBIDS", "uploadId")


async def test_the_address_takes_what_was_promised_and_nothing_else(gql: Gql, ports: Ports, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    url = upload["uploadUrl"]
    other = {**upload, "uploadUrl": url[:-1] + ("A" if url[-1] != "A" else "B")}

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1024)

    answers = [
        await put(gql, other, PNG),
        await put(gql, {**upload, "uploadUrl": url.split("?")[0]}, PNG),
        await put(gql, {**upload, "uploadUrl": url.replace(from_global(upload["id"])[1], "..%2f..")}, PNG),
        await put(gql, upload, PNG + b"x"),
        await put(gql, upload, PNG[:-1]),
        await put(gql, upload, endless(), **{"content-length": str(len(PNG))}),
        await put(gql, upload, endless()),
        await put(gql, upload, PNG, **{"content-type": "text/html"}),
        await put(gql, upload, PNG, **{"content-encoding": "gzip"}),
    ]
    read = [await gql.http.get(url), await gql.http.post(url, content=PNG)]

    assert [answer.status_code for answer in answers] == [403, 403, 404, 413, 413, 413, 411, 415, 415]
    assert [answer.status_code for answer in read] == [405, 405]
    assert kept(ports) == set()
    assert (await Upload.get()).received_attempt is None


async def test_a_broken_line_keeps_nothing(gql: Gql, ports: Ports, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]

    async def broken() -> AsyncIterator[bytes]:
        yield PNG[:10]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await put(gql, upload, broken(), **{"content-length": str(len(PNG))})

    assert kept(ports) == set()
    assert (await Upload.get()).received_attempt is None


async def test_after_completion_nothing_is_written_over(gql: Gql, ports: Ports, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG)
    await completed(gql, admin, upload["id"])
    before = kept(ports)

    late = await put(gql, upload, PNG[:-1] + b"x")

    assert late.status_code == 409
    assert kept(ports) == before
    asset = await MediaAsset.get()
    assert b"".join([piece async for piece in ports.storage.read(asset.storage_key, 0, 999)]) == PNG


async def test_completed_by_two_at_once_it_is_one_asset(gql: Gql, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG)

    answers = await asyncio.gather(*(completed(gql, admin, upload["id"]) for _ in range(8)))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["userErrors"] == []
    assert await MediaAsset.all().count() == 1


async def test_bytes_that_race_with_completion_never_become_the_media_unverified(
    gql: Gql, ports: Ports, admin: Member
) -> None:
    """While the right bytes are verified others come: either the right ones were completed, or a conflict is said."""
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG)

    answer, _ = await asyncio.gather(
        completed(gql, admin, upload["id"]), put(gql, upload, PNG[:-1] + b"x"), return_exceptions=True
    )

    assert isinstance(answer, dict)
    if answer["media"] is None:
        assert answer["userErrors"][0]["code"] in ("CONFLICT", "UPLOAD_INVALID")
        assert await MediaAsset.all().count() == 0
    else:
        asset = await MediaAsset.get()
        assert b"".join([piece async for piece in ports.storage.read(asset.storage_key, 0, 999)]) == PNG


async def test_tries_and_open_uploads_are_limited(gql: Gql, clock: FrozenClock, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    for _ in range(MOST_ATTEMPTS):
        assert (await put(gql, upload, b"x")).status_code == 413
    spent = await put(gql, upload, PNG)

    for _ in range(MOST_OPEN - 1):
        await requested(gql, admin, PNG, "image/png")
    full = await requested(gql, admin, PNG, "image/png")
    clock.advance(LIFE)
    later = await requested(gql, admin, PNG, "image/png")

    assert spent.status_code == 429
    assert full["userErrors"] == fault("LIMIT_REACHED")
    assert later["userErrors"] == []


async def test_an_address_and_an_upload_expire(gql: Gql, clock: FrozenClock, admin: Member) -> None:
    upload = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, upload, PNG)

    clock.advance(LIFE)

    assert (await put(gql, upload, PNG)).status_code == 403
    assert (await completed(gql, admin, upload["id"]))["userErrors"] == fault("NOT_FOUND", "uploadId")


async def test_what_nobody_finished_is_swept_with_its_bytes(
    gql: Gql, ports: Ports, clock: FrozenClock, admin: Member
) -> None:
    unfinished = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, unfinished, PNG)
    finished = (await requested(gql, admin, PNG, "image/png"))["upload"]
    await put(gql, finished, PNG)
    await put(gql, finished, PNG)
    await completed(gql, admin, finished["id"])
    draft = ports.settings.data_dir / "media/uploads" / f".draft-{from_global(unfinished['id'])[1]}-1.png"
    draft.write_bytes(b"left by a server that was killed")

    assert await sweep_uploads(ports) == 0
    clock.advance(LIFE + SWEPT_AFTER)
    assert await sweep_uploads(ports) == 2
    assert await sweep_uploads(ports) == 0

    assert kept(ports) == {f"uploads/{from_global(finished['id'])[1]}-2.png"}
    assert (await MediaAsset.get()).storage_key in kept(ports)


async def test_sheets_are_erased_after_a_week(gql: Gql, ports: Ports, clock: FrozenClock, admin: Member) -> None:
    gid = await uploaded(gql, admin, CSV, "text/csv")

    clock.advance(SHEET_KEPT - timedelta(seconds=1))
    assert (await sweep_uploads(ports), len(kept(ports))) == (0, 1)
    clock.advance(timedelta(seconds=1))
    assert (await sweep_uploads(ports), kept(ports)) == (1, set())

    asked = "mutation ($input: ImportOutletsInput!) { importOutlets(input: $input) { userErrors { code field } } }"
    answer = await gql.ask(asked, {"input": {"uploadId": gid}}, by=admin)
    assert answer["data"]["importOutlets"]["userErrors"] == fault("NOT_FOUND", "uploadId")
