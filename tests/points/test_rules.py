"""Each rule by itself: which facts it pays for, under which key, at which price."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from uuid import UUID

import orjson
import pytest

from gamification.caps import settle
from gamification.facts import (
    ClassCheckedIn,
    ContestPlaced,
    CourseCompleted,
    CourseRated,
    DuelWon,
    Fact,
    LessonCompleted,
    LiveLessonAttended,
    OutletUpgraded,
    QuizPassed,
    Recorded,
    ReplayWatched,
    StagePassed,
    StoryPublished,
    StreakReached,
    TaskClaimed,
    WeekLearned,
    makes_a_learned_day,
    recorded,
)
from gamification.rules import RULES, claims_of
from gamification.tariff import Rate, Tariff
from kit.words import OutletTier, RefusalReason
from tests.points.first_tariff import BEGINNING, FIRST, RATES, TARIFF, changed

MEMBER, OBJECT, COURSE = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MONDAY = date(2026, 3, 2)

LESSON = LessonCompleted(MEMBER, OBJECT, COURSE, False, NOON)
RECORDED: tuple[Recorded, ...] = (
    LESSON,
    CourseCompleted(MEMBER, OBJECT, False, NOON),
    CourseCompleted(MEMBER, OBJECT, True, NOON),
    CourseCompleted(MEMBER, OBJECT, False, NOON, due_at=NOON + timedelta(seconds=1)),
    CourseRated(MEMBER, OBJECT, NOON),
    QuizPassed(MEMBER, OBJECT, 1, NOON),
    QuizPassed(MEMBER, OBJECT, 2, NOON),
    LiveLessonAttended(MEMBER, OBJECT, NOON),
    ReplayWatched(MEMBER, OBJECT, False, NOON),
    ReplayWatched(MEMBER, OBJECT, True, NOON),
    ClassCheckedIn(MEMBER, OBJECT, NOON),
    TaskClaimed(MEMBER, OBJECT, 8, NOON),
    StagePassed(MEMBER, OBJECT, 70, NOON),
    DuelWon(MEMBER, OBJECT, NOON),
    ContestPlaced(MEMBER, OBJECT, 3, NOON),
    ContestPlaced(MEMBER, OBJECT, 4, NOON),
    StoryPublished(MEMBER, OBJECT, NOON),
    OutletUpgraded(MEMBER, OBJECT, OutletTier.MODERN, NOON),
    LiveLessonAttended(MEMBER, OBJECT, NOON, 40),
    ReplayWatched(MEMBER, OBJECT, False, NOON, 25),
)
CONCLUDED: tuple[Fact, ...] = (WeekLearned(MEMBER, MONDAY, NOON), StreakReached(MEMBER, 30, NOON))


def paid(*facts: Fact) -> dict[str, int]:
    """Points by rule."""
    return {due.claim.rule: due.points for due in settle(claims_of(facts), [], TARIFF).dues}


def test_every_kind_of_fact_is_tried_here_and_every_rule_has_one() -> None:
    claimed = {claim.rule for claim in claims_of([*RECORDED, *CONCLUDED])}

    assert {type(fact) for fact in (*RECORDED, *CONCLUDED)} == set(get_args(Fact))
    assert claimed == {rule.CODE for rule in RULES}


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (RECORDED[0], {"day.first_lesson": 5, "lesson.completed": 10}),
        (RECORDED[1], {"course.completed": 30}),
        (RECORDED[2], {"course.required": 50}),
        (RECORDED[3], {"course.completed": 30, "course.in_time": 20}),
        (RECORDED[4], {"course.rated": 2}),
        (RECORDED[5], {"quiz.passed": 20, "quiz.first_try": 10}),
        (RECORDED[6], {"quiz.passed": 20}),
        (RECORDED[7], {"live.attended": 30}),
        (RECORDED[8], {"replay.watched": 15}),
        (RECORDED[9], {}),
        (RECORDED[10], {"class.checked_in": 50}),
        (RECORDED[11], {"task.claimed": 8}),
        (RECORDED[12], {"stage.passed": 70}),
        (RECORDED[13], {"duel.won": 10}),
        (RECORDED[14], {"contest.placed": 100}),
        (RECORDED[15], {}),
        (RECORDED[16], {"story.published": 30}),
        (RECORDED[17], {"outlet.upgraded": 200}),
        (RECORDED[18], {"live.attended": 40}),
        (RECORDED[19], {"replay.watched": 25}),
        (CONCLUDED[0], {"week.full": 50}),
        (CONCLUDED[1], {"streak.reached": 50}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_what_a_fact_pays(fact: Fact, expected: dict[str, int]) -> None:
    assert paid(fact) == expected


def test_a_rule_claims_for_its_own_kind_of_fact_alone() -> None:
    facts = (*RECORDED, *CONCLUDED)

    of_all = {(rule.CODE, type(fact)) for rule in RULES for fact in facts if rule.claim(fact) is not None}

    assert of_all == {(rule.CODE, rule.FACT) for rule in RULES}


@pytest.mark.parametrize(
    "due_at", [None, NOON, NOON - timedelta(days=1)], ids=["not assigned", "at the last moment", "late"]
)
def test_a_course_is_in_time_only_before_the_day_it_was_due(due_at: datetime | None) -> None:
    assert paid(CourseCompleted(MEMBER, OBJECT, False, NOON, due_at)) == {"course.completed": 30}


@pytest.mark.parametrize("fact", RECORDED, ids=lambda fact: type(fact).__name__)
def test_a_stored_fact_is_read_as_it_was(fact: Recorded) -> None:
    details = orjson.loads(orjson.dumps(fact.details))

    assert recorded(fact.KIND, MEMBER, fact.object_id, NOON, details) == fact


def test_a_course_completed_before_due_dates_were_remembered_can_be_read() -> None:
    assert recorded("course.completed", MEMBER, OBJECT, NOON, {"required": True}) == RECORDED[2]


def test_no_two_kinds_of_fact_share_a_name() -> None:
    kinds = {fact.KIND for fact in (*RECORDED, *CONCLUDED)}

    assert len(kinds) == len(get_args(Fact))


def test_learning_makes_a_learned_day_and_nothing_else_does() -> None:
    learned = {type(fact) for fact in RECORDED if makes_a_learned_day(fact)}

    assert learned == {LessonCompleted, QuizPassed, LiveLessonAttended, ReplayWatched, ClassCheckedIn}


def test_a_tier_of_an_outlet_is_one_fact_however_often_it_is_reached() -> None:
    first = OutletUpgraded(MEMBER, OBJECT, OutletTier.MODERN, NOON)
    again = replace(first, occurred_at=NOON + timedelta(days=400))
    higher = replace(first, tier=OutletTier.PARTNER)

    assert again.object_id == first.object_id
    assert higher.object_id != first.object_id
    assert len({claim.key for claim in claims_of([first, again, higher])}) == 2


def test_each_length_of_streak_pays_once() -> None:
    lengths = [StreakReached(MEMBER, days, NOON) for days in (7, 30, 7)]

    dues = settle(claims_of(lengths), [], TARIFF).dues

    assert sorted(due.claim.period_key for due in dues) == ["30 days", "7 days"]


def test_a_task_pays_its_own_price_and_the_tariff_only_caps_it() -> None:
    tasks = [TaskClaimed(MEMBER, UUID(int=10 + number), 8, NOON + timedelta(minutes=number)) for number in range(3)]

    found = settle(claims_of(tasks), [], changed("task.claimed", None, 10))

    assert [due.points for due in found.dues] == [8, 2]
    assert [(refused.points_missing, refused.reason) for refused in found.refused] == [
        (6, RefusalReason.DAILY_CAP),
        (8, RefusalReason.DAILY_CAP),
    ]


@pytest.mark.parametrize(
    ("fact", "price"),
    [(LESSON, 10), (TaskClaimed(MEMBER, OBJECT, 8, NOON), 8)],
    ids=["the tariff's price", "its own price"],
)
def test_a_rule_that_is_switched_off_pays_nothing_and_says_so(fact: Fact, price: int) -> None:
    [code] = [claim.rule for claim in claims_of([fact]) if not claim.period_key]
    off = Tariff([*RATES, Rate(code, 2, BEGINNING, *FIRST[code], enabled=False)])

    found = settle(claims_of([fact]), [], off)

    assert code not in [due.claim.rule for due in found.dues]
    assert [(refused.claim.rule, refused.points_missing, refused.reason) for refused in found.refused] == [
        (code, price, RefusalReason.RULE_DISABLED)
    ]


def test_a_task_that_pays_nothing_is_not_refused() -> None:
    found = settle(claims_of([TaskClaimed(MEMBER, OBJECT, 0, NOON)]), [], TARIFF)

    assert (found.dues, found.refused) == ((), ())
