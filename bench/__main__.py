"""Run every bench, one after the other, and print what they found as one table: `python -m bench [--write]`.

`--write` puts the table into `bench/results.md`. A busy machine gives bad figures: run it with nothing else to do.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import boards, leagues, operations, room, season, simulation
from bench.ground import LEARNERS, Figure, ground, measured, table

BENCHES: dict[str, Callable[[int], list[Figure]]] = {
    "boards": partial(measured, boards.figures),
    "leagues": partial(measured, leagues.figures),
    "room": partial(measured, room.figures),
    "season": partial(measured, season.figures),
    "simulation": partial(measured, simulation.figures),
    "operations": operations.figures,
}
RESULTS = Path(__file__).with_name("results.md")
ABOVE = "<!-- the rest is written by `make bench ARGS=--write` -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=LEARNERS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found: list[Figure] = []
    for name, figures in BENCHES.items():
        print(f"{name} ...", flush=True)
        found += figures(given.learners)
    text = f"{given.learners:,} learners; {ground()}, shared with both databases.\n\n{table(found)}\n"
    print(f"\n{text}")
    if given.write:
        intro = RESULTS.read_text(encoding="utf-8").partition(ABOVE)[0]
        RESULTS.write_text(f"{intro}{ABOVE}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
