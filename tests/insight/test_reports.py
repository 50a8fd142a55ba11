"""Files for staff: what is in them, whose they are, that no cell computes, and that one is made whatever happens."""

import asyncio
import io
import sys
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import load_workbook

from auth.codes import DEMO_CODE
from kit.clock import FrozenClock
from kit.db import execute
from kit.ids import new_id, to_global
from kit.settings import Settings
from kit.words import ExportStatus, PostRole, Role
from models.accounts import Member
from models.audit import AuditEntry
from models.reports import ReportExport
from services.ports import Ports
from services.reports import MOST_A_DAY, MOST_OPEN, make_reports, sweep_reports
from services.sheets import Cell, csv_pieces, neutralised, xlsx_pieces
from tests.documents import OPERATIONS
from tests.gql import Gql
from tests.insight.files import ask, fetched, lines, newest
from tests.insight.story import Tree, studied, tree
from tests.process import ROOT, environment
from tests.rewards.story import Shop
from tests.world import World

LEAVING = 'mutation { requestDeletionCode(input: {deviceId: "phone"}) { userErrors { code } } }'
LEAVE = "mutation ($code: String!) { deleteMyAccount(input: {code: $code}) { deletedAt userErrors { code } } }"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


@pytest.fixture
async def boss(world: World, place: Tree) -> Member:
    return await world.staff(Role.ADMIN, place.city)


async def test_a_list_of_members_has_those_of_the_region_and_no_whole_phone(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    may = await world.learner("May", outlet=place.shops[0], phone="+8613912345678")
    await world.learner("远方", outlet=await world.outlet())

    found = await lines(gql, boss, "MEMBERS")

    assert [line[:7] for line in found] == [
        ["Name", "Phone", "Outlet code", "Outlet", "Region", "Tier", "Post"],
        ["May", may.masked_phone, place.shops[0].code, "城东服务站小店", "城东服务站", "Ordinary", "Owner"],
    ]
    assert found[1][7] == "2026-03-02 12:00:00"


async def test_a_file_is_found_again_with_its_rows_and_fetched_by_a_signed_address(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock
) -> None:
    await world.learner(outlet=place.shops[0])
    asked = (await ask(gql, boss, "MEMBERS"))["export"]
    before = await newest(gql, boss)
    await make_reports(gql.ports)
    line = await newest(gql, boss)

    answer = await gql.http.get(line["url"])
    broken = await gql.http.get(line["url"][:-1] + ("A" if line["url"][-1] != "A" else "B"))

    assert (before["id"], before["status"], before["progress"], before["url"]) == (asked["id"], "QUEUED", 0, None)
    assert (line["kind"], line["status"], line["progress"], line["rows"]) == ("MEMBERS", "READY", 100, 1)
    assert line["expiresAt"] == "2026-03-05T04:00:00Z"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="members-2026-03-02.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert broken.status_code == 403
    clock.advance(3 * DAY)
    assert (await gql.http.get(line["url"])).status_code == 403
    await sweep_reports(gql.ports)
    row = await ReportExport.get()
    assert (row.status, row.removed_at is not None) == (ExportStatus.EXPIRED, True)
    assert not await gql.ports.storage.holds(row.storage_key, row.size_bytes or 0)


async def test_points_are_those_booked_where_they_were_earned_in_the_days_asked_for(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock, ports: Ports
) -> None:
    may, far = await world.learner("May", outlet=place.shops[0]), await world.learner(outlet=await world.outlet())
    for member in (may, far):
        clock.advance(HOUR)
        await studied(ports, member, await world.course(), clock.now())
    clock.advance(DAY)
    await studied(ports, may, await world.course(), clock.now())

    found = await lines(gql, boss, "POINTS", **{"from": "2026-03-02", "to": "2026-03-03"})

    assert {line[1] for line in found[1:]} == {"May"}
    assert {line[0][:10] for line in found[1:]} == {"2026-03-02"}
    earned = await execute("SELECT 1 FROM ledger_entries WHERE account = 'LIFETIME' AND member_id = $1"
                           " AND day = '2026-03-02'", may.id)  # fmt: skip
    assert len(found) == 1 + earned


async def test_assignments_say_of_everybody_how_far_they_are(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock, ports: Ports
) -> None:
    may, _ = await world.learner("May", outlet=place.shops[0]), await world.learner("老王", outlet=place.shops[1])
    course, other = await world.course("陈列"), await world.course("物流")
    await world.assigned(course, region=place.city, due_in=DAY)
    await world.assigned(other, outlet=place.shops[0], due_in=9 * DAY)
    clock.advance(HOUR)
    await studied(ports, may, course, clock.now())
    clock.advance(2 * DAY)

    everything = await lines(gql, boss, "ASSIGNMENTS")
    one = await lines(gql, boss, "ASSIGNMENTS", objectId=course.gid)

    assert [(line[0], line[4], line[6]) for line in everything[1:]] == [
        ("物流", "May", "In time"), ("陈列", "May", "Done"), ("陈列", "老王", "Overdue"),
    ]  # fmt: skip
    assert [(line[4], line[6]) for line in one[1:]] == [("May", "Done"), ("老王", "Overdue")]


async def test_a_board_has_its_lines_in_order_and_hides_who_wants_to_be_hidden(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock, ports: Ports
) -> None:
    may, chen = [await world.learner(name, outlet=place.shops[0], role=PostRole.CLERK) for name in ("May", "Chen")]
    clock.advance(HOUR)
    await studied(ports, may, await world.course(), clock.now(), seconds=60)
    await studied(ports, chen, await world.course(), clock.now(), seconds=30)
    await execute("UPDATE members SET hidden_on_boards = true WHERE id = $1", chen.id)
    board = f"LEARNING_SECONDS.WEEK.2026-03-02.MEMBER.{place.city.id}.-"

    found = await lines(gql, boss, "BOARD", objectId=to_global("HonourBoard", board))

    assert [line[:5] for line in found[1:]] == [["1", "1", "May", "城东服务站小店", "60"], ["2", "2", "", "", "30"]]


async def test_a_workbook_has_the_same_cells_and_chinese_headings(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    await world.learner("May", outlet=place.shops[0])
    asked = {"kind": "MEMBERS", "format": "XLSX"}
    body = {"query": OPERATIONS["RequestExport"], "variables": {"input": asked}}
    await gql.post(body, by=boss, headers={"accept-language": "zh-CN"})
    await make_reports(gql.ports)

    answer = await gql.http.get((await newest(gql, boss))["url"])

    sheet = load_workbook(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert sheet[0][:4] == ["姓名", "手机号", "门店编码", "门店"]
    assert (sheet[1][0], sheet[1][5], sheet[1][6], sheet[1][10]) == ("May", "普通终端", "店主", 0)
    assert list((gql.ports.settings.data_dir / "drafts").iterdir()) == []


async def test_redemptions_of_other_regions_are_not_in_it(
    gql: Gql, world: World, place: Tree, boss: Member, ports: Ports
) -> None:
    shop = Shop(ports, gql, world, place.shops[0], await world.staff(Role.ADMIN))
    here, far = await shop.learner(100), await shop.learner(100, outlet=await world.outlet())
    for number, member in enumerate((here, far)):
        await Member.filter(id=member.id).update(display_name=("May", "远方")[number])
    reward = await shop.reward(50)
    redeemed = [(await shop.redeem(member, reward))["redemption"] for member in (here, far)]

    found = await lines(gql, boss, "REDEMPTIONS")
    everywhere = await lines(gql, shop.admin, "REDEMPTIONS")

    assert found == [
        ["When", "Code", "Reward", "Points", "State", "Name", "Region", "Last change"],
        ["2026-03-02 12:00:00", redeemed[0]["code"], "保温杯", "50", "Requested", "May", "城东服务站",
         "2026-03-02 12:00:00"],
    ]  # fmt: skip
    assert [line[1] for line in everywhere[1:]] == [each["code"] for each in redeemed]


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("number", range(len(FORMULAS)))
async def test_no_cell_computes(number: int, gql: Gql, world: World, place: Tree, boss: Member) -> None:
    attack = FORMULAS[number]
    may = await world.learner(outlet=place.shops[0])
    await execute("UPDATE members SET display_name = $2 WHERE id = $1", may.id, attack)

    found = await lines(gql, boss, "MEMBERS")
    book = (await fetched(gql, boss, "MEMBERS", format="XLSX")).content

    assert found[1][0] == f"'{attack}"
    sheet = zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml")
    assert b'<c r="A2" t="inlineStr">' in sheet, "it is not a text"
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert [neutralised(each) for each in (-5, "a=b", "", "138****5678", "'x")] == [-5, "a=b", "", "138****5678", "'x"]


async def test_only_admins_and_auditors_have_files_made(gql: Gql, world: World, place: Tree) -> None:
    for role in (Role.SUPERVISOR, Role.ACCOUNT_MANAGER):
        answer = await gql.run(
            "RequestExport", {"input": {"kind": "MEMBERS", "format": "CSV"}}, by=await world.staff(role, place.city)
        )
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await ReportExport.all().count() == 0


async def test_what_is_wrong_is_said_at_its_field_and_makes_nothing(
    gql: Gql, world: World, place: Tree, boss: Member
) -> None:
    stranger, course = await world.region("海南"), await world.course()
    everyone = to_global("HonourBoard", "POINTS.WEEK.2026-03-02.MEMBER.-.-")
    wrong: Sequence[tuple[str, dict[str, object], str, str]] = (
        ("POINTS", {}, "BAD_USER_INPUT", "from"),
        ("POINTS", {"from": "2026-03-02"}, "BAD_USER_INPUT", "to"),
        ("POINTS", {"to": "2026-03-02"}, "BAD_USER_INPUT", "from"),
        ("POINTS", {"from": "2026-03-02", "to": "2026-03-02"}, "BAD_USER_INPUT", "to"),
        ("POINTS", {"from": "2026-03-02", "to": "2027-04-07"}, "BAD_USER_INPUT", "to"),
        ("MEMBERS", {"objectId": course.gid}, "BAD_USER_INPUT", "objectId"),
        ("MEMBERS", {"regionId": to_global("Region", stranger.id)}, "NOT_FOUND", "regionId"),
        ("ASSIGNMENTS", {"objectId": to_global("Course", new_id())}, "NOT_FOUND", "objectId"),
        ("ASSIGNMENTS", {"objectId": to_global("Region", stranger.id)}, "NOT_FOUND", "objectId"),
        ("CLASS_ATTENDANCE", {"objectId": to_global("OfflineClass", new_id())}, "NOT_FOUND", "objectId"),
        ("CLASS_ATTENDANCE", {"objectId": course.gid}, "NOT_FOUND", "objectId"),
        ("BOARD", {}, "BAD_USER_INPUT", "objectId"),
        ("BOARD", {"objectId": everyone}, "NOT_FOUND", "objectId"),
        ("BOARD", {"objectId": "x"}, "NOT_FOUND", "objectId"),
        ("BOARD", {"objectId": everyone, "from": "2026-03-02", "to": "2026-03-03"}, "BAD_USER_INPUT", "from"),
    )

    for kind, given, code, field in wrong:
        payload = await ask(gql, boss, kind, **given)
        assert [(each["code"], each["field"]) for each in payload["userErrors"]] == [(code, [field])], (kind, given)
    assert await ReportExport.all().count() == 0


async def test_three_may_be_on_their_way_also_when_all_are_asked_for_at_once(gql: Gql, boss: Member) -> None:
    payloads = await asyncio.gather(*(ask(gql, boss, "MEMBERS") for _ in range(6)))

    refused = [each["userErrors"][0]["code"] for each in payloads if each["userErrors"]]
    assert refused == ["LIMIT_REACHED"] * 3
    assert await ReportExport.all().count() == MOST_OPEN


async def test_a_day_has_thirty(gql: Gql, boss: Member, clock: FrozenClock) -> None:
    for _ in range(MOST_A_DAY):
        assert (await ask(gql, boss, "MEMBERS"))["userErrors"] == []
        await execute("UPDATE report_exports SET status = 'EXPIRED'")

    assert (await ask(gql, boss, "MEMBERS"))["userErrors"][0]["code"] == "LIMIT_REACHED"
    clock.advance(DAY)
    assert (await ask(gql, boss, "MEMBERS"))["userErrors"] == []


async def test_who_lost_the_role_meanwhile_gets_nothing(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock
) -> None:
    await world.learner(outlet=place.shops[0])
    await ask(gql, boss, "MEMBERS")
    await execute("UPDATE role_grants SET revoked_at = $1 WHERE member_id = $2", clock.now(), boss.id)

    await make_reports(gql.ports)

    row = await ReportExport.get()
    assert (row.status, row.rows_made, row.size_bytes) == (ExportStatus.FAILED, 0, None)


async def test_an_account_that_is_deleted_takes_its_files_along(gql: Gql, boss: Member) -> None:
    await ask(gql, boss, "MEMBERS")
    await make_reports(gql.ports)
    url = (await newest(gql, boss))["url"]

    await gql.ask(LEAVING, by=boss)
    await gql.ask(LEAVE, {"code": DEMO_CODE}, by=boss)

    assert (await gql.http.get(url)).status_code == 404
    await sweep_reports(gql.ports)
    assert (await ReportExport.get()).removed_at is not None


async def test_others_do_not_see_it(gql: Gql, world: World, boss: Member) -> None:
    export = (await ask(gql, boss, "MEMBERS"))["export"]
    other = await world.staff(Role.ADMIN)
    source = "query ($id: ID!) { node(id: $id) { id } viewer { exports { totalCount } } }"

    own, others = [(await gql.ask(source, {"id": export["id"]}, by=each))["data"] for each in (boss, other)]

    assert (own["node"], own["viewer"]["exports"]["totalCount"]) == ({"id": export["id"]}, 1)
    assert (others["node"], others["viewer"]["exports"]["totalCount"]) == (None, 0)


async def test_asking_is_written_down(gql: Gql, boss: Member, place: Tree) -> None:
    await ask(gql, boss, "MEMBERS", regionId=to_global("Region", place.counties[0].id))

    entry = await AuditEntry.get(action="report.requested")

    assert (entry.actor_id, entry.region_path) == (boss.id, place.counties[0].path)
    assert entry.details == {"kind": "MEMBERS", "format": "CSV", "region": place.counties[0].path}


async def test_a_worker_killed_in_the_middle_leaves_one_file_to_the_next_one(
    gql: Gql, world: World, place: Tree, boss: Member, clock: FrozenClock, settings: Settings
) -> None:
    await world.learner(outlet=place.shops[0])
    await ask(gql, boss, "MEMBERS", format="XLSX")
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.privacy.dying_worker", str(settings.data_dir), clock.now().isoformat(),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env=environment(ACADEMY_DATABASE_URL=settings.database_url or "", ACADEMY_REDIS_URL=settings.redis_url or ""),
    )  # fmt: skip
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"half way\n"
    clock.advance(timedelta(minutes=2))

    await make_reports(gql.ports)
    while_it_lived = await ReportExport.get()
    dying.kill()
    await dying.wait()
    async with asyncio.timeout(30):
        while (await ReportExport.get()).status is not ExportStatus.READY:  # PostgreSQL notices the death, and frees it
            await make_reports(gql.ports)
            await asyncio.sleep(0.05)

    row = await ReportExport.get()
    assert (while_it_lived.status, while_it_lived.tries, row.tries) == (ExportStatus.RUNNING, 1, 2)
    assert await gql.ports.storage.holds(row.storage_key, row.size_bytes or 0)
    kept, drafts = Path(settings.data_dir) / "media" / "exports", Path(settings.data_dir) / "drafts"
    assert [path.name for path in kept.iterdir() if path.name.startswith(".draft")] == []
    assert list(drafts.iterdir()) == []


@pytest.mark.parametrize("made", [csv_pieces, xlsx_pieces])
async def test_a_long_file_takes_no_more_memory_than_a_short_one(made: Any, tmp_path: Path) -> None:
    async def many(count: int) -> AsyncIterator[Sequence[Cell]]:
        for number in range(count):
            yield [f"学员{number}", number, "陈列" * 10]

    async def peak(count: int) -> int:
        folder = (tmp_path / "draft",) if made is xlsx_pieces else ()
        tracemalloc.start()
        async for _ in made(["a", "b", "c"], many(count), *folder):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert await peak(20_000) < 2 * await peak(2_000) + 1_000_000
