"""Small files of every type that is taken, and a client's way of sending them."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import xlsxwriter

from models.accounts import Member
from tests.gql import Gql

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9"
FILMS = Path(__file__).parent / "films"
"""Two seconds of a test pattern and of a tone, made by ffmpeg."""
MP4, M4A, MP3 = [(FILMS / name).read_bytes() for name in ("film.mp4", "sound.m4a", "sound.mp3")]
CSV = "编码,店名\nA1,好又来\n".encode()


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


NO_FILM = box(b"ftyp", b"isom\x00\x00\x02\x00isommp41") + box(b"mdat", bytes(60)) + box(b"moov", bytes(30))
"""The boxes of a film with nothing in them."""


def workbook(*lines: Sequence[object]) -> bytes:
    """An xlsx with these rows."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate(lines):
            sheet.write_row(number, 0, line)
    return file.getvalue()


REQUEST = """
mutation ($input: RequestUploadInput!) { requestUpload(input: $input) {
  upload { id uploadUrl headers { name value } expiresAt } userErrors { code field } } }
"""
COMPLETE = """
mutation ($input: CompleteUploadInput!) { completeUpload(input: $input) {
  media { id contentType sizeBytes sha256 durationSeconds } userErrors { code field } } }
"""


def promise(content: bytes, content_type: str, **other: object) -> dict[str, object]:
    said = {
        "fileName": "文件",
        "contentType": content_type,
        "sizeBytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return {**said, **other}


async def requested(gql: Gql, by: Member, content: bytes, content_type: str, **other: object) -> dict[str, Any]:
    answer = await gql.ask(REQUEST, {"input": promise(content, content_type, **other)}, by=by)
    if "errors" in answer:
        return {"refused": answer["errors"][0]["extensions"]["code"]}
    found: dict[str, Any] = answer["data"]["requestUpload"]
    return found


async def put(gql: Gql, upload: dict[str, Any], content: Any, **headers: str) -> httpx.Response:
    sent = {each["name"]: each["value"] for each in upload["headers"]} | headers
    return await gql.http.put(upload["uploadUrl"], content=content, headers=sent)


async def completed(gql: Gql, by: Member, upload_id: str) -> dict[str, Any]:
    answer = await gql.ask(COMPLETE, {"input": {"uploadId": upload_id}}, by=by)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["completeUpload"]
    return found


async def uploaded(gql: Gql, by: Member, content: bytes, content_type: str) -> str:
    """The global id of a completed upload."""
    upload = (await requested(gql, by, content, content_type))["upload"]
    assert (await put(gql, upload, content)).status_code == 204
    assert (await completed(gql, by, upload["id"]))["userErrors"] == []
    gid: str = upload["id"]
    return gid
