"""A city of full size as rows: what is there before anybody learns. Every id is derived from the seed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from kit.clock import ZONE, day_of
from kit.phones import Phones
from kit.words import OutletTier, PostRole, Role
from models.assignments import Assignment
from models.outlets import Placement, Region
from seeds import big_city, town
from seeds.big_city import CitySize
from seeds.media import read_clips
from services.demo_city import City, Resident, Rows
from services.paths import StagePlan

STAGES = (
    ("rules", "开门守规矩"),
    ("start", "上手不慌"),
    ("shelves", "货架会说话"),
    ("service", "服务有温度"),
    ("safety", "安全又安心"),
)
COURSES_A_STAGE = 2
STAGE_POINTS = 30
BEFORE_ALL = timedelta(days=900)
"""How long ago the shops and the distributor's people came; everybody else joined later."""

PEOPLE_COLUMNS = {
    "outlets": ("id", "code", "name", "region_id", "tier", "segment", "created_at"),
    "members": (
        "id", "display_name", "phone_cipher", "phone_index", "masked_phone", "hidden_on_boards", "joined_at",
        "adult_confirmed_at",
    ),
    "role_grants": ("id", "member_id", "role", "granted_at"),
    "posts": ("id", "member_id", "outlet_id", "role", "from_at", "is_current"),
    "placements": ("member_id", "from_at", "outlet_id", "region_id", "tier"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A course that was assigned to a region, or else to a tier."""

    id: UUID
    course_id: UUID
    region_id: UUID | None
    tier: OutletTier | None
    due_at: datetime
    assigned_at: datetime


class BigCity(City):
    """The demo's city, many times over: its own regions, shops and people, and a catalogue of hundreds of courses."""

    lecturers = big_city.LECTURERS

    def __init__(self, phones: Phones, size: CitySize, seed: int, now: datetime) -> None:
        self.seed = seed
        self.size = size
        self.now = now
        self.clips = read_clips()
        self.courses = big_city.courses(size)
        ago = big_city.published_days_ago(seed, size.courses)
        self.published = {course.code: self._days_ago(days) for course, days in zip(self.courses, ago, strict=True)}
        self._phones = phones
        self._paths: dict[str, str] = {}
        for region in big_city.regions(size):
            self._paths[region.code] = self._paths.get(region.parent_code or "", "") + f"{region.code}/"
        self._path_by_id: dict[UUID, str] = {self.id("region", code): path for code, path in self._paths.items()}

    def residents(self) -> Iterator[Resident]:
        """Every learner, shop by shop; the demo's own learner first."""
        for outlet in big_city.outlets(self.seed, self.size):
            placement = Placement(
                self.id("outlet", outlet.code),
                self.id("region", outlet.region_code),
                self._paths[outlet.region_code],
                outlet.tier,
            )
            for person in outlet.people:
                yield Resident(person, self.id("member", person.key), self._days_ago(person.joined_days_ago), placement)

    def ground(self) -> Rows:
        """Regions and the distributor's people."""
        accounts = {account.key: account for account in town.ACCOUNTS}
        opened_at = self.now - BEFORE_ALL
        for region in big_city.regions(self.size):
            yield Region(
                id=self.id("region", region.code),
                code=region.code,
                name=region.name,
                kind=region.kind,
                parent_id=self.id("region", region.parent_code) if region.parent_code else None,
                path=self._paths[region.code],
            )
        for each in big_city.staff(self.size):
            yield self._member(each.key, each.name, opened_at, accounts.get(each.key))
            yield self._grant(each.key, each.role, each.region_code, opened_at)

    def crowd(self) -> dict[str, list[tuple[object, ...]]]:
        """Shops, learners, their posts and placements, as rows by table, in an order that references allow."""
        found: dict[str, list[tuple[object, ...]]] = {table: [] for table in PEOPLE_COLUMNS}
        accounts = {account.key: account for account in town.ACCOUNTS}
        opened_at = self.now - BEFORE_ALL
        for outlet in big_city.outlets(self.seed, self.size):
            outlet_id, region_id = self.id("outlet", outlet.code), self.id("region", outlet.region_code)
            tier = outlet.tier.value
            found["outlets"].append((outlet_id, outlet.code, outlet.name, region_id, tier, outlet.segment, opened_at))
            for person in outlet.people:
                joined_at = self._days_ago(person.joined_days_ago)
                member = self._member(person.key, person.name, joined_at, accounts.get(person.key))
                adult_at = joined_at if person.role is PostRole.OWNER else None
                found["members"].append(
                    (member.id, member.display_name, member.phone_cipher, member.phone_index, member.masked_phone,
                     False, joined_at, adult_at)
                )  # fmt: skip
                found["role_grants"].append((self.id("grant", person.key), member.id, Role.LEARNER.value, joined_at))
                found["posts"].append(
                    (self.id("post", person.key), member.id, outlet_id, person.role.value, joined_at, True)
                )
                found["placements"].append((member.id, joined_at, outlet_id, region_id, tier))
        return found

    def stages(self, tier: OutletTier) -> list[StagePlan]:
        """The tier's path: what it is offered of the catalogue that was out before the year began, two by two."""
        began = self._days_ago(big_city.YEAR_DAYS)
        fitting = [
            self.id("course", course.code)
            for course in self.courses
            if (not course.tiers or tier in course.tiers) and self.published[course.code] < began
        ]
        plans = []
        for step, (code, title) in enumerate(STAGES):
            chosen = tuple(fitting[step * COURSES_A_STAGE : (step + 1) * COURSES_A_STAGE])
            if chosen:
                plans.append(StagePlan(code, title, STAGE_POINTS + 10 * step, chosen))
        return plans

    def assigned(self) -> list[Asked]:
        """What was assigned in the course of the year, and to whom."""
        city = self.id("region", big_city.CITY[0])
        county = self.id("region", f"{big_city.CITY[0]}01")
        found = []
        for step, (number, ago, due_ago, whom) in enumerate(big_city.assignments(self.seed, self.courses)):
            region_id = {"city": city, "county": county}.get(whom)
            found.append(
                Asked(
                    id=self.id("assignment", step),
                    course_id=self.id("course", self.courses[number].code),
                    region_id=region_id,
                    tier=None if region_id else OutletTier(whom),
                    due_at=datetime.combine(day_of(self.now) - timedelta(days=due_ago), time(22), ZONE).astimezone(UTC),
                    assigned_at=self._days_ago(ago),
                )
            )
        return found

    def meant(self, asked: Asked, placement: Placement) -> bool:
        """Whether the people of a place are meant by it; the same as the SQL of `models/assignments.py`."""
        if asked.tier is not None and asked.tier is not placement.tier:
            return False
        return asked.region_id is None or placement.region_path.startswith(self._path_by_id[asked.region_id])

    def _assignments(self) -> Rows:
        by = self.id("member", "staff-admin")
        for asked in self.assigned():
            yield Assignment(**asdict(asked), reason="市里统一安排，请按时学完", assigned_by=by)
