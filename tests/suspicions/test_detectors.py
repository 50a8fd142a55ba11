"""Detectors: what cheats leave behind is found with its evidence, and honest days are left alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.suspicions import (
    AHEAD_SECONDS,
    Answered,
    Finding,
    Watched,
    findings_among,
    findings_of_answers,
    findings_of_member,
    telling,
)
from kit.clock import day_of, day_start
from kit.words import SuspicionKind

MAY, LI = UUID(int=1), UUID(int=2)
NOON = datetime.fromisoformat("2026-03-02T12:00:00+08:00")
TODAY = day_of(NOON)
MIDNIGHT = day_start(TODAY)


def watched(
    at: datetime, *spans: tuple[int, int], by: UUID = MAY, lesson: int = 1, device: str | None = None
) -> Watched:
    return Watched(by, UUID(int=lesson), at, tuple(spans), device)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def kinds(found: Sequence[Finding]) -> list[SuspicionKind]:
    return [each.kind for each in found]


def own(*events: Watched) -> list[Finding]:
    return findings_of_member(TODAY, events)


def test_a_day_of_honest_learning_is_not_suspicious() -> None:
    """Four hours in the shop, a report every half minute, the last hour at double speed."""
    slow = [watched(after(step / 2), (step * 30, step * 30 + 30)) for step in range(360)]
    quick = [watched(after(180 + step / 2), (step * 60, step * 60 + 60), lesson=2) for step in range(120)]

    assert own(*slow, *quick) == []


def test_ten_lessons_within_a_minute_are_faster_than_the_clock() -> None:
    events = [watched(after(step / 10), (0, 600), lesson=step) for step in range(10)]

    [found] = own(*events)

    assert (found.member_id, found.kind, found.day) == (MAY, SuspicionKind.FASTER_THAN_THE_CLOCK, TODAY)
    assert found.evidence == {
        "from": NOON.isoformat(), "to": after(0.9).isoformat(), "watchedSeconds": 5400, "clockSeconds": 54,
    }  # fmt: skip


def test_an_honest_morning_does_not_excuse_the_evening() -> None:
    morning = [watched(after(-180 + step / 2), (step * 30, step * 30 + 30)) for step in range(360)]
    evening = [watched(after(300), (0, 600), lesson=10 + step) for step in range(10)]

    [found] = own(*morning, *evening)

    assert found.evidence["watchedSeconds"] == 5400
    assert found.evidence["clockSeconds"] == 0


def test_what_is_reported_again_and_again_is_watched_once() -> None:
    """A phone that sends all it has seen of a lesson in each report."""
    assert own(*[watched(after(step / 2), (0, step * 30)) for step in range(1, 120)]) == []


def test_one_long_report_may_have_been_watched_before_it_was_sent() -> None:
    assert own(watched(NOON, (0, 7200))) == []


@given(st.lists(st.tuples(st.integers(0, 12 * 3600), st.integers(1, 3600)), min_size=2, max_size=30))
def test_the_stretch_found_is_the_one_most_ahead_of_the_clock(pairs: list[tuple[int, int]]) -> None:
    """Beside the plain way: every stretch is tried."""
    events = [
        watched(MIDNIGHT + timedelta(seconds=6 * 3600 + second), (0, seconds), lesson=number)
        for number, (second, seconds) in enumerate(sorted(pairs))
    ]
    best = 0.0
    for first in range(len(events)):
        for last in range(first + 1, len(events)):
            shown = sum(events[at].spans[0][1] for at in range(first + 1, last + 1))
            best = max(best, shown - 2 * (events[last].occurred_at - events[first].occurred_at).total_seconds())

    found = [each for each in own(*events) if each.kind is SuspicionKind.FASTER_THAN_THE_CLOCK]

    assert bool(found) == (best > AHEAD_SECONDS)
    for each in found:
        assert int(each.evidence["watchedSeconds"]) - 2 * int(each.evidence["clockSeconds"]) == best


@pytest.mark.parametrize(("hours", "is_found"), [(3, False), (4, True), (6, True)])
def test_who_learns_most_of_a_night_is_seen(hours: int, is_found: bool) -> None:
    events = [
        watched(MIDNIGHT + timedelta(minutes=10 * step), (0, 600), lesson=step) for step in range(1, 6 * hours + 1)
    ]

    found = own(*events)

    assert kinds(found) == ([SuspicionKind.NIGHT_LONG] if is_found else [])
    for each in found:
        assert each.evidence["learnedSeconds"] == hours * 3600
        assert each.evidence["from"] == MIDNIGHT.isoformat()


def test_an_evening_is_no_night() -> None:
    evening = [watched(MIDNIGHT + timedelta(hours=18, minutes=10 * step), (0, 600), lesson=step) for step in range(36)]

    assert own(*evening) == []


GAPPED = ((0, 31), (47, 95), (118, 240))


def test_the_same_gaps_on_three_devices_are_a_recording() -> None:
    events = [watched(after(by), *GAPPED, by=UUID(int=by), device=f"phone {by}") for by in (1, 2, 3)]

    found = findings_among(TODAY, events)

    assert [(each.member_id, each.kind) for each in found] == [
        (UUID(int=by), SuspicionKind.SAME_TRACE) for by in (1, 2, 3)
    ]
    assert found[0].evidence == {"devices": 3, "members": 3, "parts": 3, "lessonId": str(UUID(int=1))}


@pytest.mark.parametrize(
    "events",
    [
        [watched(NOON, *GAPPED, by=UUID(int=by), device=f"phone {by}") for by in (1, 2)],
        [watched(NOON, (0, 60), (90, 120), by=UUID(int=by), device=f"phone {by}") for by in range(9)],
        [watched(NOON, *GAPPED, by=UUID(int=by), device=f"phone {by}", lesson=by) for by in range(9)],
        [watched(after(step), *GAPPED, device="phone") for step in range(9)],
    ],
    ids=["on two devices", "with one gap", "of different lessons", "on one device again and again"],
)
def test_other_likenesses_are_chance(events: list[Watched]) -> None:
    assert findings_among(TODAY, events) == []


@pytest.mark.parametrize(("people", "is_found"), [(3, False), (4, True)])
def test_more_people_on_a_device_than_share_one_are_seen(people: int, is_found: bool) -> None:
    events = [watched(after(by), (0, 60), by=UUID(int=by), device="tablet") for by in range(people)]
    unknown = [watched(after(by), (0, 60), by=UUID(int=by)) for by in range(9)]

    found = findings_among(TODAY, [*events, *unknown])

    assert [(each.member_id, each.evidence) for each in found] == [
        (UUID(int=by), {"members": people}) for by in range(people) if is_found
    ]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.booleans()), max_size=40))
def test_what_tells_nothing_may_be_left_out(rows: list[tuple[int, int, int, bool]]) -> None:
    events = [
        watched(after(step), *(GAPPED if gapped else ((0, 60),)), by=UUID(int=by), lesson=lesson, device=f"d{device}")
        for step, (by, lesson, device, gapped) in enumerate(rows)
    ]
    told = [
        each for by in range(1, 5) for each in telling(event for event in events if event.member_id == UUID(int=by))
    ]

    assert findings_among(TODAY, told) == findings_among(TODAY, events)


@pytest.mark.parametrize(
    ("questions", "characters", "seconds", "is_found"),
    [(10, 900, 52, True), (10, 900, 53, False), (4, 900, 1, False), (10, 900, 0, True)],
)
def test_answers_faster_than_reading_are_seen(questions: int, characters: int, seconds: int, is_found: bool) -> None:
    attempt = Answered(LI, uuid4(), NOON, questions, characters, seconds)

    found = findings_of_answers([attempt])

    assert kinds(found) == ([SuspicionKind.ANSWERS_TOO_FAST] if is_found else [])
