"""The record of deeds that somebody may have to answer for, and the proof that nobody touched it."""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_read_deed, reach_over_people
from kit.db import before_commit, require_transaction, transaction
from kit.ids import new_id
from kit.paging import Ask, Page
from models.audit import (
    NOTHING,
    AuditEntry,
    Deed,
    DeedQuery,
    Details,
    Kept,
    Link,
    append,
    deeds_count,
    deeds_page,
    entries_after,
    entries_by_ids,
    head,
    last_sequence,
    linked,
    sealed,
)
from models.books import read_one_snapshot
from services.ports import Ports

LONGEST_ADDRESS = 45
ENTRIES_AT_ONCE = 2_000
PHONE = re.compile(r"(?<![0-9A-Za-z])(?:(?:\+|00)86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9A-Za-z])|\+\d[\d -]{6,}\d")
"""A number as people type it into a reason: Chinese mobiles with or without the country code, others with theirs."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a verification found: how many entries are in order, the hash of the last of them, and the first fault.

    The number and hash, kept elsewhere, show later that nothing up to there has been rolled back.
    """

    entries: int
    hash: str
    fault: str | None


async def record(
    ports: Ports,
    by: Actor | UUID | None,
    action: str,
    object_type: str,
    object_id: UUID,
    details: Details | None = None,
    *,
    region_path: str | None = None,
) -> None:
    """Write down who did what to which object, in the transaction that does it; the entry is made as its last act.

    `by`: who acts in a request (their address is kept), a member by id alone, or None: the server itself. `action` is a
    word like "member.suspended", with its sentence in `schema/audit.py`. `object_type` is the GraphQL type. `details`
    are for people: text, whole numbers, booleans; no phone, token or code belongs there, and phones that somebody
    typed are crossed out. `region_path`: where the object lies now; without it only roles over everywhere see it.
    """
    require_transaction()
    deed = Deed(
        id=new_id(),
        at=ports.clock.now(),
        actor_id=by.member_id if isinstance(by, Actor) else by,
        action=action,
        object_type=object_type,
        object_id=object_id,
        details=_without_phones(details or {}),
        region_path=region_path,
        address=(by.address[:LONGEST_ADDRESS] or None) if isinstance(by, Actor) else None,
    )
    before_commit(partial(append, deed, ports.settings.key("audit")))


async def verify_audit(ports: Ports, progress: Callable[[int, int], None] | None = None) -> Proof:
    """Recompute the whole chain in one snapshot, up to the first entry that is not as it was written.

    `progress` is told (entries done, entries in all). Changes nothing, stops nobody.
    """

    async def work() -> Proof:
        await read_one_snapshot()
        end, last = await head(), await last_sequence()
        total = max(end.sequence if end else 0, last)
        here = Link(0, NOTHING)
        while page := await entries_after(here.sequence, ENTRIES_AT_ONCE):
            for kept in page:
                if fault := _fault(ports, here, kept):
                    return Proof(here.sequence, here.hash, fault)
                here = kept.link
            if progress is not None:
                progress(here.sequence, total)
        return Proof(here.sequence, here.hash, _fault_at_end(here, end))

    return await transaction(work)


async def list_deeds(actor: Actor, wanted: DeedQuery, ask: Ask) -> Page[AuditEntry]:
    """What was done where the actor is admin or auditor, the latest first; keyed by (sequence,)."""
    return await deeds_page(reach_over_people(actor), wanted, ask)


async def count_deeds(actor: Actor, wanted: DeedQuery) -> int:
    return await deeds_count(reach_over_people(actor), wanted)


async def visible_deeds(actor: Actor, entry_ids: Sequence[UUID]) -> list[AuditEntry | None]:
    """The entries of these ids, in their order; None for what the actor may not read."""
    found = await entries_by_ids(entry_ids)
    return [each if each and may_read_deed(actor, each.region_path) else None for each in found]


def _fault(ports: Ports, before: Link, kept: Kept) -> str | None:
    """What is wrong with the entry that is found after `before`."""
    due, found = before.sequence + 1, kept.link.sequence
    if found != due:
        return f"entry {due} is missing: after {before.sequence} comes {found}"
    try:
        right = linked(before, kept.deed)
    except ValueError as error:
        return f"entry {found} ({kept.deed.id}) is not as it was written: {error}"
    if right.hash != kept.link.hash:
        return f"entry {found} ({kept.deed.id}) is not as it was written, or does not follow the one before it"
    if not hmac.compare_digest(sealed(ports.settings.key("audit"), right), kept.seal):
        return f"entry {found} ({kept.deed.id}) was not written by this server: its seal is wrong"
    return None


def _fault_at_end(last: Link, end: Link | None) -> str | None:
    if end == last or (end is None and last.sequence == 0):
        return None
    if end is not None and end.sequence > last.sequence:
        return f"entry {last.sequence + 1} is missing: {end.sequence} were written, {last.sequence} are there"
    return f"the head does not name entry {last.sequence} as the last one"


def _without_phones(value: Any) -> Any:
    if isinstance(value, str):
        return PHONE.sub("***", value)
    if isinstance(value, dict):
        return {key: _without_phones(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_phones(each) for each in value]
    return value
