"""The demo's city, with its shops and their people. Everything in it is made up; the same seed makes the same city."""

from dataclasses import dataclass
from random import Random

from kit.words import OutletTier, PostRole, RegionKind, Role

PROVINCE = ("81", "江东省")
CITY = ("8101", "临溪市")
COUNTIES: dict[str, tuple[str, ...]] = {
    "溪城区": ("城东服务站", "城西服务站", "古桥服务站", "新区服务站"),
    "青石县": ("青石服务站", "石塘服务站", "柳林服务站"),
    "云坪县": ("云坪服务站", "茶山服务站", "白水服务站"),
    "沙湾区": ("沙湾服务站", "渔港服务站", "南堤服务站"),
    "麦园县": ("麦园服务站", "高店服务站", "七里服务站"),
}
OUTLETS = 300

# What a shop may be called: where it stands or whom it belongs to, a wish, and what it is.
PLACES = (
    "老街口", "桥头", "学府路", "菜场边", "车站", "东门", "西门", "南关", "北巷", "河畔", "新村", "工业园", "幸福里",
    "中心校", "医院旁", "大榕树", "供销社", "十字街", "码头", "水塔下", "教师楼", "花园", "状元巷", "粮站", "邮局旁",
)  # fmt: skip
WISHES = (
    "福来", "惠民", "顺兴", "好又多", "万家", "聚源", "百顺", "乐佳", "鑫旺", "同心", "利民", "天天", "永和", "美宜",
    "家和", "吉祥", "丰年", "喜客", "益佳", "宏发", "安康", "四季", "春晖", "兴隆", "友邻", "满堂",
)  # fmt: skip
KINDS = ("便利店", "超市", "副食店", "百货店", "小卖部", "商行", "生活超市")
SURNAMES = "陈林黄张李王吴刘蔡杨许郑谢郭洪周徐苏何曾罗梁邓冯高程彭潘袁董"
GIVEN = (
    "桂芳", "秀英", "建国", "志强", "美玲", "丽华", "国平", "海燕", "春梅", "小军", "玉兰", "文杰", "晓红", "德胜",
    "淑珍", "永强", "雪梅", "俊杰", "婷婷", "大伟", "金凤", "卫东", "佳慧", "红霞", "子豪", "翠萍", "长青", "月娥",
    "思雨", "宝珠", "振华", "巧云", "立新", "素芬", "嘉明", "冬梅", "启航", "玉珍", "水生", "彩霞", "明亮", "兰香",
    "家乐", "艳芳", "福生", "慧敏", "忠良", "小芹", "天宇", "银花",
)  # fmt: skip
TIERS = {OutletTier.NEW: 15, OutletTier.ORDINARY: 50, OutletTier.MODERN: 25, OutletTier.PARTNER: 10}
STATIONS_OF_THE_TOWN = 4
"""The first stations lie in the town, where there are more shops."""


@dataclass(frozen=True, slots=True)
class SeedRegion:
    code: str
    name: str
    kind: RegionKind
    parent_code: str | None


@dataclass(frozen=True, slots=True)
class SeedPerson:
    """`diligence` is how likely they learn on a day, 0-1; `joined_days_ago` when they came to the academy."""

    key: str
    name: str
    role: PostRole
    diligence: float
    joined_days_ago: int


@dataclass(frozen=True, slots=True)
class SeedOutlet:
    code: str
    name: str
    region_code: str
    tier: OutletTier
    segment: int
    people: tuple[SeedPerson, ...]


@dataclass(frozen=True, slots=True)
class SeedStaff:
    """Someone of the distributor. `region_code` None: an admin of everywhere, a lecturer of nowhere in particular."""

    key: str
    name: str
    role: Role
    region_code: str | None


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account for visitors. `key` is the person's key in the city."""

    key: str
    role: Role
    phone: str
    who: str


LEARNER = "demo-learner"
CLERK = "demo-clerk"
ACCOUNTS = (
    DemoAccount(LEARNER, Role.LEARNER, "+8613800138000", "learner, owner of a shop 学员（店主）"),
    DemoAccount("staff-lecturer-1", Role.LECTURER, "+8613800138001", "lecturer 讲师"),
    DemoAccount("staff-manager-1", Role.ACCOUNT_MANAGER, "+8613800138002", "account manager 客户经理"),
    DemoAccount("staff-supervisor-1", Role.SUPERVISOR, "+8613800138003", "supervisor 站长"),
    DemoAccount("staff-admin", Role.ADMIN, "+8613800138004", "admin 管理员"),
    DemoAccount("staff-auditor", Role.AUDITOR, "+8613800138005", "auditor 审计员"),
)
"""One a role, the learner first."""


def regions() -> list[SeedRegion]:
    """The tree, each region after the one above it."""
    found = [
        SeedRegion(*PROVINCE, RegionKind.PROVINCE, None),
        SeedRegion(*CITY, RegionKind.CITY, PROVINCE[0]),
    ]
    for number, (county, stations) in enumerate(COUNTIES.items(), start=1):
        code = f"{CITY[0]}{number:02}"
        found.append(SeedRegion(code, county, RegionKind.COUNTY, CITY[0]))
        found += [
            SeedRegion(f"{code}{place:02}", name, RegionKind.STATION, code)
            for place, name in enumerate(stations, start=1)
        ]
    return found


def outlets(seed: int) -> list[SeedOutlet]:
    """Every shop with its owner first, then its clerks; the first shop is that of the demo's learner."""
    chance = Random(f"outlets {seed}")  # noqa: S311 - a city, not a secret
    stations = [region.code for region in regions() if region.kind is RegionKind.STATION]
    used: set[str] = set()
    crowds = [2.0 if place < STATIONS_OF_THE_TOWN else 1.0 for place in range(len(stations))]
    found = [SeedOutlet("LX0001", "桥头友邻便利店", stations[0], OutletTier.ORDINARY, 8, _demo_people())]
    for number in range(2, OUTLETS + 1):
        code = f"LX{number:04}"
        [tier] = chance.choices(list(TIERS), list(TIERS.values()))
        [station] = chance.choices(stations, crowds)
        clerks = chance.choices((0, 1, 2), (60, 32, 8))[0]
        people = tuple(_person(chance, f"{code}-{place}", place, tier) for place in range(clerks + 1))
        found.append(
            SeedOutlet(code, _shop_name(chance, people[0], used), station, tier, chance.randint(1, 25), people)
        )
    return found


def staff() -> list[SeedStaff]:
    """The distributor's people: one of each role stands first for the demo's accounts."""
    chance = Random("staff")  # noqa: S311
    counties = [region.code for region in regions() if region.kind is RegionKind.COUNTY]
    first_station = f"{counties[0]}01"
    found = [
        SeedStaff("staff-admin", "沈雅琴", Role.ADMIN, None),
        SeedStaff("staff-auditor", "方正", Role.AUDITOR, PROVINCE[0]),
        SeedStaff("staff-supervisor-1", "赵国栋", Role.SUPERVISOR, first_station),
    ]
    found += [
        SeedStaff(f"staff-manager-{number}", _name(chance), Role.ACCOUNT_MANAGER, code)
        for number, code in enumerate(counties, start=1)
    ]
    found += [SeedStaff(f"staff-lecturer-{number}", _name(chance), Role.LECTURER, None) for number in range(1, 9)]
    return found


def _demo_people() -> tuple[SeedPerson, ...]:
    return (
        SeedPerson(LEARNER, "林小满", PostRole.OWNER, 0.6, 120),
        SeedPerson(CLERK, "阿May", PostRole.CLERK, 0.5, 75),
    )


def _person(chance: Random, key: str, place: int, tier: OutletTier) -> SeedPerson:
    """Some learn nearly every day, most now and then, and a good part hardly ever."""
    kind = chance.choices(("eager", "steady", "now and then", "hardly"), (12, 28, 35, 25))[0]
    diligence = {
        "eager": chance.uniform(0.8, 0.97),
        "steady": chance.uniform(0.4, 0.7),
        "now and then": chance.uniform(0.1, 0.3),
        "hardly": chance.uniform(0, 0.04),
    }[kind]
    joined = chance.randint(3, 40) if tier is OutletTier.NEW else chance.randint(50, 420)
    role = PostRole.OWNER if place == 0 else PostRole.CLERK
    return SeedPerson(key, _name(chance), role, round(diligence, 3), joined)


def _name(chance: Random) -> str:
    return chance.choice(SURNAMES) + chance.choice(GIVEN)


def _shop_name(chance: Random, owner: SeedPerson, used: set[str]) -> str:
    """A name nobody has yet: a wish and what it is, often behind the place or the owner's given name."""
    while True:
        start = chance.choice((*PLACES, *[f"{owner.name[1:]}家"] * 12, "", "", ""))
        name = f"{start}{chance.choice(WISHES)}{chance.choice(KINDS)}"
        if len(name) <= 12 and name not in used:
            used.add(name)
            return name
