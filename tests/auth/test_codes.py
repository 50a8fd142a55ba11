"""How often a code may be asked for, and what a try is worth."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.codes import LIFE, TRIES, Verdict, Wait, judge, wait_for

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=each) for each in minutes]


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ([], None),
        (ago(1), None),
        (ago(0.5), Wait(30, throttled=False)),
        (ago(0), Wait(60, throttled=False)),
        (ago(10, 20, 30, 40), None),
        (ago(10, 20, 30, 40, 50), Wait(600, throttled=True)),
        (ago(10, 20, 30, 40, 60), None),
        (ago(0.5, 20, 30, 40, 50), Wait(30, throttled=False)),
        (ago(*range(61, 1000, 100)), Wait((1440 - 961) * 60, throttled=True)),
        (ago(*range(61, 900, 100)), None),
    ],
)
def test_one_a_minute_five_an_hour_ten_a_day(asked: list[datetime], wait: Wait | None) -> None:
    assert wait_for(asked, NOW) == wait


@given(st.lists(st.integers(0, 2 * 86400), max_size=40))
def test_whoever_waits_as_told_gets_a_code(seconds: list[int]) -> None:
    asked = sorted((NOW - timedelta(seconds=each) for each in seconds), reverse=True)
    wait = wait_for(asked, NOW)
    if wait is None:
        return

    assert wait.seconds >= 1
    later = wait_for(asked, NOW + timedelta(seconds=wait.seconds))
    assert later is None or (later.throttled and not wait.throttled)


def verdict(**changed: object) -> Verdict:
    facts: dict = {"right": True, "tries": 0, "used": False, "expires_at": NOW + LIFE, "now": NOW, **changed}
    return judge(**facts)


def test_the_right_code_is_right_until_it_ends() -> None:
    assert verdict(now=NOW + LIFE - timedelta(seconds=1)) is Verdict.RIGHT
    assert verdict(now=NOW + LIFE) is Verdict.EXPIRED
    assert verdict(tries=TRIES - 1) is Verdict.RIGHT
    assert verdict(tries=TRIES) is Verdict.EXPIRED


def test_a_used_code_is_wrong() -> None:
    assert verdict(used=True) is Verdict.WRONG


@given(st.integers(0, 9), st.booleans(), st.integers(-600, 600))
def test_whether_a_code_is_over_does_not_tell_whether_it_was_right(tries: int, used: bool, offset: int) -> None:
    facts: dict = {"tries": tries, "used": used, "expires_at": NOW + timedelta(seconds=offset)}

    assert (verdict(right=True, **facts) is Verdict.EXPIRED) == (verdict(right=False, **facts) is Verdict.EXPIRED)
