"""A small city by the command line, as an operator makes it: what is said, what comes of it, what is refused."""

import re
from pathlib import Path

import pytest

from kit.db import rows
from kit.settings import Settings
from services.ports import Ports
from tests.process import run_main
from tests.seeds.test_demo import everything

SMALL = ("--outlets", "12", "--courses", "8", "--events", "300")
UNTOLD = {"assigned_courses"}
"""When assignments were counted last, which a second look moves."""


def run(settings: Settings, home: Path, *words: str) -> tuple[int, str, list[str]]:
    """(exit code, standard output, the lines on standard error) of a command on the databases of this test."""
    servers = {"ACADEMY_DATABASE_URL": settings.database_url or "", "ACADEMY_REDIS_URL": settings.redis_url or ""}
    done = run_main(*words, "--data-dir", str(home), **servers)
    return done.returncode, done.stdout.strip(), done.stderr.splitlines()


async def all_but_counting() -> dict[str, str]:
    return {table: checksum for table, checksum in (await everything()).items() if table not in UNTOLD}


async def counts() -> tuple[int, int, int]:
    [row] = await rows("SELECT (SELECT count(*) FROM outlets) AS outlets, (SELECT count(*) FROM courses) AS courses,"
                       " (SELECT count(*) FROM learning_events) AS events")  # fmt: skip
    return row["outlets"], row["courses"], row["events"]


async def test_a_city_is_seeded_with_its_progress_in_the_log_and_in_order_and_again_changes_nothing(
    ports: Ports, tmp_path: Path
) -> None:
    code, said, log = run(ports.settings, tmp_path, "seed", "--scale", "city", *SMALL)
    made, there = await counts(), await all_but_counting()
    ledger = run(ports.settings, tmp_path, "ledger", "verify")
    boards = run(ports.settings, tmp_path, "boards", "verify")
    again = run(ports.settings, tmp_path, "seed", "--scale", "city", *SMALL)

    assert (code, said) == (0, "The city is there."), log
    assert made == (12, 8, 300)
    begun, done = [[line.rpartition(":")[0] for line in log if line.endswith(tenths)] for tenths in (" 0%", " 100%")]
    assert begun[:5] == [
        "Founding the city", "Telling a year of learning", "Building keys and indexes",
        "Counting what was learned", "Taking statistics",
    ]  # fmt: skip
    beside = ["Building the honour boards", "Closing the periods that are over", "Counting the regions' days"]
    assert sorted(begun[5:]) == beside
    assert sorted(done) == sorted(begun)
    percents = [int(found[1]) for line in log if (found := re.fullmatch(r"Building keys and indexes: (\d+)%", line))]
    assert percents == [10 * tenth for tenth in range(11)]
    assert ledger[:2] == (0, "The ledger is in order.")
    assert boards[:2] == (0, "The boards are right.")
    assert again[:2] == (0, "The city is there.")
    assert "Telling a year of learning: 0%" not in again[2]
    assert await all_but_counting() == there


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--outlets", "0"), 2, "'--outlets': Input should be greater than or equal to 1"),
        (("--courses", "7"), 2, "'--courses': Input should be greater than or equal to 8"),
        (("--events", "-1"), 2, "'--events': Input should be greater than or equal to 0"),
        (("--events", "all"), 2, "'--events': Input should be a valid integer"),
        (
            ("--outlets", "2", "--events", "1000000"), 1,
            "The people have no days for so many events: take fewer, or more outlets. (BAD_USER_INPUT)",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
async def test_what_cannot_be_is_said_and_changes_nothing(
    ports: Ports, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    before = await everything()

    refused = run(ports.settings, tmp_path, "seed", "--scale", "city", *words)

    assert (refused[0], refused[1]) == (code, "")
    assert said in " ".join(" ".join(refused[2]).replace("│", " ").split())
    assert await everything() == before
    assert list(tmp_path.glob("media/**/*.*")) == []


async def test_sizes_of_a_city_are_refused_without_it(ports: Ports, tmp_path: Path) -> None:
    before = await everything()

    code, said, log = run(ports.settings, tmp_path, "seed", "--events", "300")

    assert (code, said) == (2, "")
    assert "go with --scale city" in " ".join(" ".join(log).replace("│", " ").split())
    assert await everything() == before
