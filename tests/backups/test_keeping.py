"""Which backups stay, which go, and what is left of those that did not come to their end."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from kit.clock import FrozenClock
from kit.db import rows
from kit.dumps import DumpFailure, read_dump
from kit.processes import command_of, wait_until
from server.cli import app
from services.backups import BackedUp, BackupFailure, back_up
from services.ports import Ports
from tests.backups.conftest import Academy
from tests.conftest import NOON
from tests.process import PATIENCE_SECONDS, ROOT, environment
from tests.world import World

DUMPING = "application_name = 'pg_dump' AND wait_event_type = 'Lock' AND datname = current_database()"
"""A dump that waits for a table somebody has locked."""


async def again(ports: Ports, directory: Path, *, keep: int | None = None) -> BackedUp:
    return await back_up(ports, directory, media=True, keep=keep, tell=lambda done, of: None)


def backups(directory: Path) -> list[str]:
    """What is there beside the media and the lock."""
    return sorted(file.name for file in directory.iterdir() if file.name not in ("media", "backup.lock"))


def children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (map(int, line.split()) for line in listed.splitlines())
    return [pid for pid, above in pairs if above == parent]


async def until_it_dumps(academy: Academy) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await academy.ask(f"SELECT FROM pg_stat_activity WHERE {DUMPING}"):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.01)


async def test_so_many_stay_and_each_of_them_is_restored(
    dump: Path, ports: Ports, clock: FrozenClock, world: World, elsewhere: Academy
) -> None:
    directory = dump.parent
    media = sorted(directory.glob("media/**/*"))
    made = []
    for name in ("阿伟", "阿芳"):
        clock.advance(timedelta(days=1))
        await world.learner(name)
        made.append(await again(ports, directory, keep=2))

    assert dump.name == "academy-20260302-120000.dump"
    assert [each.deleted for each in made] == [[], ["academy-20260302-120000.dump"]]
    assert backups(directory) == [
        "academy-20260303-120000.dump",
        "academy-20260303-120000.json",
        "academy-20260304-120000.dump",
        "academy-20260304-120000.json",
    ]
    assert sorted(directory.glob("media/**/*")) == media
    assert media != []
    for members, kept in enumerate(made, 3):
        code, said = elsewhere.run("restore", str(kept.dump), "--replace")
        assert (code, said.rpartition(", ")[2]) == (0, f"with {members} members."), said


async def test_without_being_told_nothing_is_deleted(dump: Path, ports: Ports, clock: FrozenClock) -> None:
    clock.advance(timedelta(days=400))

    made = await again(ports, dump.parent)

    assert (made.deleted, made.cleared) == ([], [])
    assert dump.name in backups(dump.parent)


async def test_the_one_just_made_stays_also_if_a_clock_that_was_wrong_calls_it_the_oldest(
    dump: Path, ports: Ports, clock: FrozenClock
) -> None:
    clock.at = NOON - timedelta(days=1000)

    made = await again(ports, dump.parent, keep=1)

    assert made.deleted == [dump.name]
    assert backups(dump.parent) == [made.dump.name, made.dump.with_suffix(".json").name]
    assert made.dump < dump


async def test_two_of_one_second_are_never_one(dump: Path, ports: Ports) -> None:
    before = dump.read_bytes()

    with pytest.raises(BackupFailure) as refused:
        await again(ports, dump.parent, keep=1)

    assert str(refused.value) == "academy-20260302-120000.dump is there already: try again in a second."
    assert dump.read_bytes() == before
    assert backups(dump.parent) == ["academy-20260302-120000.dump", "academy-20260302-120000.json"]


async def test_what_is_not_ours_or_not_whole_stays_and_does_not_count(
    dump: Path, ports: Ports, clock: FrozenClock
) -> None:
    directory, told = dump.parent, json.loads(dump.with_suffix(".json").read_text())
    for name, changed in {
        "academy-20250101-000000": {"secret": "another academy's"},
        "academy-20250102-000000": {"format": 2},
        "academy-20250103-000000": {"dump_bytes": 1},
        "academy-before-upgrade": {},
        "staging-20250101-000000": {},
    }.items():
        (directory / f"{name}.dump").write_bytes(dump.read_bytes())
        (directory / f"{name}.json").write_text(json.dumps(told | changed))
    for name in ("notes.txt", "academy-20250104-000000.dump.gpg", "academy-20250105-000000.json", "other.part"):
        (directory / name).write_text("somebody's")
    (directory / "academy-20250106-000000.part").mkdir()
    foreign = set(backups(directory)) - {dump.name, dump.with_suffix(".json").name}
    clock.advance(timedelta(days=1))

    made = await again(ports, directory, keep=1)

    assert (made.deleted, made.cleared) == ([dump.name], [])
    assert set(backups(directory)) == foreign | {made.dump.name, made.dump.with_suffix(".json").name}
    assert len(foreign) == 15


async def test_a_backup_that_fails_deletes_nothing_and_leaves_nothing(
    dump: Path, ports: Ports, clock: FrozenClock
) -> None:
    [medium] = await rows("SELECT storage_key FROM media_assets ORDER BY storage_key LIMIT 1")
    before = backups(dump.parent)
    await ports.storage.delete(medium["storage_key"])
    (dump.parent / "media" / medium["storage_key"]).unlink()
    clock.advance(timedelta(days=1))

    with pytest.raises(BackupFailure) as failed:
        await again(ports, dump.parent, keep=1)

    assert str(failed.value) == (
        f"The storage lacks {medium['storage_key']}, which the database names: put it back,"
        " or --no-media backs up the database alone."
    )
    assert backups(dump.parent) == before


async def test_a_dump_that_is_cut_short_or_whose_rows_are_damaged_is_found_by_reading_it(
    dump: Path, tmp_path: Path
) -> None:
    content, bad = dump.read_bytes(), tmp_path / "bad.dump"
    among_rows = len(content) * 99 // 100  # most of a small dump is definitions; rows come behind them
    damages = [
        b"",
        content[: len(content) // 2],
        content[:-1],
        content[:among_rows] + bytes(64) + content[among_rows + 64 :],
    ]

    await read_dump(dump)

    for damaged in damages:
        bad.write_bytes(damaged)
        with pytest.raises(DumpFailure):
            await read_dump(bad)


async def test_two_at_once_do_not_harm_each_other(dump: Path, ports: Ports, clock: FrozenClock, here: Academy) -> None:
    directory = dump.parent
    watcher = await asyncpg.connect(here.database_url)
    await watcher.execute("BEGIN; LOCK TABLE point_accounts IN ACCESS EXCLUSIVE MODE")
    clock.advance(timedelta(days=1))
    first = asyncio.create_task(again(ports, directory))
    await until_it_dumps(here)
    clock.advance(timedelta(days=1))

    with pytest.raises(BackupFailure) as refused:
        await again(ports, directory, keep=1)
    meanwhile = backups(directory)
    await watcher.close()
    made = await first

    assert str(refused.value) == f"Another backup is being written to {directory}: try again when it is done."
    assert meanwhile == [dump.name, dump.with_suffix(".json").name, "academy-20260303-120000.part"]
    assert backups(directory) == [
        "academy-20260302-120000.dump",
        "academy-20260302-120000.json",
        "academy-20260303-120000.dump",
        "academy-20260303-120000.json",
    ]
    assert (made.cleared, made.deleted) == ([], [])


async def test_what_a_killed_backup_left_goes_with_the_next_and_it_says_so(dump: Path, here: Academy) -> None:
    directory = dump.parent
    watcher = await asyncpg.connect(here.database_url)
    await watcher.execute("BEGIN; LOCK TABLE point_accounts IN ACCESS EXCLUSIVE MODE")
    with subprocess.Popen(
        [sys.executable, "main.py", "backup", str(directory), "--data-dir", str(here.data)],
        cwd=ROOT,
        env=environment(**here.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        await until_it_dumps(here)
        killed.kill()
    await watcher.close()
    [part] = directory.glob("*.part")
    unfinished = directory / "academy-20260101-000000.dump"
    unfinished.write_bytes(b"killed before its manifest")
    figure = directory.parent / "academy.prom"

    code, said = here.run("backup", str(directory), "--keep", "1", "--figure", str(figure))

    [made] = directory.glob("*.dump")
    assert (code, said) == (
        0,
        f"Cleared, of a backup that did not come to its end: {unfinished.name}"
        f" Cleared, of a backup that did not come to its end: {part.name}"
        f" The backup is {made}. Deleted, an old backup: {dump.name}",
    )
    assert backups(directory) == [made.name, made.with_suffix(".json").name]
    told = figure.read_text().splitlines()
    assert f"academy_backup_bytes {float(made.stat().st_size)}" in told
    assert [line.split()[2] for line in told if line.startswith("# HELP")] == [
        "academy_backup_timestamp_seconds",
        "academy_backup_bytes",
    ]
    assert list(figure.parent.glob("academy.prom*")) == [figure]


async def test_a_backup_that_is_ended_in_the_middle_leaves_nothing_and_no_dump_goes_on(
    dump: Path, here: Academy
) -> None:
    watcher = await asyncpg.connect(here.database_url)
    await watcher.execute("BEGIN; LOCK TABLE point_accounts IN ACCESS EXCLUSIVE MODE")
    with subprocess.Popen(
        [sys.executable, "main.py", "backup", str(dump.parent), "--data-dir", str(here.data)],
        cwd=ROOT,
        env=environment(**here.variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as ended:
        await until_it_dumps(here)
        [dumping] = children(ended.pid)
        ended.terminate()
        code = ended.wait(PATIENCE_SECONDS)

    assert code == 128 + 15
    assert backups(dump.parent) == [dump.name, dump.with_suffix(".json").name]
    assert wait_until(lambda: command_of(dumping) is None, PATIENCE_SECONDS)
    await watcher.close()


def test_to_keep_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["backup", str(tmp_path / "backups"), "--keep", "0"])

    assert told.exit_code == 2
    assert "keep 1 at least; without it nothing is deleted." in " ".join(told.output.replace("│", " ").split())
    assert not (tmp_path / "backups").exists()
