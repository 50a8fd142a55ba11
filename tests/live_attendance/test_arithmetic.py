"""Runs and airings against an oracle that counts second by second, and the rule that seconds become credit by."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.attendance import CreditRule, Presence, Stretch, base_of, is_met, outcome_of, peak, presence
from kit.words import AttendanceOutcome

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
RULE = CreditRule(80, 0, 0)
PAIRS = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 40)), max_size=8)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stretches(pairs: Sequence[tuple[int, int]]) -> list[Stretch]:
    return [(at(start), at(start + length)) for start, length in pairs]


def there(pairs: Sequence[tuple[int, int]], second: int) -> bool:
    return any(start <= second < start + length for start, length in pairs)


@given(PAIRS, PAIRS)
def test_seconds_are_those_that_an_oracle_counts_one_by_one(
    runs: list[tuple[int, int]], airings: list[tuple[int, int]]
) -> None:
    attended = [second for second in range(200) if there(runs, second) and there(airings, second)]

    found = presence(stretches(runs), stretches(airings))

    assert found.attended_seconds == len(attended)
    assert found.aired_seconds == sum(there(airings, second) for second in range(200))
    assert found.first_at == (at(attended[0]) if attended else None)
    assert found.last_at == (at(attended[-1] + 1) if attended else None)


@given(st.lists(PAIRS, max_size=5), PAIRS)
def test_the_peak_is_that_of_an_oracle(members: list[list[tuple[int, int]]], airings: list[tuple[int, int]]) -> None:
    most = max(
        (sum(there(runs, second) for runs in members) for second in range(200) if there(airings, second)), default=0
    )

    runs = {UUID(int=number): stretches(pairs) for number, pairs in enumerate(members)}

    assert peak(runs, stretches(airings)) == most


@given(PAIRS, PAIRS, st.randoms())
def test_order_and_repetition_change_nothing(
    runs: list[tuple[int, int]], airings: list[tuple[int, int]], chance: object
) -> None:
    once = presence(stretches(runs), stretches(airings))
    again = presence(stretches([*reversed(runs), *runs]), stretches([*reversed(airings), *airings]))

    assert once == again


def test_sums_are_rounded_once_and_half_up() -> None:
    thirds = [(at(n), at(n + 0.25)) for n in range(6)]

    assert presence(thirds, [(at(0), at(10))]).attended_seconds == 2  # 1.5 s in six parts
    assert presence(thirds[:1], [(at(0), at(10))]).attended_seconds == 0


@given(st.integers(0, 100), st.integers(0, 200), st.integers(1, 200), st.integers(0, 200), st.integers(0, 200))
def test_what_is_met_while_it_runs_is_met_when_it_is_over(
    percent: int, least: int, planned: int, aired: int, attended: int
) -> None:
    rule = CreditRule(percent, least, 0)

    running = is_met(rule, attended, base_of(planned, aired, over=False), 0, 0)

    assert not running or is_met(rule, attended, base_of(planned, aired, over=True), 0, 0)


@pytest.mark.parametrize(
    ("rule", "attended", "base", "answered", "asked", "met"),
    [
        (RULE, 80, 100, 0, 0, True), (RULE, 79, 100, 0, 0, False), (RULE, 81, 101, 0, 0, True),
        (RULE, 80, 101, 0, 0, False), (CreditRule(0, 0, 0), 0, 100, 0, 0, False),
        (CreditRule(0, 0, 0), 1, 100, 0, 0, True), (CreditRule(0, 60, 0), 59, 100, 0, 0, False),
        (CreditRule(0, 60, 0), 60, 100, 0, 0, True), (CreditRule(0, 600, 0), 100, 100, 0, 0, True),
        (CreditRule(0, 0, 2), 50, 100, 1, 3, False), (CreditRule(0, 0, 2), 50, 100, 2, 3, True),
        (CreditRule(0, 0, 2), 50, 100, 1, 1, True), (RULE, 0, 0, 0, 0, False),
    ],
)  # fmt: skip
def test_the_rule_is_exact_at_its_edges(
    rule: CreditRule, attended: int, base: int, answered: int, asked: int, met: bool
) -> None:
    assert is_met(rule, attended, base, answered, asked) is met


def test_outcomes_follow_from_when_and_how_long() -> None:
    def outcome(first: float | None, met: bool) -> AttendanceOutcome:
        seen = Presence(0 if first is None else 9, 100, None if first is None else at(first), None)
        return outcome_of(seen, at(0), met=met)

    assert [outcome(0, True), outcome(600, True), outcome(600.001, True), outcome(0, False), outcome(None, False)] == [
        AttendanceOutcome.PRESENT, AttendanceOutcome.PRESENT, AttendanceOutcome.LATE, AttendanceOutcome.PARTIAL,
        AttendanceOutcome.ABSENT,
    ]  # fmt: skip
