"""What every bench stands on: databases of its own in a temporary directory, a city of learners, a table of figures.

A bench is a module with `async def figures(ports, learners) -> list[Figure]`. It ends with `main(__doc__, figures)`, so
that `python -m bench.<name>` runs it alone, and has a line in `bench/__main__.py`, which runs them all.
"""

import argparse
import asyncio
import logging
import os
import random
import shutil
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

from kit.clock import SystemClock, day_of
from kit.db import close_database, copy_rows, execute, migrate, open_database
from kit.embedded import Postgres, Valkey, socket_directory
from kit.ids import new_id
from kit.log import configure_logging
from kit.settings import Settings
from kit.words import OutletTier
from models import MODULES
from server.wiring import build_ports
from services.ports import Ports

LEARNERS = 32_000
STATIONS = 150
DAYS = 28


class Figure(NamedTuple):
    """A line of the table. `limit`: what it must stay under, if anything; `beside`: the plain way, and the ratio."""

    what: str
    measured: str
    limit: str = ""
    beside: str = ""


T = TypeVar("T")
Figures = Callable[[Ports, int], Awaitable[list[Figure]]]


async def city(learners: int) -> list[UUID]:
    """A city of learners in shops of their own, each with points on half of the last four weeks' days; their ids."""
    now, dice = SystemClock().now(), random.Random(1)  # noqa: S311
    city_id, stations = new_id(), [new_id() for _ in range(STATIONS)]
    places = [(city_id, "4419", "City", "CITY", None, "4419/")]
    places += [(each, f"S{n}", f"Station {n}", "STATION", city_id, f"4419/S{n}/") for n, each in enumerate(stations)]
    await copy_rows("regions", ("id", "code", "name", "kind", "parent_id", "path"), places)
    members = [new_id() for _ in range(learners)]
    people = [(each, f"Learner {n}", False, now) for n, each in enumerate(members)]
    await copy_rows("members", ("id", "display_name", "hidden_on_boards", "joined_at"), people)
    await copy_rows(
        "role_grants", ("id", "member_id", "role", "granted_at"), [(new_id(), each, "LEARNER", now) for each in members]
    )
    shops, posts, days = [], [], []
    for n, each in enumerate(members):
        outlet, station, tier = new_id(), dice.choice(stations), dice.choice(list(OutletTier)).value
        shops.append((outlet, f"{n:08}", f"Shop {n}", station, tier, 1, now))
        posts.append((new_id(), each, outlet, "OWNER", now, True))
        for ago in dice.sample(range(DAYS), DAYS // 2):
            at = now - timedelta(days=ago)
            days.append((each, "POINTS", day_of(at), outlet, station, tier, dice.randint(1, 10) * 10, at))
    await copy_rows("outlets", ("id", "code", "name", "region_id", "tier", "segment", "created_at"), shops)
    await copy_rows("posts", ("id", "member_id", "outlet_id", "role", "from_at", "is_current"), posts)
    columns = ("member_id", "metric", "day", "outlet_id", "region_id", "tier", "amount", "reached_at")
    await copy_rows("metric_days", columns, days)
    await execute("ANALYZE")
    return members


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def measured(figures: Callable[[Ports, int], Awaitable[T]], learners: int) -> T:
    """Run a bench on databases that nothing else has ever used."""
    with tempfile.TemporaryDirectory(prefix="academy-bench-") as directory:
        return measured_in(Path(directory), figures, learners)


def measured_in(directory: Path, figures: Callable[[Ports, int], Awaitable[T]], learners: int) -> T:
    """Run a bench on the databases of a data directory that nobody serves just now."""
    configure_logging(logging.WARNING)
    return asyncio.run(_on_databases(directory, figures, learners))


def table(figures: list[Figure]) -> str:
    """Figures as a table in Markdown."""
    head = ["what", "measured", "limit", "beside"]
    lines = [head, ["---"] * 4, *(list(figure) for figure in figures)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ground() -> str:
    """On how much of a machine the figures were measured; the databases shared it."""
    return f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"


def main(description: str | None, figures: Figures) -> None:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=LEARNERS)
    given = parser.parse_args()
    print(f"{given.learners} learners, {ground()}\n\n{table(measured(figures, given.learners))}")


async def _on_databases(directory: Path, figures: Callable[[Ports, int], Awaitable[T]], learners: int) -> T:
    sockets = socket_directory(directory)
    postgres, valkey = Postgres(directory, sockets, durable=False), Valkey(directory, sockets, durable=False)
    postgres.start()
    valkey.start()
    try:
        await migrate(postgres.url(), MODULES)
        await open_database(postgres.url(), MODULES)
        settings = Settings(
            data_dir=directory, database_url=postgres.url(), redis_url=valkey.url(), allowed_hosts=("academy",)
        )
        async with build_ports(settings) as ports:
            found = await figures(ports, learners)
        await close_database()
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(sockets, ignore_errors=True)
    return found
