"""Deeds recorded before the log was a chain get their places in it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from kit.settings import Settings
from tests.migrating import migrated_plainly
from tests.process import run_main


@pytest.fixture
async def old(settings: Settings, worker: int) -> AsyncIterator[str]:
    """The address of a database as it was before."""
    assert settings.database_url is not None
    url = settings.database_url.replace(f"/worker_{worker}?", f"/upgrade_{worker}?")
    admin = await asyncpg.connect(settings.database_url.replace(f"/worker_{worker}?", "/postgres?"))
    await admin.execute(f"CREATE DATABASE upgrade_{worker}")
    migrated_plainly(url, "0007_boards")
    yield url
    await admin.execute(f"DROP DATABASE upgrade_{worker}")
    await admin.close()


async def test_old_entries_are_chained_in_the_order_of_time(settings: Settings, old: str) -> None:
    here = await asyncpg.connect(old)
    for minute in (3, 1, 2):
        await here.execute(
            "INSERT INTO audit_entries (id, at, actor_id, action, object_type, object_id, details) VALUES"
            " (gen_random_uuid(), timestamptz '2026-03-02 12:00+08' + make_interval(mins => $1), NULL, 'test', 'Thing',"
            " gen_random_uuid(), jsonb_build_object('minute', $1, '因', '果'))",
            minute,
        )

    assert settings.redis_url is not None
    variables = {"ACADEMY_DATABASE_URL": old, "ACADEMY_REDIS_URL": settings.redis_url}
    migrated = run_main("migrate", **variables)
    verified = run_main("audit", "verify", **variables)

    found = await here.fetch("SELECT details->>'minute' AS minute FROM audit_entries ORDER BY sequence")
    await here.close()
    assert "applied 0008_audit_chain" in migrated.stdout, migrated.stderr
    assert [row["minute"] for row in found] == ["1", "2", "3"]
    assert (verified.returncode, verified.stdout[:26]) == (0, "3 entries are in order; th")
