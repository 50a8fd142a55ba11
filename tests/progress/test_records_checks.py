"""Every check of learning finds what it is there for, and nothing that one of them names is overlooked at a glance."""

import re
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gamification.credit import Goal, Watched, clip, settle, union
from models.progress import flat, pairs
from models.records import records_of
from services import records_checks as plain
from services import records_glance as glance
from services.ports import Ports
from services.records_checks import verify_record
from services.records_glance import record_in_order
from tests.conftest import NOON
from tests.progress.desk import MINUTE
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


class Row(tuple[Any, ...]):
    """A line of a table as the database gives it, by place and by name."""

    def __new__(cls, **columns: Any) -> "Row":
        made = super().__new__(cls, columns.values())
        made.names = list(columns)
        return made

    names: list[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


LESSON, MEMBER, COURSE = UUID(int=1), UUID(int=2), UUID(int=3)
spans = st.tuples(st.integers(0, 12), st.integers(0, 14)).map(lambda pair: [pair[0], pair[0] + pair[1]])
two_spans = st.tuples(spans, spans).map(lambda two: [*two[0], *two[1]])
reports = st.lists(st.one_of(st.just([]), spans, two_spans), max_size=7)


@given(reported=reports, wrong=st.integers(0, 20))
def test_a_walk_along_the_events_says_what_settling_them_says(reported: list[list[int]], wrong: int) -> None:
    goal = Goal(20, 15)
    seen = [
        Watched(UUID(int=100 + number), LESSON, NOON + number * MINUTE, clip(union(pairs(each)), 20))
        for number, each in enumerate(reported)
    ]
    whole = union(*(each.spans for each in seen))
    settled = settle(seen, whole, goal.required_seconds)
    events = [
        Row(member_id=MEMBER, lesson_id=LESSON, event_id=each.event_id, kind="WATCHED", occurred_at=each.occurred_at,
            spans=said, credited_seconds=settled.credited[each.event_id], pending_seconds=0)
        for each, said in zip(seen, reported, strict=True)
    ]  # fmt: skip
    line = Row(
        member_id=MEMBER, lesson_id=LESSON, course_id=COURSE, creditable_seconds=20, required_seconds=15,
        reported=flat(whole), paid=flat(whole), watched_seconds=sum(settled.credited.values()),
        furthest_seconds=whole[-1][1] if whole else 0, resume_at_seconds=plain.resume_of(events, goal),
        passed_at=settled.reached_at, completed_at=settled.reached_at,
        started_at=NOON, last_activity_at=NOON + max(0, len(events) - 1) * MINUTE,
    )  # fmt: skip
    credited: dict[UUID, int] = {}
    by_walking: dict[UUID, int] = {}

    right = [(kept, found) for _, kept, found in plain.lesson(line, events, credited) if kept != found]
    assert right == []
    assert glance._lesson(line, events, by_walking)
    assert by_walking == credited

    if events:
        off = events[wrong % len(events)]
        off = Row(**dict(zip(off.names, off, strict=True)) | {"credited_seconds": off["credited_seconds"] + 1})
        events[wrong % len(events)] = off
        assert not glance._lesson(line, events, {})
