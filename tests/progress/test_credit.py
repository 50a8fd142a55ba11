"""The pure rules of learning credit, against a model that keeps every second in a set."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gamification.credit import (
    BUDGET_LIMIT_MS,
    Budget,
    Goal,
    Missing,
    Watched,
    affordable_at,
    clip,
    common,
    course_percent,
    first_seconds,
    forecast,
    goal_of,
    minus,
    missing,
    opening_budget,
    pay,
    percent,
    refilled,
    settle,
    size,
    spent,
    take,
    union,
)

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
LESSONS = (UUID(int=1), UUID(int=2))

span = st.tuples(st.integers(0, 40), st.integers(0, 40))
loose = st.lists(span, max_size=6)
spans = loose.map(union)


def seconds(of):
    return {second for start, end in of for second in range(start, end)}


@st.composite
def watched(draw):
    return Watched(
        UUID(int=draw(st.integers(0, 2**32))),
        draw(st.sampled_from(LESSONS)),
        NOON + timedelta(seconds=draw(st.integers(0, 5))),
        draw(spans),
    )


events = st.lists(watched(), max_size=8, unique_by=lambda event: event.event_id)


@given(loose)
def test_a_union_holds_every_second_once_and_is_in_normal_form(parts):
    whole = union(parts)

    assert seconds(whole) == seconds(parts)
    assert size(whole) == len(seconds(parts))
    assert all(one[1] < other[0] for one, other in pairwise(whole))


@given(spans, spans, st.integers(0, 45))
def test_spans_behave_like_sets_of_seconds(one, other, limit):
    assert seconds(minus(one, other)) == seconds(one) - seconds(other)
    assert minus(one, other) == union(minus(one, other))
    assert seconds(common(one, other)) == seconds(one) & seconds(other)
    assert seconds(clip(one, limit)) == {second for second in seconds(one) if second < limit}
    assert sorted(seconds(first_seconds(one, limit))) == sorted(seconds(one))[:limit]


@given(spans, spans)
def test_what_is_taken_is_what_was_there_and_is_gone(there, wanted):
    store = list(there)

    taken = take(store, wanted)

    assert taken == common(there, wanted)
    assert tuple(store) == minus(there, wanted)


def test_a_lesson_reported_second_by_second_costs_what_is_reported():
    def cost(count):
        """Of crediting `count` events of a second each, none touching another."""
        given_events = [
            Watched(UUID(int=number), LESSONS[0], NOON + timedelta(seconds=number), ((2 * number, 2 * number + 1),))
            for number in range(count)
        ]
        whole = union(*(event.spans for event in given_events))
        started = process_time()
        payment = pay(given_events, {}, count // 2)
        forecast(given_events, payment.paid, Budget(0, NOON), {LESSONS[0]: count})
        settle(given_events, whole, count)
        return process_time() - started

    cost(1000)

    few, many = min(cost(1000) for _ in range(5)), min(cost(16_000) for _ in range(2))

    assert many < 128 * few  # comparing each with each would take 256 times as long


@given(events, spans, st.integers(1, 30), st.randoms())
def test_credit_does_not_depend_on_the_order_of_events(given_events, paid, required, random):
    shuffled = list(given_events)
    random.shuffle(shuffled)

    settlement = settle(shuffled, paid, required)

    assert settlement == settle(given_events, paid, required)
    reported = {second for event in given_events for second in seconds(event.spans)}
    assert sum(settlement.credited.values()) == len(seconds(paid) & reported)


@given(events, watched(), spans, spans, st.integers(1, 30))
def test_more_events_or_more_pay_only_move_a_completion_earlier(given_events, late, paid, more, required):
    before = settle(given_events, paid, required).reached_at
    after = settle([*given_events, late], union(paid, more), required).reached_at

    if before is not None:
        assert after is not None
        assert after <= before


@given(events, spans, st.integers(1, 30))
def test_events_without_credit_that_wait_for_none_can_be_left_out(given_events, more, required):
    paid = union(*(event.spans for event in given_events[: len(given_events) // 2]))
    held = settle(given_events, paid, required).credited
    counting = [event for event in given_events if held[event.event_id] or minus(event.spans, paid)]
    later = union(paid, more)

    kept, everything = settle(counting, later, required), settle(given_events, later, required)
    reported = union(*(event.spans for event in given_events))
    if not minus(more, reported):
        assert kept.reached_at == everything.reached_at
        assert kept.credited == {event.event_id: everything.credited[event.event_id] for event in counting}


@given(events, st.lists(st.integers(0, 30), max_size=6))
def test_paying_in_instalments_ends_where_paying_at_once_ends(given_events, instalments):
    at_once = pay(given_events, {}, 10_000)
    paid, spent_seconds = {}, 0
    for instalment in [*instalments, 10_000]:
        payment = pay(given_events, paid, instalment)
        assert payment.spent_seconds <= instalment
        paid, spent_seconds = payment.paid, spent_seconds + payment.spent_seconds

    assert {lesson: seconds(of) for lesson, of in paid.items()} == {
        lesson: seconds(of) for lesson, of in at_once.paid.items()
    }
    assert spent_seconds == at_once.spent_seconds
    assert at_once.pending == {}


@given(events, st.integers(0, 60))
def test_the_oldest_event_is_paid_first(given_events, budget):
    payment = pay(given_events, {}, budget)

    if payment.pending:
        assert payment.spent_seconds == budget
        places = sorted(given_events, key=lambda event: event.place)
        first = next(at for at, event in enumerate(places) if event.event_id in payment.pending)
        for event in places[:first]:
            assert not minus(event.spans, payment.paid[event.lesson_id])


@given(events, st.integers(0, 20_000), st.integers(1, 30))
def test_a_forecast_comes_true(given_events, available_ms, required):
    budget = Budget(available_ms, NOON)
    goals = dict.fromkeys(LESSONS, required)
    start = pay(given_events, {}, budget.seconds)
    budget = spent(budget, start.spent_seconds)
    told = forecast(given_events, start.paid, budget, goals)

    for lesson_id, at in told.done_at.items():
        there = pay(given_events, start.paid, refilled(budget, at).seconds)
        assert size(there.paid[lesson_id]) >= required
        short = pay(given_events, start.paid, refilled(budget, at - timedelta(seconds=1)).seconds)
        assert size(short.paid[lesson_id]) < required
    assert told.pending_seconds == sum(
        size(minus(union(*(e.spans for e in given_events if e.lesson_id == lesson)), start.paid.get(lesson, ())))
        for lesson in LESSONS
    )
    assert pay(given_events, start.paid, refilled(budget, told.all_paid_at).seconds).pending == {}


def test_a_budget_starts_with_ten_minutes_and_grows_two_seconds_a_second_up_to_two_hours():
    budget = opening_budget(NOON)

    assert budget.seconds == 600
    assert refilled(budget, NOON + timedelta(seconds=30)).seconds == 660
    assert refilled(budget, NOON + timedelta(minutes=54, seconds=59)).seconds == 7198
    assert refilled(budget, NOON + timedelta(minutes=55)).available_ms == BUDGET_LIMIT_MS
    assert refilled(budget, NOON + timedelta(days=300)).available_ms == BUDGET_LIMIT_MS


def test_a_clock_that_steps_back_refills_nothing_twice():
    later = refilled(Budget(0, NOON), NOON + timedelta(seconds=100))

    assert refilled(later, NOON) == later
    assert refilled(refilled(later, NOON), NOON + timedelta(seconds=100)).seconds == 200


def test_waiting_for_what_the_budget_lacks_takes_half_of_it():
    budget = Budget(1_500, NOON)

    assert affordable_at(budget, 1) == NOON
    assert affordable_at(budget, 2) == NOON + timedelta(milliseconds=250)
    assert affordable_at(budget, 7_200) == NOON + timedelta(milliseconds=3_599_250)


def test_a_video_takes_its_share_and_an_article_its_whole_dwell():
    assert goal_of(duration_seconds=61, dwell_seconds=None, completion_percent=90) == Goal(61, 55)
    assert goal_of(duration_seconds=60, dwell_seconds=None, completion_percent=100) == Goal(60, 60)
    assert goal_of(duration_seconds=1, dwell_seconds=None, completion_percent=1) == Goal(1, 1)
    assert goal_of(duration_seconds=45, dwell_seconds=45, completion_percent=90) == Goal(45, 45)


def test_missing_says_what_to_watch_or_how_long_to_wait():
    goal = Goal(60, 54)

    assert missing((), goal, completed=False, done_at=None) == Missing(((0, 60),), None)
    assert missing(((0, 40),), goal, completed=False, done_at=None) == Missing(((40, 60),), None)
    assert missing(((10, 40), (50, 55)), goal, completed=False, done_at=None).gaps == ((0, 10), (40, 50), (55, 60))
    assert missing(((0, 60),), goal, completed=False, done_at=NOON) == Missing((), NOON)
    assert missing(((0, 54),), goal, completed=True, done_at=None) is None


def test_only_a_complete_lesson_or_course_shows_a_hundred_per_cent():
    goal = Goal(60, 54)

    assert percent(0, goal, completed=False) == 0
    assert percent(59, Goal(60, 60), completed=False) == 98
    assert percent(54, goal, completed=True) == 100
    assert course_percent([(goal, 54, True), (Goal(120, 108), 60, False)]) == 66
    assert course_percent([(goal, 54, True), (Goal(20_000, 18_000), 19_999, False)]) == 99
    assert course_percent([(goal, 54, True), (goal, 60, True)]) == 100
