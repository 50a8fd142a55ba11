"""Bringing the counted days onto the boards: subjects that moved, a family that is missing, or everything.

What a subject has is read under the lock of its version, so of two projections the one with the higher version has
read later; the boards take no older news. A rebuild reads each subject together with its last version and fills a
generation beside the one that is shown, while projections reach both: nothing is lost and nobody waits.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

import structlog

from gamification.boards import BoardsAway, BoardsBehind, Placed, Placing, Still
from gamification.periods import Period, counting
from gamification.standings import Family, Scope
from kit.clock import day_of, monotonic
from kit.db import transaction
from kit.tasks import some_at_once
from kit.words import BoardMetric, BoardSubjectKind, OutletTier
from models import boards as rows
from models import standings
from models.standing_sums import region_scores, whole_boards
from models.standings import IdRange
from services.boards import channel_of, past_day, stretches_of
from services.outbox import announce_each
from services.ports import Ports
from services.seasons import named_seasons

AHEAD = timedelta(minutes=10)
"""How long before a period begins its boards are made: a phone's clock may be two minutes fast."""
KEPT_ON = timedelta(days=1)
"""How long the boards of a period stay after its grace; a snapshot answers by then."""
SUBJECTS_AT_ONCE = 50
PLACINGS_AT_ONCE = 100
STILL_AT_ONCE = 500
REBUILD_TRIES = 3
REGION_REST = 3
"""Averaging regions rests this many times as long as it took: they hold everybody, and one award moves them little."""
CELLS_AT_ONCE = 1_000_000
READ_AT_ONCE = 8_000
"""How many counted days, and subjects, one statement reads. What it gives keeps this process busy for a moment."""
BUILDERS = 3
"""PostgreSQL adds up one part while Valkey takes in another."""

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
    for period in await _periods(ports.clock.now()):  # one after the other: a province and a year are a long statement
        await _project(ports, BoardSubjectKind.REGION, sorted(marked), [period])
    await rows.settle_regions(marked)


async def rebuild(ports: Ports, built: Callable[[int, int], None] | None = None) -> None:
    """Build every board anew beside what is shown; learning goes on. `built` hears (families done, families in all)."""
    tree = await rows.region_tree_digest()
    if await rebuild_families(ports, await kept_families(ports.clock.now()), built):
        await ports.boards.trust(tree)


async def rebuild_families(
    ports: Ports, families: Sequence[Family], built: Callable[[int, int], None] | None = None
) -> bool:
    """False if somebody else has begun to build some of them meanwhile, and will show them."""
    sisters: dict[tuple[Period, BoardSubjectKind], list[Family]] = {}
    for family in families:
        sisters.setdefault((family.period, family.subject), []).append(family)
    done = 0

    async def build(together: Sequence[Family]) -> bool:
        nonlocal done
        shown = await _rebuild(ports, together)
        done += len(together)
        if built is not None:
            built(done, len(families))
        return shown

    return all(await some_at_once(BUILDERS, [partial(build, together) for together in sisters.values()]))


async def check_boards(ports: Ports) -> None:
    """A tick: build what is missing, and everything if Valkey was restarted or the region tree has changed."""
    try:
        if not await ports.boards.trusted(await rows.region_tree_digest()):
            _log.info("boards are rebuilt")
            await rebuild(ports)
            return
        await rebuild_families(ports, await ports.boards.missing(await kept_families(ports.clock.now())))
    except BoardsAway:
        _log.warning("boards are away")


async def forget_period(ports: Ports, period: Period) -> None:
    """Drop the boards of a period that has got another length; those of its new length are built as they are missed."""
    for family in _families([period]):
        await ports.boards.forget(family)


async def kept_families(now: datetime) -> list[Family]:
    """Every family the sorted sets hold: of what still counts, and of what begins within minutes."""
    return _families(await _periods(now))


async def parts_of(period: Period, kind: BoardSubjectKind) -> list[IdRange]:
    """The subjects of a period's boards in parts that are read at once."""
    cells = await standings.cells_between(period.starts_on, period.ends_on or date.max)
    subjects = await standings.count_subjects(kind)
    return await standings.id_ranges(kind, 1 + max(cells // CELLS_AT_ONCE, subjects // READ_AT_ONCE))


@dataclass(frozen=True, slots=True)
class Truth:
    """What the counted days say of one family: who stands everywhere as at the last midnight, and everybody else."""

    still: list[Still] = field(default_factory=list)
    moved: list[Placing] = field(default_factory=list)


async def true_boards(families: Sequence[Family], today: date, subjects: IdRange) -> dict[Family, Truth]:
    """What the counted days say of families of one period and kind of subject; `subjects` is one of `parts_of`."""
    first = families[0]
    of_metric = {family.metric.value: family for family in families}
    metrics, stretches = [family.metric for family in families], stretches_of(first.period, today)
    has_past = len(stretches) == 2
    whole = await transaction(partial(whole_boards, first.subject, metrics, stretches, subjects))
    regions = await standings.boards_of_regions()
    found = {family: Truth() for family in families}
    places: defaultdict[tuple[str, UUID, str], list[dict[str, Any]]] = defaultdict(list)
    for row in whole.placed:
        places[row["metric"], row["region_id"], row["tier"]].append(row)
    for (metric, region_id, tier), placed in places.items():
        scopes, still = _scopes_of(region_id, tier, *regions[region_id]), []
        truth = found[of_metric[metric]]
        for row in placed:
            subject_id, version, now, past = row["subject_id"], row["version"], row["now"], row["past"]
            if now == past or not has_past:
                still.append((subject_id, version, now))
            else:
                many = len(scopes)
                truth.moved.append(Placing(subject_id, version, scopes, [now] * many, [past] * many))
        if still:
            truth.still.append(Still(scopes, still))
    for row in whole.spread:
        found[of_metric[row["metric"]]].moved.append(
            Placing(row["subject_id"], row["version"], row["scopes"], row["now"], row["past"])
        )
    return found


def _scopes_of(region_id: UUID, tier: str, is_station: bool, above: Sequence[UUID]) -> list[str]:
    """The boards that whoever learns at a place stands on: everyone, the tier, the regions above, station x tier."""
    found = ["-.-", f"-.{tier}", *(f"{each}.-" for each in above)]
    return [*found, f"{region_id}.{tier}"] if is_station else found


def _families(periods: Sequence[Period]) -> list[Family]:
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
            Placed(family, placing, past_day(family.period, today), _keep_seconds(family.period, now))
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
    if kind is BoardSubjectKind.REGION:
        return [
            (
                Family(BoardMetric(row["metric"]), period, kind),
                Placing(row["subject_id"], versions[row["subject_id"]], row["scopes"], row["now"], row["past"]),
            )
            for period in periods
            for row in await region_scores(subject_ids, list(rows.SOURCES), stretches_of(period, today))
        ]
    asked = [stretch for number, period in enumerate(periods) for stretch in stretches_of(period, today, number)]
    return [
        (
            Family(BoardMetric(row["metric"]), periods[row["period"]], kind),
            Placing(row["subject_id"], versions[row["subject_id"]], row["scopes"], row["now"], row["past"]),
        )
        for row in await standings.subject_scores(kind, subject_ids, list(rows.SOURCES), asked)
    ]


async def _rebuild(ports: Ports, families: Sequence[Family]) -> bool:
    """Families of one period and kind of subject, which are read together."""
    today, tries = day_of(ports.clock.now()), 0
    while True:
        try:
            builds = {family: await ports.boards.begin(family) for family in families}
            filled = await _fill(ports, builds, today)
        except BoardsBehind as behind:
            today = behind.day
            continue
        except BoardsAway:  # a moment's weakness must not undo the rest of a long rebuild
            tries += 1
            if tries == REBUILD_TRIES:
                raise
            continue
        keep_seconds = _keep_seconds(families[0].period, ports.clock.now())
        shown = [filled and await ports.boards.finish(family, build, keep_seconds) for family, build in builds.items()]
        return all(shown)


async def _fill(ports: Ports, builds: Mapping[Family, str], today: date) -> bool:
    families = list(builds)
    period = families[0].period
    day, keep_seconds = past_day(period, today), _keep_seconds(period, ports.clock.now())
    for subjects in await parts_of(period, families[0].subject):
        found = await true_boards(families, today, subjects)
        for family, build in builds.items():
            for groups in _batches(found[family].still):
                if not await ports.boards.fill_still(family, build, groups, day, keep_seconds):
                    return False
            moved = found[family].moved
            for start in range(0, len(moved), PLACINGS_AT_ONCE):
                some = moved[start : start + PLACINGS_AT_ONCE]
                if not await ports.boards.fill(family, build, some, day, keep_seconds):
                    return False
    return True


def _batches(groups: Sequence[Still]) -> Iterator[list[Still]]:
    """The groups in loads of about `STILL_AT_ONCE` subjects; large groups are cut."""
    load: list[Still] = []
    size = 0
    for group in groups:
        for start in range(0, len(group.subjects), STILL_AT_ONCE):
            some = group.subjects[start : start + STILL_AT_ONCE]
            load.append(Still(group.scopes, some))
            size += len(some)
            if size >= STILL_AT_ONCE:
                yield load
                load, size = [], 0
    if load:
        yield load


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


def _keep_seconds(period: Period, now: datetime) -> int | None:
    return int((period.closes_at + KEPT_ON - now).total_seconds()) if period.closes_at is not None else None
