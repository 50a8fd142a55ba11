"""A city of full size, made up by number: its regions, shops and people, and its catalogue. Same seed, same city.

The demo's own shops and texts (`town`, `courses`) lend their words; the demo's accounts live here too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from random import Random

from kit.words import CourseKind, OutletTier, PostRole, RegionKind, Role
from seeds.courses import SeedCourse, read_courses
from seeds.town import (
    CLERK,
    GIVEN,
    KINDS,
    LEARNER,
    PLACES,
    SURNAMES,
    TIERS,
    WISHES,
    SeedOutlet,
    SeedPerson,
    SeedRegion,
    SeedStaff,
)

PROVINCE = ("82", "江南省")
CITY = ("8201", "江州市")
COUNTIES = (
    "江城区", "望江区", "临港区", "东湖区", "清河县", "云岭县",
    "平湖县", "石门县", "安阳县", "青山县", "长桥县", "永宁县",
)  # fmt: skip
STATION_STARTS = ("东门", "西街", "南塘", "北岭", "新河", "古渡", "松林", "白沙", "双桥", "大坪", "金田", "红星")
STATION_ENDS = ("", "一", "二", "三")
SHOPS_A_STATION = 213
MOST_STATIONS = 144
STATIONS_A_COUNTY = 12
LECTURERS = 60
FIRST_COURSES = 8
"""One a module; they are out before anybody learns."""
YEAR_DAYS = 365

EDITIONS = ("", "进阶", "乡镇店版", "社区店版", "校园店版", "旺季版", "新人版", "实操版", "问答版")
"""What sets courses of one subject apart in a catalogue that has more of them than the demo has texts."""


@dataclass(frozen=True, slots=True)
class CitySize:
    """How much of everything; the figures of the city that the academy was made for."""

    outlets: int = 32_000
    courses: int = 530
    events: int = 6_920_000


FULL = CitySize()


def regions(size: CitySize) -> list[SeedRegion]:
    """The tree, each region after the one above it; a station for some two hundred shops, at least four of them."""
    stations = max(4, min(MOST_STATIONS, size.outlets // SHOPS_A_STATION))
    counties = max(2, min(len(COUNTIES), -(-stations // STATIONS_A_COUNTY)))
    found = [
        SeedRegion(*PROVINCE, RegionKind.PROVINCE, None),
        SeedRegion(*CITY, RegionKind.CITY, PROVINCE[0]),
    ]
    names = [start + end for end, start in product(STATION_ENDS, STATION_STARTS)]
    for county in range(counties):
        code = f"{CITY[0]}{county + 1:02}"
        found.append(SeedRegion(code, COUNTIES[county], RegionKind.COUNTY, CITY[0]))
        found += [
            SeedRegion(f"{code}{place:02}", f"{COUNTIES[county][:2]}{names[place - 1]}服务站", RegionKind.STATION, code)
            for place in range(1, 1 + len(range(county, stations, counties)))
        ]
    return found


def outlets(seed: int, size: CitySize) -> Iterator[SeedOutlet]:
    """Every shop with its owner first, then its clerks; the first is that of the demo's learner.

    `diligence` of a person is how much they learn beside the others: 1 is usual, a few learn eight times as much.
    """
    chance = Random(f"big city {seed}")  # noqa: S311 - a city, not a secret
    stations = [region.code for region in regions(size) if region.kind is RegionKind.STATION]
    crowds = [chance.uniform(0.6, 1.8) for _ in stations]
    people: tuple[SeedPerson, ...] = (
        SeedPerson(LEARNER, "林小满", PostRole.OWNER, 4.0, 300),
        SeedPerson(CLERK, "阿May", PostRole.CLERK, 2.0, 200),
    )
    yield SeedOutlet("JZ000001", "桥头友邻便利店", stations[0], OutletTier.ORDINARY, 8, people)
    tiers, weights = list(TIERS), list(TIERS.values())
    for number in range(2, size.outlets + 1):
        code = f"JZ{number:06}"
        [tier] = chance.choices(tiers, weights)
        [station] = chance.choices(stations, crowds)
        [clerks] = chance.choices((0, 1, 2), (60, 32, 8))
        people = tuple(_person(chance, f"{code}-{place}", place, tier) for place in range(clerks + 1))
        start = chance.choice((*PLACES, f"{people[0].name[1:]}家", ""))
        name = f"{start}{chance.choice(WISHES)}{chance.choice(KINDS)}"
        yield SeedOutlet(code, name, station, tier, chance.randint(1, 25), people)


def staff(size: CitySize) -> list[SeedStaff]:
    """The distributor's people; the first of each role has the demo's account."""
    chance = Random("big city staff")  # noqa: S311
    stations = [region.code for region in regions(size) if region.kind is RegionKind.STATION]
    found = [
        SeedStaff("staff-admin", "沈雅琴", Role.ADMIN, None),
        SeedStaff("staff-auditor", "方正", Role.AUDITOR, PROVINCE[0]),
    ]
    for kind, role in (("supervisor", Role.SUPERVISOR), ("manager", Role.ACCOUNT_MANAGER)):
        found += [
            SeedStaff(f"staff-{kind}-{number}", _name(chance), role, code)
            for number, code in enumerate(stations, start=1)
        ]
    found += [
        SeedStaff(f"staff-lecturer-{number}", _name(chance), Role.LECTURER, None) for number in range(1, LECTURERS + 1)
    ]
    return found


def courses(size: CitySize) -> list[SeedCourse]:
    """The catalogue: every subject in turn, then every subject again in its next edition."""
    by_module: dict[str, list[SeedCourse]] = {}
    for course in read_courses():
        by_module.setdefault(course.module, []).append(course)
    deepest = max(len(shelf) for shelf in by_module.values())
    subjects = [shelf[step] for step in range(deepest) for shelf in by_module.values() if step < len(shelf)]
    found = []
    for number in range(size.courses):
        turn, subject = number // len(subjects), subjects[number % len(subjects)]
        word = EDITIONS[turn] if turn < len(EDITIONS) else f"第{turn + 1}期"
        if turn:
            subject = replace(
                subject, code=f"{subject.code}-{turn + 1}", title=f"{subject.title}·{word}", tags=(*subject.tags, word)
            )
        found.append(subject)
    return found


def published_days_ago(seed: int, count: int) -> list[int]:
    """When each course came out: two thirds before the year that is told, the others in its course, none this week."""
    chance = Random(f"big city published {seed}")  # noqa: S311
    before = -(-count * 2 // 3)
    early = [YEAR_DAYS + 15 + step * 700 // before for step in range(before)]
    chance.shuffle(early)
    others = early[FIRST_COURSES:] + [8 + step * (YEAR_DAYS - 20) // (count - before) for step in range(count - before)]
    chance.shuffle(others)
    return [*early[:FIRST_COURSES], *others]


def assignments(seed: int, given: Sequence[SeedCourse]) -> list[tuple[int, int, int, str]]:
    """(course, days ago it was assigned, days ago it was due, whom to): a course a month, and some that are open now.

    Whom to: "city", a tier, or "county" (the first).
    """
    chance = Random(f"big city assignments {seed}")  # noqa: S311
    required = [number for number, course in enumerate(given) if course.kind is CourseKind.REQUIRED] or [0]
    whom = ("city", OutletTier.NEW.value, "county", OutletTier.MODERN.value)
    found = [(chance.choice(required), 30 * month + 25, 30 * month - 5, whom[month % 4]) for month in range(1, 12)]
    found += [(chance.choice(required), 6, -8 - step, whom[step]) for step in range(4)]
    return found


def _person(chance: Random, key: str, place: int, tier: OutletTier) -> SeedPerson:
    """A good part hardly learns; of the others most a little, and a few a lot. More and more people join."""
    diligence = chance.uniform(0, 0.05) if chance.random() < 0.2 else min(8.0, chance.lognormvariate(-0.5, 1.0))
    if tier is OutletTier.NEW:
        joined = chance.randint(10, 120)
    else:
        joined = chance.randint(YEAR_DAYS + 5, 800) if chance.random() < 0.55 else chance.randint(10, YEAR_DAYS)
    role = PostRole.OWNER if place == 0 else PostRole.CLERK
    return SeedPerson(key, _name(chance), role, round(diligence, 4), joined)


def _name(chance: Random) -> str:
    return chance.choice(SURNAMES) + chance.choice(GIVEN)
