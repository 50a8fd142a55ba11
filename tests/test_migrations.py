"""The database that the migrations make is the one that the models and the design promise."""

import asyncio
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.fields import Field
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.operations import AddField
from tortoise.models import Model

import models.migrations
from kit.db import APP, MIGRATIONS, pending_migrations, rows
from kit.embedded import postgres_binary
from kit.settings import Settings
from tests.migrating import migrated_plainly
from tests.process import ROOT
from tests.servers import copy_template

UNIQUE = {
    "members": {("phone_index",)},
    "role_grants": {("member_id", "role", "region_id")},
    "refresh_tokens": {("parent_hash",)},
    "regions": {("code",), ("path",)},
    "outlets": {("code",)},
    "posts": {("member_id",), ("member_id", "outlet_id")},
    "placements": {("member_id", "from_at")},
    "courses": {("code",)},
    "course_makers": {("course_id", "member_id", "part")},
    "edition_lessons": {("edition_id", "lesson_id"), ("edition_id", "position")},
    "course_ratings": {("course_id", "member_id")},
    "learning_events": {("member_id", "event_id")},
    "lesson_progress": {("member_id", "lesson_id")},
    "lesson_completions": {("member_id", "lesson_id")},
    "course_enrolments": {("member_id", "course_id")},
    "facts": {("member_id", "kind", "object_id")},
    "ledger_entries": {
        ("member_id", "account", "account_version"),
        ("member_id", "account", "rule", "object_id", "period_key", "part"),
        ("reverses_id",),
    },
    "story_entries": {("campaign_id", "member_id"), ("campaign_id", "position")},
    "story_pictures": {("media_id",), ("entry_id", "place")},
    "story_votes": {("entry_id", "member_id"), ("campaign_id", "number")},
    "story_scores": {("entry_id", "member_id")},
    "live_lessons": {("series_id", "occurs_at")},
    "live_seats": {("lesson_id", "member_id"), ("lesson_id", "arrival")},
    "refused_awards": {("member_id", "rule", "object_id", "period_key")},
    "seasons": {("starts_on",)},
    "prizes": {("member_id", "kind", "source_id")},
    "corrections": {("reverses_id",)},
    "point_rates": {("rule", "version")},
    "metric_days": {("member_id", "metric", "day", "outlet_id", "region_id", "tier")},
    "board_periods": {("period", "starts_on")},
    "tasks": {("code",)},
    "task_claims": {("member_id", "task_id", "turn")},
    "league_weeks": {("starts_on",)},
    "leagues": {("starts_on", "tier", "city_id", "division", "number")},
    "league_members": {("member_id", "starts_on")},
    "board_awards": {("period_id", "board")},
    "audit_entries": {("sequence",)},
    "badges": {("code",)},
    "earned_badges": {("member_id", "badge_id")},
    "notices": {("member_id", "kind", "key")},
    "push_devices": {("provider", "token")},
    "data_exports": {("member_id",), ("member_id", "idempotency_key"), ("storage_key",)},
}
"""What may arrive twice is refused by the database itself."""

APPEND_ONLY = [
    "audit_entries",
    "ledger_entries",
    "learned_days",
    "point_rates",
    "prizes",
    "learning_seconds",
    "course_completions",
    "consent_records",
    "task_claims",
]

NEVER_NEGATIVE = {"point_accounts": ["balance"], "ledger_entries": ["balance_after"]}

INDEXES = """
SELECT t.relname AS table_name, array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
WHERE i.indisunique GROUP BY i.indexrelid, t.relname
"""

FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS table_name, a.attname::text AS name, confrelid::regclass::text AS target
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.conparentid = 0
"""


def tables() -> Iterator[type[Model]]:
    assert Tortoise.apps is not None
    yield from Tortoise.apps[APP].values()


def schema_of(url: str) -> list[list[str]]:
    """All that pg_dump says of a database's making, and which migrations are noted in it: statements, line by line.

    In order but for the lines within one: Tortoise writes references of one table in any order.
    """
    dumped = "".join(
        subprocess.run([postgres_binary("pg_dump"), *words, url], capture_output=True, text=True, check=True).stdout
        for words in (["--schema-only"], ["--data-only", "--table=tortoise_migrations", "--inserts"])
    )
    # A token that differs each time, and when each was applied.
    same = re.sub(r"\\(un)?restrict \w+|'\d{4}-\d\d-\d\d [^']+'", "", dumped)
    return [sorted(line.rstrip(",") for line in statement.splitlines()) for statement in same.split(";\n")]


def columns(table: type[Model]) -> Iterator[tuple[str, Field]]:
    for name, column in table._meta.fields_db_projection.items():
        yield column, table._meta.fields_map[name]


async def unique_keys() -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for row in await rows(INDEXES):
        found.setdefault(row["table_name"], set()).add(tuple(row["columns"]))
    return found


def test_the_migrations_lead_to_the_models() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "models.migrations", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_migrations_have_one_end() -> None:
    """Two that end side by side would be followed by one that knows nothing of the other."""
    names = {each.name for each in pkgutil.iter_modules(models.migrations.__path__) if each.name[0].isdigit()}
    followed = {
        name
        for each in names
        for _, name in importlib.import_module(f"models.migrations.{each}").Migration.dependencies
    }

    assert names - followed == {max(names)}


def test_a_column_that_comes_later_can_be_added_to_a_table_with_rows() -> None:
    """A default that only Python knows fills no row that is already there: null first, then a value, then not null."""
    added = {
        (migration.name, step.model_name, step.name): step.field
        for migration in pkgutil.iter_modules(models.migrations.__path__)
        if migration.name[0].isdigit()
        for step in importlib.import_module(f"{MIGRATIONS}.{migration.name}").Migration.operations
        if isinstance(step, AddField)
    }

    assert added
    assert [place for place, column in added.items() if not (column.null or column.has_db_default())] == []


async def test_migrating_makes_exactly_what_tortoise_would_make(settings: Settings, worker: int) -> None:
    """And the database keeps no note of the difference: both have applied the same, in the same order."""
    here = settings.database_url or ""
    plain, quick = [here.replace(f"/worker_{worker}?", f"/{name}_{worker}?") for name in ("plain", "quick")]
    admin = await asyncpg.connect(here.replace(f"/worker_{worker}?", "/postgres?"))
    await admin.execute(f"CREATE DATABASE plain_{worker}")
    await copy_template(lambda name: here.replace(f"/worker_{worker}?", f"/{name}?"), f"quick_{worker}")

    await asyncio.to_thread(migrated_plainly, plain)

    [made_plainly, made_quickly] = [await asyncio.to_thread(schema_of, url) for url in (plain, quick)]
    for name in ("plain", "quick"):
        await admin.execute(f"DROP DATABASE {name}_{worker}")
    await admin.close()
    assert made_quickly == made_plainly
    assert sum(line.startswith("CREATE TABLE") for statement in made_plainly for line in statement) > 100


async def test_a_migrated_database_lacks_no_migration(database: None) -> None:
    assert await pending_migrations() == []


async def test_every_column_of_a_model_is_there_and_null_where_it_says(database: None) -> None:
    found = {
        (row["table_name"], row["column_name"]): row["is_nullable"] == "YES"
        for row in await rows(
            "SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = 'public'"
        )
    }

    promised = {(table._meta.db_table, name): field.null for table in tables() for name, field in columns(table)}

    assert {key: found.get(key) for key in promised} == promised


async def test_every_reference_of_a_model_is_a_foreign_key(database: None) -> None:
    found = {(row["table_name"], row["name"], row["target"]) for row in await rows(FOREIGN_KEYS)}

    promised = {
        (table._meta.db_table, field.source_field, field.related_model._meta.db_table)
        for table in tables()
        for field in table._meta.fields_map.values()
        if isinstance(field, ForeignKeyFieldInstance)
    }

    assert promised
    assert promised <= found


async def test_every_key_that_a_model_calls_unique_is_unique(database: None) -> None:
    found = await unique_keys()

    for table in tables():
        keys = {
            tuple(table._meta.fields_map[name].source_field or name for name in key)
            for key in table._meta.unique_together
        }
        keys |= {(name,) for name, field in columns(table) if field.unique}
        missing = keys - found[table._meta.db_table]
        # A model has one primary key column; the table may have more.
        assert not {key for key in missing if key != (table._meta.db_pk_column,)}, table


@pytest.mark.parametrize("table", UNIQUE)
async def test_what_may_arrive_twice_is_kept_once(database: None, table: str) -> None:
    assert UNIQUE[table] <= (await unique_keys())[table]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("word", ["DELETE", "UPDATE", "TRUNCATE"])
async def test_what_was_written_down_is_never_rewritten(database: None, table: str, word: str) -> None:
    triggers = await rows(
        "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE tgrelid = $1::text::regclass AND NOT tgisinternal",
        table,
    )

    assert any("BEFORE" in row["text"] and f" {word} " in row["text"].partition(" ON ")[0] + " " for row in triggers)


@pytest.mark.parametrize(
    ("table", "column"), [(table, name) for table, names in NEVER_NEGATIVE.items() for name in names]
)
async def test_a_balance_is_never_negative(database: None, table: str, column: str) -> None:
    checks = await rows(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint"
        " WHERE conrelid = $1::text::regclass AND contype = 'c'",
        table,
    )

    assert any(f"({column} >= 0)" in row["text"] for row in checks)


async def test_learning_events_are_spread_over_partitions_by_member(database: None) -> None:
    [parent] = await rows("SELECT pg_get_partkeydef('learning_events'::regclass) AS key")
    [parts] = await rows("SELECT count(*) AS count FROM pg_inherits WHERE inhparent = 'learning_events'::regclass")

    assert parent["key"] == "HASH (member_id)"
    assert parts["count"] == 16
