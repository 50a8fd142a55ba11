"""Backups: the database as of one moment and every medium it names, in a directory that many backups share.

    academy-20261126-191437.dump    the database, by pg_dump
    academy-20261126-191437.json    its manifest, written last: without one a dump is no backup
    media/...                       media by their keys; they never change, so each is copied once

Boards are not in it: they are built anew. Nor are members' exports, which live for days: whoever wants one asks again.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from kit.clock import ZONE
from kit.db import applied_migrations, known_migrations, other_sessions
from kit.dumps import DumpFailure, dump_database, restore_database
from kit.settings import Settings
from models.badges import count_members
from models.courses import kept_media
from providers.storage.local import LocalStorage
from services.ports import Ports

FORMAT = 1
PIECE_BYTES = 1 << 20
Tell = Callable[[int, int], None]


class BackupFailure(Exception):
    """The message says what is wrong, and what to do."""


class Manifest(BaseModel):
    """What a backup says of itself."""

    format: int
    made_at: str
    """The moment it was begun, in the academy's zone."""
    migrations: list[str]
    secret: str
    """Tells whether ACADEMY_SECRET is the one under which its phone numbers and keys are encrypted."""
    dump_bytes: int
    dump_sha256: str
    members: int
    media: int
    """How many; 0 also if the storage was left to its own backup."""


async def back_up(ports: Ports, directory: Path, *, media: bool, tell: Tell) -> Path:
    """Make a backup below `directory` and give its dump; learning goes on meanwhile. `tell`: (media done, of how many).

    What is written is for the eyes of this user alone: it holds people's data. BackupFailure.
    """
    assert ports.settings.database_url is not None
    now = ports.clock.now().astimezone(ZONE)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    dump = directory / f"academy-{now:%Y%m%d-%H%M%S}.dump"
    draft = dump.with_suffix(".part")
    draft.touch(mode=0o600)
    members, migrations = await count_members(), await applied_migrations()
    try:
        await dump_database(ports.settings.database_url, draft)
    except DumpFailure as failure:
        draft.unlink(missing_ok=True)
        raise BackupFailure(f"The database could not be dumped: {failure}") from failure
    draft.replace(dump)
    copied = await _copy_media(ports, directory, tell) if media else 0  # after the dump: it names no later ones
    manifest = Manifest(
        format=FORMAT,
        made_at=now.isoformat(timespec="seconds"),
        migrations=migrations,
        secret=_mark(ports.settings),
        dump_bytes=dump.stat().st_size,
        dump_sha256=_sha256(dump),
        members=members,
        media=copied,
    )
    draft.touch(mode=0o600)
    draft.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    draft.replace(dump.with_suffix(".json"))
    return dump


def read_backup(settings: Settings, dump: Path) -> Manifest:
    """The manifest of a backup that this server can restore. BackupFailure for one that it cannot."""
    try:
        manifest = Manifest.model_validate_json(dump.with_suffix(".json").read_bytes())
    except OSError as error:
        raise BackupFailure(f"{dump.name} has no manifest beside it: it was not finished.") from error
    except ValidationError as error:
        raise BackupFailure(f"The manifest of {dump.name} cannot be read.") from error
    newer = sorted(set(manifest.migrations) - known_migrations())
    if manifest.format != FORMAT or newer:
        raise BackupFailure("The backup is of a newer version of the academy: restore it with that one.")
    if manifest.secret != _mark(settings):
        raise BackupFailure(
            "The backup was made under another ACADEMY_SECRET, without which its phone numbers and keys cannot be read:"
            " set the secret of that time."
        )
    if dump.stat().st_size != manifest.dump_bytes or _sha256(dump) != manifest.dump_sha256:
        raise BackupFailure(f"{dump.name} is not as it was written.")
    return manifest


async def require_idle(*, replace: bool) -> None:
    """BackupFailure while servers use the open database, and if it holds people whom nobody said to `replace`."""
    if await other_sessions():
        raise BackupFailure("Servers or workers are using the database: stop them first.")
    members = await count_members() if await applied_migrations() else 0
    if members and not replace:
        raise BackupFailure(f"The database holds {members} members: --replace puts the backup in their place.")


async def put_database_back(settings: Settings, dump: Path) -> None:
    """Put the dump in the place of the whole database, or change nothing. No pool may be open. BackupFailure."""
    assert settings.database_url is not None
    try:
        await restore_database(settings.database_url, dump)
    except DumpFailure as failure:
        raise BackupFailure(f"The database is as it was; the dump could not be loaded: {failure}") from failure


async def put_media_back(ports: Ports, dump: Path, tell: Tell) -> list[str]:
    """Give the storage every medium that it lacks; the keys of those that the backup lacks as well."""
    source, missing = LocalStorage(dump.parent / "media"), []
    wanted = await kept_media()
    for done, (key, size) in enumerate(wanted, 1):
        if not await ports.storage.holds(key, size):
            if await source.holds(key, size):
                await ports.storage.put_pieces(key, source.read(key, 0, size))
            else:
                missing.append(key)
        tell(done, len(wanted))
    return missing


async def _copy_media(ports: Ports, directory: Path, tell: Tell) -> int:
    target, wanted = LocalStorage(directory / "media"), await kept_media()
    for done, (key, size) in enumerate(wanted, 1):
        if not await target.holds(key, size):
            try:
                await target.put_pieces(key, ports.storage.read(key, 0, size))
            except LookupError as error:
                raise BackupFailure(f"The storage lacks {key}, which the database names.") from error
        tell(done, len(wanted))
    return len(wanted)


def _mark(settings: Settings) -> str:
    return settings.key("backup mark").hex()[:32]


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
