"""Bringing the counted days onto the boards: subjects that moved, a family that is missing, or everything.

What a subject has is read under the lock of its version, so of two projections the one with the higher version has
read later; the boards take no older news. A rebuild reads each subject together with its last version and fills a
generation beside the one that is shown, while projections reach both: nothing is lost and nobody waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

import structlog

from gamification.boards import BoardsAway, BoardsBehind, Placed, Placing
from gamification.periods import Period, counting
from gamification.standings import Family, Scope
from kit.clock import day_of, day_start
from kit.db import transaction
from kit.words import BoardMetric, BoardSubjectKind, OutletTier
from models import boards as rows
from models import standings
from services.boards import channel_of, past_day, stretches_of
from services.outbox import announce
from services.ports import Ports

AHEAD = timedelta(minutes=10)
"""How long before a period begins its boards are made: a phone's clock may be two minutes fast."""
KEPT_ON = timedelta(days=1)
"""How long the boards of a period stay after its grace; a snapshot answers by then."""
SUBJECTS_AT_ONCE = 50
PLACINGS_AT_ONCE = 200
CELLS_AT_ONCE = 50_000

Scores = dict[Scope, tuple[int, int]]

_log = structlog.get_logger("boards")


async def announce_standings(member_ids: Sequence[UUID]) -> None:
    """Have the boards of members follow what changed."""
    await transaction(partial(_announce, "standing", member_ids))


async def project_members(ports: Ports, member_ids: Sequence[UUID]) -> None:
    """Place members, then have the outlets and regions they learned in follow."""
    await project(ports, BoardSubjectKind.MEMBER, member_ids)
    await transaction(partial(_announce_places, member_ids))


async def project(ports: Ports, kind: BoardSubjectKind, subject_ids: Sequence[UUID]) -> None:
    """Place subjects on every board that still counts, and tell who watches. BoardsAway: to be done again."""
    ordered = sorted(set(subject_ids))
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        await _project(ports, kind, ordered[start : start + SUBJECTS_AT_ONCE])


async def rebuild(ports: Ports, built: Callable[[int, int], None] | None = None) -> None:
    """Build every board anew beside what is shown; learning goes on. `built` hears (families done, families in all)."""
    tree = await rows.region_tree_digest()
    wanted = kept_families(ports.clock.now())
    shown = True
    for done, family in enumerate(wanted, start=1):
        shown &= await rebuild_family(ports, family)
        if built is not None:
            built(done, len(wanted))
    if shown:
        await ports.boards.trust(tree)


async def rebuild_family(ports: Ports, family: Family) -> bool:
    """False if somebody else has begun to build it meanwhile, and will show it."""
    today = day_of(ports.clock.now())
    while True:
        build = await ports.boards.begin(family)
        try:
            filled = await _fill(ports, family, build, today)
        except BoardsBehind as behind:
            today = behind.day
            continue
        keep_seconds = _keep_seconds(family.period, ports.clock.now())
        return filled and bool(await ports.boards.finish(family, build, keep_seconds))


async def check_boards(ports: Ports) -> None:
    """A tick: build what is missing, and everything if Valkey was restarted or the region tree has changed."""
    try:
        if not await ports.boards.trusted(await rows.region_tree_digest()):
            _log.info("boards are rebuilt")
            await rebuild(ports)
            return
        for family in await ports.boards.missing(kept_families(ports.clock.now())):
            await rebuild_family(ports, family)
    except BoardsAway:
        _log.warning("boards are away")


def kept_families(now: datetime) -> list[Family]:
    """Every family the sorted sets hold: of what still counts, and of what begins within minutes."""
    return [
        Family(metric, period, kind) for period in _periods(now) for metric in rows.SOURCES for kind in BoardSubjectKind
    ]


async def true_scores(family: Family, today: date, part: int = 0, parts: int = 1) -> dict[UUID, tuple[int, Scores]]:
    """What the counted days say of a family, as subject -> (version, scores)."""
    found = await standings.all_scores(family.subject, family.metric, stretches_of(family.period, today), part, parts)
    scores: dict[UUID, tuple[int, Scores]] = {}
    for row in found:
        _, line = scores.setdefault(row["subject_id"], (row["version"], {}))
        _add(line, row, is_past=row["n"] == 2)
    return scores


async def _announce_places(member_ids: Sequence[UUID]) -> None:
    outlets, regions = await rows.places_of(member_ids)
    await _announce("outlet", outlets)
    await _announce("region", regions)


async def _announce(topic: str, ids: Sequence[UUID]) -> None:
    for each in ids:
        await announce(topic, str(each))


async def _project(ports: Ports, kind: BoardSubjectKind, subject_ids: Sequence[UUID]) -> None:
    today = day_of(ports.clock.now())
    while True:
        now = max(ports.clock.now(), day_start(today))
        read = partial(_read, kind, subject_ids, _periods(now), today)
        versions, scores = await transaction(read)
        placed = [
            Placed(family, Placing(subject_id, versions[subject_id], line), past_day(family.period, today), keep)
            for (family, subject_id), line in scores.items()
            for keep in [_keep_seconds(family.period, now)]
        ]
        try:
            moved = await ports.boards.place(placed)
        except BoardsBehind as behind:
            today = behind.day
            continue
        except BoardsAway:
            await _tell(ports, kind, {scope for line in scores.values() for scope in line})
            raise
        await _tell(ports, kind, moved)
        return


async def _read(
    kind: BoardSubjectKind, subject_ids: Sequence[UUID], periods: Sequence[Period], today: date
) -> tuple[dict[UUID, int], dict[tuple[Family, UUID], Scores]]:
    versions = await rows.next_versions(kind, subject_ids)
    asked = [
        (period, stretch, is_past > 0)
        for period in periods
        for is_past, stretch in enumerate(stretches_of(period, today))
    ]
    found = await standings.subject_scores(kind, subject_ids, list(rows.SOURCES), [stretch for _, stretch, _ in asked])
    scores: dict[tuple[Family, UUID], Scores] = {}
    for row in found:
        period, _, is_past = asked[row["n"] - 1]
        family = Family(BoardMetric(row["metric"]), period, kind)
        _add(scores.setdefault((family, row["subject_id"]), {}), row, is_past=is_past)
    return versions, scores


def _add(line: Scores, row: Mapping[str, Any], *, is_past: bool) -> None:
    scope = Scope(row["scope_region"], OutletTier(row["scope_tier"]) if row["scope_tier"] else None)
    now, past = line.get(scope, (0, 0))
    line[scope] = (now, row["packed"]) if is_past else (row["packed"], past)


async def _fill(ports: Ports, family: Family, build: str, today: date) -> bool:
    ends_on = family.period.ends_on or date.max
    parts = 1 + await standings.cells_between(family.metric, family.period.starts_on, ends_on) // CELLS_AT_ONCE
    if family.subject is BoardSubjectKind.REGION:
        parts = 1
    keep_seconds = _keep_seconds(family.period, ports.clock.now())
    for part in range(parts):
        scores = await true_scores(family, today, part, parts)
        placings = [Placing(subject_id, version, line) for subject_id, (version, line) in scores.items()]
        for start in range(0, len(placings), PLACINGS_AT_ONCE):
            batch = placings[start : start + PLACINGS_AT_ONCE]
            if not await ports.boards.fill(family, build, batch, past_day(family.period, today), keep_seconds):
                return False
    return True


async def _tell(ports: Ports, kind: BoardSubjectKind, moved: Iterable[Scope]) -> None:
    """Tell the watchers of the boards that moved, and of those region x tiers that only SQL answers."""
    scopes = set(moved)
    regions = [scope.region_id for scope in scopes if scope.region_id is not None]
    # A region's own line on its parent's board of a tier is kept nowhere, so nothing says of which tier it moved.
    tiers = list(OutletTier) if kind is BoardSubjectKind.REGION else [scope.tier for scope in scopes if scope.tier]
    scopes |= {Scope(region_id, tier) for region_id, tier in product(regions, tiers)}
    for scope in scopes:
        await ports.bus.publish(channel_of(kind, scope), {"kind": "moved"})


def _periods(now: datetime) -> list[Period]:
    return list(dict.fromkeys([*counting(now), *counting(now + AHEAD)]))


def _keep_seconds(period: Period, now: datetime) -> int | None:
    return int((period.closes_at + KEPT_ON - now).total_seconds()) if period.closes_at is not None else None
