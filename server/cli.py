"""The command line. Each command takes --data-dir, and beside a running server it uses that server's databases."""

import asyncio
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from prometheus_client import start_http_server

from gamification.boards import BoardsAway
from kit.crew import CrewLost
from kit.embedded import EmbeddedFailure
from kit.errors import DomainError
from kit.log import configure_logging
from kit.memory import keep_what_is_loaded
from kit.metrics import counted
from kit.settings import Settings, UnsafeSettings
from schema.error_codes import with_table
from seeds.big_city import FULL, CitySize
from server import banner
from server.api import schema
from server.app import make_app
from server.backups import backup, restore
from server.children import WebServer
from server.commands import admin, audit, boards, documents, draws, keys, leagues, ledger, outlets, regions, tokens
from server.home import Busy, standing
from server.sentences import sentence
from server.serve import CannotServe, Job, Parent, address_of, bind, bind_ingest
from server.terminal import DataDir, bar, bring_up_to_date, err, migrate_own, out, run, settings_for, stages
from server.trusted import BadDocument, load_trusted
from server.wiring import opened_ports, take_streams
from server.wiring import work as run_worker
from services.backups import BackupFailure
from services.city_seed import seed_city
from services.demo import demo_accounts, is_demo_due, seed_demo

EMBEDDED = "embedded"
SEEDING = "Telling six weeks of learning"


class Scale(StrEnum):
    """How much a seed makes."""

    DEMO = "demo"
    CITY = "city"


app = typer.Typer(
    help="Growth Academy 成长学院: the server of a mobile training academy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(backup)
app.command()(restore)
app.add_typer(admin, name="admin")
app.add_typer(regions, name="regions")
app.add_typer(outlets, name="outlets")
app.add_typer(boards, name="boards")
app.add_typer(ledger, name="ledger")
app.add_typer(audit, name="audit")
app.add_typer(leagues, name="leagues")
app.add_typer(draws, name="draw")
app.add_typer(keys, name="keys")
app.add_typer(tokens, name="tokens")
app.add_typer(documents, name="documents")


def cli() -> None:
    """Run a command; expected failures are a sentence and exit code 1. SIGTERM ends it in order."""
    signal.signal(signal.SIGTERM, _end)  # `serve` and `worker` have their own way, once they are up
    try:
        app()
    except (BackupFailure, BadDocument, Busy, CannotServe, CrewLost, EmbeddedFailure, UnsafeSettings) as error:
        _fail(str(error))
    except DomainError as error:
        _fail(sentence(error))
    except BoardsAway:
        _fail("Valkey does not answer. The boards are told from the rows meanwhile; build them once it is back.")
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}." if error.filename else str(error))


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Without this a command would leave its embedded servers to die, and their sockets lying about."""
    sys.exit(128 + number)


def _fail(why: str) -> NoReturn:
    err.print(why, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1)


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Web processes.")] = 1,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Run the worker as well.")] = True,
) -> None:
    """Serve the academy: databases, web processes and the worker, started and watched by this one process."""
    configure_logging()
    settings = settings_for(data_dir)
    settings.require_safe()
    load_trusted()  # here, so that a bad document is a sentence and not a process that dies as often as it is started
    keep_what_is_loaded()
    listener = bind(host, port)
    address = address_of(listener)
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": address})

    figures = settings.data_dir.absolute() / "figures"
    streams = bind_ingest(settings) if settings.live_provider == EMBEDDED else None
    if streams is not None:
        settings = settings.model_copy(update={"live_ingest_port": streams.getsockname()[1]})

    def web(name: str, ground: Settings, ready: Callable[[], None]) -> None:
        counted.share(figures, name)
        _close(streams)
        WebServer(make_app(lambda: opened_ports(ground)), ready).run([listener])

    def work(ground: Settings, ready: Callable[[], None]) -> None:
        counted.share(figures, "worker")
        _close(listener, streams)
        asyncio.run(run_worker(ground, ready))

    def ingest(ground: Settings, ready: Callable[[], None]) -> None:
        counted.share(figures, "ingest")
        listener.close()
        assert streams is not None
        asyncio.run(take_streams(ground, streams, ready))

    jobs: dict[str, Job] = {f"web {number}": partial(web, f"web-{number}") for number in range(1, workers + 1)}
    if worker:
        jobs["worker"] = work
    if streams is not None:
        jobs["ingest"] = ingest
    greet = partial(
        banner.show, out, address=address, processes=list(jobs), accounts=demo_accounts() if settings.demo else ()
    )
    Parent(settings, listener, address, jobs).run(partial(prepare, figures=figures), greet)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Serve this worker's /metrics; below `serve` the web does."),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address for them; keep it to a network of yours.")] = "127.0.0.1",
    data_dir: DataDir = None,
) -> None:
    """Run a worker of its own: boards, counters and whatever is due. Any number may run."""
    configure_logging()
    settings = settings_for(data_dir)
    settings.require_safe()
    if metrics_port is not None:
        try:
            start_http_server(metrics_port, metrics_host, registry=counted.registry())
        except OSError as error:
            raise CannotServe(f"Cannot listen on {metrics_host}:{metrics_port}: {error.strerror}.") from error
    keep_what_is_loaded()
    with standing(settings) as ground:
        migrate_own(ground)
        asyncio.run(run_worker(ground.settings, lambda: err.print("The worker works; Ctrl-C stops it.")))


@app.command()
def ingest(data_dir: DataDir = None) -> None:
    """Take live streams (the embedded ingest) and nothing else: beside `main:app`; `serve` does it by itself."""
    configure_logging()
    settings = settings_for(data_dir)
    settings.require_safe()
    listener = bind_ingest(settings)
    with standing(settings) as ground:
        migrate_own(ground)
        port = listener.getsockname()[1]
        say = partial(err.print, f"Live streams are taken on port {port}; Ctrl-C stops it.", highlight=False)
        asyncio.run(take_streams(ground.settings, listener, say))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to date."""
    with standing(settings_for(data_dir)) as ground:
        applied = bring_up_to_date(ground.settings)
    out.print("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@app.command()
def seed(
    number: Annotated[int, typer.Option("--seed", min=1, help="Which one; the same number makes the same.")] = 1,
    scale: Annotated[
        Scale, typer.Option(help="The demo, or a city of full size with a year of learning.")
    ] = Scale.DEMO,
    outlets: Annotated[int, typer.Option(min=1, help="Shops of the city.")] = FULL.outlets,
    courses: Annotated[int, typer.Option(min=8, max=5000, help="Courses of the city.")] = FULL.courses,
    events: Annotated[int, typer.Option(min=0, help="What phones reported in the city's year.")] = FULL.events,
    data_dir: DataDir = None,
) -> None:
    """Fill an empty academy: with the demo, or with a city of full size. Again it changes nothing.

    The city (`--scale city`) has 32,000 shops, 530 courses and 6.92 million learning events unless told otherwise.
    """
    size = CitySize(outlets, courses, events)
    if scale is Scale.CITY:
        with stages() as told:
            run(data_dir, lambda ports: seed_city(ports, size, number, told))
        out.print("The city is there.")
        return
    if size != FULL:
        raise typer.BadParameter("--outlets, --courses and --events go with --scale city.")
    with bar(SEEDING) as tell:
        run(data_dir, lambda ports: seed_demo(ports, number, tell))
    out.print("The demo is there.")


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


@app.command("export-errors")
def export_errors(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The page that holds the table.")],
) -> None:
    """Write the table of error codes into the guide anew."""
    file.write_text(with_table(file.read_text(encoding="utf-8")), encoding="utf-8")


def _close(*sockets: socket.socket | None) -> None:
    """What a child has inherited and does not use."""
    for each in sockets:
        if each is not None:
            each.close()


def prepare(settings: Settings, *, figures: Path) -> None:
    """Before the first request of a serve: an empty place for what its processes count, the schema, and on the first
    start the demo."""
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir()
    bring_up_to_date(settings)
    if settings.demo:
        asyncio.run(_seed_if_new(settings))


async def _seed_if_new(settings: Settings) -> None:
    async with opened_ports(settings) as ports:
        if await is_demo_due():
            with bar(SEEDING) as tell:
                await seed_demo(ports, progress=tell)
