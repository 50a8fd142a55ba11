"""The command line. Each command takes --data-dir, and beside a running server it uses that server's databases."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kit.db import migrate as migrate_database
from kit.embedded import EmbeddedFailure
from kit.errors import DomainError
from kit.log import configure_logging
from kit.settings import Settings, UnsafeSettings
from models import MODULES
from server import banner
from server.api import schema
from server.app import make_app
from server.children import WebServer
from server.home import Busy, Standing, standing
from server.serve import CannotServe, Job, Parent, address_of, bind
from server.wiring import opened_ports
from server.wiring import work as run_worker
from services.ledger import ledger_verify
from services.ports import Ports

T = TypeVar("T")
Tell = Callable[[int, int], None]
"""Called with (done, of how many) while something takes its time."""

app = typer.Typer(
    help="Growth Academy 成长学院: the server of a mobile training academy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
ledger = typer.Typer(help="The points ledger.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")

out = Console()
err = Console(stderr=True)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where the embedded databases and media live.", show_default="data"),
]


def cli() -> None:
    """Run a command; expected failures are a sentence and exit code 1."""
    try:
        app()
    except (Busy, CannotServe, EmbeddedFailure, UnsafeSettings) as error:
        err.print(f"[red]{error}[/red]", highlight=False)
        sys.exit(1)
    except DomainError as error:
        where = f" ({'.'.join(error.field)})" if error.field else ""
        err.print(f"[red]{error.code.value}{where}[/red]")
        sys.exit(1)


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Web processes.")] = 1,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Run the worker as well.")] = True,
) -> None:
    """Serve the academy: databases, web processes and the worker, started and watched by this one process."""
    configure_logging()
    settings = settings_for(data_dir)
    settings.require_safe()
    listener = bind(host, port)
    address = address_of(listener)
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": address})

    def web(ground: Settings, ready: Callable[[], None]) -> None:
        WebServer(make_app(lambda: opened_ports(ground)), ready).run([listener])

    def work(ground: Settings, ready: Callable[[], None]) -> None:
        listener.close()
        asyncio.run(run_worker(ground, ready))

    jobs: dict[str, Job] = {f"web {number}": web for number in range(1, workers + 1)}
    if worker:
        jobs["worker"] = work
    greet = partial(banner.show, out, address=address, processes=list(jobs), accounts=())
    Parent(settings, listener, address, jobs).run(prepare, greet)


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run a worker of its own: boards, counters and whatever is due. Any number may run."""
    configure_logging()
    settings = settings_for(data_dir)
    settings.require_safe()
    with standing(settings) as ground:
        _migrate_own(ground)
        asyncio.run(run_worker(ground.settings, lambda: err.print("The worker works; Ctrl-C stops it.")))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date."""
    with standing(settings_for(data_dir)) as ground:
        applied = _migrate(ground.settings)
    out.print("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@app.command("export-schema")
def export_schema(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; nowhere given: to the screen.")] = None,
) -> None:
    """Write the GraphQL schema in its own language."""
    text = schema.as_str().rstrip() + "\n"
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8")


@ledger.command("verify")
def verify_ledger(data_dir: DataDir = None) -> None:
    """Recompute all points from facts and entries, and name every difference. Exit code 1 if there is one."""
    with bar("Verifying the ledger") as tell:
        differences = run(data_dir, lambda ports: ledger_verify(tell))
    _report(differences, "The ledger is in order.")


def settings_for(data_dir: Path | None) -> Settings:
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def run(data_dir: Path | None, job: Callable[[Ports], Awaitable[T]]) -> T:
    """Do `job` on the databases of a running server, on yours, or on embedded ones started for it alone."""
    configure_logging(logging.WARNING)

    async def on(settings: Settings) -> T:
        async with opened_ports(settings) as ports:
            return await job(ports)

    with standing(settings_for(data_dir)) as ground:
        _migrate_own(ground)
        return asyncio.run(on(ground.settings))


@contextmanager
def bar(text: str) -> Iterator[Tell]:
    """A progress bar on standard error; it spins until the first call says how much there is."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def prepare(settings: Settings) -> None:
    """Before the first request of a serve: the schema, and on the first start the demo."""
    _migrate(settings)


def _migrate(settings: Settings) -> list[str]:
    assert settings.database_url is not None
    with err.status("Bringing the database up to date"):
        return asyncio.run(migrate_database(settings.database_url, MODULES))


def _migrate_own(ground: Standing) -> None:
    """A database that we started is ours to migrate; yours waits for `migrate`."""
    if ground.embedded is not None:
        _migrate(ground.settings)


def _report(differences: Sequence[object], fine: str) -> None:
    for difference in differences:
        out.print(str(difference), highlight=False)
    if differences:
        err.print(f"[red]{len(differences)} differences.[/red]")
        raise typer.Exit(1)
    out.print(fine)
