"""Files that staff have made of what is in their regions: asked for, made by the worker, handed out for days, swept."""

import os
import shutil
from asyncio import to_thread
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from auth.actor import Actor, Grant
from auth.permissions import reach_over_reports, within
from gamification.standings import Board
from kit.clock import day_of, day_start
from kit.db import Side, side_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import ExportStatus, Language, LiveStatus, ReportFormat, ReportKind
from models import reports
from models.accounts import Member, active_grants, locked_member
from models.classes import classes_by_ids
from models.courses import courses_by_ids
from models.exported_files import REPORT_EXPORTS, begin_file, give_up_file
from models.live_lists import lessons_by_ids
from models.outlets import regions_by_ids
from models.reports import Filters, ReportExport
from services.audit import record
from services.boards import visible_boards
from services.exported_files import (
    MOST_TRIES,
    PAUSE_AFTER_FAILURE,
    being_made,
    is_there,
    keep_file,
    make_due,
    sweep,
)
from services.offers import path_of
from services.ports import Ports
from services.report_boards import board_rows, count_board_rows
from services.report_columns import COLUMNS, worded
from services.sheets import Cell, csv_pieces, xlsx_pieces

MOST_OPEN = 3
MOST_A_DAY = 30
LONGEST_DAYS = 400
KEPT = timedelta(days=3)
ROWS_BETWEEN_NOTES = 2_000
"""How often it is written down how far a file is."""
WITH_DAYS = frozenset({ReportKind.POINTS})
"""Kinds that need to be told the days: everything would be everything that ever happened."""
WITHOUT_DAYS = frozenset({ReportKind.BOARD})
"""Kinds whose object says the time."""
WITH_OBJECT = {
    ReportKind.ASSIGNMENTS: "Course",
    ReportKind.BOARD: "HonourBoard",
    ReportKind.CLASS_ATTENDANCE: "OfflineClass",
    ReportKind.LIVE_ATTENDANCE: "LiveLesson",
}
"""Kinds that may be about one object, with its GraphQL type."""


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """None leaves a thing open. `object_key`: the text in the global id of an object of the kind's own type."""

    kind: ReportKind
    format: ReportFormat
    region_id: UUID | None = None
    object_key: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None


async def request_report(ports: Ports, actor: Actor, plan: ReportPlan, language: Language) -> ReportExport:
    """Have a file made of what the actor may list. What subtrees it is about is settled here, and checked again when
    it is made.

    BAD_USER_INPUT for days that are missing, out of order or more than 400, and for an object or days that do not go
    with the kind; NOT_FOUND for a region or an object out of reach; LIMIT_REACHED with three on their way, or after
    thirty on a day.
    """
    _require_days(plan)
    tops = await _tops(actor, plan.region_id)
    await _require_object(ports, plan, tops)

    async def work() -> ReportExport:
        if await locked_member(actor.member_id) is None:  # and of many requests at once one comes first
            raise DomainError(ErrorCode.UNAUTHENTICATED)
        now = ports.clock.now()
        if await reports.count_open_reports(actor.member_id) >= MOST_OPEN:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        if await reports.count_reports_since(actor.member_id, day_start(day_of(now))) >= MOST_A_DAY:
            raise DomainError(ErrorCode.LIMIT_REACHED)
        report = await ReportExport.create(
            id=new_id(),
            member_id=actor.member_id,
            kind=plan.kind,
            format=plan.format,
            language=language,
            region_id=plan.region_id,
            tops=list(tops),
            object_key=plan.object_key,
            starts_on=plan.starts_on,
            ends_on=plan.ends_on,
            status=ExportStatus.QUEUED,
            storage_key=f"exports/{new_id()}.{plan.format.value.lower()}",
            requested_at=now,
            due_at=now,
        )
        await record(
            ports, actor, "report.requested", "ReportExport", report.id,
            {"kind": plan.kind.value, "format": plan.format.value, "region": tops[0] if plan.region_id else None},
            region_path=tops[0] if len(tops) == 1 and tops[0] else None,
        )  # fmt: skip
        return report

    return await transaction(work)


async def own_reports(actor: Actor, report_ids: Sequence[UUID]) -> list[ReportExport | None]:
    """The actor's own files of these ids, in their order; None for others."""
    found = await reports.reports_by_ids(report_ids)
    return [each if each is not None and each.member_id == actor.member_id else None for each in found]


async def list_reports(member_id: UUID, ask: Ask) -> Page[ReportExport]:
    """The files a member asked for, the newest first; keyed by (requested_at, id)."""
    return await reports.reports_page(member_id, ask)


async def make_reports(ports: Ports) -> None:
    """A tick: make the files that are waiting."""
    await make_due(ports, REPORT_EXPORTS, _make)


async def sweep_reports(ports: Ports) -> None:
    """A tick: end the files whose days are over, and delete the bytes of all that ended, made or half made."""
    await sweep(ports, REPORT_EXPORTS)
    await _sweep_drafts(ports)


async def signed_report(ports: Ports, report_id: UUID) -> ReportExport | None:
    """The file behind an address whose signature was checked. None once it is swept, and while who asked for it may
    not have it made any more."""
    [report] = await reports.reports_by_ids([report_id])
    if report is None or not is_there(report, ports.clock.now()):
        return None
    return report if await _may_still(report) else None


def percent_of(report: ReportExport) -> int:
    """How far it is made, 0-100; 100 when it is there and not before."""
    if report.status in (ExportStatus.READY, ExportStatus.EXPIRED) and report.ready_at is not None:
        return 100
    return min(99, 100 * report.rows_made // report.rows_expected) if report.rows_expected else 0


async def _make(ports: Ports, report_id: UUID) -> None:
    now = ports.clock.now()
    if not await begin_file(REPORT_EXPORTS, report_id, now, now + PAUSE_AFTER_FAILURE, MOST_TRIES):
        return
    report = await ReportExport.get(id=report_id)
    if not await _may_still(report):
        await give_up_file(REPORT_EXPORTS, report_id)
        return
    # Unhurried: sorting the year of a city, or packing its workbook, is longer than a request may take.
    async with side_transaction(snapshot=True, scratch=True) as side:
        rows = _noted(ports, side, report)
        headings = [column.heading(report.language) for column in COLUMNS[report.kind]]
        if report.format is ReportFormat.CSV:
            pieces = csv_pieces(headings, rows)
        else:
            pieces = xlsx_pieces(headings, rows, _drafts(ports) / str(report.id))
        async with aclosing(rows), aclosing(pieces):  # type: ignore[type-var]  # a generator, by its yield
            await keep_file(ports, REPORT_EXPORTS, report, pieces, KEPT)


async def _sweep_drafts(ports: Ports) -> None:
    """Delete workbooks in the making that nobody goes on with: their worker was killed, and then the tries ran out or
    the account was deleted."""
    home = _drafts(ports)
    ids = [UUID(name) for name in await to_thread(os.listdir, home)] if await to_thread(home.is_dir) else []
    for report_id, report in zip(ids, await reports.reports_by_ids(ids), strict=True):
        if report is None or report.status not in (ExportStatus.QUEUED, ExportStatus.RUNNING):
            async with being_made(report_id) as leads:
                if await leads():
                    await to_thread(shutil.rmtree, home / str(report_id), ignore_errors=True)


def _drafts(ports: Ports) -> Path:
    return ports.settings.data_dir / "drafts"


async def _noted(ports: Ports, side: Side, report: ReportExport) -> AsyncGenerator[Sequence[Cell], None]:
    """The rows in the words of the file's language; now and then it is written down how many there are by now."""
    board = await _board_of(ports, report)
    filters: Filters = (report.tops, report.starts_on, report.ends_on, _object_id(report), ports.clock.now())
    if board is not None:
        expected, rows = await count_board_rows(ports, board), board_rows(ports, board)
    elif report.kind is ReportKind.ASSIGNMENTS:
        expected, rows = await reports.count_assigned(side, filters), reports.read_assigned(side, filters)
    else:
        expected = await reports.count_report(side, report.kind, filters)
        rows = reports.read_report(side, report.kind, filters)
    await reports.note_progress(report.id, made=0, expected=expected)
    made = 0
    async for row in rows:
        yield worded(report.kind, report.language, row)
        made += 1
        if made % ROWS_BETWEEN_NOTES == 0:
            await reports.note_progress(report.id, made=made, expected=expected)
    await reports.note_progress(report.id, made=made, expected=made)


async def _may_still(report: ReportExport) -> bool:
    """Whether who asked may still list everything that the file is about."""
    member = await Member.get(id=report.member_id)
    [held] = await active_grants([report.member_id])
    grants = tuple(Grant(each.role, each.region_id, each.region_path) for each in held)
    reach = reach_over_reports(Actor(report.member_id, report.id, grants))
    gone = member.deleted_at is not None or member.suspended_at is not None
    return not gone and all(within(top, reach) for top in report.tops)


async def _tops(actor: Actor, region_id: UUID | None) -> tuple[str, ...]:
    reach = reach_over_reports(actor)
    if region_id is None:
        return reach
    [region] = await regions_by_ids([region_id])
    if region is None or not within(region.path, reach):
        raise not_found("regionId")
    return (region.path,)


def _require_days(plan: ReportPlan) -> None:
    starts_on, ends_on = plan.starts_on, plan.ends_on
    if starts_on is None and (plan.kind in WITH_DAYS or ends_on is not None):
        raise bad_input("from")
    if ends_on is None and starts_on is not None:
        raise bad_input("to")
    if starts_on is None or ends_on is None:
        return
    if plan.kind in WITHOUT_DAYS:
        raise bad_input("from")
    if not timedelta() < ends_on - starts_on <= timedelta(days=LONGEST_DAYS):
        raise bad_input("to")


async def _require_object(ports: Ports, plan: ReportPlan, tops: Sequence[str]) -> None:
    if plan.kind is ReportKind.BOARD:
        if plan.object_key is None:
            raise bad_input("objectId")
        if not await _is_board_within(ports, plan.object_key, tops):
            raise not_found("objectId")
    elif plan.object_key is not None and not await _is_there_for(plan.kind, UUID(plan.object_key), tops):
        raise not_found("objectId")


async def _is_there_for(kind: ReportKind, object_id: UUID, tops: Sequence[str]) -> bool:
    """Whether there is such an object for the subtrees: courses are everybody's, classes and live lessons of the
    regions above theirs too, unless it is a draft."""
    if kind is ReportKind.LIVE_ATTENDANCE:
        [lesson] = await lessons_by_ids([object_id])
        if lesson is None or lesson.status is LiveStatus.DRAFT:
            return False
        return _concerns(lesson.region_path, tops)
    if kind is ReportKind.CLASS_ATTENDANCE:
        [offline_class] = await classes_by_ids([object_id])
        return offline_class is not None and _concerns(await path_of(offline_class.region_id), tops)
    return await courses_by_ids([object_id]) != [None]


def _concerns(path: str, tops: Sequence[str]) -> bool:
    """Whether what is meant for the region at `path` is meant for people of the subtrees too."""
    return within(path, tops) or any(top.startswith(path) for top in tops)


async def _is_board_within(ports: Ports, key: str, tops: Sequence[str]) -> bool:
    """Whether there is such a board, of a region in one of the subtrees."""
    [board] = await visible_boards(ports, [key])
    if board is None:
        return False
    if board.scope.region_id is None:
        return "" in tops
    [region] = await regions_by_ids([board.scope.region_id])
    return region is not None and within(region.path, tops)


async def _board_of(ports: Ports, report: ReportExport) -> Board | None:
    if report.kind is not ReportKind.BOARD or report.object_key is None:
        return None
    [board] = await visible_boards(ports, [report.object_key])
    if board is None:
        raise not_found("objectId")
    return board


def _object_id(report: ReportExport) -> UUID | None:
    return UUID(report.object_key) if report.object_key is not None and report.kind is not ReportKind.BOARD else None
