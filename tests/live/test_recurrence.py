"""Rules of series: read strictly, expanded as python-dateutil reads RFC 5545; hostile ones cost nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import ZONE
from kit.errors import DomainError, ErrorCode
from services.live_recurrence import read_recurrence

WEDNESDAY = datetime(2026, 3, 4, 20, 0, tzinfo=ZONE).astimezone(UTC)
QUARTER = timedelta(days=90)


def days(text: str, starts_at: datetime = WEDNESDAY, length: timedelta = QUARTER) -> list[str]:
    """The days of the rule in Shanghai, each of them at the hour it begins with."""
    moments = read_recurrence(text, starts_at).moments(starts_at, starts_at + length)
    local = [moment.astimezone(ZONE) for moment in moments]
    assert all(each.time() == starts_at.astimezone(ZONE).time() for each in local)
    return [f"{each:%m-%d}" for each in local]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=WEEKLY;COUNT=3", ["03-04", "03-11", "03-18"]),
        ("RRULE:freq=weekly;interval=2;count=3", ["03-04", "03-18", "04-01"]),
        ("FREQ=WEEKLY;BYDAY=WE,SA;COUNT=4", ["03-04", "03-07", "03-11", "03-14"]),
        ("FREQ=DAILY;COUNT=3", ["03-04", "03-05", "03-06"]),
        ("FREQ=DAILY;INTERVAL=30", ["03-04", "04-03", "05-03"]),
        ("FREQ=MONTHLY;BYDAY=1WE;COUNT=3", ["03-04", "04-01", "05-06"]),
        ("FREQ=MONTHLY;BYMONTHDAY=4,-1;COUNT=3", ["03-04", "03-31", "04-04"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=3;COUNT=2", ["03-04", "04-03"]),
        ("FREQ=WEEKLY;UNTIL=20260318", ["03-04", "03-11", "03-18"]),
        ("FREQ=WEEKLY;UNTIL=20260318T120000Z", ["03-04", "03-11", "03-18"]),
        ("FREQ=WEEKLY;UNTIL=20260318T115959Z", ["03-04", "03-11"]),
        ("FREQ=WEEKLY;UNTIL=20260318T195959", ["03-04", "03-11"]),
        ("FREQ=MONTHLY;UNTIL=99991231T235959", ["03-04", "04-04", "05-04"]),
    ],
)
def test_a_rule_gives_its_days(text: str, expected: list[str]) -> None:
    assert days(text) == expected


def test_a_rule_is_read_in_shanghai_where_the_day_has_begun_already() -> None:
    thursday_morning = datetime(2026, 3, 5, 7, 0, tzinfo=ZONE).astimezone(UTC)  # still Wednesday in UTC

    assert days("FREQ=WEEKLY;BYDAY=TH;COUNT=2", thursday_morning) == ["03-05", "03-12"]
    with pytest.raises(DomainError):
        read_recurrence("FREQ=WEEKLY;BYDAY=WE", thursday_morning)


def test_a_stretch_later_on_gives_what_is_there_and_no_more() -> None:
    rule = read_recurrence("FREQ=WEEKLY;COUNT=4", WEDNESDAY)
    third = WEDNESDAY + timedelta(weeks=2)

    assert rule.moments(third, third + timedelta(weeks=1)) == [third]
    assert rule.moments(third + timedelta(seconds=1), third + timedelta(days=365)) == [third + timedelta(weeks=1)]
    assert (rule.goes_on(third + timedelta(weeks=1)), rule.goes_on(third + timedelta(weeks=2))) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "", ";", "=", "FREQ", "FREQ=", "WEEKLY", "FREQ=NEVER", "INTERVAL=2",
        "FREQ=SECONDLY", "FREQ=MINUTELY;COUNT=2", "FREQ=HOURLY", "FREQ=YEARLY",
        "FREQ=WEEKLY;FREQ=DAILY", "FREQ=WEEKLY;X-MINE=1", "FREQ=WEEKLY;BYHOUR=1,2", "FREQ=WEEKLY;BYSECOND=1",
        "FREQ=WEEKLY;BYSETPOS=1", "FREQ=DAILY;BYDAY=MO", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
        "FREQ=WEEKLY;INTERVAL=0", "FREQ=WEEKLY;INTERVAL=53", "FREQ=WEEKLY;INTERVAL=-1", "FREQ=WEEKLY;INTERVAL=99999",
        "FREQ=WEEKLY;INTERVAL=一", "FREQ=MONTHLY;INTERVAL=12",
        "FREQ=WEEKLY;COUNT=0", "FREQ=WEEKLY;COUNT=1001", "FREQ=WEEKLY;COUNT=1;UNTIL=20260401",
        "FREQ=WEEKLY;UNTIL=2026", "FREQ=WEEKLY;UNTIL=20261301", "FREQ=WEEKLY;UNTIL=20260304T250000Z",
        "FREQ=WEEKLY;UNTIL=00010101",
        "FREQ=WEEKLY;BYDAY=", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1WE", "FREQ=WEEKLY;BYDAY=WE,WE",
        "FREQ=WEEKLY;WKST=XX", "FREQ=MONTHLY;BYDAY=6WE", "FREQ=MONTHLY;BYDAY=WE;BYMONTHDAY=4",
        "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=1WE;BYSETPOS=1", "FREQ=MONTHLY;BYDAY=WE;BYSETPOS=5",
        "FREQ=WEEKLY;" + "INTERVAL=1;" * 30, "FREQ=WEEKLY\nRDATE:20260401", "FREQ=WEEKLY;BYDAY=WE;EXDATE=20260401",
    ],
)  # fmt: skip
def test_what_is_no_such_rule_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refused:
        read_recurrence(text, WEDNESDAY)

    assert (refused.value.code, refused.value.field) == (ErrorCode.BAD_USER_INPUT, ("recurrence",))


@pytest.mark.parametrize("text", ["FREQ=WEEKLY;BYDAY=TU", "FREQ=MONTHLY;BYMONTHDAY=5", "FREQ=WEEKLY;UNTIL=20260303"])
def test_a_rule_that_does_not_begin_at_the_start_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        read_recurrence(text, WEDNESDAY)


NAMES = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
WEEKS = st.lists(NAMES, min_size=1, max_size=7, unique=True).map(lambda names: f"BYDAY={','.join(names)}")
NUMBERED = st.tuples(st.sampled_from(["", "1", "2", "5", "-1", "-5"]), NAMES).map("".join)
MONTHS = st.one_of(
    st.lists(NUMBERED, min_size=1, max_size=3, unique=True).map(lambda each: f"BYDAY={','.join(each)}"),
    st.lists(st.integers(-31, 31).filter(bool), min_size=1, max_size=4, unique=True).map(
        lambda each: f"BYMONTHDAY={','.join(map(str, each))}"
    ),
    st.tuples(NAMES, st.sampled_from([1, 4, -1, -4])).map(lambda each: f"BYDAY={each[0]};BYSETPOS={each[1]}"),
)
RULES = st.one_of(
    st.integers(1, 366).map(lambda each: f"FREQ=DAILY;INTERVAL={each}"),
    st.tuples(st.integers(1, 52), WEEKS).map(lambda each: f"FREQ=WEEKLY;INTERVAL={each[0]};{each[1]}"),
    st.tuples(st.integers(1, 11), MONTHS).map(lambda each: f"FREQ=MONTHLY;INTERVAL={each[0]};{each[1]}"),
)


@settings(deadline=None, max_examples=60)
@given(RULES, st.integers(0, 1_500), st.one_of(st.just(""), st.integers(1, 40).map(lambda each: f";COUNT={each}")))
def test_whatever_rule_is_taken_is_what_dateutil_makes_of_it_and_no_two_lessons_share_a_day(
    text: str, day: int, count: str
) -> None:
    starts_at = WEDNESDAY + timedelta(days=day)
    local = starts_at.astimezone(ZONE).replace(tzinfo=None)
    try:
        rule = read_recurrence(text + count, starts_at)
    except DomainError:  # it does not begin there
        return
    until = starts_at + timedelta(days=800)

    found = rule.moments(starts_at, until)

    end = local + timedelta(days=800)
    theirs = [each for each in rrulestr(text + count, dtstart=local).between(local, end, inc=True) if each < end]
    assert [each.astimezone(ZONE).replace(tzinfo=None) for each in found] == theirs
    assert found[0] == starts_at
    assert len({each.astimezone(ZONE).date() for each in found}) == len(found)
