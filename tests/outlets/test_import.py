"""Outlets and regions from tables: what is taken, what is named, and that nothing happens twice."""

import time
from datetime import timedelta

import pytest

from kit.clock import FrozenClock
from kit.db import rows
from kit.errors import DomainError, ErrorCode
from kit.words import OutletTier, PostRole, RegionKind, Role
from models.accounts import Member, active_grants, member_by_phone
from models.audit import AuditEntry
from models.outlets import Outlet, PlacementRow, Post, Region, placement_at
from services.outlet_import import import_outlets, import_regions
from services.ports import Ports
from services.tables import Rejected
from tests.world import World

DAY = timedelta(days=1)
HEADING = "code,name,region,tier,segment,owner_name,owner_phone"


def table(*lines: str) -> bytes:
    return "\n".join([HEADING, *lines, ""]).encode()


@pytest.fixture
async def region(world: World) -> Region:
    return await world.region("厚街")


def counts(report) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, len(report.rejected)


async def owner_of(outlet_code: str) -> Member:
    outlet = await Outlet.get(code=outlet_code)
    post = await Post.get(outlet_id=outlet.id, role=PostRole.OWNER, until_at=None)
    return await Member.get(id=post.member_id)


async def test_a_line_makes_an_outlet_its_owner_and_a_current_post(ports: Ports, region: Region) -> None:
    report = await import_outlets(ports, table(f"4419A1,阿强便利店,{region.code},MODERN,7,陈强,13800138000"))

    assert counts(report) == (1, 0, 0, 0)
    outlet = await Outlet.get(code="4419A1")
    assert (outlet.name, outlet.region_id, outlet.tier, outlet.segment) == (
        "阿强便利店",
        region.id,
        OutletTier.MODERN,
        7,
    )
    owner = await member_by_phone(ports.phones.index("+8613800138000"))
    assert owner is not None
    assert (owner.display_name, owner.masked_phone) == ("陈强", "138****8000")
    assert ports.phones.open(owner.phone_cipher) == "+8613800138000"
    post = await Post.get(member_id=owner.id)
    assert (post.outlet_id, post.role, post.is_current, post.until_at) == (outlet.id, PostRole.OWNER, True, None)
    assert [[grant.role for grant in held] for held in await active_grants([owner.id])] == [[Role.LEARNER]]
    placement = await placement_at(owner.id, ports.clock.now())
    assert placement is not None
    assert (placement.outlet_id, placement.tier) == (outlet.id, OutletTier.MODERN)


async def test_the_same_file_again_is_all_unchanged(ports: Ports, region: Region) -> None:
    content = table(*(f"C{n},店{n},{region.code},NEW,1,店主{n},1380013{n:04}" for n in range(20)))
    await import_outlets(ports, content)
    before = await everything()

    again = await import_outlets(ports, content)

    assert counts(again) == (0, 0, 20, 0)
    assert await everything() == before


async def test_a_dry_run_reports_the_same_and_changes_nothing(ports: Ports, region: Region) -> None:
    content = table(
        f"C1,一店,{region.code},NEW,1,陈一,13800130001",
        "C2,二店,XX,NEW,1,陈二,13800130002",
        f"C3,三店,{region.code},NEW,1,陈三,13800130003",
    )
    before = await everything()

    dry = await import_outlets(ports, content, dry_run=True)

    assert await everything() == before
    assert dry == await import_outlets(ports, content)
    assert counts(dry) == (2, 0, 0, 1)


async def test_every_bad_line_is_named_and_the_good_ones_are_taken(ports: Ports, region: Region) -> None:
    good = f"{region.code},NEW,1,陈强,13800138000"
    content = table(
        f"OK1,好店,{good}",
        f",无编码,{good}",
        f"bad code,坏编码,{good}",
        f"C3,,{good}",
        "C4,店,NOWHERE,NEW,1,陈强,13800138000",
        f"C5,店,{region.code},GOLD,1,陈强,13800138000",
        f"C6,店,{region.code},NEW,26,陈强,13800138000",
        f"C7,店,{region.code},NEW,0,陈强,13800138000",
        f"C8,店,{region.code},NEW,x,陈强,13800138000",
        f"C9,店,{region.code},NEW,1,,13800138000",
        f"C10,店,{region.code},NEW,1,陈强,12345",
        f"C11,店,{region.code},NEW,1,陈强,",
        f"OK1,又来,{good}",
        "",
        "C12,太短",
        f"OK2,好店二,{good}",
    )

    report = await import_outlets(ports, content)

    bad, missing = ErrorCode.BAD_USER_INPUT, ErrorCode.NOT_FOUND
    assert report.rejected == [
        Rejected(3, bad, "code"),
        Rejected(4, bad, "code"),
        Rejected(5, bad, "name"),
        Rejected(6, missing, "region"),
        Rejected(7, bad, "tier"),
        Rejected(8, bad, "segment"),
        Rejected(9, bad, "segment"),
        Rejected(10, bad, "segment"),
        Rejected(11, bad, "owner_name"),
        Rejected(12, bad, "owner_phone"),
        Rejected(13, bad, "owner_phone"),
        Rejected(14, ErrorCode.CONFLICT, "code"),
        Rejected(16, missing, "region"),
    ]
    assert sorted([outlet.code for outlet in await Outlet.all()]) == ["OK1", "OK2"]


async def test_one_person_may_own_several_outlets_and_learns_for_the_first(ports: Ports, region: Region) -> None:
    await import_outlets(
        ports,
        table(f"C1,一店,{region.code},NEW,1,陈强,13800138000", f"C2,二店,{region.code},NEW,1,强哥,+86 138 0013 8000"),
    )

    assert await Member.all().count() == 1
    posts = await Post.all().order_by("-is_current").select_related("outlet")
    assert sorted(post.outlet.code for post in posts) == ["C1", "C2"]
    assert [post.is_current for post in posts] == [True, False]


async def test_another_owner_ends_the_post_of_the_one_before(ports: Ports, clock: FrozenClock, region: Region) -> None:
    await import_outlets(ports, table(f"C1,一店,{region.code},NEW,1,陈强,13800138000"))
    old = await owner_of("C1")
    clock.advance(DAY)

    report = await import_outlets(ports, table(f"C1,一店,{region.code},NEW,1,李梅,13900139000"))

    assert counts(report) == (0, 1, 0, 0)
    assert (await owner_of("C1")).display_name == "李梅"
    post = await Post.get(member_id=old.id)
    assert (post.until_at, post.is_current) == (clock.now(), False)
    assert await active_grants([old.id]) == [[]]
    assert [row["key"] for row in await rows("SELECT key FROM outbox WHERE topic = 'member'")] == [str(old.id)]


async def test_a_clerk_who_takes_over_becomes_the_owner(ports: Ports, world: World, region: Region) -> None:
    await import_outlets(ports, table(f"C1,一店,{region.code},NEW,1,陈强,13800138000"))
    clerk = await world.learner("小李", outlet=await Outlet.get(code="C1"), role=PostRole.CLERK, phone="+8613900139000")

    await import_outlets(ports, table(f"C1,一店,{region.code},NEW,1,别的名字,13900139000"))

    owner = await owner_of("C1")
    assert (owner.id, owner.display_name) == (clerk.id, "小李")
    [post] = await Post.filter(member_id=clerk.id, until_at=None)
    assert (post.role, post.is_current) == (PostRole.OWNER, True)
    assert await active_grants([clerk.id]) != [[]]


async def test_a_moved_outlet_leaves_the_past_of_its_people_where_it_was(
    ports: Ports, world: World, clock: FrozenClock, region: Region
) -> None:
    await import_outlets(ports, table(f"C1,一店,{region.code},NEW,1,陈强,13800138000"))
    owner = await owner_of("C1")
    elsewhere, moved_at = await world.region("虎门"), clock.now() + DAY
    clock.advance(DAY)

    await import_outlets(ports, table(f"C1,一店,{elsewhere.code},MODERN,1,陈强,13800138000"))

    before, after = await placement_at(owner.id, moved_at - DAY), await placement_at(owner.id, moved_at)
    assert before is not None
    assert after is not None
    assert (before.region_id, before.tier) == (region.id, OutletTier.NEW)
    assert (after.region_id, after.tier, after.region_path) == (elsewhere.id, OutletTier.MODERN, elsewhere.path)
    assert await PlacementRow.all().count() == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
async def test_spreadsheets_of_any_usual_encoding_are_read(ports: Ports, region: Region, encoding: str) -> None:
    heading = ["零售户编码", "店名", "地区编码", "终端类型", "档位", "店主姓名", "手机号"]
    line = ["C1", "阿强便利店", region.code, "现代终端", "3", "陈强", "13800138000"]
    text = "\r\n".join("\t".join(cells) for cells in (heading, line))

    report = await import_outlets(ports, text.encode(encoding))

    assert counts(report) == (1, 0, 0, 0)
    assert (await Outlet.get(code="C1")).name == "阿强便利店"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", ("code",)),
        (b"code,name,region,tier,segment,owner_name\n", ("owner_phone",)),
        (HEADING.encode() + b'\nC1,"broken', ("line", "2")),
        (b"\xff\xfe\x00", None),
        (b"PK\x03\x04\xff\xff\xff\xff", None),
    ],
)
async def test_what_is_no_such_table_is_refused_whole(ports: Ports, content: bytes, field: tuple[str, ...]) -> None:
    with pytest.raises(DomainError) as refused:
        await import_outlets(ports, content)

    assert (refused.value.code, refused.value.field) == (ErrorCode.UPLOAD_INVALID, field)


async def test_a_quoted_cell_over_two_lines_does_not_shift_the_numbers(ports: Ports, region: Region) -> None:
    content = table(f'C1,"一\n店",{region.code},NEW,1,陈强,13800138000', "C2,店,NOWHERE,NEW,1,陈强,13800138000")

    report = await import_outlets(ports, content)

    assert [(bad.line, bad.column) for bad in report.rejected] == [(2, "name"), (4, "region")]


async def test_a_city_costs_no_more_for_each_shop_than_a_town(ports: Ports, region: Region) -> None:
    def city(first: int, shops: int) -> bytes:
        return table(
            *(
                f"L{n:06},便利店{n},{region.code},ORDINARY,{n % 25 + 1},店主{n},138{n:08}"
                for n in range(first, first + shops)
            )
        )

    async def seconds_a_shop(first: int, shops: int) -> float:
        content, start = city(first, shops), time.monotonic()
        assert counts(await import_outlets(ports, content, tell=lambda *done: told.append(done))) == (shops, 0, 0, 0)
        return (time.monotonic() - start) / shops

    told: list[tuple[int, ...]] = []
    town = await seconds_a_shop(0, 4_000)
    full = await seconds_a_shop(4_000, 28_000)

    assert told[-1] == (28_000, 28_000)
    assert full < 4 * town


REGIONS = "编码,名称,级别,上级编码"


async def test_regions_come_in_any_order_and_again_unchanged(ports: Ports) -> None:
    content = f"{REGIONS}\n441901,厚街站,服务站,4419\n44,广东,省,\n4419,东莞,市,44\n".encode()

    first, again = await import_regions(ports, content), await import_regions(ports, content)

    assert counts(first) == (3, 0, 0, 0)
    assert counts(again) == (0, 0, 3, 0)
    station = await Region.get(code="441901").select_related("parent")
    assert (station.path, station.kind, station.parent.name) == ("44/4419/441901/", RegionKind.STATION, "东莞")


async def test_a_region_may_be_renamed_but_stays_in_its_place(ports: Ports) -> None:
    await import_regions(ports, f"{REGIONS}\n44,广东,省,\n45,广西,省,\n4419,东莞,市,44\n".encode())

    report = await import_regions(ports, f"{REGIONS}\n44,广东省,省,\n4419,东莞,市,45\n45,广西,市,44\n".encode())

    assert counts(report) == (0, 1, 0, 2)
    assert [(bad.line, bad.code, bad.column) for bad in report.rejected] == [
        (3, ErrorCode.STATE_FORBIDS, "parent"),
        (4, ErrorCode.STATE_FORBIDS, "kind"),
    ]
    assert (await Region.get(code="44")).name == "广东省"
    assert (await Region.get(code="4419")).path == "44/4419/"


async def test_bad_regions_are_named(ports: Ports) -> None:
    lines = ["44,广东,省,", "4419,东莞,市,99", "4420,中山,星球,44", "44/1,坏,市,44", "4421,反,省,44", "44,又,省,"]

    report = await import_regions(ports, "\n".join([REGIONS, *lines]).encode())

    bad = ErrorCode.BAD_USER_INPUT
    assert [(each.line, each.code, each.column) for each in report.rejected] == [
        (3, ErrorCode.NOT_FOUND, "parent"),
        (4, bad, "kind"),
        (5, bad, "code"),
        (6, bad, "parent"),
        (7, ErrorCode.CONFLICT, "code"),
    ]
    assert [region.code for region in await Region.all()] == ["44"]


async def everything() -> list[object]:
    """All rows an import could touch."""
    tables = ["members", "outlets", "posts", "placements", "role_grants", "outbox"]
    return [await rows(f"SELECT * FROM {name} ORDER BY 1") for name in tables] + [await AuditEntry.all().count()]
