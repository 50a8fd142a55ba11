"""Building boards anew from the counted days: a family that is missing, or everything.

A rebuild begins a generation beside the one that is shown, which projections reach as well, and only then looks at the
counted days: all of it at one moment, each subject together with its last version. So nothing is lost and nobody waits.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

import structlog

from gamification.boards import BoardsAway, BoardsBehind, Composed, Placing, Settled
from gamification.periods import Period
from gamification.standings import Family
from kit.clock import day_of
from kit.db import side_transaction
from kit.tasks import beside, end
from kit.words import BoardSubjectKind
from models import boards as rows
from models import standings
from models.standing_sums import Everybody
from models.standings import IdRange
from services.board_projection import families_of, keep_seconds_of, kept_families
from services.boards import past_day, stretches_of_all
from services.ports import Ports

PLACINGS_AT_ONCE = 100
SETTLED_AT_ONCE = 500
COMPOSED_AT_ONCE = 10_000
"""Lines of boards that Valkey makes in one go, in which nobody else is answered; a larger board is one by itself."""
TRIES, TRY_AGAIN_SECONDS = 3, 0.5
KEEP_SECONDS = 60.0
"""How often a builder says that it still builds, of the `BUILDING_SECONDS` after which it is given up."""
READ_AT_ONCE = 8_000
"""How many subjects one statement reads. What it gives keeps this process busy for a moment."""
FILLERS = 3
"""Valkey takes in one family while this process writes down the next."""


class Standing(Enum):
    """Whom a part is of: who learned at one place, by regions, who did so at several, by their own ids, or regions."""

    SETTLED = auto()
    MOVED = auto()
    REGIONS = auto()


T = TypeVar("T")
Part = tuple[BoardSubjectKind, Standing, IdRange]
Tree = Mapping[UUID, tuple[bool, UUID | None]]

_log = structlog.get_logger("boards")


@dataclass(frozen=True, slots=True)
class Truth:
    """What the counted days say of one family: who learned at one place, and who differs from board to board."""

    settled: list[Settled] = field(default_factory=list)
    spread: list[Placing] = field(default_factory=list)


async def rebuild(ports: Ports, built: Callable[[int, int], None] | None = None) -> bool:
    """Build every board anew beside what is shown; learning goes on. `built` hears (families done, families in all).

    Where Valkey was restarted meanwhile, or the region tree has changed, all of it is done again, twice at most. False
    if somebody else has begun to build some of them meanwhile, and will show them.
    """
    mark = await _mark(ports)
    for _ in range(TRIES):
        shown = await rebuild_families(ports, await kept_families(ports.clock.now()), built)
        began_at, mark = mark, await _mark(ports)
        if mark == began_at:
            break
    if shown:
        await ports.boards.trust(began_at)
    return shown


async def rebuild_families(
    ports: Ports, families: Sequence[Family], built: Callable[[int, int], None] | None = None
) -> bool:
    """False if somebody else has begun to build some of them meanwhile, and will show them."""
    today = day_of(ports.clock.now())
    while families:
        try:
            return await _rebuild(ports, families, today, built)
        except BoardsBehind as behind:
            today = behind.day
    return True


async def check_boards(ports: Ports) -> None:
    """A tick: build what is missing, and everything if Valkey was restarted or the region tree has changed."""
    try:
        if not await ports.boards.trusted(await _mark(ports)):
            _log.info("boards are rebuilt")
            await rebuild(ports)
            return
        kept = await kept_families(ports.clock.now())
        await ports.boards.give_up(kept)
        await rebuild_families(ports, await ports.boards.missing(kept))
    except BoardsAway as away:
        _log.warning("boards are away", error=str(away.__cause__ or ""))


async def _mark(ports: Ports) -> bytes:
    """What boards stand for: the region tree, and this run of Valkey."""
    return await ports.boards.mark(await rows.region_tree_digest())


async def forget_period(ports: Ports, period: Period) -> None:
    """Drop the boards of a period that has got another length; those of its new length are built as they are missed."""
    for family in families_of([period]):
        await ports.boards.forget(family)


async def parts_of(families: Sequence[Family]) -> list[Part]:
    """The subjects of these families in parts that are read at once."""
    found: list[Part] = []
    for kind in dict.fromkeys(family.subject for family in families):
        if kind is BoardSubjectKind.REGION:
            found.append((kind, Standing.REGIONS, standings.EVERY_ID))
            continue
        many = 1 + await standings.count_subjects(kind) // READ_AT_ONCE
        regions = await standings.id_ranges(BoardSubjectKind.REGION, many)
        found += [(kind, Standing.SETTLED, each) for each in regions]
        found += [(kind, Standing.MOVED, each) for each in await standings.id_ranges(kind, many)]
    return found


async def true_boards(
    families: Sequence[Family], today: date, parts: Sequence[Part]
) -> AsyncGenerator[dict[Family, Truth]]:
    """What the counted days say of these families at one moment, part by part.

    The next part is read while the caller is busy with the one before.
    """
    periods = list(dict.fromkeys(family.period for family in families))
    metrics = list(dict.fromkeys(family.metric for family in families))
    wanted = {(family.metric.value, periods.index(family.period), family.subject): family for family in families}
    stretches = stretches_of_all(periods, today)
    with_past = [past_day(period, today) is not None for period in periods]
    async with side_transaction(snapshot=True, scratch=True) as side:
        tree = await standings.region_tree(side.rows)
        everybody = await Everybody(side.rows, stretches).added_up()

        async def read(kind: BoardSubjectKind, of: Standing, ids: IdRange) -> list[dict[str, Any]]:
            if of is Standing.SETTLED:
                return await everybody.placed(kind, metrics, ids)
            return await (everybody.moved(kind, metrics, ids) if of is Standing.MOVED else everybody.regions(metrics))

        coming = asyncio.create_task(read(*parts[0]))
        try:
            for (kind, of, _), following in zip(parts, [*parts[1:], None], strict=True):
                rows_read = await coming
                if following is not None:
                    coming = asyncio.create_task(read(*following))
                found = {family: Truth() for family in families if family.subject is kind}
                if of is Standing.SETTLED:
                    for (metric, region_id, tier), those in _by_place(rows_read).items():
                        place, scopes = f"{region_id}.{tier}", _scopes_of(region_id, tier, tree)
                        for number, has_past in enumerate(with_past):
                            if (family := wanted.get((metric, number, kind))) is not None:
                                found[family].settled.extend(_settled(place, scopes, those, number, has_past=has_past))
                else:
                    for row in rows_read:
                        if (family := wanted.get((row["metric"], row["period"], kind))) is not None:
                            found[family].spread.append(
                                Placing(row["subject_id"], row["version"], row["scopes"], row["now"], row["past"])
                            )
                yield found
        finally:
            await end(coming)


def _by_place(placed: Sequence[dict[str, Any]]) -> dict[tuple[str, UUID, str], list[dict[str, Any]]]:
    found: defaultdict[tuple[str, UUID, str], list[dict[str, Any]]] = defaultdict(list)
    for row in placed:
        found[row["metric"], row["region_id"], row["tier"]].append(row)
    return found


def _settled(
    place: str, scopes: Sequence[str], those: Sequence[dict[str, Any]], number: int, *, has_past: bool
) -> Iterator[Settled]:
    """Those who learned at one place, in the period of this number."""
    there = [each for each in those if each["now"][number] or each["past"][number]]
    if there:
        now, past = [each["now"][number] for each in there], [each["past"][number] for each in there]
        subjects, versions = [each["subject"] for each in there], [each["version"] for each in there]
        yield Settled(place, scopes, subjects, versions, now, past if has_past and past != now else None)


def _scopes_of(region_id: UUID, tier: str, tree: Tree) -> list[str]:
    """The boards of whoever learns at a place: station x tier, the regions from it up, the tier, everyone."""
    above: UUID | None = region_id
    found = [f"{region_id}.{tier}"] if tree[region_id][0] else []
    while above is not None:
        found.append(f"{above}.-")
        above = tree[above][1]
    return [*found, f"-.{tier}", "-.-"]


def composition(places: Mapping[str, Sequence[str]]) -> list[Composed]:
    """The boards of everybody who learned at these places (place -> its scopes), each after those below it.

    The board of a region is made of those of the regions below it and of who learned right there, and so on up to that
    of everyone; the boards of tiers are made of places.
    """
    at: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, dict[str, None]] = defaultdict(dict)
    levels: dict[str, int] = {}
    for place, scopes in sorted(places.items()):
        way_up = [scope for scope in scopes if scope.endswith(".-")]
        for scope in (way_up[0], *(each for each in scopes if not each.endswith(".-"))):
            at[scope].append(place)
        for lower, upper in pairwise(way_up):
            below[upper][lower] = None
        levels |= {scope: level for level, scope in enumerate(reversed(way_up))}
    ordered = sorted(at.keys() | below.keys(), key=lambda scope: (-levels.get(scope, 0), scope))
    return [Composed(scope, at.get(scope, ()), list(below.get(scope, ()))) for scope in ordered]


@dataclass(slots=True)
class _Family:
    """A family that is being built: under which name, who differs from board to board, and whether it is still ours.

    What is done to it is done in turn, in the order handed over.
    """

    build: str
    spread: list[Placing] = field(default_factory=list)
    ours: bool = True
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


async def _rebuild(
    ports: Ports, families: Sequence[Family], today: date, built: Callable[[int, int], None] | None
) -> bool:
    parts = await parts_of(families)
    building = {family: _Family(await _patiently(partial(ports.boards.begin, family))) for family in families}
    places: defaultdict[BoardSubjectKind, dict[str, Sequence[str]]] = defaultdict(dict)
    sizes: defaultdict[BoardSubjectKind, dict[str, int]] = defaultdict(dict)
    shown: list[bool] = []

    async def show(family: Family) -> None:
        loads = composed_at_once(composition(places[family.subject]), sizes[family.subject])
        shown.append(await _show(ports, family, building[family], loads, today))
        if built is not None:
            built(len(shown), len(families))

    async with (
        _kept(ports, building),
        aclosing(true_boards(families, today, parts)) as truths,
        beside(FILLERS) as hand,
    ):
        for number, (kind, *_) in enumerate(parts, start=1):
            for family, truth in (await anext(truths)).items():
                building[family].spread += truth.spread
                for group in truth.settled:
                    places[kind][group.place] = group.scopes
                    sizes[kind][group.place] = max(sizes[kind].get(group.place, 0), len(group.subjects))
                await hand(partial(_fill, ports, family, building[family], truth.settled))
            if kind not in {later for later, *_ in parts[number:]}:
                for family in building:
                    if family.subject is kind:
                        await hand(partial(show, family))
    return all(shown)


@asynccontextmanager
async def _kept(ports: Ports, building: Mapping[Family, _Family]) -> AsyncIterator[None]:
    """Within, nothing of what is being built is forgotten, however long a slow machine takes."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            for family, mine in building.items():
                with suppress(BoardsAway):  # there are many more times before it is forgotten
                    await ports.boards.keep(family, mine.build)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        await end(keeping)


async def _fill(ports: Ports, family: Family, mine: _Family, settled: Sequence[Settled]) -> None:
    async with mine.turn:
        for groups in _batches(settled):
            mine.ours = mine.ours and await _patiently(partial(ports.boards.fill, family, mine.build, groups))


async def _show(ports: Ports, family: Family, mine: _Family, loads: Iterable[Sequence[Composed]], today: date) -> bool:
    """Whether this family is shown as we have built it."""
    boards, build = ports.boards, mine.build
    day, keep_seconds = past_day(family.period, today), keep_seconds_of(family.period, ports.clock.now())
    async with mine.turn:
        for some in loads:
            compose = partial(boards.compose, family, build, some, day, keep_seconds)
            mine.ours = mine.ours and await _patiently(compose)
        for start in range(0, len(mine.spread), PLACINGS_AT_ONCE):
            placings = mine.spread[start : start + PLACINGS_AT_ONCE]
            fill = partial(boards.fill_placings, family, build, placings, day, keep_seconds)
            mine.ours = mine.ours and await _patiently(fill)
        return mine.ours and await _patiently(partial(boards.finish, family, build, keep_seconds))


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """A moment's weakness must not undo the rest of a long rebuild; to take a step twice is to take it once."""
    for _ in range(TRIES - 1):
        try:
            return await step()
        except BoardsAway:
            await asyncio.sleep(TRY_AGAIN_SECONDS)
    return await step()


def _batches(groups: Sequence[Settled]) -> Iterator[list[Settled]]:
    """The groups in loads of about `SETTLED_AT_ONCE` subjects."""
    load: list[Settled] = []
    size = 0
    for group in groups:
        load.append(group)
        size += len(group.subjects)
        if size >= SETTLED_AT_ONCE:
            yield load
            load, size = [], 0
    if load:
        yield load


def composed_at_once(boards: Sequence[Composed], sizes: Mapping[str, int]) -> Iterator[list[Composed]]:
    """The boards in loads of about `COMPOSED_AT_ONCE` lines. `sizes`: place -> how many learn there at most."""
    lines: dict[str, int] = {}
    load: list[Composed] = []
    size = 0
    for board in boards:
        lines[board.scope] = sum(sizes[place] for place in board.places) + sum(lines[scope] for scope in board.below)
        if load and size + lines[board.scope] > COMPOSED_AT_ONCE:
            yield load
            load, size = [], 0
        load.append(board)
        size += lines[board.scope]
    if load:
        yield load
