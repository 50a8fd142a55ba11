"""Corrections: an award undone by hand, once, or points given and taken for a reason.

What is undone stays undone: its claim is not paid again however often or late its fact comes, and its place under the
day's cap goes to nobody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from auth.actor import Actor
from auth.permissions import may_correct_points
from gamification.corrections import CORRECTED
from gamification.spending import TITLES as SPENDINGS
from kit.clock import day_of
from kit.db import require_transaction, transaction
from kit.errors import DomainError, ErrorCode, bad_input, not_found
from kit.words import BadgeMeasure, BoardMetric, PointAccount
from models import corrections, ledger
from models.accounts import members_by_ids
from models.ledger import Entry, placement_of
from models.member_lists import home_path, member_places
from models.outlets import placement_at
from models.points import LedgerEntryRow, PointAccountRow
from services.audit import record
from services.boards import Counted, count_many
from services.bookings import add_points, reversal_entry
from services.growth import grow
from services.idempotency import first_time
from services.outbox import announce
from services.people import clean_reason
from services.ports import Ports

MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class CorrectionPlan:
    """`reverses`: the entry to undo, whole; then `amount` may be left out. Else `amount` is given (+) or taken (-)."""

    member_id: UUID
    amount: int | None
    reason: str
    reverses: int | None
    key: UUID


async def correct_points(ports: Ports, actor: Actor, plan: CorrectionPlan) -> LedgerEntryRow:
    """Undo an entry or give or take points; the entry that does it, the lifetime one of two.

    NOT_FOUND for a member the actor does not administer and an entry the member does not have; ALREADY_DONE for what
    is undone already; STATE_FORBIDS for what is no award; BALANCE_TOO_LOW for more than there is.
    """
    reason = clean_reason(plan.reason)
    if plan.reverses is None and (plan.amount is None or not 0 < abs(plan.amount) <= MOST_POINTS):
        raise bad_input("amount")
    return await transaction(partial(_correct, ports, actor, plan, reason))


async def reverse_award(
    ports: Ports, by: Actor | None, account: PointAccountRow, entry_id: int, reason: str, correction_id: UUID
) -> None:
    """Undo an award of the member whose account the caller has locked, in the caller's transaction; once.

    The lifetime total falls in full, the balance by what is there. `by` None: the server itself.
    """
    require_transaction()
    together = await corrections.booked_together(account.member_id, entry_id)
    if not together:
        raise not_found("reversesEntryId")
    first = together[0]
    if first["reverses_id"] is not None or first["rule"] in SPENDINGS:
        raise DomainError(ErrorCode.STATE_FORBIDS, field=["reversesEntryId"])
    if any(entry["undone"] for entry in together):
        raise DomainError(ErrorCode.ALREADY_DONE, field=["reversesEntryId"])
    now, written_off, entries = ports.clock.now(), 0, []
    for undone in together:
        amount = -undone["amount"]
        if undone["account"] == PointAccount.BALANCE:
            amount = max(amount, -account.balance)
            written_off = undone["amount"] + amount
        if amount:
            entries.append(reversal_entry(account, amount, undone, correction_id, now, CORRECTED))
    if not entries:
        raise DomainError(ErrorCode.BALANCE_TOO_LOW, field=["reversesEntryId"])
    counted = [_counted(account.member_id, first)] if first["account"] == PointAccount.LIFETIME else []
    await _book(ports, by, account, entries, counted, -first["amount"], written_off, reason, first["id"])


async def give_or_take(
    ports: Ports, by: Actor | None, account: PointAccountRow, amount: int, reason: str, correction_id: UUID
) -> None:
    """Give (+) or take (-) points now, as `reverse_award` does; BALANCE_TOO_LOW for more than was ever earned."""
    require_transaction()
    if account.lifetime + amount < 0:
        raise DomainError(ErrorCode.BALANCE_TOO_LOW, field=["amount"])
    now = ports.clock.now()
    place = await placement_at(account.member_id, now)
    changes = {PointAccount.LIFETIME: amount, PointAccount.BALANCE: max(amount, -account.balance)}
    entries = []
    for kind, change in changes.items():
        if change == 0:
            continue
        balance_after, version = add_points(account, kind, change)
        entries.append(
            Entry(
                booking_id=correction_id,
                account=kind,
                counter_account="correction",
                amount=change,
                balance_after=balance_after,
                account_version=version,
                rule=CORRECTED,
                tariff_version=0,
                object_type="Correction",
                object_id=correction_id,
                period_key="",
                part=0,
                occurred_at=now,
                day=day_of(now),
                booked_at=now,
                outlet_id=place.outlet_id if place else None,
                region_id=place.region_id if place else None,
                tier=place.tier if place else None,
            )
        )
    counted = [Counted(account.member_id, BoardMetric.POINTS, amount, now, place)]
    written_off = changes[PointAccount.BALANCE] - amount
    await _book(ports, by, account, entries, counted, amount, written_off, reason, None)


async def _correct(ports: Ports, actor: Actor, plan: CorrectionPlan, reason: str) -> LedgerEntryRow:
    [member], [places] = await members_by_ids([plan.member_id]), await member_places([plan.member_id])
    if member is None or member.deleted_at is not None or not may_correct_points(actor, plan.member_id, places):
        raise not_found("memberId")
    asked = {
        "member_id": plan.member_id, "amount": plan.amount, "reason": reason, "reverses": plan.reverses,
    }  # fmt: skip
    account = await ledger.locked_account(plan.member_id)
    correction_id, is_new = await first_time(ports, actor.member_id, plan.key, "correctPoints", asked)
    if is_new and plan.reverses is not None:
        await _require_whole(plan.member_id, plan.reverses, plan.amount)
        await reverse_award(ports, actor, account, plan.reverses, reason, correction_id)
    elif is_new:
        assert plan.amount is not None
        await give_or_take(ports, actor, account, plan.amount, reason, correction_id)
    return await LedgerEntryRow.get(id=await corrections.entry_of(correction_id, plan.member_id))


async def _require_whole(member_id: UUID, entry_id: int, amount: int | None) -> None:
    """An entry is undone whole: whoever names an amount must mean that."""
    together = await corrections.booked_together(member_id, entry_id)
    if amount is not None and together and amount != -together[0]["amount"]:
        raise bad_input("amount")


def _counted(member_id: UUID, undone: Mapping[str, Any]) -> Counted:
    """Where and when it was earned: boards that still count follow, those that are frozen have their snapshot."""
    place = placement_of(dict(undone))
    return Counted(member_id, BoardMetric.POINTS, -undone["amount"], undone["occurred_at"], place)


async def _book(
    ports: Ports,
    by: Actor | None,
    account: PointAccountRow,
    entries: list[Entry],
    counted: list[Counted],
    amount: int,
    written_off: int,
    reason: str,
    reverses: int | None,
) -> None:
    correction_id, now = entries[0].booking_id, ports.clock.now()
    await ledger.append_entries(account.member_id, entries)
    await corrections.add_correction(
        correction_id, account.member_id, amount, written_off, reason, reverses, now, by.member_id if by else None
    )
    await count_many(counted)
    growth = await grow(ports, account, [BadgeMeasure.LIFETIME_POINTS])
    details = {"amount": amount, "written_off": written_off, "reason": reason, "reverses": reverses is not None}
    home = await home_path(account.member_id)
    await record(ports, by, "points.corrected", "Member", account.member_id, details, region_path=home)
    await announce("member", str(account.member_id), {"awards": [], "badges": [str(each) for each in growth.badge_ids]})
