"""How often a code may be asked for, what a try is worth, and how long wrong ones must wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.codes import (
    DEVICE_LIMITS,
    DEVICE_PATIENCE,
    LIFE,
    LIMITS,
    LONGEST_PAUSE,
    NETWORK_LIMITS,
    NETWORK_PATIENCE,
    PHONE_PATIENCE,
    TRIES,
    Limits,
    Patience,
    Verdict,
    Wait,
    is_suspicious,
    judge,
    network_of,
    pause_after,
    pause_of,
    wait_for,
    wait_of,
)

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


@given(st.lists(st.integers(0, 2 * 86400), max_size=700), st.sampled_from([LIMITS, DEVICE_LIMITS, NETWORK_LIMITS]))
def test_no_window_ever_holds_more_than_its_most(seconds: list[int], limits: Limits) -> None:
    """Whoever is let in at once, and comes again after each wait, one by one."""
    let_in: list[datetime] = []
    for moment in sorted(NOW + timedelta(seconds=each) for each in seconds):
        if wait_of(let_in, limits, moment) == 0:
            let_in.insert(0, moment)

    for window, most in limits:
        for place, first in enumerate(let_in):
            assert sum(each > first - window for each in let_in[place:]) <= most


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 0), (5, 0), (6, 1), (7, 2), (8, 4), (9, 8), (10, 15), (11, 15), (10_000, 15)]
)
def test_pauses_double_and_never_last_longer_than_a_quarter_of_an_hour(failures: int, minutes: int) -> None:
    assert pause_after(failures, PHONE_PATIENCE) == timedelta(minutes=minutes) <= LONGEST_PAUSE


@given(st.integers(0, 200), st.integers(0, 86400), st.sampled_from([PHONE_PATIENCE, DEVICE_PATIENCE, NETWORK_PATIENCE]))
def test_whoever_waits_out_the_pause_is_let_try(failures: int, seconds: int, patience: Patience) -> None:
    newest = NOW - timedelta(seconds=seconds)

    wait = pause_of(failures, newest if failures else None, patience, NOW)

    assert 0 <= wait <= LONGEST_PAUSE.total_seconds()
    assert pause_of(failures, newest, patience, NOW + timedelta(seconds=wait)) == 0


def test_half_of_a_limit_is_suspicious() -> None:
    def found(asked: list[datetime], failures: int = 0) -> bool:
        return is_suspicious(asked, DEVICE_LIMITS, failures, DEVICE_PATIENCE, NOW)

    assert not found(ago(1, 2, 3, 4))
    assert found(ago(1, 2, 3, 4, 5))
    assert not found(ago(1, 2, 3, 4, *range(61, 66)))
    assert found(ago(1, 2, 3, 4, *range(61, 67)))
    assert not found([], 4)
    assert found([], 5)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_subscriber_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
