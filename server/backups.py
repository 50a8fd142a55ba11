"""`backup` and `restore`."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from kit.db import PATIENCE_SECONDS, close_database, migrate, open_database
from kit.log import configure_logging
from kit.settings import Settings
from models import MODULES
from server.home import standing
from server.terminal import DataDir, bar, err, out, run, settings_for
from server.wiring import opened_ports
from services.backups import (
    BackedUp,
    BackupFailure,
    back_up,
    put_database_back,
    put_media_back,
    read_backup,
    require_idle,
)
from services.board_building import rebuild

Directory = Annotated[Path, typer.Argument(file_okay=False, help="Where backups are kept; made if it is not there.")]
Dump = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The .dump of a backup, its .json beside it.")]


def _at_least_one(keep: int | None) -> int | None:
    if keep is not None and keep < 1:
        raise typer.BadParameter("keep 1 at least; without it nothing is deleted.")
    return keep


def backup(
    directory: Directory,
    media: Annotated[bool, typer.Option("--media/--no-media", help="Copy media that are not there yet.")] = True,
    keep: Annotated[
        int | None,
        typer.Option(
            callback=_at_least_one,
            help="Once it is whole, delete the oldest so that so many are left with it.",
            show_default="all",
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="A .prom file that tells node_exporter's textfile collector of it."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Back up the academy while it runs: the database as of one moment, and its media.

    A directory may hold any number of backups; they share one copy of the media, which never change and are never
    deleted. What a backup left that was killed goes with the next one.
    """
    with bar("Backing up") as tell:
        made = run(data_dir, lambda ports: back_up(ports, directory, media=media, keep=keep, tell=tell))
    lines = [
        *(f"Cleared, of a backup that did not come to its end: {name}" for name in made.cleared),
        f"The backup is {made.dump}.",
        *(f"Deleted, an old backup: {name}" for name in made.deleted),
    ]
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if figure is not None:
        _write_figure(figure, made)


def restore(
    dump: Dump,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of people who are there.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the place of the database, give back its media, and build the boards anew. Servers are stopped.

    The database changes as a whole or not at all. A backup of an older version is brought up to date.
    """
    configure_logging(logging.WARNING)
    settings = settings_for(data_dir)
    manifest = read_backup(settings, dump)
    with standing(settings) as ground:
        missing = asyncio.run(_restore(ground.settings, dump, replace=replace))
    out.print(f"The academy is as it was at {manifest.made_at}, with {manifest.members} members.", highlight=False)
    for key in missing[:10]:
        err.print(f"Not in the backup, nor in the storage: {key}", highlight=False, markup=False, soft_wrap=True)
    if missing:
        err.print(f"[red]Media that are missing: {len(missing)}.[/red]", highlight=False)
        raise typer.Exit(1)


def _write_figure(file: Path, made: BackedUp) -> None:
    registry = CollectorRegistry()
    began = Gauge("academy_backup_timestamp_seconds", "When the last complete backup was begun.", registry=registry)
    size = Gauge("academy_backup_bytes", "The size of its dump.", registry=registry)
    began.set(made.made_at.timestamp())
    size.set(made.dump.stat().st_size)
    write_to_textfile(str(file), registry)  # whole or not at all: the collector may be reading


async def _restore(settings: Settings, dump: Path, *, replace: bool) -> list[str]:
    assert settings.database_url is not None
    await open_database(settings.database_url, MODULES, pool_size=1)
    try:
        await require_idle(replace=replace)
    finally:
        await close_database()
    with err.status("Putting the database back"):
        await put_database_back(settings, dump)
    with err.status("Bringing the database up to date"):
        await migrate(settings.database_url, MODULES)
    async with opened_ports(settings, statement_seconds=PATIENCE_SECONDS) as ports:
        with bar("Giving back media") as tell:
            missing = await put_media_back(ports, dump, tell)
        try:
            with bar("Building the boards") as tell:
                await rebuild(ports, tell)
        except ConnectionError as error:
            raise BackupFailure(
                "The database is back, but Valkey does not answer and still shows the boards of before:"
                " `boards rebuild` once it does."
            ) from error
    return missing
