"""What the tables of learning promise by themselves."""

import asyncpg
import pytest

from kit.db import execute, rows
from tests.progress.desk import learner, send, station, watched

PROMISED = {
    "learning_events": {"pkey", "kind_known", "spans_paired", "digest_sha256", "seconds_range", "placed_wholly"},
    "lesson_progress": {"goal_range", "spans_paired", "seconds_range", "complete_when_paid", "times_in_order"},
    "lesson_completions": {"tier_known", "placed_wholly"},
    "course_enrolments": {"lessons_range", "percent_range", "complete_when_done", "times_in_order"},
    "learning_budgets": {"available_range"},
    "learning_seconds": {"not_zero", "tier_known", "placed_wholly"},
    "course_completions": {"amount_known", "tier_known", "placed_wholly"},
}


async def test_the_promised_constraints_are_in_the_database(ports):
    found = {
        row["conname"]
        for row in await rows("SELECT conname FROM pg_constraint WHERE conrelid = ANY($1::regclass[])", list(PROMISED))
    }

    assert {f"{table}_{name}" for table, names in PROMISED.items() for name in names} <= found


async def test_an_event_a_lesson_and_a_course_are_unique_for_a_member(ports):
    keys = await rows(
        "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS key FROM pg_constraint"
        " WHERE contype IN ('p', 'u') AND conrelid = ANY($1::regclass[])",
        list(PROMISED),
    )

    found = {(row["name"], row["key"].partition(" (")[2].replace('"', "").rstrip(")")) for row in keys}
    assert {
        ("learning_events", "member_id, event_id"),
        ("lesson_progress", "member_id, lesson_id"),
        ("lesson_completions", "member_id, lesson_id"),
        ("course_enrolments", "member_id, course_id"),
        ("learning_budgets", "member_id"),
    } <= found


async def test_events_lie_in_sixteen_partitions_by_member(ports):
    [found] = await rows(
        "SELECT pg_get_partkeydef('learning_events'::regclass) AS key, count(*) AS parts FROM pg_inherits"
        " WHERE inhparent = 'learning_events'::regclass"
    )

    assert (found["key"], found["parts"]) == ("HASH (member_id)", 16)


@pytest.mark.parametrize("table", ["learning_seconds", "course_completions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET occurred_at = now()", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_rows_behind_a_metric_are_never_rewritten(ports, world, table, change):
    course = await world.course(seconds=60)
    may = await learner(ports, await station(ports))
    await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=ports.clock.now()))

    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await execute(change.format(table))

    [found] = await rows(f"SELECT count(*) AS lines FROM {table}")
    assert found["lines"] == 1
