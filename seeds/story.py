"""Six weeks of learning in the demo's city: who learned what, when, and how far. The same for the same seed.

Only what phones would report is told here; what it is worth is for the rules to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from kit.clock import day_of, day_start
from kit.words import CourseKind, OutletTier, PostRole
from seeds.courses import SeedCourse
from seeds.town import CLERK, LEARNER, SeedPerson

DAYS = 42
PUBLISHED_OVER_DAYS = 240
MOST_LESSONS_A_DAY = 5
GIVES_UP = 0.06
"""How often a lesson is left in the middle, to be finished another time."""

# What the demo's accounts still have to do, for a visitor to finish: course -> lessons done, yesterday, the first last.
LEFT_OPEN: Mapping[str, Mapping[str, int]] = {
    LEARNER: {"display-01": 3, "safety-07": 1, "law-07": 0, "safety-01": 0, "digital-08": 0},
    CLERK: {"customers-02": 1, "law-07": 0},
}


@dataclass(frozen=True, slots=True)
class SeedReport:
    """A person watched or read [from, to) seconds of a lesson, ending at `at`. `lesson` counts from 0."""

    course: SeedCourse
    lesson: int
    at: datetime
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SeedRating:
    course: SeedCourse
    stars: int
    comment: str


@dataclass(slots=True)
class _Shelf:
    """What one person still has before them. `done`: lessons finished of a course; `left`: where one was left."""

    wished: list[SeedCourse]
    done: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    stop_at: Mapping[str, int] = field(default_factory=dict)

    def next(self, at: datetime, published: Mapping[str, datetime]) -> SeedCourse | None:
        """The course to go on with: the first wished for that is out by now and has a lesson to do."""
        for course in self.wished:
            lessons = self.stop_at.get(course.code, len(course.lessons))
            if self.done.get(course.code, 0) < lessons and published[course.code] <= at:
                return course
        return None


def published(seed: int, courses: Sequence[SeedCourse], now: datetime) -> dict[str, datetime]:
    """When each course came out: over the last months, a few of them within the six weeks, none this week."""
    chance = Random(f"published {seed}")  # noqa: S311 - a story, not a secret
    steps = list(range(len(courses)))
    chance.shuffle(steps)
    # The demo's accounts need what they left open to be out for a while.
    early = {code for courses_left in LEFT_OPEN.values() for code in courses_left}
    found = {}
    for course, step in zip(courses, steps, strict=True):
        days = 8 + step * (PUBLISHED_OVER_DAYS - 8) // len(courses) + (DAYS if course.code in early else 0)
        found[course.code] = day_start(day_of(now) - timedelta(days=days)) + timedelta(
            hours=9, minutes=chance.randrange(480)
        )
    return found


def reports(
    seed: int,
    person: SeedPerson,
    tier: OutletTier,
    courses: Sequence[SeedCourse],
    out: Mapping[str, datetime],
    now: datetime,
) -> list[SeedReport]:
    """What the person's phone reported in the six weeks up to `now`, in order."""
    chance = Random(f"story {seed} {person.key}")  # noqa: S311
    kept = LEFT_OPEN.get(person.key, {})
    by_code = {course.code: course for course in courses}
    # Owners are known to be adults; nobody has confirmed the clerks.
    open_to = [
        course for course in _wishes(chance, tier, courses) if person.role is PostRole.OWNER or not course.adults_only
    ]
    shelf = _Shelf([course for course in open_to if course.code not in kept])
    lately = _Shelf([by_code[code] for code in reversed(list(kept))], stop_at=kept)
    today = day_of(now)
    found: list[SeedReport] = []
    for days_ago in range(min(DAYS, person.joined_days_ago) - 1, -1, -1):
        if not _learns(chance, person, days_ago):
            continue
        at = day_start(today - timedelta(days=days_ago)) + _hour(chance)
        lessons = max(1, min(MOST_LESSONS_A_DAY, round(chance.gauss(1 + 2.6 * person.diligence, 0.9))))
        if kept and days_ago == 1:
            session = _session(chance, lately, sum(kept.values()), at, out, gives_up=0)
        else:
            session = _session(chance, shelf, lessons, at, out, gives_up=GIVES_UP)
        found += [report for report in session if report.at < now]
    return found


def ratings(seed: int, person: SeedPerson, completed: Sequence[SeedCourse]) -> list[SeedRating]:
    """What the person thinks of courses they completed; most people rate few of them, and mostly kindly."""
    chance = Random(f"ratings {seed} {person.key}")  # noqa: S311
    found = []
    for course in completed:
        quality = Random(f"quality {seed} {course.code}").uniform(3.6, 4.9)  # noqa: S311
        if chance.random() < 0.35:
            stars = max(1, min(5, round(chance.gauss(quality, 0.7))))
            comment = chance.choice(COMMENTS[stars]) if chance.random() < 0.4 else ""
            found.append(SeedRating(course, stars, comment))
    return found


COMMENTS: Mapping[int, tuple[str, ...]] = {
    1: ("没看懂，能不能讲慢一点",),
    2: ("内容有点少", "希望多举几个例子"),
    3: ("还可以", "听过一遍，再学一遍也好"),
    4: ("讲得实在，店里用得上", "短短几分钟，挺好", "照着做了，有用"),
    5: (
        "当天就改了货架，第二天就有人夸",
        "说的就是我们店的事",
        "已经让店员都学一遍",
        "简单好记，谢谢老师",
        "学完就能用，这才叫课",
    ),
}


def _wishes(chance: Random, tier: OutletTier, courses: Sequence[SeedCourse]) -> list[SeedCourse]:
    """The courses for the person's tier in the order they would take them: required ones early, and what they like."""
    liked = {module: chance.random() for module in dict.fromkeys(course.module for course in courses)}
    fitting = [course for course in courses if not course.tiers or tier in course.tiers]

    def pull(course: SeedCourse) -> float:
        fame = Random(f"fame {course.code}").random()  # noqa: S311
        required = 0.7 if course.kind is CourseKind.REQUIRED else 0.0
        return required + liked[course.module] + 0.6 * fame + chance.uniform(0, 0.5)

    return sorted(fitting, key=pull, reverse=True)


def _learns(chance: Random, person: SeedPerson, days_ago: int) -> bool:
    """Whether the person learns on that day. The demo's accounts did yesterday, the first for days, and not today."""
    wish = chance.random()
    if person.key in LEFT_OPEN:
        streak = 5 if person.key == LEARNER else 1
        return days_ago > 0 and (days_ago <= streak or wish < person.diligence)
    return wish < person.diligence


def _hour(chance: Random) -> timedelta:
    """When in the day: before opening, after lunch, or in the evening."""
    [start, end] = chance.choices(((6.5, 8.5), (12.5, 15), (20, 22.5)), (20, 35, 45))[0]
    return timedelta(seconds=int(chance.uniform(start, end) * 3600))


def _session(
    chance: Random, shelf: _Shelf, lessons: int, at: datetime, out: Mapping[str, datetime], *, gives_up: float
) -> Iterator[SeedReport]:
    """Some lessons one after another, from `at` on."""
    for _ in range(lessons):
        course = shelf.next(at, out)
        if course is None:
            return
        lesson = shelf.done.get(course.code, 0)
        start, end = shelf.left.pop(course.code, 0), course.lessons[lesson].seconds
        if start == 0 and chance.random() < gives_up:
            end = chance.randint(end // 4, end // 2)
            shelf.left[course.code] = end
        else:
            shelf.done[course.code] = lesson + 1
        at += timedelta(seconds=end - start)
        yield SeedReport(course, lesson, at, (start, end))
        at += timedelta(seconds=chance.randint(5, 150))
