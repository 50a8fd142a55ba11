"""The house has floors, and some things have a keeper: read from the source itself."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schema.audit import SUMMARIES

ROOT = Path(__file__).parents[1]

FLOOR = {
    "kit": 0,
    "models": 1, "auth": 1, "gamification": 1, "providers": 1, "seeds": 1,
    "services": 2,
    "schema": 3,
    "resolvers": 4, "workers": 4,
    "server": 5, "main": 6,
}  # fmt: skip

KEEPERS = {
    "tortoise": ("models/", "kit/db.py", "kit/migrations.py"),
    "asyncpg": ("kit/db.py",),
    "redis": ("kit/", "gamification/boards.py"),
    "jose": ("auth/tokens.py",),
    "strawberry": ("schema/", "resolvers/", "server/"),
    "graphql": ("schema/", "resolvers/", "server/"),
    "starlette": ("server/",),
    "uvicorn": ("server/",),
    "typer": ("server/",),
    "random": ("seeds/",),  # seeded, to make up a city; never for secrets
    "secrets": ("kit/ids.py",),
    "imageio_ffmpeg": ("providers/ffmpeg.py",),
    "pyrtmp": ("providers/live/",),
    **dict.fromkeys(("httpx", "aiohttp", "requests", "urllib3", "http"), ("providers/",)),
}
"""Library -> the only places that import it."""

CALLS = {
    "kit/clock.py": {
        "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
        "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
    },
    "kit/ids.py": {"uuid4", "uuid.uuid4", "uuid1", "uuid.uuid1", "uuid7", "os.urandom", "urandom"},
    "kit/db.py": {"in_transaction", "atomic", "Tortoise.init"},
}  # fmt: skip
"""The only file that makes these calls: reads the clock, makes what is random, opens a transaction."""

FORBIDDEN_METHODS = {
    "get_or_create": "opens a transaction of its own, outside the shield",
    "update_or_create": "opens a transaction of its own, outside the shield",
    "in_bulk": "has no order",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def sources() -> list[str]:
    found = [ROOT / "main.py", *(path for top in FLOOR for path in (ROOT / top).rglob("*.py"))]
    return sorted(path.relative_to(ROOT).as_posix() for path in found if "migrations" not in path.parts)


def imported(place: str) -> Iterator[str]:
    """Top-level names of everything the file imports, wherever it does so."""
    for node in ast.walk(tree(ROOT / place)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place} imports by dots"
            yield (node.module or "").split(".")[0]


def calls(place: str) -> Iterator[str]:
    for node in ast.walk(tree(ROOT / place)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("place", sources())
def test_imports_go_down(place: str) -> None:
    home = place.removesuffix(".py").split("/")[0]

    wrong = {name for name in imported(place) if name in FLOOR and name != home and FLOOR[name] >= FLOOR[home]}

    assert not wrong, f"{place} (floor {FLOOR[home]}) imports {wrong}"


@pytest.mark.parametrize("place", sources())
def test_a_library_is_imported_by_its_keeper_alone(place: str) -> None:
    wrong = {name for name in imported(place) if name in KEEPERS and not place.startswith(KEEPERS[name] or ("-",))}

    assert not wrong, f"{place} imports {wrong}"


@pytest.mark.parametrize("place", sources())
def test_clock_chance_and_transactions_have_one_door(place: str) -> None:
    made = set(calls(place))

    wrong = {call: keeper for keeper, names in CALLS.items() if keeper != place for call in made & names}

    assert not wrong, f"{place} makes calls that belong to another file: {wrong}"


@pytest.mark.parametrize("place", sources())
def test_no_call_goes_around_the_shield(place: str) -> None:
    made = {call.rpartition(".")[2] for call in calls(place)}

    assert not made & FORBIDDEN_METHODS.keys(), {
        name: FORBIDDEN_METHODS[name] for name in made & FORBIDDEN_METHODS.keys()
    }


@pytest.mark.parametrize("place", [place for place in sources() if place.startswith("gamification/")])
def test_the_rules_of_the_game_are_pure(place: str) -> None:
    """All but the sorted sets: plain values in, plain values out."""
    if place == "gamification/boards.py":
        return

    waiting = [node for node in ast.walk(tree(ROOT / place)) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]

    assert not waiting, place


def deeds() -> set[str]:
    """Every action that a service records: the words with a dot among the arguments of `record`."""
    found: set[str] = set()
    for place in sources():
        for node in ast.walk(tree(ROOT / place)) if place.startswith("services/") else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("record", "_record_change"):
                found |= {
                    each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and is_deed(each.value)
                }
    return found


def is_deed(value: object) -> bool:
    return isinstance(value, str) and "." in value and value.replace(".", "").replace("_", "").isalpha()


def test_every_deed_has_its_sentences_and_every_sentence_its_deed() -> None:
    assert deeds() == set(SUMMARIES), "a new action needs its two sentences in schema/audit.py"


def test_a_decision_has_the_number_of_its_file_and_no_other_has_it() -> None:
    paths = list((ROOT / "docs" / "adr").glob("0*.md"))
    found = {path.name[:4]: path for path in paths}

    assert sorted(found) == [f"{number:04}" for number in range(1, len(paths) + 1)]
    for number, path in found.items():
        assert path.read_text(encoding="utf-8").startswith(f"# {int(number)}. "), path


def test_sizes_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, never failed: a habit, not a whip."""
    lines = sorted(((len((ROOT / place).read_text().splitlines()), place) for place in sources()), reverse=True)

    with capsys.disabled():
        print("\nlongest files:", ", ".join(f"{place} {count}" for count, place in lines[:5]))

    assert lines
