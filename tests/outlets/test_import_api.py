"""Importing outlets from an uploaded sheet, as the console does it."""

from typing import Any

import pytest

from kit.db import rows
from kit.errors import ErrorCode
from kit.ids import from_global, to_global
from kit.words import PostRole, Role
from models.accounts import Member
from models.audit import AuditEntry
from models.outlets import Outlet, Region
from services.outlet_import import common_path, import_outlets
from services.ports import Ports
from services.tables import Rejected
from tests.gql import Gql
from tests.uploads.files import CSV, PNG, XLSX, put, requested, uploaded, workbook
from tests.world import World

HEADING = ["code", "name", "region", "tier", "segment", "owner_name", "owner_phone"]
IMPORT = """
mutation ($input: ImportOutletsInput!) { importOutlets(input: $input) {
  created updated unchanged rejectedCount rejected { line code message } userErrors { code field } } }
"""


@pytest.fixture
async def city(world: World) -> Region:
    return await world.region("东莞")


@pytest.fixture
async def station(world: World, city: Region) -> Region:
    return await world.region("厚街站", parent=city)


@pytest.fixture
async def admin(world: World, city: Region) -> Member:
    return await world.staff(Role.ADMIN, city, "市管理员")


def csv(*lines: list[object]) -> bytes:
    return "\n".join(",".join(map(str, line)) for line in (HEADING, *lines)).encode()


async def imported(gql: Gql, by: Member, upload: str, *, dry_run: bool = False, language: str = "en") -> dict[str, Any]:
    sent = {"query": IMPORT, "variables": {"input": {"uploadId": upload, "dryRun": dry_run}}}
    answer = (await gql.post(sent, by=by, headers={"accept-language": language})).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["importOutlets"]
    return found


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    assert found["userErrors"] == []
    return found["created"], found["updated"], found["unchanged"], found["rejectedCount"]


async def everything() -> list[object]:
    names = ["members", "outlets", "posts", "placements", "role_grants", "outbox", "audit_entries"]
    return [await rows(f"SELECT * FROM {name} ORDER BY 1") for name in names]


@pytest.mark.parametrize("content_type", ["text/csv", XLSX])
async def test_a_sheet_is_tried_taken_and_then_all_unchanged(
    gql: Gql, admin: Member, station: Region, content_type: str
) -> None:
    lines: list[list[object]] = [
        ["4419001", "好又来", station.code, "MODERN", 7, "陈强", 13800138000],
        ["4419002", "好再来", "nowhere", "NEW", 1, "李梅", 13900139000],
        ["4419003", "便民店", station.code, "新店", 25, "李梅", "139 0013 9000"],
    ]
    content = csv(*lines) if content_type == "text/csv" else workbook(HEADING, *lines)
    upload = await uploaded(gql, admin, content, content_type)
    before = await everything()

    dry = await imported(gql, admin, upload, dry_run=True)
    assert await everything() == before
    first = await imported(gql, admin, upload)
    after = await everything()
    again = await imported(gql, admin, upload)

    assert dry == first
    assert counts(first) == (2, 0, 0, 1)
    assert first["rejected"] == [{"line": 3, "code": "NOT_FOUND", "message": "Region code: Not found."}]
    assert counts(again) == (0, 0, 2, 1)
    assert await everything() == after
    assert sorted([outlet.code for outlet in await Outlet.all()]) == ["4419001", "4419003"]


async def test_an_import_is_audited_with_who_what_and_where(
    gql: Gql, admin: Member, city: Region, world: World
) -> None:
    one, other = [await world.region(name, parent=city) for name in ("厚街站", "虎门站")]
    sheet = csv(
        ["A1", "店", one.code, "NEW", 1, "陈强", 13800138000], ["A2", "店", other.code, "NEW", 1, "李", 13900139000]
    )
    upload = await uploaded(gql, admin, sheet, "text/csv")

    await imported(gql, admin, upload)

    [entry] = await AuditEntry.filter(action="outlets.imported")
    assert (entry.actor_id, entry.object_type, str(entry.object_id)) == (admin.id, "Upload", from_global(upload)[1])
    assert (entry.details, entry.region_path, entry.address) == ({"created": 2, "updated": 0}, city.path, "127.0.0.1")


async def test_an_owner_who_comes_with_the_import_is_an_adult(
    gql: Gql, ports: Ports, world: World, admin: Member, station: Region
) -> None:
    known = await world.member("老人", phone="+8613900139000")
    clerk = await world.learner("小李", outlet=await world.outlet(region=station), role=PostRole.CLERK)
    sheet = csv(
        ["A1", "店", station.code, "NEW", 1, "陈强", 13800138000],
        ["A2", "店", station.code, "NEW", 1, "李", 13900139000],
    )

    await imported(gql, admin, await uploaded(gql, admin, sheet, "text/csv"))

    new = await Member.get(phone_index=ports.phones.index("+8613800138000"))
    confirmed = [(await Member.get(id=each.id)).adult_confirmed_at for each in (new, known, clerk)]
    assert confirmed == [ports.clock.now(), ports.clock.now(), None]


async def test_lines_of_other_regions_are_rejected_and_nothing_there_is_touched(
    gql: Gql, world: World, admin: Member, station: Region
) -> None:
    far = await world.region("虎门")
    theirs = await world.outlet("别人的店", region=far)
    await world.learner("店主", outlet=theirs)
    before = await rows("SELECT * FROM outlets WHERE id = $1", theirs.id)
    sheet = csv(
        ["A1", "店", far.code, "NEW", 1, "陈强", 13800138000],
        [theirs.code, "抢来的店", station.code, "NEW", 1, "陈强", 13800138000],
        ["A2", "店", station.code, "NEW", 1, "陈强", 13800138000],
    )

    found = await imported(gql, admin, await uploaded(gql, admin, sheet, "text/csv"), language="zh-CN")

    assert counts(found) == (1, 0, 0, 2)
    assert found["rejected"] == [
        {"line": 2, "code": "NOT_FOUND", "message": "地区编码：没有找到"},
        {"line": 3, "code": "CONFLICT", "message": "店铺编码：已被使用"},
    ]
    assert await rows("SELECT * FROM outlets WHERE id = $1", theirs.id) == before
    assert await rows("SELECT id FROM posts WHERE outlet_id = $1 AND until_at IS NULL", theirs.id) != []


async def test_the_first_hundred_bad_lines_are_named_and_all_are_counted(
    gql: Gql, admin: Member, station: Region
) -> None:
    bad = [[f"B{number}", "店", "nowhere", "NEW", 1, "陈强", 13800138000] for number in range(150)]
    sheet = csv(*bad, ["A1", "店", station.code, "NEW", 1, "陈强", 13800138000])

    found = await imported(gql, admin, await uploaded(gql, admin, sheet, "text/csv"))

    assert counts(found) == (1, 0, 0, 150)
    assert [line["line"] for line in found["rejected"]] == list(range(2, 102))


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (
            b"code,name,region,tier,segment,owner_name\nA1,x,y,NEW,1,z\n",
            1,
            "Owner's phone: The uploaded file is not acceptable.",
        ),
        (",".join(HEADING).encode() + b'\nA1,"broken', 2, "The uploaded file is not acceptable."),
    ],
)
async def test_a_table_that_breaks_off_is_one_bad_line(
    gql: Gql, admin: Member, content: bytes, line: int, message: str
) -> None:
    found = await imported(gql, admin, await uploaded(gql, admin, content, "text/csv"))

    assert counts(found) == (0, 0, 0, 1)
    assert found["rejected"] == [{"line": line, "code": "UPLOAD_INVALID", "message": message}]
    assert await Outlet.all().count() == 0


async def test_what_is_no_table_or_not_ready_is_refused(gql: Gql, world: World, admin: Member) -> None:
    picture = await uploaded(gql, admin, PNG, "image/png")
    no_book = await uploaded(gql, admin, b"PK\x03\x04" + bytes(50) + b"PK\x05\x06" + bytes(18), XLSX)
    waiting = (await requested(gql, admin, CSV, "text/csv"))["upload"]
    await put(gql, waiting, CSV)
    others = await uploaded(gql, await world.staff(Role.ADMIN), CSV, "text/csv")

    for upload, code in (
        (picture, "UPLOAD_INVALID"),
        (no_book, "UPLOAD_INVALID"),
        (waiting["id"], "STATE_FORBIDS"),
        (others, "NOT_FOUND"),
        (to_global("Media", from_global(others)[1]), "NOT_FOUND"),
        ("x", "NOT_FOUND"),
    ):
        found = await imported(gql, admin, upload)
        assert found["userErrors"] == [{"code": code, "field": ["uploadId"]}]
        assert (found["created"], found["rejected"]) == (None, None)


async def test_only_admins_import(gql: Gql, world: World, city: Region, admin: Member) -> None:
    upload = await uploaded(gql, admin, CSV, "text/csv")

    for role in (Role.AUDITOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER):
        answer = await gql.ask(IMPORT, {"input": {"uploadId": upload}}, by=await world.staff(role, city))
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_workbook_is_read_from_the_command_line_too(ports: Ports, station: Region) -> None:
    content = workbook(
        HEADING, ["A1", "店", station.code, "现代", 3, "陈强", 13800138000], [], ["A2", "", "", "", "", "", ""]
    )

    report = await import_outlets(ports, content)

    assert (report.created, report.rejected) == (1, [Rejected(4, ErrorCode.BAD_USER_INPUT, "name")])
    [entry] = await AuditEntry.all()
    assert (entry.actor_id, entry.object_type, entry.region_path) == (None, "Import", station.path)


@pytest.mark.parametrize(
    ("paths", "shared"),
    [
        (["44/4419/441901/"], "44/4419/441901/"),
        (["44/4419/441901/", "44/4419/441902/"], "44/4419/"),
        (["44/4419/", "44/4419/441902/"], "44/4419/"),
        (["44/", "45/"], None),
        (["44/1/", "44/11/"], "44/"),
        ([], None),
    ],
)
def test_what_lies_in_several_regions_lies_in_the_one_above_them(paths: list[str], shared: str | None) -> None:
    assert common_path(paths) == shared
