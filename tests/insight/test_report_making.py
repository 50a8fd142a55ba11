"""How a file for staff comes to be: its progress as the client sees it, what fails, who makes it, and what is left."""

import asyncio
import csv
import io
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import load_workbook

from kit.clock import FrozenClock
from kit.db import Side, execute, rows
from kit.ids import new_id
from kit.words import ExportStatus, Role
from models import reports
from models.accounts import Member
from models.exported_files import end_files_of
from models.outlets import Outlet
from models.reports import ReportExport
from providers.storage.local import LocalStorage
from services.exported_files import MOST_TRIES, PAUSE_AFTER_FAILURE
from services.reports import ROWS_BETWEEN_NOTES, make_reports, sweep_reports
from tests.gql import Gql
from tests.insight.files import ask, newest
from tests.insight.story import Tree, tree
from tests.world import World

SEEN = "query ($id: ID!) { node(id: $id) { ... on ReportExport { status progress rows url sizeBytes } } }"


@pytest.fixture
async def place(world: World) -> Tree:
    return await tree(world)


@pytest.fixture
async def boss(world: World, place: Tree) -> Member:
    return await world.staff(Role.ADMIN, place.city)


async def hire(outlet: Outlet, count: int, at: object) -> None:
    """So many clerks at once, as an import would."""
    await execute(
        """WITH people AS (
               INSERT INTO members
                   (id, display_name, masked_phone, phone_index, phone_cipher, hidden_on_boards, joined_at)
               SELECT gen_random_uuid(), '店员' || n, '139****0000', gen_random_uuid(), 'sealed'::bytea, false, $3
               FROM generate_series(1, $2::int) n RETURNING id)
           INSERT INTO posts (id, member_id, outlet_id, role, from_at, is_current)
           SELECT gen_random_uuid(), id, $1, 'CLERK', $3, true FROM people""",
        outlet.id, count, at,
    )  # fmt: skip


Look = Callable[[int], Awaitable[None]]


def looked_at(monkeypatch: pytest.MonkeyPatch, look: Look) -> None:
    """Have `look` called before each row that is read, with how many were read before."""
    read = reports.read_report

    async def watched(side: Side, *words: Any) -> AsyncIterator[tuple[Any, ...]]:
        number = 0
        async for row in read(side, *words):
            await look(number)
            number += 1
            yield row

    monkeypatch.setattr(reports, "read_report", watched)


@pytest.mark.parametrize("format_", ["CSV", "XLSX"])
async def test_the_client_sees_how_far_it_is_while_it_is_written(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    await hire(place.shops[0], 5_000, clock.now())
    gid = (await ask(gql, boss, "MEMBERS", format=format_))["export"]["id"]
    seen: list[tuple[str, int, int, str | None]] = []

    async def look(_: int = 0) -> None:
        node = (await gql.ask(SEEN, {"id": gid}, by=boss))["data"]["node"]
        seen.append((node["status"], node["progress"], node["rows"], node["url"]))

    async def now_and_then(number: int) -> None:
        if number % 1_000 == 500:
            await look()

    looked_at(monkeypatch, now_and_then)
    await look()
    await make_reports(gql.ports)
    [*before, last] = [*seen, (await gql.ask(SEEN, {"id": gid}, by=boss))["data"]["node"]]

    assert ROWS_BETWEEN_NOTES == 2_000
    assert before == [
        ("QUEUED", 0, 0, None), ("RUNNING", 0, 0, None), ("RUNNING", 0, 0, None),
        ("RUNNING", 40, 2_000, None), ("RUNNING", 40, 2_000, None), ("RUNNING", 80, 4_000, None),
    ]  # fmt: skip
    assert (last["status"], last["progress"], last["rows"]) == ("READY", 100, 5_000)
    content = (await gql.http.get(last["url"])).content
    assert len(content) == last["sizeBytes"]
    assert len(written(content, format_)) == 5_001


def written(content: bytes, format_: str) -> list[Any]:
    if format_ == "CSV":
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("format_", ["CSV", "XLSX"])
async def test_what_fails_half_way_is_tried_again_and_in_the_end_said_to_have_failed(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    await hire(place.shops[0], 3, clock.now())
    gid = (await ask(gql, boss, "MEMBERS", format=format_))["export"]["id"]

    async def break_off(number: int) -> None:
        if number == 2:
            raise OSError("no space left")

    looked_at(monkeypatch, break_off)
    states = []
    for _ in range(MOST_TRIES + 2):
        await make_reports(gql.ports)
        await make_reports(gql.ports)  # not at once
        node = (await gql.ask(SEEN, {"id": gid}, by=boss))["data"]["node"]
        states.append((node["status"], (await ReportExport.get()).tries))
        clock.advance(PAUSE_AFTER_FAILURE)
    await sweep_reports(gql.ports)

    assert MOST_TRIES == 5
    assert states == [*(("RUNNING", number) for number in range(1, 6)), ("FAILED", 6), ("FAILED", 6)]
    node = (await gql.ask(SEEN, {"id": gid}, by=boss))["data"]["node"]
    assert node == {"status": "FAILED", "progress": 0, "rows": 0, "url": None, "sizeBytes": None}
    row = await ReportExport.get()
    assert (row.size_bytes, row.removed_at is not None) == (None, True)
    assert left_behind(gql, row) == []
    monkeypatch.undo()
    assert (await ask(gql, boss, "MEMBERS"))["userErrors"] == []
    await make_reports(gql.ports)
    assert (await newest(gql, boss))["status"] == "READY"


def left_behind(gql: Gql, row: ReportExport) -> list[Path]:
    """Whatever lies about of the file, whole, half or in the making."""
    name, data = Path(row.storage_key).name, gql.ports.settings.data_dir
    return [
        *data.glob(f"media/exports/*{name}*"),
        *data.glob(f"media/exports/.*{name}*"),
        *data.glob(f"drafts/{row.id}"),
    ]


async def test_a_try_that_fails_does_not_hold_up_the_next_file(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await ask(gql, boss, "MEMBERS"))["export"]["id"]
    clock.advance(timedelta(seconds=1))
    second = (await ask(gql, boss, "REDEMPTIONS"))["export"]["id"]
    read = reports.read_report

    async def bad_members(side: Side, kind: Any, *words: Any) -> AsyncIterator[tuple[Any, ...]]:
        if kind == "MEMBERS":
            raise OSError("no such luck")
        async for row in read(side, kind, *words):
            yield row

    monkeypatch.setattr(reports, "read_report", bad_members)
    await make_reports(gql.ports)

    states = [(await gql.ask(SEEN, {"id": gid}, by=boss))["data"]["node"]["status"] for gid in (first, second)]
    assert states == ["RUNNING", "READY"]


async def test_of_workers_that_come_at_once_one_makes_it_and_the_others_leave_it(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hire(place.shops[0], 3, clock.now())
    await ask(gql, boss, "MEMBERS")
    begun: list[int] = []
    others: list[int] = []

    async def others_come(number: int) -> None:
        if number == 0:
            begun.append(number)
            clock.advance(2 * PAUSE_AFTER_FAILURE)  # it is due again by the clock, and still being written
            await asyncio.gather(*(make_reports(gql.ports) for _ in range(3)))
            others.append((await ReportExport.get()).tries)

    looked_at(monkeypatch, others_come)
    await asyncio.gather(*(make_reports(gql.ports) for _ in range(3)))

    row = await ReportExport.get()
    assert (begun, others) == ([0], [1])
    assert (row.status, row.tries, row.rows_made) == (ExportStatus.READY, 1, 3)
    assert await gql.ports.storage.holds(row.storage_key, row.size_bytes or 0)


@pytest.mark.parametrize("format_", ["CSV", "XLSX"])
async def test_a_file_that_nobody_wants_any_more_by_the_time_it_is_made_is_not_kept(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    await hire(place.shops[0], 3, clock.now())
    await ask(gql, boss, "MEMBERS", format=format_)

    async def leave(number: int) -> None:
        if number == 1:
            await end_files_of(boss.id, clock.now())

    looked_at(monkeypatch, leave)
    await make_reports(gql.ports)

    row = await ReportExport.get()
    assert (row.status, row.ready_at, row.size_bytes) == (ExportStatus.EXPIRED, None, None)
    assert left_behind(gql, row) == []
    await sweep_reports(gql.ports)
    assert (await ReportExport.get()).removed_at == clock.now()


@pytest.mark.parametrize("status", ["FAILED", "EXPIRED"])
async def test_what_a_killed_worker_left_of_a_workbook_goes_when_nobody_goes_on_with_it(
    gql: Gql, boss: Member, status: str
) -> None:
    await ask(gql, boss, "MEMBERS", format="XLSX")
    row = await ReportExport.get()
    drafts = gql.ports.settings.data_dir / "drafts"
    for name in (row.id, new_id()):
        (drafts / str(name)).mkdir(parents=True)
        (drafts / str(name) / "book.xlsx").write_bytes(b"half of it")

    await sweep_reports(gql.ports)
    still_wanted = [path.name for path in drafts.iterdir()]
    await execute("UPDATE report_exports SET status = $1", status)
    await sweep_reports(gql.ports)

    assert still_wanted == [str(row.id)]
    assert list(drafts.iterdir()) == []


async def test_a_file_takes_its_time_where_a_request_may_not(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hire(place.shops[0], 1, clock.now())
    await ask(gql, boss, "MEMBERS")
    read, found = reports.read_report, []

    async def asked(side: Side, *words: Any) -> AsyncIterator[tuple[Any, ...]]:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            found.extend(await side.rows(f"SELECT current_setting('{name}') AS said"))
        async for row in read(side, *words):
            yield row

    monkeypatch.setattr(reports, "read_report", asked)
    await make_reports(gql.ports)
    [usual] = await rows("SELECT current_setting('statement_timeout') AS said")

    assert (await ReportExport.get()).status is ExportStatus.READY
    assert ([each["said"] for each in found], usual["said"]) == (["5min", "5min"], "30s")


class Nowhere(LocalStorage):
    """Takes every piece and keeps none, so that what is measured is how they are made."""

    async def put_pieces(self, key: str, pieces: AsyncIterator[bytes]) -> int:
        return sum([len(piece) async for piece in pieces])


@pytest.mark.parametrize("format_", ["CSV", "XLSX"])
async def test_ten_thousand_people_more_take_no_more_memory(
    gql: Gql, place: Tree, boss: Member, clock: FrozenClock, tmp_path: Path, format_: str
) -> None:
    ports = replace(gql.ports, storage=Nowhere(tmp_path))

    async def peak() -> int:
        await ask(gql, boss, "MEMBERS", format=format_)
        tracemalloc.start()
        await make_reports(ports)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    await hire(place.shops[0], 1_000, clock.now())
    await peak()
    short = await peak()
    await hire(place.shops[0], 10_000, clock.now())
    long = await peak()

    made = await ReportExport.all().order_by("requested_at", "id")
    assert [(each.status, each.rows_made) for each in made] == [
        (ExportStatus.READY, number) for number in (1_000, 1_000, 11_000)
    ]
    assert long < short + 2_000_000  # the rows alone are some ten megabytes
