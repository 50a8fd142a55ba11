"""Closing periods, and verifying that the boards say what the rows behind them say."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

import structlog

from gamification.boards import BoardsAway
from gamification.periods import Period, counting, due_to_close, period_of
from gamification.standings import Family
from kit.clock import day_of
from kit.db import transaction
from kit.ids import new_id
from kit.tasks import some_at_once
from kit.words import BoardPeriod, BoardPhase, BoardSubjectKind
from models import boards as rows
from services.board_prizes import give_prizes, prize_differences
from services.board_projection import Truth, kept_families, parts_of, true_boards
from services.ports import Ports
from services.seasons import named_seasons

CLOSERS = 2
"""A period is one statement, and one core of PostgreSQL's, from its days to its checksum."""
LOOKS = 4
NEXT_LOOK_SECONDS = 1.5
MOST_DIFFERENCES = 100

_log = structlog.get_logger("boards")


@dataclass(frozen=True, slots=True)
class Difference:
    """`shown` is what `where` says, `true` what the rows behind it say."""

    where: str
    subject_id: UUID | None
    shown: str
    true: str


async def close_periods(ports: Ports) -> int:
    """A tick: note what has ended, take the snapshot of all whose grace is over, however long ago, and give the prizes.

    How many were closed. What another tick did not finish is finished.

    Ten processes at once close a period once: its row is locked, and looked at again under the lock.
    """
    now = ports.clock.now()
    counted = [day for day in await rows.first_days(list(rows.SOURCES)) if day is not None]
    if not counted:
        return 0
    closed, seasons = await rows.frozen_starts(), await named_seasons()
    due = [
        period
        for kind in BoardPeriod
        if kind is not BoardPeriod.ALL_TIME
        for period in due_to_close(kind, min(counted), now, seasons)
        if (kind, period.starts_on) not in closed
    ]
    ended = [period for period in counting(now, seasons) if period.phase_by_clock(now) is BoardPhase.GRACE]
    for period in ended:
        await transaction(partial(_notice, period))
    closing = [partial(transaction, partial(_close, ports, period)) for period in due]
    taken = sum(await some_at_once(CLOSERS, closing))
    if taken:
        _log.info("periods closed", count=taken)
    await give_prizes(ports)
    return taken


async def verify_boards(ports: Ports) -> list[Difference]:
    """Recompute every board from the rows behind its metric and name every difference, at most `MOST_DIFFERENCES`.

    Counted days against the rows behind them; every board that is kept against the counted days; every snapshot
    against its checksum and its dates; every prize against its snapshot. A board that differs is looked at again:
    learning goes on meanwhile.
    """
    found = [
        Difference(
            f"metric_days {row['metric']} {row['day']}",
            row["member_id"],
            f"{row['kept']} at {row['kept_reached_at']}",
            f"{row['found']} at {row['found_reached_at']}",
        )
        for row in await rows.days_that_differ(MOST_DIFFERENCES)
    ]
    found += [
        Difference(f"snapshot {row.period.value}.{row.starts_on}", None, row.checksum or "", "another checksum")
        for row in await rows.snapshots_that_differ()
    ]
    found += [
        Difference(f"period {row.period.value}.{row.starts_on}", None, f"until {row.ends_on}", f"until {true}")
        for row, true in await _periods_that_differ()
    ]
    found += [
        Difference(f"prizes {board}", member_id, won, true) for board, member_id, won, true in await prize_differences()
    ]
    found += await _board_differences(ports)
    return found[:MOST_DIFFERENCES]


async def _periods_that_differ() -> list[tuple[rows.BoardPeriodRow, date | None]]:
    """Periods that have ended under other dates than the calendar has, with its own end."""
    seasons = await named_seasons()
    noticed = [(row, period_of(row.period, row.starts_on, seasons)) for row in await rows.BoardPeriodRow.all()]
    return [
        (row, true.ends_on) for row, true in noticed if (true.starts_on, true.ends_on) != (row.starts_on, row.ends_on)
    ]


async def _notice(period: Period) -> None:
    assert period.ends_on is not None
    await rows.noticed_period(new_id(), period.kind, period.starts_on, period.ends_on)


async def _close(ports: Ports, period: Period) -> bool:
    assert period.ends_on is not None
    row = await rows.noticed_period(new_id(), period.kind, period.starts_on, period.ends_on)
    if row.phase is not BoardPhase.GRACE:
        return False
    await rows.freeze(row, ports.clock.now())
    return True


async def _board_differences(ports: Ports) -> list[Difference]:
    suspects = await kept_families(ports.clock.now())
    found: list[Difference] = []
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(NEXT_LOOK_SECONDS)
        sisters: dict[tuple[Period, BoardSubjectKind], list[Family]] = {}
        for family in suspects:
            sisters.setdefault((family.period, family.subject), []).append(family)
        suspects, found = [], []
        for together in sisters.values():
            for family, differences in (await _differences(ports, together)).items():
                if differences:
                    suspects.append(family)
                    found += differences
        if not suspects:
            return []
    return found


async def _differences(ports: Ports, families: Sequence[Family]) -> dict[Family, list[Difference]]:
    """Of families of one period and kind of subject, which are read together."""
    true: dict[Family, dict[str, dict[bytes, int]]] = {family: {} for family in families}
    for subjects in await parts_of(families[0].period, families[0].subject):
        for family, truth in (await true_boards(families, day_of(ports.clock.now()), subjects)).items():
            _add_truth(true[family], truth)
    found = {}
    for family, scores in true.items():
        try:
            found[family] = _compared(family, await ports.boards.everything(family), scores)
        except BoardsAway:
            found[family] = [Difference(str(family), None, "away", "there")]
    return found


def _add_truth(boards: dict[str, dict[bytes, int]], truth: Truth) -> None:
    for group in truth.still:
        scores = {str(subject_id).encode(): score for subject_id, _, score in group.subjects}
        for scope in group.scopes:
            boards.setdefault(scope, {}).update(scores)
    for placing in truth.moved:
        for scope, score in zip(placing.scopes, placing.now, strict=True):
            if score:
                boards.setdefault(scope, {})[str(placing.subject_id).encode()] = score


def _compared(
    family: Family, shown: Mapping[str, Mapping[bytes, int]], true: Mapping[str, Mapping[bytes, int]]
) -> list[Difference]:
    found = []
    for scope in sorted(shown.keys() | true.keys()):
        kept, right = shown.get(scope, {}), true.get(scope, {})
        if kept == right:
            continue
        found += [
            Difference(f"{family}.{scope}", UUID(subject.decode()), str(kept.get(subject)), str(right.get(subject)))
            for subject in sorted(kept.keys() | right.keys())
            if kept.get(subject) != right.get(subject)
        ]
    return found
