"""The audit of learning finds nothing where nothing is wrong, and names whatever is."""

from datetime import timedelta

import pytest

from kit.db import execute
from kit.words import CourseForm, ProgressKind
from services.records import progress_verify
from tests.progress.desk import HOUR, MINUTE, learner, send, station, watched


async def a_story(ports, world):
    """Somebody who learned in three courses, with something late, something pending and something unfinished."""
    may = await learner(ports, await station(ports), joined=HOUR / 20)
    now = ports.clock.now()
    film, article, long = (
        await world.course(lessons=2, seconds=60),
        await world.course(seconds=30, form=CourseForm.ARTICLE),
        await world.course(seconds=3000),
    )
    first, second = film.lesson_ids
    await send(ports, may, watched(first, (0, 60), at=now - 1.5 * MINUTE), watched(second, (5, 60), at=now - MINUTE))
    await send(ports, may, watched(first, (0, 40), (30, 60), at=now - 2 * MINUTE))
    await send(ports, may, watched(article.lesson_ids[0], (0, 90), at=now - MINUTE / 2, kind=ProgressKind.READ))
    await send(ports, may, watched(long.lesson_ids[0], (0, 2900), at=now))
    return may, film


async def test_what_learning_wrote_is_what_its_events_say(ports, world):
    await a_story(ports, world)
    seen = []

    assert await progress_verify(lambda done, total: seen.append((done, total))) == []
    assert seen == [(1, 1)]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("UPDATE lesson_progress SET watched_seconds = 59 WHERE watched_seconds = 60", "watched_seconds"),
        ("UPDATE lesson_progress SET completed_at = completed_at + interval '1 hour'", "completed_at"),
        ("UPDATE lesson_progress SET reported = '{0,3}' WHERE completed_at IS NULL", "reported"),
        ("UPDATE learning_events SET credited_seconds = 7 WHERE credited_seconds = 0", "credited_seconds"),
        ("UPDATE learning_events SET pending_seconds = 0", "pending_seconds"),
        ("DELETE FROM learning_events WHERE credited_seconds = 55", "reported"),
        ("DELETE FROM lesson_completions", "lessons completed"),
        ("UPDATE course_enrolments SET percent = 3", "percent"),
        ("UPDATE course_enrolments SET started_at = started_at - interval '1 day'", "started_at"),
        ("DELETE FROM course_enrolments", "courses begun"),
        ("DELETE FROM facts WHERE kind = 'course.completed'", "facts"),
        ("INSERT INTO learning_seconds (member_id, lesson_id, event_id, seconds, occurred_at, booked_at)"
         " SELECT member_id, lesson_id, event_id, 5, now(), now() FROM learning_events LIMIT 1", "seconds booked"),
        ("INSERT INTO course_completions (member_id, course_id, amount, occurred_at, booked_at)"
         " SELECT member_id, course_id, 1, now(), now() FROM course_enrolments LIMIT 1", "courses counted"),
        ("DELETE FROM lesson_progress WHERE completed_at IS NULL", "progress of lesson"),
    ],
)  # fmt: skip
async def test_every_difference_is_named(ports, world, damage, named):
    may, _ = await a_story(ports, world)

    assert await execute(damage) > 0

    found = await progress_verify()
    assert any(named in difference.what and difference.member_id == may.member_id for difference in found), found


async def test_an_edition_that_came_later_changes_nothing_about_who_began_before(ports, world):
    may, film = await a_story(ports, world)
    await world.edition(film, keep=film.lesson_ids[:1], lessons=1)
    ports.clock.advance(timedelta(hours=1))

    await send(ports, may, watched(film.lesson_ids[1], (0, 60), at=ports.clock.now()))

    assert await progress_verify() == []
