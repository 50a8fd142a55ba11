"""Series of live lessons: their lessons made by the rule, ninety days ahead, and rolled on as time passes.

docs/adr/ says how a series, its lessons and their own edits go together.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from auth.permissions import may_host
from kit.db import require_transaction, transaction
from kit.ids import new_id
from kit.words import LiveStatus
from models.accounts import active_grants
from models.live import LiveLesson, LiveSeries, LiveStep, busy_times, locked_host, locked_series, series_to_roll
from models.live_lists import series_by_ids
from services.live_news import lesson_planned
from services.live_recurrence import read_recurrence
from services.ports import Ports

AHEAD = timedelta(days=90)
"""How far ahead the lessons of a series are there."""
ROLLED_EVERY = timedelta(days=1)
DOORS_BEFORE = timedelta(minutes=15)
"""How long before the start the doors open; they close with the planned end."""

COPIED = (
    "title", "description", "cover_media_id", "host_id", "module_id", "course_id", "region_id", "audience_tiers",
    "capacity", "min_percent", "min_seconds", "points", "replay_points", "check_ins_required",
)  # fmt: skip
"""What a new lesson takes over from its series."""

_log = structlog.get_logger("live")


async def make_lessons(
    ports: Ports,
    series: LiveSeries,
    moments: Sequence[datetime],
    *,
    is_host_fit: bool = True,
    by: UUID | None = None,
    cause: str,
) -> list[LiveLesson]:
    """The lessons of a series for these moments of its rule, in their order.

    The caller holds the host and the row of the series. Where the host has another lesson then, or may host no longer,
    a draft waits for an admin to find somebody.
    """
    require_transaction()
    now, spans = ports.clock.now(), [span_of(series, moment) for moment in moments]
    busy = await busy_times(series.host_id, spans)
    lessons = [
        LiveLesson(
            id=new_id(),
            series_id=series.id,
            occurs_at=moment,
            status=LiveStatus.SCHEDULED if is_host_fit and span not in busy else LiveStatus.DRAFT,
            starts_at=span[0],
            ends_at=span[1],
            doors_open_at=span[0] - DOORS_BEFORE,
            doors_close_at=span[1],
            created_at=now,
            **{column: getattr(series, column) for column in COPIED},
        )
        for moment, span in zip(moments, spans, strict=True)
    ]
    await LiveLesson.bulk_create(lessons)
    await LiveStep.bulk_create(
        LiveStep(lesson_id=each.id, status=each.status, at=now, by=by, cause=cause) for each in lessons
    )
    for lesson in lessons:
        if lesson.status is LiveStatus.SCHEDULED:
            await lesson_planned(ports, lesson)
    return lessons


def span_of(series: LiveSeries, moment: datetime) -> tuple[datetime, datetime]:
    """From when to when the lesson is planned that the rule has at `moment`."""
    starts_at = moment + timedelta(seconds=series.shift_seconds)
    return starts_at, starts_at + timedelta(seconds=series.duration_seconds)


async def roll_live_series(ports: Ports) -> None:
    """A tick: make the lessons that have come within reach, of each series in a transaction of its own."""
    for series_id in await series_to_roll(ports.clock.now() + AHEAD - ROLLED_EVERY):
        try:
            await _roll(ports, series_id)
        except Exception as error:  # one series in trouble must not stop the others
            _log.warning("series not rolled", series=str(series_id), error=type(error).__name__, exc_info=True)


async def _roll(ports: Ports, series_id: UUID) -> None:
    async def work() -> None:
        [seen] = await series_by_ids([series_id])
        assert seen is not None, "series are never deleted"
        host = await locked_host(seen.host_id)
        [grants] = await active_grants([seen.host_id])
        series = await locked_series(series_id)
        if series.host_id != seen.host_id:
            return  # changed in this moment; the next tick finds it
        until = ports.clock.now() + AHEAD
        if until <= series.made_until:
            return
        recurrence = read_recurrence(series.recurrence, series.starts_at)
        moments = recurrence.moments(series.made_until, until)
        if series.ends_before is not None:
            moments = [each for each in moments if each < series.ends_before]
        is_host_fit = host is not None and host.suspended_at is None and may_host(each.role for each in grants)
        await make_lessons(ports, series, moments, is_host_fit=is_host_fit, cause="made by the rule of its series")
        series.made_until = until
        if not recurrence.goes_on(until):
            series.ends_before = until if series.ends_before is None else min(until, series.ends_before)
        await series.save(update_fields=["made_until", "ends_before"])

    await transaction(work)
