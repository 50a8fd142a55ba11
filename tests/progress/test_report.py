"""What becomes of reports: judged in order of occurrence, credited once, rewarded once."""

import asyncio
from dataclasses import replace

import pytest

from kit.db import side_transaction
from kit.words import CourseForm, CourseKind, ProgressKind
from models.accounts import Member
from models.progress import enrolments_of
from services.ledger import ledger_verify
from services.points import Award
from services.records import progress_verify
from tests.progress.desk import (
    ACCEPTED,
    DAY,
    DUPLICATE,
    HOUR,
    MINUTE,
    everything,
    learner,
    lifetime,
    place,
    progress_in,
    send,
    station,
    told,
    totals,
    watched,
)

# Crediting


async def test_a_lesson_is_complete_at_ninety_per_cent_without_being_finished(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports, await station(ports))
    at = ports.clock.now() - MINUTE

    short = await send(ports, may, watched(course.lesson_ids[0], (0, 53), at=at))
    enough = await send(ports, may, watched(course.lesson_ids[0], (53, 54), at=at + MINUTE / 2))

    assert (told(short), told(enough)) == ([ACCEPTED], [ACCEPTED])
    assert short.awards == ()
    assert {(award.rule, award.points) for award in enough.awards} == {
        ("lesson.completed", 10),
        ("course.completed", 30),
        ("day.first_lesson", 5),
    }
    found = await progress_in(may, course.lesson_ids[0])
    assert (found.watched_seconds, found.completed_at) == (54, at + MINUTE / 2)
    assert (await enrolments_of(may.member_id, [course.id]))[course.id].completed_at == at + MINUTE / 2


@pytest.mark.parametrize(("due_in", "paid"), [(DAY, 20), (-HOUR, None)], ids=["before it was due", "after"])
async def test_an_assigned_course_pays_more_before_its_day(ports, world, due_in, paid):
    course = await world.course(seconds=60)
    may = await learner(ports, await station(ports))
    await world.assigned(course, member=await Member.get(id=may.member_id), due_in=due_in)

    done = await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=ports.clock.now()))

    assert {award.rule: award.points for award in done.awards}.get("course.in_time") == paid
    assert await ledger_verify() == []


async def test_a_course_completed_before_somebody_asked_for_it_pays_as_ever(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports, await station(ports))
    await world.assigned(course, member=await Member.get(id=may.member_id))

    done = await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=ports.clock.now() - HOUR))

    assert "course.in_time" not in {award.rule for award in done.awards}


async def test_finishing_alone_completes_nothing(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)

    outcome = await send(ports, may, watched(course.lesson_ids[0], at=ports.clock.now(), kind=ProgressKind.FINISHED))

    assert told(outcome) == [ACCEPTED]
    assert (await progress_in(may, course.lesson_ids[0])).completed_at is None
    assert await lifetime(may) == 0


async def test_the_same_seconds_count_once(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    await send(ports, may, *(watched(course.lesson_ids[0], (0, 30), (10, 40), at=at + n * MINUTE) for n in range(5)))

    found = await progress_in(may, course.lesson_ids[0])
    assert (found.watched_seconds, found.paid, found.completed_at) == (40, ((0, 40),), None)


async def test_the_course_says_how_much_of_its_lessons_is_enough(ports, world):
    course = await world.course(seconds=60, percent=50)
    may = await learner(ports)

    await send(ports, may, watched(course.lesson_ids[0], (20, 50), at=ports.clock.now()))

    assert (await progress_in(may, course.lesson_ids[0])).completed_at == ports.clock.now()


async def test_an_article_is_complete_after_its_dwell_and_earns_no_more(ports, world):
    course = await world.course(seconds=60, form=CourseForm.ARTICLE)
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    await send(ports, may, watched(course.lesson_ids[0], (0, 59), at=at, kind=ProgressKind.READ))
    before = await progress_in(may, course.lesson_ids[0])
    await send(ports, may, watched(course.lesson_ids[0], (0, 900), at=at + MINUTE, kind=ProgressKind.READ))
    after = await progress_in(may, course.lesson_ids[0])

    assert (before.watched_seconds, before.completed_at) == (59, None)
    assert (after.watched_seconds, after.completed_at) == (60, at + MINUTE)


async def test_a_complete_lesson_still_takes_events_and_pays_nothing_again(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    at = ports.clock.now() - HOUR
    await send(ports, may, watched(course.lesson_ids[0], (0, 54), at=at))
    points = await lifetime(may)

    outcome = await send(ports, may, watched(course.lesson_ids[0], (40, 60), at=at + MINUTE))

    found = await progress_in(may, course.lesson_ids[0])
    assert (told(outcome), outcome.awards) == ([ACCEPTED], ())
    assert (found.watched_seconds, found.completed_at, await lifetime(may)) == (60, at, points)


async def test_required_courses_pay_more(ports, world):
    course = await world.course(seconds=60, kind=CourseKind.REQUIRED)
    may = await learner(ports)

    outcome = await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=ports.clock.now()))

    assert Award("course.required", 50, "Course", course.id) in outcome.awards


async def test_progress_shows_how_far_and_where_to_go_on(ports, world):
    course = await world.course(seconds=60)
    lesson = course.lesson_ids[0]
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    await send(
        ports,
        may,
        watched(lesson, (0, 30), at=at + MINUTE),
        watched(lesson, at=at, kind=ProgressKind.STARTED),
        watched(lesson, (40, 50), (5, 20), at=at + 2 * MINUTE),
    )

    found = await progress_in(may, lesson)
    assert (found.watched_seconds, found.furthest_seconds, found.resume_at_seconds) == (40, 50, 20)
    assert (found.started_at, found.last_activity_at) == (at, at + 2 * MINUTE)
    await send(ports, may, watched(lesson, at=at + 3 * MINUTE, kind=ProgressKind.FINISHED))
    assert (await progress_in(may, lesson)).resume_at_seconds == 0


async def test_a_late_event_moves_a_completion_to_the_day_it_happened(ports, world):
    course = await world.course(seconds=60)
    lesson = course.lesson_ids[0]
    old, new = await station(ports, "A"), await station(ports, "B")
    may = await learner(ports, old)
    now = ports.clock.now()
    await place(may.member_id, new, now - DAY)
    await send(ports, may, watched(lesson, (0, 60), at=now))
    await send(ports, may, watched(lesson, (0, 60), at=now - 2 * DAY))

    again = await learner(ports, old)
    await place(again.member_id, new, now - DAY)
    await send(ports, again, watched(lesson, (0, 60), at=now - 2 * DAY), watched(lesson, (0, 60), at=now))

    late, plain = await totals(may.member_id), await totals(again.member_id)
    assert (await progress_in(may, lesson)).completed_at == now - 2 * DAY
    for what in ("completions", "courses", "course_counts", "facts", "points", "awards", "days", "counted"):
        assert late[what] == plain[what], what
    assert await ledger_verify() == []
    assert await progress_verify() == []


# Gates


async def test_a_lesson_opens_when_the_one_before_is_complete_also_within_a_batch(ports, world):
    course = await world.course(lessons=3, seconds=60)
    first, second, third = course.lesson_ids
    may = await learner(ports)
    at = ports.clock.now() - HOUR

    outcome = await send(
        ports,
        may,
        watched(third, (0, 60), at=at + 2 * MINUTE),
        watched(second, (0, 60), at=at + MINUTE),
        watched(first, (0, 60), at=at),
    )

    assert told(outcome) == [ACCEPTED] * 3
    assert (await enrolments_of(may.member_id, [course.id]))[course.id].completed_at == at + 2 * MINUTE


async def test_what_happened_at_one_moment_is_judged_as_the_phone_sent_it(ports, world):
    course = await world.course(lessons=3, seconds=60)
    at = ports.clock.now() - HOUR
    in_turn = [watched(lesson_id, (0, 60), at=at) for lesson_id in course.lesson_ids]
    # Whatever their ids: two learners send the same lessons, one with ascending, one with descending ids of events.
    for descending in (False, True):
        event_ids = sorted((event.event_id for event in in_turn), reverse=descending)
        may = await learner(ports)

        events = [replace(event, event_id=event_id) for event, event_id in zip(in_turn, event_ids, strict=True)]
        outcome = await send(ports, may, *events)

        assert told(outcome) == [ACCEPTED] * 3
        assert (await enrolments_of(may.member_id, [course.id]))[course.id].completed_at == at


async def test_a_locked_lesson_leaves_no_trace_and_can_be_sent_again_behind_what_was_missing(ports, world):
    course = await world.course(lessons=2, seconds=60)
    may = await learner(ports)
    at = ports.clock.now() - HOUR
    second = watched(course.lesson_ids[1], (0, 60), at=at)
    before = await everything()

    refused = await send(ports, may, second)
    assert told(refused) == ["LESSON_LOCKED"]
    assert refused.lesson_ids == ()
    assert await everything() == before

    both = await send(ports, may, watched(course.lesson_ids[0], (0, 60), at=at - MINUTE), second)
    assert told(both) == [ACCEPTED, ACCEPTED]
    assert (await progress_in(may, course.lesson_ids[1])).completed_at == at


async def test_a_learner_keeps_the_edition_they_began(ports, world):
    course = await world.course(lessons=2, seconds=60)
    first, second = course.lesson_ids
    may = await learner(ports)
    now = ports.clock.now()
    await send(ports, may, watched(first, (0, 60), at=now - HOUR))

    await world.edition(course, keep=[first], lessons=2)
    outcome = await send(ports, may, watched(second, (0, 60), at=now))

    assert told(outcome) == [ACCEPTED]
    assert "course.completed" in {award.rule for award in outcome.awards}
    found = (await enrolments_of(may.member_id, [course.id]))[course.id]
    assert (found.lesson_count, found.lessons_completed, found.completed_at) == (2, 2, now)
    added = await send(ports, may, watched(course.lesson_ids[1], (0, 60), at=now))
    assert told(added) == [ACCEPTED]


# Repetition


async def test_the_same_event_again_is_a_duplicate_and_changes_nothing(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    event = watched(course.lesson_ids[0], (0, 60), at=ports.clock.now(), name="one")
    await send(ports, may, event)
    before = await everything()

    ports.clock.advance(8 * DAY)
    outcome = await send(ports, may, event, event, clock_off=HOUR)

    assert told(outcome) == [DUPLICATE, DUPLICATE]
    assert (outcome.awards, outcome.lesson_ids) == ((), ())
    assert await everything() == before


async def test_twice_in_one_batch_is_once_and_a_duplicate(ports, world):
    course = await world.course(seconds=60)
    may = await learner(ports)
    event = watched(course.lesson_ids[0], (0, 60), at=ports.clock.now(), name="one")

    outcome = await send(ports, may, event, event)

    assert sorted(told(outcome)) == [ACCEPTED, DUPLICATE]
    assert await lifetime(may) == 45


@pytest.mark.parametrize("change", ["lesson", "span", "time", "kind", "rate"])
async def test_another_event_under_a_known_id_is_refused(ports, world, change):
    course = await world.course(lessons=2, seconds=60)
    first, second = course.lesson_ids
    may = await learner(ports)
    now = ports.clock.now()
    await send(ports, may, watched(first, (0, 60), at=now, name="one"))
    before = await everything()
    other = {
        "lesson": watched(second, (0, 60), at=now, name="one"),
        "span": watched(first, (0, 59), at=now, name="one"),
        "time": watched(first, (0, 60), at=now - MINUTE, name="one"),
        "kind": watched(first, (0, 60), at=now, name="one", kind=ProgressKind.FINISHED),
        "rate": watched(first, (0, 60), at=now, name="one", rate=2.0),
    }[change]

    outcome = await send(ports, may, other)

    assert told(outcome) == ["EVENT_ID_REUSED"]
    assert await everything() == before


async def test_the_same_id_of_two_members_is_two_events(ports, world):
    course = await world.course(seconds=60)
    may, lin = await learner(ports), await learner(ports)
    event = watched(course.lesson_ids[0], (0, 60), at=ports.clock.now(), name="one")

    assert told(await send(ports, may, event)) == [ACCEPTED]
    assert told(await send(ports, lin, event)) == [ACCEPTED]


async def test_twenty_clients_sending_one_batch_five_times_complete_and_earn_once(ports, world):
    course = await world.course(lessons=2, seconds=60)
    may = await learner(ports, await station(ports))
    at = ports.clock.now() - HOUR
    batch = [
        watched(lesson, (start, start + 10), at=at + number * HOUR / 10 + MINUTE * start / 60)
        for number, lesson in enumerate(course.lesson_ids)
        for start in range(0, 60, 10)
    ]

    async def client():
        return [await send(ports, may, *batch) for _ in range(5)]

    outcomes = [outcome for answers in await asyncio.gather(*(client() for _ in range(20))) for outcome in answers]

    assert [told(outcome) for outcome in outcomes].count([ACCEPTED] * 12) == 1
    assert [told(outcome) for outcome in outcomes].count([DUPLICATE] * 12) == 99
    assert sum(award.points for outcome in outcomes for award in outcome.awards) == 10 + 10 + 30 + 5
    assert await lifetime(may) == 55
    assert len((await totals(may.member_id))["completions"]) == 2
    assert await ledger_verify() == []
    assert await progress_verify() == []


async def test_two_devices_share_one_lesson(ports, world):
    course = await world.course(seconds=60)
    lesson = course.lesson_ids[0]
    may = await learner(ports)
    at = ports.clock.now() - HOUR
    phone = [watched(lesson, (start, start + 12), at=at + MINUTE * start / 60) for start in range(0, 36, 12)]
    tablet = [watched(lesson, (start, start + 12), at=at + MINUTE * start / 60) for start in range(24, 60, 12)]

    answers = await asyncio.gather(*(send(ports, may, event) for event in [*phone, *tablet]))

    assert [told(answer) for answer in answers] == [[ACCEPTED]] * 6
    found = await progress_in(may, lesson)
    assert (found.watched_seconds, found.completed_at) == (60, at + MINUTE * 48 / 60)
    assert await lifetime(may) == 45
    assert await ledger_verify() == []
    assert await progress_verify() == []


async def test_one_member_who_sends_at_once_leaves_the_others_their_connections(ports, world):
    [lesson_id] = (await world.course(seconds=60)).lesson_ids
    impatient, other = await learner(ports), await learner(ports)
    at = ports.clock.now()

    async with side_transaction() as side:
        await side.rows("SELECT FROM members WHERE id = $1 FOR UPDATE", impatient.member_id)
        sending = [
            asyncio.create_task(send(ports, impatient, watched(lesson_id, (number, number + 1), at=at)))
            for number in range(2 * ports.settings.database_pool_size)
        ]
        await asyncio.sleep(0)
        assert told(await send(ports, other, watched(lesson_id, (0, 60), at=at))) == [ACCEPTED]
        assert not any(task.done() for task in sending)

    outcomes = await asyncio.gather(*sending)
    assert {word for outcome in outcomes for word in told(outcome)} == {ACCEPTED}
    assert (await progress_in(impatient, lesson_id)).watched_seconds == len(sending)
