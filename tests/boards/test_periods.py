from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.periods import (
    BEGINNING,
    GRACE,
    Season,
    counting,
    due_to_close,
    ended,
    following,
    period_of,
    previous,
)
from kit.clock import day_of, day_start
from kit.words import BoardPeriod, BoardPhase

DATED = [kind for kind in BoardPeriod if kind is not BoardPeriod.ALL_TIME]
days = st.dates(date(2020, 1, 1), date(2080, 12, 31))


@pytest.mark.parametrize(
    ("kind", "starts_on", "ends_on"),
    [
        (BoardPeriod.DAY, date(2026, 11, 29), date(2026, 11, 30)),
        (BoardPeriod.WEEK, date(2026, 11, 23), date(2026, 11, 30)),
        (BoardPeriod.MONTH, date(2026, 11, 1), date(2026, 12, 1)),
        (BoardPeriod.QUARTER, date(2026, 10, 1), date(2027, 1, 1)),
        (BoardPeriod.SEASON, date(2026, 1, 1), date(2027, 1, 1)),
        (BoardPeriod.ALL_TIME, BEGINNING, None),
    ],
)
def test_a_sunday_belongs_to_the_periods_of_the_calendar(kind: BoardPeriod, starts_on: date, ends_on: date) -> None:
    period = period_of(kind, date(2026, 11, 29), ())

    assert (period.starts_on, period.ends_on) == (starts_on, ends_on)


def test_december_is_followed_by_january() -> None:
    month = period_of(BoardPeriod.MONTH, date(2026, 12, 31), ())

    assert (month.starts_on, month.ends_on) == (date(2026, 12, 1), date(2027, 1, 1))


@st.composite
def named(draw: st.DrawFn, around: date = date(2026, 6, 1)) -> list[Season]:
    """Seasons with and without days between them, in any order; some begin in one year and end in the next."""
    starts_on, found = around + timedelta(days=draw(st.integers(-500, 100))), []
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 366)), max_size=4)):
        starts_on += timedelta(days=gap)
        found.append(Season(starts_on, starts_on + timedelta(days=length)))
        starts_on += timedelta(days=length)
    return draw(st.permutations(found))


near = st.dates(date(2024, 6, 1), date(2031, 6, 1))


@given(st.sampled_from(DATED), days | near, named())
def test_periods_of_a_kind_tile_the_calendar(kind: BoardPeriod, day: date, seasons: list[Season]) -> None:
    period = period_of(kind, day, seasons)

    assert period.holds(day)
    assert following(period, seasons).starts_on == period.ends_on
    assert previous(following(period, seasons), seasons) == period
    assert period.ends_at is not None
    assert period.ends_at - period.starts_at <= timedelta(days=366)


def test_a_period_is_half_open_at_shanghai_midnight() -> None:
    today = period_of(BoardPeriod.DAY, date(2026, 3, 2), ())
    last_moment = datetime(2026, 3, 2, 15, 59, 59, 999999, tzinfo=UTC)

    assert today.starts_at == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert today.phase_by_clock(last_moment) is BoardPhase.OPEN
    assert today.phase_by_clock(last_moment + timedelta(microseconds=1)) is BoardPhase.GRACE


def test_grace_is_over_after_72_hours() -> None:
    week = period_of(BoardPeriod.WEEK, date(2026, 3, 2), ())
    over = day_start(date(2026, 3, 9)) + GRACE

    assert week.takes_late_reports(over - timedelta(microseconds=1))
    assert not week.takes_late_reports(over)


def test_nothing_lies_before_the_beginning_or_before_all_time() -> None:
    assert previous(period_of(BoardPeriod.MONTH, BEGINNING, ()), ()) is None
    assert previous(period_of(BoardPeriod.ALL_TIME, date(2026, 3, 2), ()), ()) is None


def test_on_a_monday_noon_the_last_three_days_and_last_week_still_count() -> None:
    monday_noon = datetime(2026, 3, 2, 4, tzinfo=UTC)

    found = [(period.kind.value, period.starts_on) for period in counting(monday_noon, ())]

    assert found == [
        ("DAY", date(2026, 2, 27)),
        ("DAY", date(2026, 2, 28)),
        ("DAY", date(2026, 3, 1)),
        ("DAY", date(2026, 3, 2)),
        ("WEEK", date(2026, 2, 23)),
        ("WEEK", date(2026, 3, 2)),
        ("MONTH", date(2026, 2, 1)),
        ("MONTH", date(2026, 3, 1)),
        ("QUARTER", date(2026, 1, 1)),
        ("SEASON", date(2026, 1, 1)),
        ("ALL_TIME", BEGINNING),
    ]


@given(near, named())
def test_every_day_of_a_named_season_has_that_season_and_the_others_their_year(
    day: date, seasons: list[Season]
) -> None:
    period = period_of(BoardPeriod.SEASON, day, seasons)

    holding = [season for season in seasons if season.starts_on <= day < season.ends_on]
    if holding:
        assert [(each.starts_on, each.ends_on) for each in holding] == [(period.starts_on, period.ends_on)]
    else:
        assert period.ends_on is not None
        stretch = [period.starts_on + timedelta(days=n) for n in range((period.ends_on - period.starts_on).days)]
        assert not any(season.holds(each) for season in seasons for each in stretch)
        assert {each.year for each in stretch} == {day.year}


def test_a_season_named_today_ends_the_unnamed_one_and_keeps_its_first_day() -> None:
    spring = Season(date(2026, 3, 1), date(2026, 6, 1))

    def season(day: date, *seasons: Season) -> tuple[date, date | None]:
        period = period_of(BoardPeriod.SEASON, day, seasons)
        return period.starts_on, period.ends_on

    assert season(date(2026, 2, 28)) == (date(2026, 1, 1), date(2027, 1, 1))
    assert season(date(2026, 2, 28), spring) == (date(2026, 1, 1), date(2026, 3, 1))
    assert season(date(2026, 3, 1), spring) == (date(2026, 3, 1), date(2026, 6, 1))
    assert season(date(2026, 6, 1), spring) == (date(2026, 6, 1), date(2027, 1, 1))


def test_what_is_over_on_a_day_is_every_period_that_ended() -> None:
    found = ended(date(2026, 2, 28), datetime(2026, 3, 2, 4, tzinfo=UTC), [Season(date(2026, 2, 1), date(2026, 3, 1))])

    assert [period.kind for period in found] == ["DAY", "WEEK", "MONTH", "SEASON"]


@given(st.sampled_from(DATED), days, st.integers(0, 400), named())
def test_a_period_is_either_counting_or_due_to_close(
    kind: BoardPeriod, first_day: date, later: int, seasons: list[Season]
) -> None:
    now = day_start(first_day + timedelta(days=later)) + timedelta(hours=5)
    closing = list(due_to_close(kind, first_day, now, seasons))
    still = [period for period in counting(now, seasons) if period.kind is kind]

    assert not set(closing) & set(still)
    assert [period.ends_on for period in closing[:-1]] == [period.starts_on for period in closing[1:]]
    if closing:
        assert closing[0].holds(first_day)
        assert closing[-1].ends_on == still[0].starts_on
    assert still[-1].holds(day_of(now))
