"""Entries of the ledger in the making: the running totals, and an entry that undoes another."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.words import PointAccount
from models.ledger import Entry
from models.points import PointAccountRow


def add_points(account: PointAccountRow, kind: PointAccount, amount: int) -> tuple[int, int]:
    """Change one of the two totals, unsaved; the total after it and its new version."""
    if kind is PointAccount.LIFETIME:
        account.lifetime += amount
        account.lifetime_version += 1
        return account.lifetime, account.lifetime_version
    account.balance += amount
    account.balance_version += 1
    return account.balance, account.balance_version


def reversal_entry(
    account: PointAccountRow, amount: int, undone: Mapping[str, Any], booking_id: UUID, now: datetime, rule: str
) -> Entry:
    """Like the entry it undoes, but for what makes it an entry of its own."""
    kind = PointAccount(undone["account"])
    balance_after, version = add_points(account, kind, amount)
    return Entry(
        **{field.name: undone[field.name] for field in fields(Entry)}
        | {
            "booking_id": booking_id,
            "account": kind,
            "amount": amount,
            "balance_after": balance_after,
            "account_version": version,
            "rule": rule,
            "booked_at": now,
            "reverses_id": undone["id"],
        }
    )
