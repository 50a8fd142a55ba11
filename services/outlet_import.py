"""Outlets with their owners, and the regions they lie in, from the distributor's tables."""

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from uuid import UUID

from auth.actor import Actor
from auth.names import clean_name
from kit.db import transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import OutletTier, RegionKind, Role
from models.outlet_import import (
    OutletRow,
    OwnerRow,
    RegionPlace,
    RegionRow,
    keep_outlets,
    keep_owner_posts,
    keep_owners,
    keep_regions,
    learners_at,
    lock_import,
    outlets_kept,
    regions_kept,
    regions_within,
    settle_posts,
)
from services.audit import record
from services.outbox import announce
from services.outlets import SEGMENTS, stand
from services.ports import Ports
from services.tables import ImportReport, Line, Rejected, Told, lines_of
from services.uploads import read_sheet

BATCH = 2000
"""Lines a transaction."""
PLAIN_CODE = re.compile(r"[0-9A-Za-z-]+")
LONGEST_OUTLET_CODE, LONGEST_REGION_CODE, LONGEST_PLACE_NAME = 32, 20, 60

OUTLET_HEADINGS = {
    "code": ("code", "outlet_code", "编码", "店铺编码", "门店编码", "零售户编码"),
    "name": ("name", "outlet_name", "店名", "名称", "店铺名称", "门店名称"),
    "region": ("region", "region_code", "地区编码", "区域编码", "地区"),
    "tier": ("tier", "等级", "终端类型", "店铺等级", "门店等级"),
    "segment": ("segment", "档位", "分档"),
    "owner_name": ("owner_name", "owner", "店主", "店主姓名", "姓名"),
    "owner_phone": ("owner_phone", "phone", "手机", "手机号", "店主手机", "店主电话"),
}
REGION_HEADINGS = {
    "code": ("code", "region_code", "编码", "地区编码", "区域编码"),
    "name": ("name", "region_name", "名称", "地区名称", "区域名称"),
    "kind": ("kind", "级别", "类型", "层级"),
    "parent": ("parent", "parent_code", "上级编码", "上级"),
}
TIERS = {
    **{tier.value: tier for tier in OutletTier},
    "新店": OutletTier.NEW,
    "普通": OutletTier.ORDINARY,
    "现代": OutletTier.MODERN,
    "合作": OutletTier.PARTNER,
    "普通终端": OutletTier.ORDINARY,
    "现代终端": OutletTier.MODERN,
    "合作终端": OutletTier.PARTNER,
}
FLOORS = tuple(RegionKind)
KINDS = {
    **{kind.value: kind for kind in RegionKind},
    "省": RegionKind.PROVINCE,
    "市": RegionKind.CITY,
    "县": RegionKind.COUNTY,
    "区": RegionKind.COUNTY,
    "区县": RegionKind.COUNTY,
    "服务站": RegionKind.STATION,
    "站": RegionKind.STATION,
}


class _Bad(Exception):
    """A line that cannot be taken."""

    def __init__(self, column: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT) -> None:
        super().__init__(column)
        self.column = column
        self.code = code


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A good line: the outlet, and its owner's number and name."""

    line: int
    outlet: OutletRow
    phone: str
    owner_name: str


@dataclass(frozen=True, slots=True)
class Source:
    """Who imports, in which regions they may, and what the audit names: an upload, or a run of the command line."""

    by: Actor | None
    tops: tuple[str, ...]
    kind: str
    id: UUID

    @classmethod
    def command_line(cls) -> "Source":
        return cls(None, ("",), "Import", new_id())

    @classmethod
    def upload(cls, by: Actor, upload_id: UUID) -> "Source":
        return cls(by, by.reach(Role.ADMIN), "Upload", upload_id)


async def import_outlets(
    ports: Ports, content: bytes, *, dry_run: bool = False, tell: Told | None = None, source: Source | None = None
) -> ImportReport:
    """Create and change outlets with their owners as the table says; what it does not name stays.

    A bad line is left out and named, the others are taken. Another owner ends the post of the one before; a known
    phone keeps its member's own name. Regions out of the source's reach do not exist for it, and codes of outlets there
    are taken. `dry_run` reports the same and changes nothing. UPLOAD_INVALID for no such table.
    """
    origin, report = source or Source.command_line(), ImportReport()
    regions = await regions_within(origin.tops)
    wanted = await asyncio.to_thread(_read_outlets, ports, content, regions, report)  # seconds, for a city
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        took = await transaction(partial(_take_outlets, ports, origin, regions, batch, dry_run=dry_run))
        report.created += took.created
        report.updated += took.updated
        report.unchanged += took.unchanged
        report.rejected += took.rejected
        if tell is not None:
            tell(start + len(batch), len(wanted))
    report.rejected.sort(key=lambda bad: bad.line)
    return report


async def import_uploaded_outlets(ports: Ports, actor: Actor, upload_id: UUID, *, dry_run: bool) -> ImportReport:
    """`import_outlets` from a completed sheet of the actor's, into the regions they administer.

    A heading without a needed column, and text that breaks off, is a rejected line, and the only one.
    """
    content = await read_sheet(ports, actor, upload_id)
    try:
        return await import_outlets(ports, content, dry_run=dry_run, source=Source.upload(actor, upload_id))
    except DomainError as error:
        if error.code is not ErrorCode.UPLOAD_INVALID:
            raise
        match error.field:
            case ("line", number):
                return ImportReport(rejected=[Rejected(int(number), error.code, "")])
            case (column,):
                return ImportReport(rejected=[Rejected(1, error.code, column)])
        raise DomainError(ErrorCode.UPLOAD_INVALID, field=["uploadId"]) from error


async def import_regions(ports: Ports, content: bytes, *, dry_run: bool = False) -> ImportReport:
    """Create and rename regions as the table says, in any order.

    A region never changes its parent or kind: what happened in the past hangs on the tree. UPLOAD_INVALID for no such
    table.
    """
    lines = lines_of(content, REGION_HEADINGS)

    async def work() -> ImportReport:
        await lock_import()
        report = ImportReport()
        kept = await regions_kept()
        good = _good_regions(lines, kept, report)
        for row in good:
            if row.code not in kept:
                report.created += 1
            elif kept[row.code] != row:
                report.updated += 1
            else:
                report.unchanged += 1
        changed = [row for row in good if kept.get(row.code) != row]
        if changed and not dry_run:
            await keep_regions(changed)
            counts = {"created": report.created, "updated": report.updated}
            await record(ports, None, "regions.imported", "Import", new_id(), {**counts})
        return report

    return await transaction(work)


async def _take_outlets(
    ports: Ports, source: Source, regions: Mapping[str, RegionPlace], batch: Sequence[_Wanted], *, dry_run: bool
) -> ImportReport:
    """What became of one batch."""
    await lock_import()
    kept = await outlets_kept([each.outlet.code for each in batch])
    path_of = {region.id: region.path for region in regions.values()}
    elsewhere = {code for code, outlet in kept.items() if outlet.region_id not in path_of}
    good = [each for each in batch if each.outlet.code not in elsewhere]
    changed = [each for each in good if kept.get(each.outlet.code) != each.outlet]
    created = sum(each.outlet.code not in kept for each in changed)
    if changed and not dry_run:
        await _keep(ports, changed)
        counts = {"created": created, "updated": len(changed) - created}
        paths = [path_of[each.outlet.region_id] for each in changed]
        await record(
            ports, source.by, "outlets.imported", source.kind, source.id, counts, region_path=common_path(paths)
        )
    return ImportReport(
        created,
        len(changed) - created,
        len(good) - len(changed),
        [Rejected(each.line, ErrorCode.CONFLICT, "code") for each in batch if each.outlet.code in elsewhere],
    )


def common_path(paths: Sequence[str]) -> str | None:
    """The region that all of these lie in, as a path; None if only everything holds them."""
    steps = [path.split("/") for path in paths]
    shared = list(takewhile(lambda step: len(set(step)) == 1, zip(*steps, strict=False)))
    return "".join(f"{step[0]}/" for step in shared if step[0]) or None


def _read_outlets(
    ports: Ports, content: bytes, regions: Mapping[str, RegionPlace], report: ImportReport
) -> list[_Wanted]:
    return _good_outlets(ports, lines_of(content, OUTLET_HEADINGS), regions, report)


async def _keep(ports: Ports, changed: Sequence[_Wanted]) -> None:
    now = ports.clock.now()
    owners = {
        each.outlet.owner_index: OwnerRow(
            each.outlet.owner_index, ports.phones.seal(each.phone), ports.phones.mask(each.phone), each.owner_name
        )
        for each in reversed(changed)
    }
    member_ids = await keep_owners(list(owners.values()), now)
    outlet_ids = await keep_outlets([each.outlet for each in changed], now)
    owner_of = {outlet_ids[each.outlet.code]: member_ids[each.outlet.owner_index] for each in changed}
    touched = await keep_owner_posts(owner_of, now)
    restanding = await settle_posts(touched, now)
    await stand(ports, sorted({*touched, *await learners_at(list(owner_of))}))
    for member_id in restanding:
        await announce("member", str(member_id))


def _good_outlets(
    ports: Ports, lines: Sequence[Line], regions: Mapping[str, RegionPlace], report: ImportReport
) -> list[_Wanted]:
    good: dict[str, _Wanted] = {}
    for line in lines:
        try:
            wanted = _outlet(ports, line, regions)
            if wanted.outlet.code in good:
                raise _Bad("code", ErrorCode.CONFLICT)
            good[wanted.outlet.code] = wanted
        except _Bad as bad:
            report.rejected.append(Rejected(line.number, bad.code, bad.column))
    return list(good.values())


def _outlet(ports: Ports, line: Line, regions: Mapping[str, RegionPlace]) -> _Wanted:
    cells = line.cells
    code = _code(cells, "code", LONGEST_OUTLET_CODE)
    name = _place_name(cells)
    if cells["region"] not in regions:
        raise _Bad("region", ErrorCode.NOT_FOUND)
    tier = TIERS.get(cells["tier"].upper())
    if tier is None:
        raise _Bad("tier")
    segment = cells["segment"]
    if not (segment.isascii() and segment.isdigit() and len(segment) <= 2 and int(segment) in SEGMENTS):
        raise _Bad("segment")
    try:
        owner_name = clean_name(cells["owner_name"], "owner_name")
        phone = ports.phones.normalise(cells["owner_phone"], "owner_phone")
    except DomainError as error:
        raise _Bad(error.field[0] if error.field else "owner_phone") from error
    outlet = OutletRow(code, name, regions[cells["region"]].id, tier, int(segment), ports.phones.index(phone))
    return _Wanted(line.number, outlet, phone, owner_name)


def _good_regions(lines: Sequence[Line], kept: Mapping[str, RegionRow], report: ImportReport) -> list[RegionRow]:
    """The good lines, parents first."""
    known, good = dict(kept), dict[str, RegionRow]()
    for line in sorted(lines, key=lambda line: _floor(line.cells)):
        try:
            row = _region(line.cells, known)
            if row.code in good:
                raise _Bad("code", ErrorCode.CONFLICT)
            good[row.code] = known[row.code] = row
        except _Bad as bad:
            report.rejected.append(Rejected(line.number, bad.code, bad.column))
    report.rejected.sort(key=lambda bad: bad.line)
    return list(good.values())


def _region(cells: Mapping[str, str], known: Mapping[str, RegionRow]) -> RegionRow:
    code = _code(cells, "code", LONGEST_REGION_CODE)
    name = _place_name(cells)
    kind = KINDS.get(cells["kind"].upper())
    if kind is None:
        raise _Bad("kind")
    parent_code = cells["parent"] or None
    parent = known.get(parent_code) if parent_code is not None else None
    if parent_code is not None and parent is None:
        raise _Bad("parent", ErrorCode.NOT_FOUND)
    if parent is not None and FLOORS.index(parent.kind) >= FLOORS.index(kind):
        raise _Bad("parent")
    row = RegionRow(code, name, kind, parent_code, f"{parent.path if parent else ''}{code}/")
    before = known.get(code)
    if before is not None and (before.kind, before.parent_code) != (kind, parent_code):
        raise _Bad("kind" if before.kind is not kind else "parent", ErrorCode.STATE_FORBIDS)
    return row


def _floor(cells: Mapping[str, str]) -> int:
    """Sorts parents before children; a line of no known kind comes first and is refused."""
    kind = KINDS.get(cells["kind"].upper())
    return FLOORS.index(kind) if kind is not None else -1


def _code(cells: Mapping[str, str], column: str, longest: int) -> str:
    code = cells[column]
    if len(code) > longest or not PLAIN_CODE.fullmatch(code):
        raise _Bad(column)
    return code


def _place_name(cells: Mapping[str, str]) -> str:
    name = unicodedata.normalize("NFC", cells["name"])
    if not 1 <= len(name) <= LONGEST_PLACE_NAME or not name.isprintable():
        raise _Bad("name")
    return name
