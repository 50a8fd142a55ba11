"""Backups: the database as of one moment and every medium it names, in a directory that many backups share.

    academy-20261126-191437.dump    the database, by pg_dump
    academy-20261126-191437.json    its manifest, written last: without one a dump is no backup
    media/...                       media by their keys; they never change, so each is copied once
    backup.lock                     who holds it is writing; the kernel frees it when its holder dies, however it dies

Boards are not in it: they are built anew. Nor are members' exports, which live for days: whoever wants one asks again.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from kit.clock import ZONE
from kit.db import applied_migrations, known_migrations, other_sessions
from kit.dumps import DumpFailure, dump_database, read_dump, restore_database
from kit.settings import Settings
from models.badges import count_members
from models.courses import kept_media
from providers.storage.local import LocalStorage
from services.ports import Ports

FORMAT = 1
OURS = re.compile(r"academy-\d{8}-\d{6}\.(dump|part)")
"""Names that are made here and nowhere else; whatever has another name is never deleted."""
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


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup did."""

    dump: Path
    made_at: datetime
    """The moment it was begun."""
    cleared: list[str]
    """Names of files that backups which did not come to their end had left, and that are gone."""
    deleted: list[str]
    """Names of the dumps of older backups that are gone, oldest first."""


async def back_up(ports: Ports, directory: Path, *, media: bool, tell: Tell, keep: int | None = None) -> BackedUp:
    """Make a backup below `directory`; learning goes on meanwhile. `tell`: (media done, of how many).

    With `keep`, 1 or more, the oldest complete backups go once this one is whole and was read again, until so many are
    left with it. What is written is for the eyes of this user alone: it holds people's data. BackupFailure, after which
    all that was there before is there.
    """
    assert keep is None or keep >= 1, keep
    now = ports.clock.now().astimezone(ZONE)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(directory):
        cleared = _clear(directory)
        dump = directory / f"academy-{now:%Y%m%d-%H%M%S}.dump"
        if dump.exists():
            raise BackupFailure(f"{dump.name} is there already: try again in a second.")
        try:
            await _write(ports, dump, now, media=media, tell=tell)
        except BaseException:
            for suffix in (".json", ".part", ".dump"):
                dump.with_suffix(suffix).unlink(missing_ok=True)
            raise
        deleted = [] if keep is None else _thin(ports.settings, dump, keep)
    return BackedUp(dump, now, cleared, deleted)


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


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Nobody else writes to `directory` meanwhile. BackupFailure if somebody does."""
    number = os.open(directory / "backup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupFailure(
                f"Another backup is being written to {directory}: try again when it is done."
            ) from error
        yield
    finally:
        os.close(number)


def _clear(directory: Path) -> list[str]:
    """Remove what a backup left that was killed; nobody may be writing. The names, in their order."""
    left = [
        file
        for file in sorted(directory.iterdir())
        if OURS.fullmatch(file.name)
        and file.is_file()
        and (file.suffix == ".part" or not file.with_suffix(".json").exists())
    ]
    for file in left:
        file.unlink()
    return [file.name for file in left]


async def _write(ports: Ports, dump: Path, now: datetime, *, media: bool, tell: Tell) -> None:
    assert ports.settings.database_url is not None
    draft = dump.with_suffix(".part")
    draft.touch(mode=0o600)
    members, migrations = await count_members(), await applied_migrations()
    try:
        await dump_database(ports.settings.database_url, draft)
        await read_dump(draft)
    except DumpFailure as failure:
        raise BackupFailure(f"The database could not be dumped: {failure}") from failure
    draft.replace(dump)
    copied = await _copy_media(ports, dump.parent, tell) if media else 0  # after the dump: it names no later ones
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
    _sync(draft)
    draft.replace(dump.with_suffix(".json"))
    _sync(dump.parent)  # before an older one goes: a power cut leaves one or the other


def _thin(settings: Settings, made: Path, keep: int) -> list[str]:
    """Delete the oldest complete backups beside `made`, so that `keep` are left with it. The names of their dumps."""
    others = [
        dump
        for dump in sorted(made.parent.glob("academy-*.dump"))
        if dump != made and OURS.fullmatch(dump.name) and _is_complete(settings, dump)
    ]
    old = others[: max(0, len(others) - (keep - 1))]
    try:
        for dump in old:
            dump.with_suffix(".json").unlink()  # first: what is left of a killed deletion is cleared by the next backup
            dump.unlink()
    except OSError as error:
        raise BackupFailure(
            f"The backup is {made}, but {error.filename} could not be deleted: {error.strerror}."
        ) from error
    return [dump.name for dump in old]


def _is_complete(settings: Settings, dump: Path) -> bool:
    """True for a backup of this academy that has its manifest and its size."""
    try:
        manifest = Manifest.model_validate_json(dump.with_suffix(".json").read_bytes())
        size_bytes = dump.stat().st_size
    except (OSError, ValidationError):
        return False
    return (manifest.format, manifest.secret, manifest.dump_bytes) == (FORMAT, _mark(settings), size_bytes)


def _sync(path: Path) -> None:
    """Returns once it is on the disk, whatever happens to the power."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


async def _copy_media(ports: Ports, directory: Path, tell: Tell) -> int:
    target, wanted = LocalStorage(directory / "media"), await kept_media()
    for done, (key, size) in enumerate(wanted, 1):
        if not await target.holds(key, size):
            try:
                await target.put_pieces(key, ports.storage.read(key, 0, size))
            except LookupError as error:
                raise BackupFailure(
                    f"The storage lacks {key}, which the database names: put it back,"
                    " or --no-media backs up the database alone."
                ) from error
        tell(done, len(wanted))
    return len(wanted)


def _mark(settings: Settings) -> str:
    return settings.key("backup mark").hex()[:32]


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
