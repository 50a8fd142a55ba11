from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gamification.periods import period_of
from gamification.scores import LAST_TICK, MOST_POINTS, pack, points_of, reached_at
from kit.words import BoardPeriod

SEASON = period_of(BoardPeriod.SEASON, date(2028, 1, 1), ())
ALL_TIME = period_of(BoardPeriod.ALL_TIME, date(2028, 1, 1), ())
points = st.integers(0, MOST_POINTS)
seconds = st.integers(0, 366 * 86_400 - 1)


@given(points, seconds)
def test_a_score_is_exact_in_a_double_and_gives_back_what_went_in(amount: int, after: int) -> None:
    moment = SEASON.starts_at + timedelta(seconds=after)

    packed = pack(amount, moment, SEASON)

    assert int(float(packed)) == packed
    assert points_of(packed) == amount
    assert reached_at(packed, SEASON) == moment


@given(points, seconds, points, seconds)
def test_more_points_lead_and_among_equals_who_was_first(a: int, a_after: int, b: int, b_after: int) -> None:
    first = pack(a, SEASON.starts_at + timedelta(seconds=a_after), SEASON)
    second = pack(b, SEASON.starts_at + timedelta(seconds=b_after), SEASON)

    assert (first > second) == ((a, -a_after) > (b, -b_after))


def test_all_time_keeps_the_minute() -> None:
    moment = datetime(2051, 7, 1, 8, 30, 59, tzinfo=UTC)

    packed = pack(7, moment, ALL_TIME)

    assert reached_at(packed, ALL_TIME) == moment.replace(second=0)


def test_what_does_not_fit_is_cut_at_both_ends() -> None:
    assert points_of(pack(MOST_POINTS + 5, SEASON.starts_at, SEASON)) == MOST_POINTS
    assert pack(1, SEASON.starts_at - timedelta(days=1), SEASON) == pack(1, SEASON.starts_at, SEASON)
    assert pack(0, SEASON.starts_at + timedelta(days=4000), SEASON) == 0
    assert pack(0, SEASON.starts_at, SEASON) == LAST_TICK
