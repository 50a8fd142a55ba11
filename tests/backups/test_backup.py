"""The drill: back up, lose everything, restore, verify; and every backup that must not be restored."""

import asyncio
import json
import shutil
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from kit.db import rows
from kit.dumps import DumpFailure, restore_database
from services.backups import BackupFailure, read_backup
from services.ports import Ports
from tests.backups.conftest import Academy
from tests.process import PATIENCE_SECONDS


async def test_a_lost_academy_is_restored_whole_and_verifies(dump: Path, elsewhere: Academy) -> None:
    before = await rows("SELECT member_id, lifetime, balance FROM point_accounts ORDER BY member_id")

    code, said = elsewhere.run("restore", str(dump))

    assert code == 0, said
    assert said.endswith("with 2 members.")
    after = await elsewhere.ask("SELECT member_id, lifetime, balance FROM point_accounts ORDER BY member_id")
    assert [dict(row) for row in after] == before
    assert sum(row["lifetime"] for row in before) > 0
    for what in ("ledger", "boards", "audit"):
        code, said = elsewhere.run(what, "verify")
        assert code == 0, (what, said)
    [film] = await elsewhere.ask("SELECT storage_key, size_bytes FROM media_assets LIMIT 1")
    assert (elsewhere.data / "media" / film["storage_key"]).stat().st_size == film["size_bytes"]


async def test_a_restore_takes_the_place_of_what_went_wrong_since(dump: Path, elsewhere: Academy) -> None:
    await restore_database(elsewhere.database_url, dump)
    await elsewhere.ask("UPDATE point_accounts SET balance = balance + 1000")
    await elsewhere.ask("CREATE TABLE made_by_mistake (id int)")
    damaged = elsewhere.run("ledger", "verify")

    unasked = elsewhere.run("restore", str(dump))
    replaced = elsewhere.run("restore", str(dump), "--replace")

    assert damaged[0] == 1
    assert unasked == (1, "The database holds 2 members: --replace puts the backup in their place.")
    assert replaced[0] == 0, replaced[1]
    assert elsewhere.run("ledger", "verify")[0] == 0
    assert await elsewhere.ask("SELECT FROM pg_class WHERE relname = 'made_by_mistake'") == []


async def test_nothing_is_restored_below_a_running_server(dump: Path, here: Academy) -> None:
    code, said = here.run("restore", str(dump), "--replace")

    assert (code, said) == (1, "Servers or workers are using the database: stop them first.")
    assert len(await rows("SELECT FROM members")) == 2


async def test_the_command_adds_a_backup_to_the_others_and_copies_no_medium_again(dump: Path, here: Academy) -> None:
    film = next(file for file in (dump.parent / "media").rglob("*") if file.is_file())
    copied_at = film.stat().st_mtime_ns

    code, said = here.run("backup", str(dump.parent))

    assert code == 0, said
    [second] = set(dump.parent.glob("*.dump")) - {dump}
    assert said == f"The backup is {second}."
    assert film.stat().st_mtime_ns == copied_at


async def test_a_backup_is_for_the_eyes_of_its_user_alone(dump: Path) -> None:
    files = [dump, dump.with_suffix(".json"), dump.parent]

    assert [oct(file.stat().st_mode)[-3:] for file in files] == ["600", "600", "700"]
    assert "13800" not in dump.with_suffix(".json").read_text()


@pytest.mark.parametrize("damage", ["cut short", "changed", "unfinished", "newer", "other secret", "no manifest"])
async def test_a_backup_that_cannot_be_right_is_refused_before_anything_is_touched(
    dump: Path, ports: Ports, damage: str
) -> None:
    manifest, settings = dump.with_suffix(".json"), ports.settings
    told, content = json.loads(manifest.read_text()), dump.read_bytes()
    match damage:
        case "cut short":
            dump.write_bytes(content[:-100])
            sentence = f"{dump.name} is not as it was written."
        case "changed":
            dump.write_bytes(content[:-10] + bytes([content[-10] ^ 1]) + content[-9:])
            sentence = f"{dump.name} is not as it was written."
        case "unfinished":
            manifest.unlink()
            sentence = f"{dump.name} has no manifest beside it: it was not finished."
        case "newer":
            manifest.write_text(json.dumps(told | {"migrations": [*told["migrations"], "9999_later"]}))
            sentence = "The backup is of a newer version of the academy: restore it with that one."
        case "other secret":
            settings = settings.model_copy(update={"secret": SecretStr("another one, of thirty-two characters")})
            sentence = (
                "The backup was made under another ACADEMY_SECRET, without which its phone numbers and keys cannot be"
                " read: set the secret of that time."
            )
        case _:
            manifest.write_text("{}")
            sentence = f"The manifest of {dump.name} cannot be read."

    with pytest.raises(BackupFailure) as refused:
        read_backup(settings, dump)

    assert str(refused.value) == sentence


async def test_a_dump_that_ends_in_the_middle_leaves_the_database_as_it_was(dump: Path, elsewhere: Academy) -> None:
    await restore_database(elsewhere.database_url, dump)
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 3 // 4])

    with pytest.raises(DumpFailure):
        await restore_database(elsewhere.database_url, dump)

    assert len(await elsewhere.ask("SELECT FROM members")) == 2
    assert len(await elsewhere.ask("SELECT FROM point_accounts WHERE lifetime > 0")) == 2


async def test_a_restore_that_loses_its_way_to_the_database_leaves_it_as_it_was(dump: Path, elsewhere: Academy) -> None:
    await restore_database(elsewhere.database_url, dump)
    watcher = await asyncpg.connect(elsewhere.database_url)
    await watcher.execute("BEGIN; LOCK TABLE members IN ACCESS SHARE MODE")
    again = asyncio.create_task(restore_database(elsewhere.database_url, dump))
    other = "application_name = 'psql' AND wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await elsewhere.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {other}"):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.01)

    with pytest.raises(DumpFailure):
        await again
    await watcher.close()

    assert len(await elsewhere.ask("SELECT FROM members")) == 2


async def test_media_that_neither_place_has_are_named(dump: Path, elsewhere: Academy) -> None:
    shutil.rmtree(dump.parent / "media")

    code, said = elsewhere.run("restore", str(dump))

    assert code == 1
    assert "Not in the backup, nor in the storage: " in said
    assert "Media that are missing: " in said
