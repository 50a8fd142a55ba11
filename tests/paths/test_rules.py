"""How one stage opens the next, as plain values."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from gamification.paths import Stage, StageCourse, standings
from kit.words import StageState

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
LOCKED, OPEN, PASSED = StageState.LOCKED, StageState.OPEN, StageState.PASSED


def course(completed_at: datetime | None = None, *, closed: bool = False) -> StageCourse:
    return StageCourse(UUID(int=1), not closed, completed_at, 0 if completed_at is None else 2, 2)


def stage(number: int, *courses: StageCourse, since: datetime = LONG_AGO, passed_at: datetime | None = None) -> Stage:
    return Stage(UUID(int=number), number, f"第{number}关", 10, since, courses, passed_at)


def seen(*stages: Stage) -> list[tuple[StageState, datetime | None]]:
    return [(standing.state, standing.passed_at) for standing in standings(stages)]


def test_the_first_stage_is_open_and_the_others_wait() -> None:
    assert seen(stage(1, course()), stage(2, course()), stage(3, course())) == [
        (OPEN, None),
        (LOCKED, None),
        (LOCKED, None),
    ]


def test_a_stage_is_passed_with_the_last_of_its_courses() -> None:
    assert seen(stage(1, course(NOON), course()), stage(2, course())) == [(OPEN, None), (LOCKED, None)]
    assert seen(stage(1, course(NOON), course(NOON + HOUR)), stage(2, course())) == [
        (PASSED, NOON + HOUR),
        (OPEN, None),
    ]


def test_what_was_learned_too_early_passes_as_soon_as_it_is_open() -> None:
    ahead = (stage(2, course(NOON - HOUR)), stage(3, course(NOON - 2 * HOUR)), stage(4, course()))

    assert seen(stage(1, course()), *ahead) == [(OPEN, None), (LOCKED, None), (LOCKED, None), (LOCKED, None)]
    assert seen(stage(1, course(NOON)), *ahead) == [(PASSED, NOON), (PASSED, NOON), (PASSED, NOON), (OPEN, None)]


def test_nothing_is_passed_before_it_was_asked_for() -> None:
    assert seen(stage(1, course(NOON - HOUR), since=NOON)) == [(PASSED, NOON)]


def test_what_was_passed_stays_passed_and_opens_the_next_wherever_it_is_put() -> None:
    assert seen(stage(1, course()), stage(2, course(), passed_at=NOON), stage(3, course())) == [
        (OPEN, None),
        (PASSED, NOON),
        (OPEN, None),
    ]


def test_a_late_event_moves_a_passage_back_and_never_on() -> None:
    assert seen(stage(1, course(NOON - HOUR), passed_at=NOON)) == [(PASSED, NOON - HOUR)]
    assert seen(stage(1, course(NOON + HOUR), passed_at=NOON)) == [(PASSED, NOON)]


def test_a_retired_course_is_asked_of_nobody_who_has_not_completed_it() -> None:
    assert seen(stage(1, course(NOON), course(closed=True)), stage(2, course())) == [(PASSED, NOON), (OPEN, None)]
    assert seen(stage(1, course(NOON, closed=True), course())) == [(OPEN, None)]


def test_a_stage_with_nothing_left_to_learn_holds_up_nobody() -> None:
    nothing = stage(2, course(closed=True))

    assert seen(stage(1, course(NOON)), nothing, stage(3, course(NOON - HOUR))) == [
        (PASSED, NOON),
        (PASSED, None),
        (PASSED, NOON),
    ]
    assert seen(stage(1, course()), nothing, stage(3, course())) == [(OPEN, None), (LOCKED, None), (LOCKED, None)]
