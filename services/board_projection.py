"""Bringing the counted days of whoever moved onto the boards.

What a subject has is read under the lock of its version, so of two projections the one with the higher version has
read later; the boards take no older news.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from uuid import UUID

import structlog

from gamification.boards import BoardsAway, BoardsBehind, Placed, Placing
from gamification.periods import Period, counting
from gamification.standings import Family, Scope
from kit.clock import day_of, monotonic
from kit.db import transaction
from kit.words import BoardMetric, BoardSubjectKind, OutletTier
from models import boards as rows
from models import standings
from models.standing_sums import region_scores
from services.boards import channel_of, past_day, stretches_of_all
from services.outbox import announce_each
from services.ports import Ports
from services.seasons import named_seasons

AHEAD = timedelta(minutes=10)
"""How long before a period begins its boards are made: a phone's clock may be two minutes fast."""
KEPT_ON = timedelta(days=1)
"""How long the boards of a period stay after its grace; a snapshot answers by then."""
SUBJECTS_AT_ONCE = 50
REGION_REST = 3
"""Averaging regions rests this many times as long as it took: they hold everybody, and one award moves them little."""

_log = structlog.get_logger("boards")


async def announce_standings(member_ids: Sequence[UUID]) -> None:
    """Have the boards of members follow what changed."""
    await transaction(partial(announce_each, "standing", member_ids))


async def project_members(ports: Ports, member_ids: Sequence[UUID]) -> None:
    """Place members, then have the outlets and regions they learned in follow: outlets soon, regions in their turn."""
    await project(ports, BoardSubjectKind.MEMBER, member_ids)
    await transaction(partial(_announce_places, member_ids))


async def project(ports: Ports, kind: BoardSubjectKind, subject_ids: Sequence[UUID]) -> None:
    """Place subjects on every board that still counts, and tell who watches. BoardsAway: to be done again."""
    ordered = sorted(set(subject_ids))
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        await _project(ports, kind, ordered[start : start + SUBJECTS_AT_ONCE], await _periods(ports.clock.now()))


async def average_regions(ports: Ports) -> None:
    """A tick: place the regions that are marked, then rest a while."""
    start = monotonic()
    try:
        await project_marked_regions(ports)
    except BoardsAway:
        _log.warning("regions wait for their boards")
    await asyncio.sleep(REGION_REST * (monotonic() - start))


async def project_marked_regions(ports: Ports) -> None:
    marked = await rows.marked_regions()
    if not marked:
        return
    await _project(ports, BoardSubjectKind.REGION, sorted(marked), await _periods(ports.clock.now()))
    await rows.settle_regions(marked)


async def kept_families(now: datetime) -> list[Family]:
    """Every family the sorted sets hold: of what still counts, and of what begins within minutes."""
    return families_of(await _periods(now))


def families_of(periods: Sequence[Period]) -> list[Family]:
    """The families that the sorted sets hold of these periods."""
    return [Family(metric, period, kind) for period in periods for metric in rows.SOURCES for kind in BoardSubjectKind]


async def _announce_places(member_ids: Sequence[UUID]) -> None:
    outlets, regions = await rows.places_of(member_ids)
    await announce_each("outlet", outlets)
    await rows.mark_regions(regions)


async def _project(
    ports: Ports, kind: BoardSubjectKind, subject_ids: Sequence[UUID], periods: Sequence[Period]
) -> None:
    now = ports.clock.now()
    today = day_of(now)
    while True:
        placings = await transaction(partial(_read, kind, subject_ids, periods, today))
        placed = [
            Placed(family, placing, past_day(family.period, today), keep_seconds_of(family.period, now))
            for family, placing in placings
        ]
        try:
            moved = await ports.boards.place(placed)
        except BoardsBehind as behind:
            today = behind.day
            continue
        except BoardsAway:
            await _tell(ports, kind, {Scope.parse(scope) for _, placing in placings for scope in placing.scopes})
            raise
        await _tell(ports, kind, moved)
        return


async def _read(
    kind: BoardSubjectKind, subject_ids: Sequence[UUID], periods: Sequence[Period], today: date
) -> list[tuple[Family, Placing]]:
    versions = await rows.next_versions(kind, subject_ids)
    asked = stretches_of_all(periods, today)
    if kind is BoardSubjectKind.REGION:
        found = await region_scores(subject_ids, list(rows.SOURCES), asked)
    else:
        found = await standings.subject_scores(kind, subject_ids, list(rows.SOURCES), asked)
    return [
        (
            Family(BoardMetric(row["metric"]), periods[row["period"]], kind),
            Placing(row["subject_id"], versions[row["subject_id"]], row["scopes"], row["now"], row["past"]),
        )
        for row in found
    ]


async def _tell(ports: Ports, kind: BoardSubjectKind, moved: Iterable[Scope]) -> None:
    """Tell the watchers of the boards that moved, and of those region x tiers that only SQL answers."""
    scopes = set(moved)
    regions = [scope.region_id for scope in scopes if scope.region_id is not None]
    # A region's own line on its parent's board of a tier is kept nowhere, so nothing says of which tier it moved.
    tiers = list(OutletTier) if kind is BoardSubjectKind.REGION else [scope.tier for scope in scopes if scope.tier]
    scopes |= {Scope(region_id, tier) for region_id, tier in product(regions, tiers)}
    await ports.bus.publish_each((channel_of(kind, scope), {"kind": "moved"}) for scope in scopes)


async def _periods(now: datetime) -> list[Period]:
    seasons = await named_seasons()
    return list(dict.fromkeys([*counting(now, seasons), *counting(now + AHEAD, seasons)]))


def keep_seconds_of(period: Period, now: datetime) -> int | None:
    """How long Valkey keeps the boards of a period; None: for good."""
    return int((period.closes_at + KEPT_ON - now).total_seconds()) if period.closes_at is not None else None
