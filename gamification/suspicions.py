"""Signs that points may not have been earned by learning. Pure: what happened on one Shanghai day goes in, findings
with their evidence come out. A finding accuses nobody: an admin looks at the evidence and decides.

The limits are wide on purpose. Honest people trip over none of them; who does is worth a look.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from gamification.credit import BUDGET_RATE, Spans, minus, size, union
from gamification.rules import (
    course_completed,
    course_in_time,
    day_first_lesson,
    lesson_completed,
    required_course_completed,
)
from kit.clock import day_of, day_start
from kit.words import SuspicionKind

AHEAD_SECONDS = 15 * 60
"""So much more than the clock allows, at the double speed that players offer, before we wonder."""
NIGHT_HOURS = 6
"""A night is from midnight to six in Shanghai."""
NIGHT_SECONDS = 4 * 3600
"""Two thirds of a night. Somebody who cannot sleep learns for an hour."""
MEMBERS_OF_A_DEVICE = 4
"""A family shop shares one tablet among two or three."""
GAPS = 2
"""Learning with so many gaps in it is like a signature: two people do not skip the same seconds."""
DEVICES_OF_A_TRACE = 3
CHARACTERS_A_SECOND = 17
"""Four times what people read: 255 Chinese characters a minute in the International Reading Speed Texts
(Trauzettel-Klosinski and Dietz, 2012)."""
QUESTIONS = 5
"""Fewer may be known by heart."""

OF_LEARNING = (
    lesson_completed.CODE,
    course_completed.CODE,
    required_course_completed.CODE,
    course_in_time.CODE,
    day_first_lesson.CODE,
)
"""The rules under which watching lessons is paid: what a confirmed suspicion may take back of its day."""

Evidence = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Watched:
    """An accepted event of learning: these seconds of a lesson were shown, the last of them at `occurred_at`.

    `device_id` is None where it is not known any more.
    """

    member_id: UUID
    lesson_id: UUID
    occurred_at: datetime
    spans: Spans
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt at a quiz: how many characters its questions and choices have, and how long it took."""

    member_id: UUID
    attempt_id: UUID
    occurred_at: datetime
    questions: int
    characters: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` says what it is about, among findings of one member and kind: found again it is the same finding."""

    member_id: UUID
    kind: SuspicionKind
    key: str
    day: date
    evidence: Evidence


def findings_of_member(day: date, events: Sequence[Watched]) -> list[Finding]:
    """What one member's own events of a day show, in any order."""
    in_order = sorted(events, key=lambda event: event.occurred_at)
    return [*_faster_than_the_clock(day, in_order), *_night_long(day, in_order)]


def telling(events: Iterable[Watched]) -> list[Watched]:
    """Of one member's events those that can show something together with those of others: `findings_among` finds the
    same in them as in all."""
    found: list[Watched] = []
    devices: set[str | None] = {None}
    for event in events:
        if event.device_id not in devices or len(union(event.spans)) > GAPS:
            devices.add(event.device_id)
            found.append(event)
    return found


def findings_among(day: date, events: Sequence[Watched]) -> list[Finding]:
    """What shows only in the events of everybody together, in any order."""
    return [*_same_traces(day, events), *_shared_devices(day, events)]


def findings_of_answers(attempts: Iterable[Answered]) -> list[Finding]:
    """Attempts answered faster than their questions can be read."""
    return [
        Finding(
            attempt.member_id,
            SuspicionKind.ANSWERS_TOO_FAST,
            str(attempt.attempt_id),
            day_of(attempt.occurred_at),
            {"questions": attempt.questions, "characters": attempt.characters, "seconds": attempt.seconds},
        )
        for attempt in attempts
        if attempt.questions >= QUESTIONS and attempt.characters > CHARACTERS_A_SECOND * attempt.seconds
    ]


def _faster_than_the_clock(day: date, events: Sequence[Watched]) -> Iterator[Finding]:
    """The stretch of the day in which most more was watched than its time allows, if that is beyond the limit.

    Each event adds what it shows for the first time, and takes away what could be watched since the one before it: the
    stretch with the largest sum is the one to look at (Kadane's algorithm).
    """
    seen: defaultdict[UUID, Spans] = defaultdict(tuple)
    steps: list[tuple[datetime, int]] = []  # when an event ended, and what it showed for the first time
    for event in events:
        spans = union(event.spans)
        steps.append((event.occurred_at, size(minus(spans, seen[event.lesson_id]))))
        seen[event.lesson_id] = union(seen[event.lesson_id], spans)
    first, most, stretch = 0, 0.0, (0, 0)
    ahead = 0.0
    for at in range(1, len(steps)):
        ahead += steps[at][1] - BUDGET_RATE * (steps[at][0] - steps[at - 1][0]).total_seconds()
        if ahead <= 0:  # begin anew; what this event shows was watched before it ended, at nobody's expense
            first, ahead = at, 0.0
        elif ahead > most:
            most, stretch = ahead, (first, at)
    if most > AHEAD_SECONDS:
        first, last = stretch
        evidence: Evidence = {
            "from": steps[first][0].isoformat(),
            "to": steps[last][0].isoformat(),
            "watchedSeconds": sum(seconds for _, seconds in steps[first + 1 : last + 1]),
            "clockSeconds": round((steps[last][0] - steps[first][0]).total_seconds()),
        }
        yield Finding(events[0].member_id, SuspicionKind.FASTER_THAN_THE_CLOCK, day.isoformat(), day, evidence)


def _night_long(day: date, events: Sequence[Watched]) -> Iterator[Finding]:
    """Most of the night of this morning was spent learning."""
    midnight = day_start(day)
    night: list[tuple[int, int]] = []
    for event in events:
        until = round((event.occurred_at - midnight) / timedelta(seconds=1))
        night.append((max(until - size(union(event.spans)), 0), min(until, NIGHT_HOURS * 3600)))
    learned = union(night)
    if size(learned) >= NIGHT_SECONDS:
        evidence: Evidence = {
            "from": (midnight + timedelta(seconds=learned[0][0])).isoformat(),
            "to": (midnight + timedelta(seconds=learned[-1][1])).isoformat(),
            "learnedSeconds": size(learned),
        }
        yield Finding(events[0].member_id, SuspicionKind.NIGHT_LONG, day.isoformat(), day, evidence)


def _same_traces(day: date, events: Iterable[Watched]) -> Iterator[Finding]:
    """The same seconds of a lesson, with the same gaps, from several devices: a recording played back."""
    devices: defaultdict[tuple[UUID, Spans], set[str]] = defaultdict(set)
    members: defaultdict[tuple[UUID, Spans], set[UUID]] = defaultdict(set)
    for event in events:
        spans = union(event.spans)
        if len(spans) > GAPS:
            trace = event.lesson_id, spans
            devices[trace].add(event.device_id or str(event.member_id))
            members[trace].add(event.member_id)
    found: dict[tuple[UUID, UUID], Finding] = {}
    for (lesson_id, spans), seen_on in devices.items():
        if len(seen_on) < DEVICES_OF_A_TRACE:
            continue
        for member_id in members[lesson_id, spans]:
            evidence: Evidence = {
                "devices": len(seen_on),
                "members": len(members[lesson_id, spans]),
                "parts": len(spans),
                "lessonId": str(lesson_id),
            }
            known = found.get((member_id, lesson_id))
            if known is None or int(known.evidence["devices"]) < len(seen_on):
                key = f"{day.isoformat()} {lesson_id}"
                found[member_id, lesson_id] = Finding(member_id, SuspicionKind.SAME_TRACE, key, day, evidence)
    yield from sorted(found.values(), key=lambda finding: (finding.member_id, finding.key))


def _shared_devices(day: date, events: Iterable[Watched]) -> Iterator[Finding]:
    """One device on which more people learned in a day than share one."""
    members: defaultdict[str, set[UUID]] = defaultdict(set)
    for event in events:
        if event.device_id is not None:
            members[event.device_id].add(event.member_id)
    most: dict[UUID, int] = {}
    for sharing in members.values():
        if len(sharing) >= MEMBERS_OF_A_DEVICE:
            for member_id in sharing:
                most[member_id] = max(most.get(member_id, 0), len(sharing))
    for member_id, count in sorted(most.items()):
        yield Finding(member_id, SuspicionKind.SHARED_DEVICE, day.isoformat(), day, {"members": count})
