"""Suspicious learning: looked for once a day is over, shown to admins, judged by them and by nobody else."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from auth.actor import Actor
from auth.permissions import may_judge, reach_over_people, within
from gamification.periods import DAY, GRACE
from gamification.suspicions import OF_LEARNING, Finding, Watched, findings_among, findings_of_member, telling
from kit.clock import day_of, day_start
from kit.db import transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.ids import new_id
from kit.paging import Ask, Page
from kit.words import SuspicionState, Verdict
from models import suspicions
from models.audit import Details
from models.ledger import awards_on, locked_account
from models.outlets import regions_by_ids
from models.points import PointAccountRow
from models.suspicions import NewSuspicion, Suspicion
from services.audit import record
from services.corrections import reverse_award
from services.offers import path_of
from services.ports import Ports

FIRST_LOOK = timedelta(hours=2)
"""After the end of a day; its last phones have reported by then."""
LOOK_BACK = timedelta(days=30)
"""What is older is not looked at any more: nobody could say how it was."""
DAYS_AT_ONCE = 8
"""How many days a tick looks at; after a long time away the rest follow in its next turns."""

REASON = "{day} 的学习记录经核实不是真实学习"
"""What the member reads beside the points that were taken back."""

STATE_OF = {Verdict.CLEAR: SuspicionState.CLEARED, Verdict.CONFIRM: SuspicionState.CONFIRMED}

_log = structlog.get_logger("suspicions")


async def look_for_suspicions(ports: Ports) -> int:
    """A tick: look at each day that is over, and once more when nothing late can come for it; how many findings are
    new. Looking again finds the same, so a look that was cut short is taken anew."""
    now = ports.clock.now()
    new = 0
    for day, final in await _days_due(now):
        found = await _findings_on(day)
        new += await transaction(partial(_keep, day, found, now, final=final))
    if new:
        _log.info("suspicious learning found", count=new)
    return new


async def judge_suspicion(
    ports: Ports, actor: Actor, suspicion_id: UUID, verdict: Verdict, *, reverse: bool = False
) -> Suspicion:
    """Clear or confirm; with `reverse`, now or later, what the learning of that day has earned is taken back too.

    The same again changes nothing. STATE_FORBIDS for another verdict than the one there is; BAD_USER_INPUT for taking
    back what is cleared.
    """
    if reverse and verdict is not Verdict.CONFIRM:
        raise bad_input("reverse")

    async def work() -> Suspicion:
        before = await Suspicion.get_or_none(id=suspicion_id)
        path = await path_of(before.region_id) if before is not None else ""
        if before is None or not within(path, reach_over_people(actor)):
            raise not_found("id")
        if not may_judge(actor, before.member_id, path):
            raise DomainError(ErrorCode.FORBIDDEN)
        account = await locked_account(before.member_id)
        suspicion = await suspicions.locked_suspicion(suspicion_id)
        assert suspicion is not None, "suspicions are never deleted"
        if suspicion.state not in (SuspicionState.OPEN, STATE_OF[verdict]):
            raise DomainError(ErrorCode.STATE_FORBIDS, field=["verdict"])
        if reverse:
            await _take_back(ports, actor, account, suspicion)
        if suspicion.state is not SuspicionState.OPEN:
            return suspicion
        suspicion.state = STATE_OF[verdict]
        suspicion.judged_at, suspicion.judged_by = ports.clock.now(), actor.member_id
        await suspicion.save(update_fields=["state", "judged_at", "judged_by"], force_update=True)
        details: Details = {"kind": suspicion.kind.value, "day": suspicion.day.isoformat(), "verdict": verdict.value}
        await record(ports, actor, "suspicion.judged", "Suspicion", suspicion_id, details, region_path=path or None)
        return suspicion

    return await transaction(work)


async def visible_suspicions(actor: Actor, ids: Sequence[UUID]) -> list[Suspicion | None]:
    """The suspicions of these ids from the regions the actor administers or audits, in their order."""
    found = await suspicions.suspicions_by_ids(ids)
    tops = reach_over_people(actor)
    regions = await regions_by_ids([each.region_id for each in found if each and each.region_id])
    paths = {None: ""} | {region.id: region.path for region in regions if region}
    return [each if each and within(paths[each.region_id], tops) else None for each in found]


async def list_suspicions(actor: Actor, state: SuspicionState | None, ask: Ask) -> Page[Suspicion]:
    """Those from the regions the actor administers or audits, the newest first."""
    return await suspicions.suspicions_page(reach_over_people(actor), state, ask)


async def count_listed_suspicions(actor: Actor, state: SuspicionState | None) -> int:
    return await suspicions.count_suspicions(reach_over_people(actor), state)


async def _days_due(now: datetime) -> list[tuple[date, bool]]:
    """The days to be looked at now, the newest first, each with whether this look is the last."""
    day = day_of(now - FIRST_LOOK) - DAY
    oldest = day - LOOK_BACK
    looks = await suspicions.looks_since(oldest)
    due: list[tuple[date, bool]] = []
    while day >= oldest and len(due) < DAYS_AT_ONCE:
        final = now >= day_start(day + DAY) + GRACE
        if day not in looks or (final and not looks[day]):
            due.append((day, final))
        day -= DAY
    return due


async def _findings_on(day: date) -> list[NewSuspicion]:
    """Everything the detectors find in a day. One member's events are in memory at a time, and of everybody's those
    that can show something together."""
    found: list[Finding] = []
    regions: dict[UUID, UUID | None] = {}
    shared: list[Watched] = []
    own: list[Watched] = []

    def look_at_own() -> None:
        if own:
            found.extend(findings_of_member(day, own))
            shared.extend(telling(own))
            own.clear()

    async for row in suspicions.learned_between(day_start(day), day_start(day + DAY)):
        if own and own[0].member_id != row.member_id:
            look_at_own()
        own.append(Watched(row.member_id, row.lesson_id, row.occurred_at, row.spans, row.device_id))
        regions[row.member_id] = row.region_id
    look_at_own()
    found += findings_among(day, shared)
    return [
        NewSuspicion(
            new_id(), each.member_id, regions[each.member_id], each.kind, each.key, each.day, dict(each.evidence)
        )
        for each in found
    ]


async def _take_back(ports: Ports, actor: Actor, account: PointAccountRow, suspicion: Suspicion) -> None:
    """Undo every award for learning on that day that still stands, each by a correction of its own."""
    reason = REASON.format(day=suspicion.day)
    for award in await awards_on(suspicion.member_id, [suspicion.day], OF_LEARNING, []):
        if award.day == suspicion.day and not award.reversed:
            await reverse_award(ports, actor, account, award.entry_id, reason, new_id())


async def _keep(day: date, found: Sequence[NewSuspicion], now: datetime, *, final: bool) -> int:
    new = await suspicions.note_suspicions(found, now)
    await suspicions.note_look(day, now, final=final)
    return new
