"""A page of an honour board with one's own line and neighbours: from the sorted sets and from SQL, side by side.

    .venv/bin/python -m bench.boards --learners 32000

Makes a city of its own in a temporary directory. The two ways take turns, so that a busy machine is busy for both;
what to look at is the ratio.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from gamification.periods import period_of
from gamification.standings import Board, Family, Question, Scope
from kit.clock import SystemClock, day_of, monotonic
from kit.db import close_database, copy_rows, execute, migrate, open_database
from kit.embedded import Postgres, Valkey, socket_directory
from kit.ids import new_id
from kit.paging import Ask
from kit.settings import Settings
from kit.words import BoardMetric, BoardPeriod, BoardSubjectKind, OutletTier
from models import MODULES
from server.wiring import build_ports
from services.board_projection import rebuild
from services.boards import answer_from_days, read_board
from services.ports import Ports

STATIONS = 150
DAYS = 28


async def populate(learners: int) -> list[UUID]:
    """Learners of shops of their own, each with points on half of the last four weeks' days."""
    now, dice = SystemClock().now(), random.Random(1)  # noqa: S311
    city, stations = new_id(), [new_id() for _ in range(STATIONS)]
    places = [(city, "4419", "City", "CITY", None, "4419/")]
    places += [(each, f"S{n}", f"Station {n}", "STATION", city, f"4419/S{n}/") for n, each in enumerate(stations)]
    await copy_rows("regions", ("id", "code", "name", "kind", "parent_id", "path"), places)
    members = [new_id() for _ in range(learners)]
    people = [(each, f"Learner {n}", False, now) for n, each in enumerate(members)]
    await copy_rows("members", ("id", "display_name", "hidden_on_boards", "joined_at"), people)
    await copy_rows(
        "role_grants", ("id", "member_id", "role", "granted_at"), [(new_id(), each, "LEARNER", now) for each in members]
    )
    days = []
    for each in members:
        outlet, station, tier = new_id(), dice.choice(stations), dice.choice(list(OutletTier)).value
        for ago in dice.sample(range(DAYS), DAYS // 2):
            at = now - timedelta(days=ago)
            days.append((each, "POINTS", day_of(at), outlet, station, tier, dice.randint(1, 10) * 10, at))
    columns = ("member_id", "metric", "day", "outlet_id", "region_id", "tier", "amount", "reached_at")
    await copy_rows("metric_days", columns, days)
    await execute("ANALYZE")
    return members


async def measure(ports: Ports, members: list[UUID], rounds: int) -> None:
    today = day_of(ports.clock.now())
    print(f"{'board':<10}{'sorted sets p50':>18}{'p99':>9}{'SQL p50':>12}{'p99':>9}{'ratio p50':>12}{'p99':>8}")
    for kind in (BoardPeriod.DAY, BoardPeriod.WEEK, BoardPeriod.ALL_TIME):
        board = Board(Family(BoardMetric.POINTS, period_of(kind, today), BoardSubjectKind.MEMBER), Scope())
        kept: list[float] = []
        counted: list[float] = []
        for _ in range(rounds):
            question = Question(Ask(20), random.choice(members), 5)  # noqa: S311
            start = monotonic()
            reading = await read_board(ports, board, question)
            middle = monotonic()
            answer = await answer_from_days(board, question, today)
            counted.append(monotonic() - middle)
            kept.append(middle - start)
            assert not reading.stale
            assert reading.answer == answer
        (fast, fast_99), (slow, slow_99) = percentiles(kept), percentiles(counted)
        print(
            f"{kind.value:<10}{fast:>15.2f} ms{fast_99:>6.1f} ms{slow:>9.1f} ms{slow_99:>6.0f} ms"
            f"{slow / fast:>11.0f}x{slow_99 / fast_99:>7.0f}x"
        )


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


async def run(directory: Path, learners: int, rounds: int) -> None:
    sockets = socket_directory(directory)
    postgres, valkey = Postgres(directory, sockets, durable=False), Valkey(directory, sockets, durable=False)
    postgres.start()
    valkey.start()
    try:
        await migrate(postgres.url(), MODULES)
        await open_database(postgres.url(), MODULES)
        settings = Settings(data_dir=directory, database_url=postgres.url(), redis_url=valkey.url())
        async with build_ports(settings) as ports:
            members = await populate(learners)
            start = monotonic()
            await rebuild(ports)
            print(f"{learners} learners; all boards built in {monotonic() - start:.1f} s")
            await measure(ports, members, rounds)
        await close_database()
    finally:
        valkey.stop()
        postgres.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=32_000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="academy-bench-") as directory:
        asyncio.run(run(Path(directory), given.learners, given.rounds))


if __name__ == "__main__":
    main()
