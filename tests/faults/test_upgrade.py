"""The database is brought up to date below a server that goes on serving."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from kit.db import known_migrations
from services.ports import Ports
from tests.phone import Phone
from tests.process import PATIENCE_SECONDS, ROOT, Serving
from tests.servers import copy_template

LATER = """
from tortoise import migrations
from tortoise.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("models", "{last}")]
    operations = [RunSQL("ALTER TABLE members ADD COLUMN added_later int; CREATE INDEX ON members (added_later)", "")]
"""
UPGRADE = """
import asyncio, sys
sys.path[:0] = sys.argv[1:3]
import kit.db
from models import MODULES
kit.db.MIGRATIONS = "later"
print(asyncio.run(kit.db.migrate(sys.argv[3], MODULES)))
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE members%'"
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'members' AND column_name = 'added_later'"


@pytest.fixture
async def database_url(ports: Ports, worker: int) -> AsyncIterator[str]:
    """A database of this test's own, since it is changed for good."""
    here = ports.settings.database_url or ""

    def url(name: str) -> str:
        return here.replace(f"/worker_{worker}?", f"/{name}?")

    await copy_template(url, f"upgraded_{worker}")
    yield url(f"upgraded_{worker}")
    admin = await asyncpg.connect(url("postgres"))
    await admin.execute(f"DROP DATABASE upgraded_{worker} WITH (FORCE)")
    await admin.close()


async def test_a_column_is_added_while_people_are_served_and_somebody_holds_the_table(
    ports: Ports, database_url: str, tmp_path: Path
) -> None:
    later = tmp_path / "packages/later"
    shutil.copytree(ROOT / "models/migrations", later, ignore=shutil.ignore_patterns("__pycache__"))
    (later / "9999_later.py").write_text(LATER.format(last=max(known_migrations())))
    variables = {"ACADEMY_DATABASE_URL": database_url, "ACADEMY_REDIS_URL": ports.settings.redis_url or ""}
    server = Serving(tmp_path / "data", ("--no-worker",), variables).start()
    report = await asyncpg.connect(database_url)
    await report.execute("BEGIN; LOCK TABLE members IN ACCESS SHARE MODE")  # as a long report does
    watcher = await asyncpg.connect(database_url)

    upgrade = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        UPGRADE,
        str(ROOT),
        str(later.parent),
        database_url,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with Phone.at(server.address) as phone, asyncio.timeout(PATIENCE_SECONDS):
        while not await watcher.fetchval(WAITING):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.01)
        served_while_it_waits = [await sign_in_fails(phone) for _ in range(5)]
        added_early = await watcher.fetchval(COLUMN)
        await report.execute("COMMIT")
        said, _ = await upgrade.communicate()
        served_after = await sign_in_fails(phone)

    ready = server.is_ready()
    added = await watcher.fetchval(COLUMN)
    await report.close()
    await watcher.close()
    assert server.stop() == 0
    assert (upgrade.returncode, said.decode().strip()) == (0, "['9999_later']")
    assert served_while_it_waits == ["CREDENTIALS_WRONG"] * 5
    assert (added_early, added) == (0, 1)
    assert served_after == "CREDENTIALS_WRONG"
    assert ready


async def sign_in_fails(phone: Phone) -> str:
    """The code of an answer for which the members were looked through."""
    proof = {"phone": "+8613900000001", "password": "no such person", "deviceId": "d", "deviceName": "Test"}
    answer = await phone.send("SignInWithPassword", input=proof)
    code: str = answer["signInWithPassword"]["userErrors"][0]["code"]
    return code
