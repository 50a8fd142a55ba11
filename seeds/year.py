"""A year of learning in a city of full size: who sat down when, and what their phones reported. Same seed, same year.

Only what phones report is told here, event by event; what it is worth is for the rules to say. A person reports exactly
as many events as are given to them, so that the city has exactly as many as it is to have.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import accumulate, islice
from random import Random
from typing import NamedTuple
from uuid import UUID

from kit.clock import day_start
from kit.words import CourseKind, OutletTier, ProgressKind
from seeds.courses import SeedCourse

EVENTS_A_SITTING = 9
MOST_EVENTS_A_DAY = 60
STAYS_LONG = 0.03
"""How often somebody goes on for five times as long as usual."""
SPAN_SECONDS = 20
"""How often a phone reports while it plays."""
GIVES_UP = 0.06
LEAVES_COURSE = 0.08
REPORTS_LATER = 0.06
RATES = 0.15
WEEKEND = 0.7
"""How many of a spell's weekend days are kept: shops trade at weekends."""
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


class Step(NamedTuple):
    """One event. `course` and `lesson` are places in the catalogue; no span: only that it was begun, or ended."""

    event_id: UUID
    course: int
    lesson: int
    kind: ProgressKind
    at: datetime
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sitting:
    """What a phone sends at once, at `sent_at`; `rates`: the courses finished in it that the person then rates."""

    sent_at: datetime
    steps: list[Step]
    rates: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Shelves:
    """Which courses a tier is offered, how much each draws, and since when each is out; made once for all people."""

    courses: Sequence[SeedCourse]
    out_since: Sequence[datetime]
    fitting: dict[OutletTier, list[int]]
    """All of them where none is made for the tier."""
    pull: dict[OutletTier, list[float]]

    @classmethod
    def of(cls, seed: int, courses: Sequence[SeedCourse], out_since: Sequence[datetime]) -> "Shelves":
        chance = Random(f"year fame {seed}")  # noqa: S311 - a story, not a secret
        fame = [
            (chance.paretovariate(1.2) + 0.5) * (2.5 if course.kind is CourseKind.REQUIRED else 1.0)
            for course in courses
        ]
        fitting = {
            tier: [number for number, course in enumerate(courses) if not course.tiers or tier in course.tiers]
            or list(range(len(courses)))
            for tier in OutletTier
        }
        pull = {tier: list(accumulate(min(fame[number], 40.0) for number in of)) for tier, of in fitting.items()}
        return cls(courses, out_since, fitting, pull)


def shares(weights: Sequence[float], days: Sequence[int], events: int) -> list[int]:
    """How many of the events each person reports, by weight; nobody more than `MOST_EVENTS_A_DAY` for each day.

    ValueError where there are not days enough for all of them.
    """
    most = [count * MOST_EVENTS_A_DAY for count in days]
    if sum(most) < events:
        raise ValueError("more events than days to report them in")
    found = [0] * len(weights)
    left = events
    while left:
        room = [weight * count if taken < full else 0.0
                for weight, count, taken, full in zip(weights, days, found, most, strict=True)]  # fmt: skip
        whole = sum(room)
        if not whole:  # those who hardly learn have to take what the others cannot
            room = [float(full - taken) for full, taken in zip(most, found, strict=True)]
            whole = sum(room)
        edge, before = 0.0, 0
        handed_out = left
        for number, part in enumerate(room):
            edge += part
            upto = round(edge / whole * handed_out)
            given = min(upto - before, most[number] - found[number])
            found[number] += given
            left -= given
            before = upto
    return found


def sittings(
    seed: int,
    key: str,
    shelves: Shelves,
    tier: OutletTier,
    days: Sequence[date],
    events: int,
    *,
    adult: bool,
) -> Iterator[Sitting]:
    """What one person reported: `events` events on some of `days` (ascending, all of them over), in order."""
    if not events:
        return
    chance = Random(f"year {seed} {key}")  # noqa: S311
    chosen = _days(chance, days, min(len(days), -(-events // EVENTS_A_SITTING)))
    desk = _Desk(chance, shelves, tier, adult, day_start(chosen[0]))
    steps = desk.steps()
    left = events
    for number, day in enumerate(chosen, start=1):
        later = len(chosen) - number
        lasts = 5.0 if chance.random() < STAYS_LONG else chance.uniform(0.4, 1.4)
        usual = round(left / (later + 1) * lasts)
        wanted = max(1, left - later * MOST_EVENTS_A_DAY, min(left - later, usual, MOST_EVENTS_A_DAY))
        if not later:
            wanted = left
        left -= wanted
        desk.at = day_start(day) + _hour(chance)
        reported = list(islice(steps, wanted))
        wait = timedelta(seconds=chance.randint(2, 20))
        if later and chance.random() < REPORTS_LATER:
            wait = timedelta(seconds=chance.randint(600, 6 * 3600))
        rates = [(course, _stars(chance)) for course in desk.finished if chance.random() < RATES]
        desk.finished.clear()
        yield Sitting(desk.at + wait, reported, rates)


@dataclass(slots=True)
class _Desk:
    """What one person has begun and done. `steps` goes on for ever; whoever takes from it says what time it is."""

    chance: Random
    shelves: Shelves
    tier: OutletTier
    adult: bool
    at: datetime
    finished: list[int] = field(default_factory=list)
    """Courses of which the last lesson has ended since somebody looked."""
    _taken: set[int] = field(default_factory=set)
    _known: list[tuple[int, int]] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """Course after course; once there is none left, what they know already. A step may be the last of its day."""
        while True:
            course = self._choose()
            if course is None:
                yield self._again()
                continue
            for lesson in range(len(self.shelves.courses[course].lessons)):
                yield from self._learn(course, lesson)
                if self.chance.random() < LEAVES_COURSE:
                    break

    def _choose(self) -> int | None:
        """The next course: mostly a famous one that they do not have yet."""
        fitting, pull = self.shelves.fitting[self.tier], self.shelves.pull[self.tier]
        for _ in range(12):
            number = fitting[min(bisect_right(pull, self.chance.random() * pull[-1]), len(fitting) - 1)]
            if self._may_take(number):
                break
        else:
            free = [number for number in fitting if self._may_take(number)]
            if not free:
                return None
            number = self.chance.choice(free)
        self._taken.add(number)
        return number

    def _may_take(self, number: int) -> bool:
        return (
            number not in self._taken
            and self.shelves.out_since[number] <= self.at
            and (self.adult or not self.shelves.courses[number].adults_only)
        )

    def _learn(self, course: int, lesson: int) -> Iterator[Step]:
        """A lesson to its end, or with a pause in the middle of it that may last until another day."""
        content = self.shelves.courses[course].lessons[lesson]
        kind = ProgressKind.READ if content.clip is None else ProgressKind.WATCHED
        start = 0
        pause_at = self.chance.randint(content.seconds // 4, content.seconds // 2)
        stops = [pause_at, content.seconds] if self.chance.random() < GIVES_UP and pause_at else [content.seconds]
        for stop in stops:
            self.at += self.chance.randint(5, 150) * SECOND
            yield self._step(course, lesson, ProgressKind.STARTED)
            while start < stop:
                until = stop if stop - start < SPAN_SECONDS * 3 // 2 else start + SPAN_SECONDS
                self.at += (until - start) * SECOND
                yield self._step(course, lesson, kind, start, until)
                start = until
        self._known.append((course, lesson))
        if lesson + 1 == len(self.shelves.courses[course].lessons):
            self.finished.append(course)
        self.at += SECOND
        yield self._step(course, lesson, ProgressKind.FINISHED)

    def _again(self) -> Step:
        if not self._known:
            raise ValueError(f"no course is open to anybody of tier {self.tier}")
        course, lesson = self.chance.choice(self._known)
        content = self.shelves.courses[course].lessons[lesson]
        self.at += content.seconds * SECOND
        kind = ProgressKind.READ if content.clip is None else ProgressKind.WATCHED
        return self._step(course, lesson, kind, 0, content.seconds)

    def _step(self, course: int, lesson: int, kind: ProgressKind, start: int = 0, end: int = 0) -> Step:
        return Step(UUID(int=self.chance.getrandbits(128), version=4), course, lesson, kind, self.at, start, end)


def _days(chance: Random, days: Sequence[date], wanted: int) -> list[date]:
    """Some of the days, ascending: spells of learning day after day, and more of them the later it gets."""
    if wanted >= len(days):
        return list(days)
    chosen: set[int] = set()
    tries = 0
    while len(chosen) < wanted and tries < 4 * wanted:
        tries += 1
        place = int(len(days) * chance.random() ** 0.7)
        while place < len(days) and len(chosen) < wanted:
            if days[place].weekday() < 5 or chance.random() < WEEKEND:
                chosen.add(place)
            place += 1
            if chance.random() < 0.3:
                break
    free = [place for place in range(len(days)) if place not in chosen] if len(chosen) < wanted else []
    chosen.update(chance.sample(free, wanted - len(chosen)))
    return [days[place] for place in sorted(chosen)]


def _hour(chance: Random) -> timedelta:
    """When in the day: before opening, after lunch, or in the evening."""
    [start, end] = chance.choices(((6.5, 8.5), (12.5, 15), (20, 22)), (20, 35, 45))[0]
    return timedelta(seconds=int(chance.uniform(start, end) * 3600))


def _stars(chance: Random) -> int:
    return max(1, min(5, round(chance.gauss(4.4, 0.8))))
