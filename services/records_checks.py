"""The audit of one member's learning, the plain way: everything worked out from the events, each by its name.

`services/records_glance.py` sees at a glance whether all of it is in order; here whoever is not is told why.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from gamification.credit import Goal, Spans, Watched, clip, course_percent, goal_of, minus, settle, size, union
from gamification.facts import CourseCompleted, LessonCompleted
from gamification.reports import resume_at
from kit.db import Line
from kit.words import ProgressKind
from models.progress import pairs
from models.records import Record
from services.ledger_checks import Comparison, Difference


def verify_record(record: Record) -> list[Difference]:
    """The differences in the learning of one member."""
    found = [*lessons(record), *completions(record), *enrolments(record)]
    return [
        Difference(record.member_id, what, kept, worked_out) for what, kept, worked_out in found if kept != worked_out
    ]


def lessons(record: Record) -> Iterator[Comparison]:
    """Every lesson, and every event's seconds, against the events."""
    credited: dict[UUID, int] = {}
    for line, events in with_events(record):
        yield from lesson(line, events, credited)
    yield "seconds booked", record.credited, credited


def with_events(record: Record) -> Iterator[tuple[Line, list[Line]]]:
    """Each lesson with its events, oldest first."""
    by_lesson: dict[UUID, list[Line]] = {line["lesson_id"]: [] for line in record.lessons}
    for event in record.events:
        by_lesson.get(event["lesson_id"], []).append(event)
    return ((line, by_lesson[line["lesson_id"]]) for line in record.lessons)


def lesson(line: Line, events: Sequence[Line], credited: dict[UUID, int]) -> Iterator[Comparison]:
    """One lesson. What each event is credited with goes into `credited`, if it is anything."""
    name = f"lesson {line['lesson_id']}"
    goal, paid = Goal(line["creditable_seconds"], line["required_seconds"]), pairs(line["paid"])
    watched = [_watched(event, goal) for event in events]
    reported = union(*(each.spans for each in watched))
    earned, passed = settle(watched, paid, goal.required_seconds), settle(watched, reported, goal.required_seconds)
    credited |= {event_id: seconds for event_id, seconds in earned.credited.items() if seconds}
    yield f"{name}: paid beyond what was reported", (), minus(paid, reported)
    yield f"{name}: reported", pairs(line["reported"]), reported
    yield f"{name}: watched_seconds", line["watched_seconds"], sum(earned.credited.values())
    yield f"{name}: furthest_seconds", line["furthest_seconds"], reported[-1][1] if reported else 0
    yield f"{name}: resume_at_seconds", line["resume_at_seconds"], resume_of(events, goal)
    yield f"{name}: passed_at", line["passed_at"], passed.reached_at
    yield f"{name}: completed_at", line["completed_at"], earned.reached_at
    if events:
        moments = [event["occurred_at"] for event in events]
        yield f"{name}: started_at", line["started_at"], min(moments)
        yield f"{name}: last_activity_at", line["last_activity_at"], max(moments)
    yield from _events(events, watched, paid, earned.credited)


def _events(
    events: Sequence[Line], watched: Sequence[Watched], paid: Spans, credited: dict[UUID, int]
) -> Iterator[Comparison]:
    for event, each in zip(events, watched, strict=True):
        name = f"event {each.event_id}"
        yield f"{name}: credited_seconds", event["credited_seconds"], credited[each.event_id]
        yield f"{name}: pending_seconds", event["pending_seconds"], size(minus(each.spans, paid))


def _watched(event: Line, goal: Goal) -> Watched:
    spans = clip(union(pairs(event["spans"])), goal.creditable_seconds)
    return Watched(event["event_id"], event["lesson_id"], event["occurred_at"], spans)


def resume_of(events: Sequence[Line], goal: Goal) -> int:
    """Where the newest event that says so leaves off."""
    for event in reversed(events):
        found = resume_at(ProgressKind(event["kind"]), pairs(event["spans"]), goal)
        if found is not None:
            return found
    return 0


def completions(record: Record) -> Iterator[Comparison]:
    """What is recorded as done, counted for boards and told to the game, against lessons and enrolments."""
    lessons = {row["lesson_id"]: row["completed_at"] for row in record.lessons if row["completed_at"] is not None}
    courses = {row["course_id"]: row["completed_at"] for row in record.enrolments if row["completed_at"] is not None}
    yield "lessons completed", record.completions, lessons
    yield "courses counted", record.courses_counted, dict.fromkeys(courses.items(), 1)
    facts = {(LessonCompleted.KIND, lesson_id): at for lesson_id, at in lessons.items()}
    facts |= {(CourseCompleted.KIND, course_id): at for course_id, at in courses.items()}
    yield "facts", record.facts, facts


def enrolments(record: Record) -> Iterator[Comparison]:
    """Every course begun against its lessons."""
    lessons = {row["lesson_id"]: row for row in record.lessons}
    begun = {row["course_id"] for row in record.lessons}
    yield "courses begun", {row["course_id"] for row in record.enrolments}, begun
    for enrolment in record.enrolments:
        name, course_id = f"course {enrolment['course_id']}", enrolment["course_id"]
        mine = [row for row in record.lessons if row["course_id"] == course_id]
        edition = record.editions.get(enrolment["edition_id"], [])
        done = [record.completions[row["lesson_id"]] for row in edition if row["lesson_id"] in record.completions]
        yield f"{name}: lesson_count", enrolment["lesson_count"], len(edition)
        yield f"{name}: lessons_completed", enrolment["lessons_completed"], len(done)
        yield f"{name}: percent", enrolment["percent"], course_percent([share_of(row, lessons) for row in edition])
        yield (
            f"{name}: completed_at",
            enrolment["completed_at"],
            max(done, default=None) if len(done) == len(edition) else None,
        )
        if mine:
            yield f"{name}: started_at", enrolment["started_at"], min(row["started_at"] for row in mine)
            latest = max(row["last_activity_at"] for row in mine)
            yield f"{name}: last_activity_at", enrolment["last_activity_at"], latest


def share_of(row: Line, lessons: Mapping[UUID, Line]) -> tuple[Goal, int, bool]:
    lesson = lessons.get(row["lesson_id"])
    if lesson is None:
        seconds, dwell = row["duration_seconds"], row["dwell_seconds"]
        percent = row["completion_percent"]
        return goal_of(duration_seconds=seconds, dwell_seconds=dwell, completion_percent=percent), 0, False
    goal = Goal(lesson["creditable_seconds"], lesson["required_seconds"])
    return goal, lesson["watched_seconds"], lesson["completed_at"] is not None
