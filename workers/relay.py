"""Takes what transactions announced, after their commit, to the projectors; whatever fails is tried again."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from kit.errors import DomainError, ErrorCode
from kit.metrics import counted
from kit.redis import AWAY
from kit.tracing import tracing
from models.outbox import Claim, Waiting, claim
from services.ports import Ports
from workers.projectors import PROJECTORS, Change

BATCH = 500
IDLE_SECONDS = 0.1


class Lane(NamedTuple):
    """Topics that wait for each other and for nobody else; none: all that have no lane of their own."""

    topics: tuple[str, ...]
    batch: int = BATCH
    idle_seconds: float = IDLE_SECONDS


OUTSIDE = (Lane(("sms",)), Lane(("push",), 200, 0.5), Lane(("staff",), 1, 1.0), Lane(("live-stop",), 20))
"""What waits for vendors, each on a lane of its own: one that is away holds up neither boards nor another vendor."""
LANES = (Lane(()), *OUTSIDE)

_OUTSIDE_TOPICS = tuple(topic for lane in OUTSIDE for topic in lane.topics)
_log = structlog.get_logger("relay")


async def run_relay(ports: Ports) -> None:
    """Relay for ever; ends when cancelled. Any number of processes may do so."""
    async with asyncio.TaskGroup() as group:
        for lane in LANES:
            group.create_task(_run_lane(ports, lane))


async def _run_lane(ports: Ports, lane: Lane) -> None:
    while True:
        try:
            moved = await _relay_lane(ports, lane, lane.batch)
        except DomainError as error:
            _log.warning("outbox out of reach", code=error.code.value)
            moved = 0
        except Exception:
            _log.exception("relay failed")
            moved = 0
        if not moved:  # what was moved may have announced more: outlets follow their learners
            await asyncio.sleep(lane.idle_seconds)


async def relay_once(ports: Ports, limit: int = BATCH) -> int:
    """Apply one batch of what waits on each lane; how many rows were taken up."""
    return sum([await _relay_lane(ports, lane, min(limit, lane.batch)) for lane in LANES])


async def _relay_lane(ports: Ports, lane: Lane, limit: int) -> int:
    async with claim(limit, topics=lane.topics, others_than=() if lane.topics else _OUTSIDE_TOPICS) as batch:
        for topic in dict.fromkeys(row.topic for row in batch.found):
            await _apply(ports, batch, topic, [row for row in batch.found if row.topic == topic])
        return len(batch.found)


async def drain(ports: Ports) -> None:
    """Apply everything that waits now; for the command line and the tests."""
    while await relay_once(ports):
        pass


async def _apply(ports: Ports, batch: Claim, topic: str, rows: Sequence[Waiting]) -> None:
    ids = [row.id for row in rows]
    try:
        with tracing.span(f"relay {topic}", attributes={"rows": len(ids)}):
            await PROJECTORS[topic](ports, merged(rows))
    except Exception as error:
        if isinstance(error, AWAY) or is_unavailable(error):
            _log.warning("projection waits", topic=topic, changes=len(ids), error=type(error).__name__)
            await _put_off(batch, topic, ids)
            return
        if len(rows) == 1 and isinstance(error, DomainError) and error.code is ErrorCode.THROTTLED:
            _log.warning("projection throttled", topic=topic, key=rows[0].key, tries=rows[0].tries)
            await _put_off(batch, topic, ids)
            return
        if len(rows) == 1:
            _log.exception("projection failed", topic=topic, key=rows[0].key, tries=rows[0].tries)
            await _put_off(batch, topic, ids)
            return
        for row in rows:  # one that cannot be applied must not hold up the others
            await _apply(ports, batch, topic, [row])
    else:
        await batch.settle(ids)
        counted.relayed.labels(topic).inc(len(ids))


async def _put_off(batch: Claim, topic: str, ids: Sequence[int]) -> None:
    counted.relay_failures.labels(topic).inc(len(ids))
    await batch.postpone(ids)


def is_unavailable(error: Exception) -> bool:
    return isinstance(error, DomainError) and error.code is ErrorCode.UNAVAILABLE


def merged(rows: Sequence[Waiting]) -> list[Change]:
    """One change for each key, payloads in the order they were written."""
    keys = dict.fromkeys(row.key for row in rows)
    return [Change(key, tuple(row.payload for row in rows if row.key == key and row.payload)) for key in keys]
