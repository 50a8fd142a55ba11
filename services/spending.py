"""Spending: points leave the balance, and come back when what they bought is cancelled. Lifetime never moves."""

from collections.abc import Sequence
from uuid import UUID

from gamification.spending import Spending
from kit.clock import day_of
from kit.db import require_transaction
from kit.errors import DomainError, ErrorCode
from kit.ids import new_id
from kit.words import PointAccount
from models import ledger
from models.ledger import Entry
from models.outlets import placement_at
from models.points import PointAccountRow
from services.outbox import announce
from services.ports import Ports


async def spend(ports: Ports, account: PointAccountRow, points: int, spending: Spending, object_id: UUID) -> None:
    """Take `points` from the balance for this object, once; BALANCE_TOO_LOW if they are not there.

    `account` is the member's, locked by the caller (`models.ledger.locked_account`) and brought up to date here.
    """
    require_transaction()
    if account.balance < points:
        raise DomainError(ErrorCode.BALANCE_TOO_LOW)
    now = ports.clock.now()
    place = await placement_at(account.member_id, now)
    account.balance -= points
    account.balance_version += 1
    entry = Entry(
        booking_id=new_id(),
        account=PointAccount.BALANCE,
        counter_account=f"spent:{spending.code}",
        amount=-points,
        balance_after=account.balance,
        account_version=account.balance_version,
        rule=spending.code,
        tariff_version=0,
        object_type=spending.object_type,
        object_id=object_id,
        period_key="",
        part=0,
        occurred_at=now,
        day=day_of(now),
        booked_at=now,
        outlet_id=place.outlet_id if place else None,
        region_id=place.region_id if place else None,
        tier=place.tier if place else None,
    )
    await _book(account, [entry])


async def give_back(ports: Ports, account: PointAccountRow, spending: Spending, object_id: UUID) -> None:
    """Reverse what was spent for this object, whole. The ledger itself refuses a second time."""
    require_transaction()
    undone = await ledger.spending_of(account.member_id, spending.code, object_id)
    account.balance -= undone.amount
    account.balance_version += 1
    entry = Entry(
        booking_id=new_id(),
        account=PointAccount.BALANCE,
        counter_account=undone.counter_account,
        amount=-undone.amount,
        balance_after=account.balance,
        account_version=account.balance_version,
        rule=undone.rule,
        tariff_version=undone.tariff_version,
        object_type=undone.object_type,
        object_id=undone.object_id,
        period_key=undone.period_key,
        part=undone.part,
        occurred_at=undone.occurred_at,
        day=undone.day,
        booked_at=ports.clock.now(),
        outlet_id=undone.outlet_id,
        region_id=undone.region_id,
        tier=undone.tier,
        reverses_id=undone.id,
    )
    await _book(account, [entry])


async def _book(account: PointAccountRow, entries: Sequence[Entry]) -> None:
    await ledger.append_entries(account.member_id, entries)
    await ledger.save_account(account)
    await announce("member", str(account.member_id), {"awards": [], "badges": []})
