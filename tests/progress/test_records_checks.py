"""Every check of learning finds what it is there for, and nothing that one of them names is overlooked at a glance."""

import re

from models.records import records_of
from services.ports import Ports
from services.records_checks import verify_record
from services.records_glance import record_in_order
from tests.progress.test_records import a_story
from tests.tampering import tampered
from tests.world import World

TABLES = {
    "learning_events": "tableoid, event_id",
    "lesson_progress": "lesson_id",
    "lesson_completions": "lesson_id",
    "course_enrolments": "course_id",
    "learning_seconds": "lesson_id",
    "course_completions": "course_id",
    "facts": "kind",
}
"""And what tells the rows of each apart."""

CHECKS = (
    *(f"lesson .*: {what}" for what in (
        "paid beyond what was reported", "reported", "watched_seconds", "furthest_seconds", "resume_at_seconds",
        "passed_at", "completed_at", "started_at", "last_activity_at",
    )),
    "event .*: credited_seconds", "event .*: pending_seconds",
    "seconds booked", "lessons completed", "courses counted", "facts", "courses begun",
    *(f"course .*: {what}" for what in (
        "lesson_count", "lessons_completed", "percent", "completed_at", "started_at", "last_activity_at",
    )),
)  # fmt: skip
"""What `verify_record` compares, each by what it calls it."""


async def test_sound_learning_of_every_kind_is_in_order_at_a_glance(ports: Ports, world: World) -> None:
    may, _ = await a_story(ports, world)

    [record] = await records_of([may.member_id])

    assert verify_record(record) == []
    assert record_in_order(record)


async def test_every_check_finds_a_change_and_none_is_overlooked_at_a_glance(ports: Ports, world: World) -> None:
    may, _ = await a_story(ports, world)

    async def look() -> tuple[list[str], bool]:
        [record] = await records_of([may.member_id])
        return [difference.what for difference in verify_record(record)], record_in_order(record)

    named: set[str] = set()
    overlooked: list[str] = []
    async for change, (differences, in_order) in tampered(TABLES, look):
        named |= set(differences)
        if differences and in_order:
            overlooked.append(f"{change}: {differences}")

    assert overlooked == []
    assert [check for check in CHECKS if not any(re.fullmatch(check, each) for each in named)] == []
