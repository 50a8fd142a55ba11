"""The totals of the regions' days: told of by whoever changes what they count, counted anew by a tick."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from kit.db import transaction
from kit.tasks import some_at_once
from models import assignment_counts, day_totals
from services.outbox import announce
from services.ports import Ports

TOPIC = "days"
DAYS_AT_ONCE = 200
COUNTERS = 2
"""Each holds marks of its own; a load is one core of PostgreSQL's."""
COURSES_AT_ONCE = 10
LOOK_AGAIN = timedelta(minutes=10)
"""People start, leave and move, and shops get another tier: that is followed within this time."""
LONGEST_DAYS = 400
"""The longest time an overview is about."""


async def announce_days(touched: Iterable[tuple[UUID, UUID | None, date]]) -> None:
    """Say in the transaction that changes it that something which day totals count changed, as (member, region held
    then, Shanghai day). Who stood nowhere is counted nowhere."""
    told: dict[UUID, list[tuple[str, str]]] = {}
    for member_id, region_id, day in sorted({each for each in touched if each[1] is not None}, key=str):
        told.setdefault(member_id, []).append((str(region_id), day.isoformat()))
    for member_id, days in told.items():
        await announce(TOPIC, str(member_id), {"days": days})


async def mark_announced(told: Iterable[tuple[UUID, Iterable[tuple[str, str]]]]) -> None:
    """Mark what was announced: (member, its `days`)."""
    triples = sorted(
        {(member_id, UUID(region), date.fromisoformat(day)) for member_id, days in told for region, day in days}
    )
    if triples:
        member_ids, region_ids, days = zip(*triples, strict=True)
        await day_totals.mark_days(member_ids, region_ids, days)


async def count_days(ports: Ports, counted: Callable[[int], None] | None = None) -> None:
    """A tick: count the marked days anew. `counted` hears how many more are done."""
    while done := await transaction(partial(day_totals.count_marked_days, DAYS_AT_ONCE)):
        if counted is not None:
            counted(done)


async def count_everything(ports: Ports) -> None:
    """Fill all totals from the rows behind them; for whoever wrote those in bulk, past the outbox."""
    await transaction(day_totals.mark_every_day)
    await some_at_once(COUNTERS, [partial(count_days, ports)] * COUNTERS)
    await count_assignments(ports)


async def count_assignments(ports: Ports) -> None:
    """A tick: count anew what people were asked to learn, where that changed or was looked at a while ago."""
    now = ports.clock.now()
    await assignment_counts.note_assigned_courses()
    while course_ids := await assignment_counts.courses_to_count(
        now - LOOK_AGAIN, now - timedelta(days=LONGEST_DAYS), COURSES_AT_ONCE
    ):
        for course_id in course_ids:
            await transaction(partial(assignment_counts.count_assigned_course, course_id, now))
        if len(course_ids) < COURSES_AT_ONCE:
            return


async def learners_changed(course_ids: Sequence[UUID]) -> None:
    """Have the totals of these courses counted anew, where they were assigned."""
    await assignment_counts.learners_changed(course_ids)
