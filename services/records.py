"""The audit of learning: from the events alone, what was credited, completed and begun; compared with what is kept."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from gamification.credit import Goal, Spans, Watched, clip, course_percent, goal_of, minus, settle, size, union
from gamification.facts import CourseCompleted, LessonCompleted
from gamification.reports import resume_at
from kit.db import transaction
from kit.memory import no_collection
from kit.words import ProgressKind
from models.books import read_one_snapshot
from models.progress import pairs
from models.records import Record, count_learners, next_learners, records_of, stray_events
from services.ledger import Comparison, Difference

MEMBERS_AT_ONCE = 200


async def progress_verify(progress: Callable[[int, int], None] | None = None) -> list[Difference]:
    """Work out all learning anew from the accepted events; every difference, by member. Changes nothing, stops nobody.

    Compared are the seconds of every event and lesson, what is pending, completions with their times, enrolments, the
    rows behind the boards' metrics, and the facts that points are paid for. `progress` is told (members done, members
    in all); each stretch of members is read in one snapshot.
    """
    total = await count_learners()
    differences = [
        Difference(row["member_id"], f"progress of lesson {row['lesson_id']}", None, f"{row['events']} events")
        for row in await stray_events()
    ]
    done, after = 0, None
    while member_ids := await next_learners(after, MEMBERS_AT_ONCE):
        with no_collection():
            for record in await _read(member_ids):
                differences += verify_record(record)
        done, after = done + len(member_ids), member_ids[-1]
        if progress is not None:
            progress(done, max(done, total))
    return differences


def verify_record(record: Record) -> list[Difference]:
    """The differences in the learning of one member."""
    found = [*_lessons(record), *_completions(record), *_enrolments(record)]
    return [
        Difference(record.member_id, what, kept, worked_out) for what, kept, worked_out in found if kept != worked_out
    ]


async def _read(member_ids: list[UUID]) -> list[Record]:
    async def work() -> list[Record]:
        await read_one_snapshot()
        return await records_of(member_ids)

    return await transaction(work)


def _lessons(record: Record) -> Iterator[Comparison]:
    """Every lesson, and every event's seconds, against the events."""
    by_lesson: dict[UUID, list[dict[str, Any]]] = {row["lesson_id"]: [] for row in record.lessons}
    for event in record.events:
        by_lesson.get(event["lesson_id"], []).append(event)
    credited: dict[UUID, int] = {}
    for lesson in record.lessons:
        name, events = f"lesson {lesson['lesson_id']}", by_lesson[lesson["lesson_id"]]
        goal, paid = Goal(lesson["creditable_seconds"], lesson["required_seconds"]), pairs(lesson["paid"])
        watched = [_watched(event, goal) for event in events]
        reported = union(*(each.spans for each in watched))
        earned, passed = settle(watched, paid, goal.required_seconds), settle(watched, reported, goal.required_seconds)
        credited |= earned.credited
        yield f"{name}: paid beyond what was reported", (), minus(paid, reported)
        yield f"{name}: reported", pairs(lesson["reported"]), reported
        yield f"{name}: watched_seconds", lesson["watched_seconds"], sum(earned.credited.values())
        yield f"{name}: furthest_seconds", lesson["furthest_seconds"], reported[-1][1] if reported else 0
        yield f"{name}: resume_at_seconds", lesson["resume_at_seconds"], _resume(events, goal)
        yield f"{name}: passed_at", lesson["passed_at"], passed.reached_at
        yield f"{name}: completed_at", lesson["completed_at"], earned.reached_at
        if events:
            moments = [event["occurred_at"] for event in events]
            yield f"{name}: started_at", lesson["started_at"], min(moments)
            yield f"{name}: last_activity_at", lesson["last_activity_at"], max(moments)
        yield from _events(events, watched, paid, earned.credited)
    yield "seconds booked", record.credited, {event_id: seconds for event_id, seconds in credited.items() if seconds}


def _events(
    events: Sequence[dict[str, Any]], watched: Sequence[Watched], paid: Spans, credited: dict[UUID, int]
) -> Iterator[Comparison]:
    for event, each in zip(events, watched, strict=True):
        name = f"event {each.event_id}"
        yield f"{name}: credited_seconds", event["credited_seconds"], credited[each.event_id]
        yield f"{name}: pending_seconds", event["pending_seconds"], size(minus(each.spans, paid))


def _watched(event: dict[str, Any], goal: Goal) -> Watched:
    spans = clip(union(pairs(event["spans"])), goal.creditable_seconds)
    return Watched(event["event_id"], event["lesson_id"], event["occurred_at"], spans)


def _resume(events: Sequence[dict[str, Any]], goal: Goal) -> int:
    """Where the newest event that says so leaves off."""
    for event in sorted(events, key=lambda each: (each["occurred_at"], each["event_id"]), reverse=True):
        found = resume_at(ProgressKind(event["kind"]), pairs(event["spans"]), goal)
        if found is not None:
            return found
    return 0


def _completions(record: Record) -> Iterator[Comparison]:
    """What is recorded as done, counted for boards and told to the game, against lessons and enrolments."""
    lessons = {row["lesson_id"]: row["completed_at"] for row in record.lessons if row["completed_at"] is not None}
    courses = {row["course_id"]: row["completed_at"] for row in record.enrolments if row["completed_at"] is not None}
    yield "lessons completed", record.completions, lessons
    yield "courses counted", record.courses_counted, dict.fromkeys(courses.items(), 1)
    facts = {(LessonCompleted.KIND, lesson_id): at for lesson_id, at in lessons.items()}
    facts |= {(CourseCompleted.KIND, course_id): at for course_id, at in courses.items()}
    yield "facts", record.facts, facts


def _enrolments(record: Record) -> Iterator[Comparison]:
    """Every course begun against its lessons."""
    lessons = {row["lesson_id"]: row for row in record.lessons}
    begun = {row["course_id"] for row in record.lessons}
    yield "courses begun", {row["course_id"] for row in record.enrolments}, begun
    for enrolment in record.enrolments:
        name, course_id = f"course {enrolment['course_id']}", enrolment["course_id"]
        mine = [row for row in record.lessons if row["course_id"] == course_id]
        edition = record.editions[enrolment["edition_id"]]
        done = [record.completions[row["lesson_id"]] for row in edition if row["lesson_id"] in record.completions]
        yield f"{name}: lesson_count", enrolment["lesson_count"], len(edition)
        yield f"{name}: lessons_completed", enrolment["lessons_completed"], len(done)
        yield f"{name}: percent", enrolment["percent"], course_percent([_share(row, lessons) for row in edition])
        yield f"{name}: completed_at", enrolment["completed_at"], max(done) if len(done) == len(edition) else None
        if mine:
            yield f"{name}: started_at", enrolment["started_at"], min(row["started_at"] for row in mine)
            latest = max(row["last_activity_at"] for row in mine)
            yield f"{name}: last_activity_at", enrolment["last_activity_at"], latest


def _share(row: dict[str, Any], lessons: dict[UUID, dict[str, Any]]) -> tuple[Goal, int, bool]:
    lesson = lessons.get(row["lesson_id"])
    if lesson is None:
        seconds, dwell = row["duration_seconds"], row["dwell_seconds"]
        percent = row["completion_percent"]
        return goal_of(duration_seconds=seconds, dwell_seconds=dwell, completion_percent=percent), 0, False
    goal = Goal(lesson["creditable_seconds"], lesson["required_seconds"])
    return goal, lesson["watched_seconds"], lesson["completed_at"] is not None
