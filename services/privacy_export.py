"""Everything kept on one member, as a file: asked for, made by the worker, handed out for a day, swept away."""

import zipfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from io import RawIOBase
from uuid import UUID

import orjson

from auth.actor import Actor
from kit.clock import day_of, day_start
from kit.db import side_transaction, transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import ExportStatus
from models.accounts import Member, locked_member
from models.exported_files import DATA_EXPORTS, begin_file
from models.exports import (
    SECTIONS,
    DataExport,
    count_exports,
    export_by_key,
    exports_by_ids,
    open_export,
    read_section,
)
from services.audit import record
from services.exported_files import MOST_TRIES, PAUSE_AFTER_FAILURE, PIECE_BYTES, is_there, keep_file, make_due, sweep
from services.ports import Ports

MOST_A_DAY = 3
KEPT = timedelta(hours=24)

README = """成长学院：您的全部数据
Growth Academy: everything kept on you

每个文件是一张表，文件名说明内容。时间为 UTC。验证码、密码和登录凭证只保存无法还原的校验值，不在其中。
One file a subject, each a list in JSON; times are in UTC. Codes, passwords and tokens are kept only as hashes that
cannot be turned back, and are not in here.
"""


async def request_export(ports: Ports, actor: Actor, idempotency_key: UUID | None = None) -> DataExport:
    """Have everything kept on the member made into a file; the one that is on its way, if there is one.

    The same key gives the same export again. LIMIT_REACHED after three on a day.
    """

    async def work() -> DataExport:
        if await locked_member(actor.member_id) is None:  # and of many requests at once one makes an export
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        now = ports.clock.now()
        known = await export_by_key(actor.member_id, idempotency_key) if idempotency_key is not None else None
        known = known or await open_export(actor.member_id)
        if known is not None:
            return known
        if await count_exports(actor.member_id, day_start(day_of(now))) >= MOST_A_DAY:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        export_id = new_id()
        await record(ports, actor, "data.export_requested", "Member", actor.member_id)
        return await DataExport.create(
            id=export_id,
            member_id=actor.member_id,
            idempotency_key=idempotency_key,
            status=ExportStatus.QUEUED,
            storage_key=f"exports/{new_id()}.zip",
            requested_at=now,
            due_at=now,
        )

    return await transaction(work)


async def own_exports(actor: Actor, export_ids: Sequence[UUID]) -> list[DataExport | None]:
    """The actor's own exports of these ids, in their order; None for others."""
    found = await exports_by_ids(export_ids)
    return [each if each is not None and each.member_id == actor.member_id else None for each in found]


async def signed_data_export(ports: Ports, export_id: UUID) -> DataExport | None:
    """The export behind an address whose signature was checked; None once swept, or when the account was deleted."""
    [export] = await exports_by_ids([export_id])
    return export if export is not None and is_there(export, ports.clock.now()) else None


async def make_exports(ports: Ports) -> None:
    """A tick: make the files that are waiting."""
    await make_due(ports, DATA_EXPORTS, _make)


async def sweep_exports(ports: Ports) -> None:
    """A tick: end the exports whose day is over, and delete the files of all that ended."""
    await sweep(ports, DATA_EXPORTS)


async def _make(ports: Ports, export_id: UUID) -> None:
    now = ports.clock.now()
    if await begin_file(DATA_EXPORTS, export_id, now, now + PAUSE_AFTER_FAILURE, MOST_TRIES):
        export = await DataExport.get(id=export_id)
        async with aclosing(_pieces(ports, export.member_id)) as pieces:
            await keep_file(ports, DATA_EXPORTS, export, pieces, KEPT)


async def _pieces(ports: Ports, member_id: UUID) -> AsyncGenerator[bytes, None]:
    """The file from beginning to end, of one moment of the database; a piece of it is in memory at a time."""
    member = await Member.get(id=member_id)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        archive.writestr("profile.json", orjson.dumps(_profile(ports, member), option=orjson.OPT_INDENT_2))
        async with side_transaction(snapshot=True) as side:
            for section in SECTIONS:
                with archive.open(f"{section.name}.json", "w", force_zip64=True) as file:
                    separator = "[\n"
                    async for line in read_section(side, section, member_id, member.phone_index or ""):
                        file.write(f"{separator}{line}".encode())
                        separator = ",\n"
                        if sink.size >= PIECE_BYTES:
                            yield sink.take()
                    file.write(b"\n]\n" if separator == ",\n" else b"[]\n")
    yield sink.take()


def _profile(ports: Ports, member: Member) -> dict[str, object]:
    return {
        "id": str(member.id),
        "display_name": member.display_name,
        "phone": ports.phones.open(bytes(member.phone_cipher)) if member.phone_cipher is not None else None,
        "has_password": member.password_hash is not None,
        "avatar_media_id": str(member.avatar_media_id) if member.avatar_media_id is not None else None,
        "hidden_on_boards": member.hidden_on_boards,
        "joined_at": member.joined_at,
        "last_seen_at": member.last_seen_at,
        "suspended_at": member.suspended_at,
        "suspended_reason": member.suspended_reason,
        "adult_confirmed_at": member.adult_confirmed_at,
    }


class _Sink(RawIOBase):
    """What a zip file is written to before it is taken away; it has no way back, so nothing has to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes and nothing else
        self._parts.append(bytes(part))
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self.size, self._parts = 0, []
        return taken
