"""The audit of learning: from the events alone, what was credited, completed and begun; compared with what is kept."""

from uuid import UUID

from kit.crew import Crew
from models.records import learner_marks, next_learners, records_of, stray_events
from services.ledger_checks import Difference
from services.records_checks import verify_record
from services.records_glance import record_in_order
from services.verifying import ALONE, MEMBERS_AT_ONCE, Part, Tell, Verified, verified, verify_stretches


async def progress_verify(progress: Tell | None = None, crew: Crew = ALONE) -> list[Difference]:
    """Work out all learning anew from the accepted events; every difference, by member. Changes nothing, stops nobody.

    Compared are the seconds of every event and lesson, what is pending, completions with their times, enrolments, the
    rows behind the boards' metrics, and the facts that points are paid for. `progress` is told (members done, members
    in all); each stretch of members is read in one snapshot. Whoever is in the `crew` verifies; the order is the same.
    """
    strays = [
        Difference(row["member_id"], f"progress of lesson {row['lesson_id']}", None, f"{row['events']} events")
        for row in await stray_events()
    ]
    return strays + await verified(crew, _verify_part, await learner_marks(MEMBERS_AT_ONCE), progress)


async def _verify_part(part: Part) -> Verified:
    return await verify_stretches(part, next_learners, _verify)


async def _verify(member_ids: list[UUID]) -> list[Difference]:
    found = await records_of(member_ids)
    return [difference for record in found if not record_in_order(record) for difference in verify_record(record)]
