"""What every command shares: settings, the databases to work on, progress bars, reports."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from kit.db import PATIENCE_SECONDS, migrate
from kit.log import configure_logging
from kit.settings import Settings, read_settings
from models import MODULES
from providers.known import require_known_providers
from server.home import Standing, standing
from server.wiring import opened_ports
from services.ports import Ports

T = TypeVar("T")
Tell = Callable[[int, int], None]
"""Called with (done, of how many) while something takes its time."""

out = Console()
err = Console(stderr=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Where the embedded databases and media live.", show_default="ACADEMY_DATA_DIR, or data"
    ),
]


def settings_for(data_dir: Path | None) -> Settings:
    """The settings of a command. `UnsafeSettings` for those that cannot be read, or name what there is not."""
    settings = read_settings() if data_dir is None else read_settings(data_dir=data_dir)
    require_known_providers(settings)
    return settings


def run(data_dir: Path | None, job: Callable[[Ports], Awaitable[T]]) -> T:
    """Do `job` on the databases of a running server, on yours, or on embedded ones started for it alone.

    Whoever types a command can wait, and stop waiting: its statements have more time than a phone's.
    """
    configure_logging(logging.WARNING)

    async def on(settings: Settings) -> T:
        async with opened_ports(settings, statement_seconds=PATIENCE_SECONDS) as ports:
            return await job(ports)

    with standing(settings_for(data_dir)) as ground:
        migrate_own(ground)
        return asyncio.run(on(ground.settings))


@contextmanager
def bar(text: str) -> Iterator[Tell]:
    """A progress bar on standard error; it spins until the first call says how much there is."""
    with _bars() as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each part of a work, below one another; each part is named in every call, and stays with its time.

    Where nobody can draw, in a log, lines.
    """
    if not err.is_terminal:
        yield _Lines().tell
        return
    with _bars(transient=False) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(text: str, done: int, of: int) -> None:
            if text not in tasks:
                tasks[text] = progress.add_task(text, total=of)
            progress.update(tasks[text], completed=done, total=of)

        yield tell


class _Lines:
    """Progress where nobody can draw: a line when a part begins, and one for each further tenth of it."""

    def __init__(self) -> None:
        self._tenths: dict[str, int] = {}

    def tell(self, text: str, done: int, of: int) -> None:
        tenths = 10 * done // of if of else 0
        if tenths > self._tenths.get(text, -1):
            self._tenths[text] = tenths
            err.print(f"{text}: {10 * tenths}%", highlight=False, markup=False, soft_wrap=True)


def _bars(*, transient: bool = True) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=err, transient=transient)


def bring_up_to_date(settings: Settings) -> list[str]:
    assert settings.database_url is not None
    with err.status("Bringing the database up to date"):
        return asyncio.run(migrate(settings.database_url, MODULES))


def migrate_own(ground: Standing) -> None:
    """A database that we started is ours to migrate; yours waits for `migrate`."""
    if ground.embedded is not None:
        bring_up_to_date(ground.settings)


def report(differences: Sequence[object], fine: str) -> None:
    for difference in differences:
        out.print(str(difference), highlight=False, markup=False, soft_wrap=True)
    if differences:
        err.print(f"[red]Differences: {len(differences)}.[/red]", highlight=False)
        raise typer.Exit(1)
    out.print(fine)
