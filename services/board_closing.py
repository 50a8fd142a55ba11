"""Closing periods: the snapshot that answers for them from then on, and their prizes."""

from functools import partial

import structlog

from gamification.periods import Period, counting, due_to_close
from kit.db import transaction
from kit.ids import new_id
from kit.tasks import some_at_once
from kit.words import BoardPeriod, BoardPhase
from models import boards as rows
from services.board_prizes import give_prizes
from services.ports import Ports
from services.seasons import named_seasons

CLOSERS = 2
"""A period is one statement, and one core of PostgreSQL's, from its days to its checksum."""
_log = structlog.get_logger("boards")


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
