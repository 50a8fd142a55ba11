"""The way of an upload, and of a film to the phone, when media are in a bucket."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.clock import FrozenClock
from kit.ids import from_global
from kit.settings import Settings, UnsafeSettings, read_settings
from kit.words import Role
from models.accounts import Member
from models.courses import MediaAsset
from models.uploads import Upload
from providers.known import require_known_providers
from providers.storage.s3 import S3Storage
from services.media import media_url
from services.ports import Ports
from services.uploads import LIFE, SWEPT_AFTER, sweep_uploads
from tests.films import large_film
from tests.gql import Gql
from tests.storage.gate import Gate
from tests.uploads.files import M4A, MP4, NO_FILM, PNG, completed, requested
from tests.world import World


@pytest.fixture
def s3_ports(ports: Ports, s3_settings: Settings, gate: Gate, clock: FrozenClock) -> Ports:
    """The bucket has the academy's time."""
    gate.now = clock.now
    return replace(ports, storage=S3Storage(s3_settings))


@pytest.fixture
async def s3_gql(s3_ports: Ports) -> AsyncIterator[Gql]:
    async with Gql.over(s3_ports) as client:
        yield client


@pytest.fixture
async def admin(world: World) -> Member:
    return await world.staff(Role.ADMIN)


async def put(upload: dict[str, Any], content: bytes) -> int:
    """As a phone does: straight to the bucket."""
    headers = {each["name"]: each["value"] for each in upload["headers"]}
    async with httpx.AsyncClient() as http:
        return (await http.put(upload["uploadUrl"], content=content, headers=headers)).status_code


async def bytes_of(ports: Ports, key: str) -> bytes:
    return b"".join([piece async for piece in ports.storage.read(key, 0, 1 << 40)])


async def test_a_film_goes_to_the_bucket_is_verified_there_and_is_played_from_it(
    s3_gql: Gql, s3_ports: Ports, s3_settings: Settings, admin: Member
) -> None:
    upload = (await requested(s3_gql, admin, MP4, "video/mp4", fileName="../../etc/passwd"))["upload"]
    too_early = await completed(s3_gql, admin, upload["id"])
    status = await put(upload, MP4)
    media = (await completed(s3_gql, admin, upload["id"]))["media"]
    again = (await completed(s3_gql, admin, upload["id"]))["media"]

    assert upload["uploadUrl"].startswith(f"{s3_settings.s3_endpoint}/{s3_settings.s3_bucket}/uploads/incoming/")
    assert too_early["userErrors"] == [{"code": "STATE_FORBIDS", "field": ["uploadId"]}]
    assert (status, media["durationSeconds"], again) == (200, 2, media)
    asset = await MediaAsset.get()
    answer = await s3_gql.http.get(media_url(s3_ports, asset.id).url, follow_redirects=False)
    assert answer.status_code == 307
    async with httpx.AsyncClient() as http:
        part = await http.get(answer.headers["location"], headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"ftyp", "video/mp4")


async def test_a_film_of_twenty_megabytes_goes_straight_to_the_bucket_and_is_played_as_it_came(
    s3_gql: Gql, s3_ports: Ports, admin: Member, tmp_path: Path
) -> None:
    film = (await large_film(tmp_path / "film.mp4")).read_bytes()
    checksum = hashlib.sha256(film)
    upload = (await requested(s3_gql, admin, film, "video/mp4"))["upload"]

    status = await put(upload, film)
    media = (await completed(s3_gql, admin, upload["id"]))["media"]

    headers = {each["name"]: each["value"] for each in upload["headers"]}
    assert headers == {
        "content-length": str(len(film)), "content-type": "video/mp4",
        "x-amz-checksum-sha256": base64.b64encode(checksum.digest()).decode(),
    }  # fmt: skip
    assert (status, media["sizeBytes"], media["durationSeconds"]) == (200, len(film), 3)
    assert media["sha256"] == checksum.hexdigest()
    asset = await MediaAsset.get()
    answer = await s3_gql.http.get(media_url(s3_ports, asset.id).url, follow_redirects=False)
    async with httpx.AsyncClient() as http:
        played = await http.get(answer.headers["location"])
    assert (played.status_code, played.content == film) == (200, True)


async def test_a_wrong_byte_in_twenty_megabytes_is_refused_by_the_bucket_itself(
    s3_gql: Gql, s3_ports: Ports, admin: Member, tmp_path: Path
) -> None:
    film = (await large_film(tmp_path / "film.mp4")).read_bytes()
    spoiled = bytearray(film)
    spoiled[len(film) // 2] ^= 1
    upload = (await requested(s3_gql, admin, film, "video/mp4"))["upload"]

    status = await put(upload, bytes(spoiled))
    nothing_there = await completed(s3_gql, admin, upload["id"])

    assert status == 400
    assert nothing_there["userErrors"] == [{"code": "STATE_FORBIDS", "field": ["uploadId"]}]
    assert not await s3_ports.storage.holds(f"uploads/incoming/{from_global(upload['id'])[1]}.mp4", len(film))


async def test_what_comes_after_its_time_is_refused_by_the_bucket_itself(
    s3_gql: Gql, admin: Member, clock: FrozenClock
) -> None:
    upload = (await requested(s3_gql, admin, PNG, "image/png"))["upload"]

    clock.advance(LIFE)

    assert await put(upload, PNG) == 403
    assert (await completed(s3_gql, admin, upload["id"]))["userErrors"] == [
        {"code": "NOT_FOUND", "field": ["uploadId"]}
    ]


@pytest.mark.parametrize(("content", "content_type"), [(NO_FILM, "video/mp4"), (PNG, "image/jpeg"), (M4A, "video/mp4")])
async def test_a_fake_in_the_bucket_is_refused_whatever_its_checksum(
    s3_gql: Gql, admin: Member, content: bytes, content_type: str
) -> None:
    upload = (await requested(s3_gql, admin, content, content_type))["upload"]
    status = await put(upload, content)

    refused = await completed(s3_gql, admin, upload["id"])

    assert status == 200
    assert refused["userErrors"] == [{"code": "UPLOAD_INVALID", "field": ["uploadId"]}]
    assert await MediaAsset.all().count() == 0


async def test_what_nobody_finished_is_swept_out_of_the_bucket(
    s3_gql: Gql, s3_ports: Ports, admin: Member, clock: FrozenClock
) -> None:
    upload = (await requested(s3_gql, admin, PNG, "image/png"))["upload"]
    await put(upload, PNG)
    incoming = f"uploads/incoming/{from_global(upload['id'])[1]}.png"
    before = await s3_ports.storage.holds(incoming, len(PNG))

    clock.advance(LIFE + SWEPT_AFTER)
    swept = [await sweep_uploads(s3_ports), await sweep_uploads(s3_ports)]

    assert (before, swept) == (True, [1, 0])
    assert not await s3_ports.storage.holds(incoming, len(PNG))


async def test_what_is_put_after_it_was_verified_changes_nothing_and_is_swept(
    s3_gql: Gql, s3_ports: Ports, admin: Member, clock: FrozenClock, gate: Gate
) -> None:
    gate.knows_checksums = False
    upload = (await requested(s3_gql, admin, PNG, "image/png"))["upload"]
    await put(upload, PNG)
    await completed(s3_gql, admin, upload["id"])
    await put(upload, PNG[:-1] + b"x")
    incoming = f"uploads/incoming/{from_global(upload['id'])[1]}.png"

    assert await s3_ports.storage.holds(incoming, len(PNG))
    clock.advance(LIFE + SWEPT_AFTER)
    swept = await sweep_uploads(s3_ports)

    assert swept == 1
    assert not await s3_ports.storage.holds(incoming, len(PNG))
    assert await bytes_of(s3_ports, (await MediaAsset.get()).storage_key) == PNG


async def test_in_a_bucket_that_knows_no_checksums_other_bytes_are_found_when_they_are_completed(
    s3_gql: Gql, admin: Member, gate: Gate
) -> None:
    gate.knows_checksums = False
    upload = (await requested(s3_gql, admin, PNG, "image/png"))["upload"]
    await put(upload, PNG[:-1] + b"x")
    wrong = await completed(s3_gql, admin, upload["id"])
    await put(upload, PNG)
    right = await completed(s3_gql, admin, upload["id"])

    assert wrong["userErrors"] == [{"code": "UPLOAD_INVALID", "field": ["uploadId"]}]
    assert right["userErrors"] == []
    assert (await Upload.get()).received_attempt == 2


async def test_a_bucket_that_cannot_be_reached_is_unavailable(ports: Ports, admin: Member, clock: FrozenClock) -> None:
    settings = read_settings(
        s3_endpoint="http://127.0.0.1:9", s3_bucket="academy", s3_access_key_id="a", s3_secret_access_key="b",
        s3_path_style=True,
    )  # fmt: skip
    async with Gql.over(replace(ports, storage=S3Storage(settings))) as away:
        upload = (await requested(away, admin, PNG, "image/png"))["upload"]
        source = "mutation ($input: CompleteUploadInput!) { completeUpload(input: $input) { media { id } } }"
        answer = await away.ask(source, {"input": {"uploadId": upload["id"]}}, by=admin)

    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await Upload.get()).completed_at is None
    assert clock.now() < (await Upload.get()).created_at + timedelta(seconds=1)


def test_a_bucket_without_an_account_is_named_at_the_start() -> None:
    with pytest.raises(UnsafeSettings) as refused:
        require_known_providers(read_settings(storage_provider="s3", s3_bucket="Not a bucket"))

    assert str(refused.value).splitlines() == [
        "ACADEMY_STORAGE_PROVIDER=s3 needs ACADEMY_S3_ACCESS_KEY_ID.",
        "ACADEMY_STORAGE_PROVIDER=s3 needs ACADEMY_S3_SECRET_ACCESS_KEY.",
        "ACADEMY_S3_BUCKET is no name of a bucket.",
    ]
