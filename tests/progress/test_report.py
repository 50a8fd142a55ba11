from datetime import timedelta

from tests.progress.desk import ACCEPTED, learner, send, station, told, totals, watched


async def test_a_lesson_is_complete_at_ninety_per_cent_without_being_finished(ports, world):
    course = await world.course(lessons=1, seconds=60)
    may = await learner(ports, await station(ports))
    now = ports.clock.now()

    outcome = await send(ports, may, watched(course.lesson_ids[0], (0, 54), at=now - timedelta(minutes=1)))

    assert told(outcome) == [ACCEPTED]
    print(outcome)
    print(await totals(may.member_id))
