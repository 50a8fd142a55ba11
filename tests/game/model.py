"""The game told a second time, plainly: from the set of what happened to points, streaks and the order on boards.

Written from the rules as they are told to shop owners, without a look at how the server keeps them; it remembers
everything, adds up everything anew each time it is asked, and is slow. It shares no code with the server: where both
say the same after any history, both would have to be wrong in the same way.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

METRICS = ("POINTS", "LEARNING_SECONDS", "COURSES_COMPLETED", "STREAK_DAYS")
SUBJECTS = ("MEMBER", "OUTLET", "REGION")
DAY = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)
SHANGHAI = timedelta(hours=8)
LATEST = 7 * DAY
"""What a phone reports counts for this long."""
GRACE = 3 * DAY
FEWEST_ACTIVE = 5
LAST_TICK = 2**25 - 1

PRICES: dict[str, tuple[int | None, int | None]] = {
    "lesson.completed": (10, 100),
    "course.completed": (30, None),
    "course.required": (50, None),
    "course.in_time": (20, None),
    "day.first_lesson": (5, None),
    "week.full": (50, None),
    "streak.reached": (50, None),
    "quiz.passed": (20, 100),
    "quiz.first_try": (10, 50),
    "live.attended": (30, 90),
    "replay.watched": (15, 45),
    "class.checked_in": (50, None),
    "duel.won": (10, 50),
    "contest.placed": (100, None),
    "task.claimed": (None, None),
    "stage.passed": (None, None),
}
"""Rule -> (points, None: what is done has a price of its own; the most of them in a day), until an admin changes it."""
CORRECTED = "points.corrected"
MILESTONES = (7, 30)
"""Days of a streak that pay when they are reached for the first time."""
LEARNING = ("lesson.completed", "quiz.passed", "live.attended", "replay.watched", "class.checked_in")
"""What makes a day a learned day."""


def day_of(at: datetime) -> date:
    return (at + SHANGHAI).date()


def midnight(day: date) -> datetime:
    """The first moment of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - SHANGHAI


@dataclass(frozen=True, order=True)
class Place:
    outlet: UUID
    region: UUID
    tier: str


class Tariff:
    """What rules pay, each line for what happens from its moment on."""

    def __init__(self) -> None:
        self._lines = {rule: [(NEVER, *line)] for rule, line in PRICES.items()}

    def change(self, rule: str, since: datetime, points: int | None, most: int | None) -> None:
        """Of two changes for one moment the later said holds."""
        self._lines[rule].append((since, points, most))

    def at(self, rule: str, moment: datetime) -> tuple[int | None, int | None]:
        """(points, the most of them in a day)"""
        _, points, most = sorted((line for line in self._lines[rule] if line[0] <= moment), key=lambda line: line[0])[
            -1
        ]
        return points, most


@dataclass(frozen=True)
class Deed:
    """Something done, of one of the kinds below.

    `extra`: of a quiz how many tries it took, of a task or stage its price, of a contest the place, of a replay whether
    the live lesson was attended (1), of a course whether it is required (1). `due`: when a course was to be done.
    """

    at: datetime
    extra: int = 0
    due: datetime | None = None

    def earns(self, kind: str) -> list[tuple[str, int | None]]:
        """(rule, own price) of what it has a right to."""
        if kind in ("task.claimed", "stage.passed"):
            return [(kind, self.extra)]
        if kind == "course.completed":
            in_time = self.due is not None and self.at < self.due
            return [("course.required" if self.extra else kind, None), *([("course.in_time", None)] if in_time else [])]
        if kind == "quiz.passed" and self.extra == 1:
            return [(kind, None), ("quiz.first_try", None)]
        if (kind == "replay.watched" and self.extra) or (kind == "contest.placed" and self.extra > 3):
            return []
        return [(kind, None)]


Deeds = dict[tuple[str, UUID], Deed]
"""(kind, what it was done to) -> the deed; it is done once."""


Key = tuple[str, UUID, str]
"""(rule, for what, which time): what is paid once. The time is a day, a length, or "" for once and for ever."""


@dataclass(frozen=True)
class Award:
    key: Key
    at: datetime
    points: int

    @property
    def rule(self) -> str:
        return self.key[0]


@dataclass(frozen=True)
class Line:
    """One amount that boards count."""

    member: UUID
    metric: str
    amount: int
    at: datetime
    place: Place


@dataclass(frozen=True, order=True)
class Period:
    """The days [first, last]; `last` None: it never ends."""

    kind: str
    first: date
    last: date | None

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    @property
    def closes_at(self) -> datetime | None:
        return midnight(self.last + DAY) + GRACE if self.last is not None else None


Seasons = list[tuple[date, date]]
"""(first day, last day) of each named season."""


def season_of(day: date, named: Seasons) -> Period:
    """The named one, or what the named ones leave of the year."""
    for first, last in named:
        if first <= day <= last:
            return Period("SEASON", first, last)
    first = max([date(day.year, 1, 1), *(last + DAY for _, last in named if last < day)])
    return Period("SEASON", first, min([date(day.year, 12, 31), *(first - DAY for first, _ in named if first > day)]))


def periods_of(day: date, named: Seasons) -> list[Period]:
    """Every period that a day belongs to."""
    monday = day - day.weekday() * DAY
    quarter = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return [
        Period("DAY", day, day),
        Period("WEEK", monday, monday + 6 * DAY),
        Period("MONTH", day.replace(day=1), (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY),
        Period("QUARTER", quarter, ((quarter + 92 * DAY).replace(day=1)) - DAY),
        season_of(day, named),
        Period("ALL_TIME", date(2020, 1, 1), None),
    ]


@dataclass(frozen=True)
class Catalogue:
    """Lessons in the order of their course; a lesson opens when the one before it was watched."""

    lessons: Mapping[UUID, tuple[UUID, int]]
    """lesson -> (course, seconds)"""
    required: frozenset[UUID]
    """The courses that everybody has to take."""

    def of_course(self, course: UUID) -> list[UUID]:
        return [lesson for lesson, (of, _) in self.lessons.items() if of == course]

    def before(self, lesson: UUID) -> UUID | None:
        together = self.of_course(self.lessons[lesson][0])
        place = together.index(lesson)
        return together[place - 1] if place else None

    @property
    def courses(self) -> list[UUID]:
        return list(dict.fromkeys(course for course, _ in self.lessons.values()))


@dataclass
class Streak:
    """`days` that were learned without a gap that no card filled; `in_row` of them without any gap."""

    days: int = 0
    in_row: int = 0
    cards: int = 0
    best: int = 0

    def live(self, *, learned: bool) -> None:
        """One more day is over, or was learned."""
        if learned:
            self.days, self.in_row = self.days + 1, self.in_row + 1
            self.cards = min(2, self.cards + (self.in_row % 7 == 0))
            self.best = max(self.best, self.days)
        elif self.cards:
            self.cards, self.in_row = self.cards - 1, 0
        else:
            self.days = self.in_row = 0


@dataclass
class Person:
    id: UUID
    joined: datetime
    places: list[tuple[datetime, Place]]
    catalogue: Catalogue
    tariff: Tariff
    events: set[UUID] = field(default_factory=set)
    watched: dict[UUID, list[datetime]] = field(default_factory=dict)
    """Lesson of the catalogue -> when it was watched whole."""
    told: Deeds = field(default_factory=dict)
    """What was told from elsewhere."""
    annulled: set[Key] = field(default_factory=set)
    """Awards undone by hand."""
    corrections: list[tuple[datetime, int]] = field(default_factory=list)
    """Points given and taken by hand."""
    balance: int = 0
    suspended: bool = False

    def place_at(self, at: datetime) -> Place:
        held = [place for since, place in self.places if since <= at]
        return held[-1] if held else self.places[0][1]

    def watch(self, events: Iterable[tuple[UUID, UUID, datetime]], now: datetime) -> list[UUID]:
        """A phone sends (event, lesson, when it was watched whole); the events that count, in the order of happening.

        The balance follows with what the whole of them changed.
        """
        before, accepted = self.lifetime(), []
        for event, lesson, at in sorted(events, key=lambda each: each[2]):
            gate = self.catalogue.before(lesson)
            opened = gate is None or gate in self.watched or lesson in self.watched
            if event not in self.events and now - at <= LATEST and at >= self.joined and opened:
                self.events.add(event)
                self.watched.setdefault(lesson, []).append(at)
                accepted.append(event)
        self._settle(before)
        return accepted

    def tell(self, deeds: Deeds, *, moved: bool = False) -> None:
        """Deeds as others tell of them; what is known stays what it was, unless they say that it moved."""
        before = self.lifetime()
        self.told = {**self.told, **deeds} if moved else {**deeds, **self.told}
        self._settle(before)

    def annul(self, key: Key) -> None:
        before = self.lifetime()
        self.annulled.add(key)
        self._settle(before)

    def correct(self, amount: int, now: datetime) -> bool:
        """False for taking more than was ever earned."""
        before = self.lifetime()
        if before + amount < 0:
            return False
        self.corrections.append((now, amount))
        self._settle(before)
        return True

    def _settle(self, before: int) -> None:
        """What was spent meanwhile cannot be taken back: the balance falls by what is there."""
        self.balance = max(0, self.balance + self.lifetime() - before)

    def deeds(self) -> Deeds:
        """Everything done, from the phone and from elsewhere."""
        done: Deeds = {("lesson.completed", lesson): Deed(min(moments)) for lesson, moments in self.watched.items()}
        for course in self.catalogue.courses:
            lessons = [("lesson.completed", lesson) for lesson in self.catalogue.of_course(course)]
            if all(lesson in done for lesson in lessons):
                last = max(done[lesson].at for lesson in lessons)
                done["course.completed", course] = Deed(last, int(course in self.catalogue.required))
        return done | self.told

    def learned(self) -> dict[date, datetime]:
        """The days on which something was learned, each with the moment of the first."""
        found: dict[date, datetime] = {}
        for at in sorted(deed.at for (kind, _), deed in self.deeds().items() if kind in LEARNING):
            found.setdefault(day_of(at), at)
        return found

    def awards(self) -> list[Award]:
        deeds, learned = self.deeds(), self.learned()
        wanted: list[tuple[datetime, Key, int | None]] = []
        lessons: dict[date, datetime] = {}
        for (kind, what), deed in sorted(deeds.items(), key=lambda each: each[1].at):
            wanted += [(deed.at, (rule, what, ""), own) for rule, own in deed.earns(kind)]
            if kind == "lesson.completed":
                lessons.setdefault(day_of(deed.at), deed.at)
        wanted += [(at, ("day.first_lesson", self.id, day.isoformat()), None) for day, at in lessons.items()]
        for day, at in learned.items():
            if day.weekday() == 6 and all(day - step * DAY in learned for step in range(7)):
                wanted.append((at, ("week.full", self.id, (day - 6 * DAY).isoformat()), None))
        streak, longest = Streak(), 0
        for day in days_from(learned, max(learned, default=date.min)):
            streak.live(learned=day in learned)
            if streak.best > longest and streak.best in MILESTONES:
                wanted.append((learned[day], ("streak.reached", self.id, f"{streak.best} days"), None))
            longest = streak.best
        return self._capped(wanted)

    def _capped(self, wanted: list[tuple[datetime, Key, int | None]]) -> list[Award]:
        """What a day's cap leaves of it in order; what was annulled keeps its place and pays nothing."""
        found: list[Award] = []
        spent: Counter[tuple[str, date]] = Counter()
        for at, key, own in sorted(wanted, key=lambda each: each[:2]):
            rule, today = key[0], day_of(at)
            price, most = self.tariff.at(rule, at)
            points = own if own is not None else price or 0
            if most is not None:
                points = max(0, min(points, most - spent[rule, today]))
            spent[rule, today] += points
            if points and key not in self.annulled:
                found.append(Award(key, at, points))
        return found

    def lifetime(self) -> int:
        return sum(award.points for award in self.awards()) + sum(amount for _, amount in self.corrections)

    def paid(self) -> dict[tuple[str, date], int]:
        """Points by rule and day."""
        found: Counter[tuple[str, date]] = Counter()
        for award in self.awards():
            found[award.rule, day_of(award.at)] += award.points
        for at, amount in self.corrections:
            found[CORRECTED, day_of(at)] += amount
        return {key: points for key, points in found.items() if points}

    def streak(self, today: date) -> tuple[int, int, bool, int]:
        """(days of the running streak, of the best one, was today learned, freeze cards left)"""
        learned, streak = self.learned(), Streak()
        for day in days_from(learned, today):
            if day in learned or day < today:
                streak.live(learned=day in learned)
        return streak.days, streak.best, today in learned, streak.cards

    def lines(self) -> Iterator[Line]:
        """Everything that boards count."""
        for award in self.awards():
            yield Line(self.id, "POINTS", award.points, award.at, self.place_at(award.at))
        for at, amount in self.corrections:
            yield Line(self.id, "POINTS", amount, at, self.place_at(at))
        for at in self.learned().values():
            yield Line(self.id, "STREAK_DAYS", 1, at, self.place_at(at))
        for lesson, moments in self.watched.items():
            at = min(moments)
            yield Line(self.id, "LEARNING_SECONDS", self.catalogue.lessons[lesson][1], at, self.place_at(at))
        for (kind, what), deed in self.deeds().items():
            if kind == "course.completed" and what in self.catalogue.courses:
                yield Line(self.id, "COURSES_COMPLETED", 1, deed.at, self.place_at(deed.at))


def days_from(learned: Iterable[date], last: date) -> list[date]:
    """Every day from the first learned one to `last`."""
    first = min(learned, default=last + DAY if last > date.min else last)
    return [first + step * DAY for step in range((last - first).days + 1)] if first > date.min else []


def run_to(days: Iterable[date], last: date) -> int:
    """How many days without a gap end with `last`."""
    among, length = set(days), 0
    while last - length * DAY in among:
        length += 1
    return length


@dataclass(frozen=True)
class Land:
    """The tree of regions. `tops`: those that boards of the whole academy rank."""

    parents: Mapping[UUID, UUID | None]
    tops: frozenset[UUID]

    def above(self, region: UUID | None) -> list[UUID]:
        """The region itself and all it lies in."""
        return [region, *self.above(self.parents[region])] if region is not None else []


Scope = tuple[UUID | None, str | None]
"""(region, tier); None: any"""
Boards = dict[Scope, dict[UUID, int]]
"""Scope -> subject -> packed score: points * 2^25 + 2^25 - 1 - ticks until they were reached."""


def spots(line: Line, subject: str, land: Land) -> Iterator[tuple[Scope, UUID]]:
    """Every board on which a line counts, and for whom."""
    place = line.place
    if subject != "REGION":
        who = line.member if subject == "MEMBER" else place.outlet
        for region in (None, *land.above(place.region)):
            yield (region, None), who
            yield (region, place.tier), who
        return
    for region in land.above(place.region):
        among = [land.parents[region]] if land.parents[region] is not None else []
        for of in [*among, None] if region in land.tops else among:
            yield (of, None), region
            yield (of, place.tier), region


def boards_of(lines: Iterable[Line], metric: str, subject: str, period: Period, land: Land) -> Boards:
    """What stands on the boards of a family; `lines` are those of the ranked members in the period, of all metrics."""
    lines = list(lines)
    mine: defaultdict[tuple[Scope, UUID], defaultdict[UUID, list[Line]]] = defaultdict(lambda: defaultdict(list))
    active: defaultdict[tuple[Scope, UUID], set[UUID]] = defaultdict(set)
    done: Counter[tuple[str, UUID, Place]] = Counter()
    for line in lines:
        done[line.metric, line.member, line.place] += line.amount
    for line in lines:
        for spot in spots(line, subject, land):
            if done[line.metric, line.member, line.place] > 0:
                active[spot].add(line.member)
            if line.metric == metric:
                mine[spot][line.member].append(line)
    found: Boards = {}
    for (scope, who), by_member in mine.items():
        totals = [longest(each) if metric == "STREAK_DAYS" else added(each) for each in by_member.values()]
        totals = [(points, at) for points, at in totals if points > 0]
        points, reached = sum(points for points, _ in totals), max((at for _, at in totals), default=NEVER)
        if subject == "REGION":
            learners = len(active[scope, who])
            if learners < FEWEST_ACTIVE:
                continue
            points = (2 * points + learners) // (2 * learners)
        if points:
            found.setdefault(scope, {})[who] = packed(points, reached, period)
    return found


def added(lines: list[Line]) -> tuple[int, datetime]:
    """What is taken by hand is no moment at which anything was reached."""
    gains = [line.at for line in lines if line.amount > 0]
    return sum(line.amount for line in lines), max(gains, default=NEVER)


def longest(lines: list[Line]) -> tuple[int, datetime]:
    """The longest run of learned days, reached with the last day of the first that long."""
    moments = {day_of(line.at): line.at for line in lines}
    best = max(run_to(moments, day) for day in moments)
    return best, moments[min(day for day in moments if run_to(moments, day) == best)]


def packed(points: int, reached: datetime, period: Period) -> int:
    tick = 60 if period.last is None else 1
    ticks = int((reached - midnight(period.first)).total_seconds()) // tick
    return points * 2**25 + LAST_TICK - ticks


def standings(board: Mapping[UUID, int]) -> list[tuple[UUID, int, int, int]]:
    """(subject, packed score, position, rank), the best first."""
    order = sorted(board, key=lambda subject: (board[subject], subject.bytes), reverse=True)
    points = [board[subject] >> 25 for subject in order]
    return [(subject, board[subject], at + 1, points.index(points[at]) + 1) for at, subject in enumerate(order)]
