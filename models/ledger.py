"""How points are written: every question a booking asks, and the statements that record it.

All of it happens under the lock that `locked_account` takes, inside the caller's transaction. Bulk statements take
their rows as one JSON document, so that twenty facts cost as many round trips as one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from kit.db import execute, rows
from kit.words import OutletTier, PointAccount
from models.outlets import Placement
from models.points import LedgerEntryRow, PointAccountRow


@dataclass(frozen=True, slots=True)
class NewFact:
    kind: str
    object_id: UUID
    occurred_at: datetime
    day: date
    details: dict[str, object]


@dataclass(frozen=True, slots=True)
class StoredFact:
    kind: str
    object_id: UUID
    occurred_at: datetime
    details: dict[str, object]


@dataclass(frozen=True, slots=True)
class StoredAward:
    """A lifetime entry that is an award. `reversed`: undone, because its fact moved; `annulled`: undone by hand."""

    entry_id: int
    rule: str
    object_id: UUID
    period_key: str
    part: int
    amount: int
    occurred_at: datetime
    day: date
    reversed: bool
    annulled: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry to append; columns as in `LedgerEntryRow`."""

    booking_id: UUID
    account: PointAccount
    counter_account: str
    amount: int
    balance_after: int
    account_version: int
    rule: str
    tariff_version: int
    object_type: str
    object_id: UUID
    period_key: str
    part: int
    occurred_at: datetime
    day: date
    booked_at: datetime
    outlet_id: UUID | None
    region_id: UUID | None
    tier: OutletTier | None
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class DayChange:
    """A learned day to append; columns as in `LearnedDayRow`."""

    day: date
    amount: int
    occurred_at: datetime
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused award to remember; columns as in `RefusedAwardRow`."""

    rule: str
    object_type: str
    object_id: UUID
    period_key: str
    points_missing: int
    reason: str
    occurred_at: datetime
    day: date


async def locked_account(member_id: UUID) -> PointAccountRow:
    """The member's account, made if need be, its row locked until the transaction ends."""
    account = await PointAccountRow.select_for_update().get_or_none(member_id=member_id)
    if account is None:
        await execute(
            "INSERT INTO point_accounts (member_id, lifetime, lifetime_version, balance, balance_version, top_level)"
            " VALUES ($1, 0, 0, 0, 0, 1) ON CONFLICT DO NOTHING",
            member_id,
        )
        account = await PointAccountRow.select_for_update().get(member_id=member_id)
    return account


async def lock_accounts(member_ids: Collection[UUID]) -> None:
    """`locked_account` for many members at once, always in the same order: whoever locks several locks them so."""
    await execute(
        "INSERT INTO point_accounts (member_id, lifetime, lifetime_version, balance, balance_version, top_level)"
        " SELECT id, 0, 0, 0, 0, 1 FROM unnest($1::uuid[]) AS members (id) ORDER BY id ON CONFLICT DO NOTHING",
        list(member_ids),
    )
    await rows(
        "SELECT FROM point_accounts WHERE member_id = ANY($1::uuid[]) ORDER BY member_id FOR UPDATE", list(member_ids)
    )


async def save_account(account: PointAccountRow) -> None:
    await account.save(
        update_fields=["lifetime", "lifetime_version", "balance", "balance_version", "top_level", "streaks_due"],
        force_update=True,
    )


async def record_facts(member_id: UUID, facts: Iterable[NewFact], now: datetime) -> list[date]:
    """Store what is not known yet; the days of what was stored."""
    found = await rows(
        "INSERT INTO facts (member_id, kind, object_id, occurred_at, day, details, recorded_at)"
        " SELECT $1, f.*, $2 FROM jsonb_to_recordset($3::jsonb)"
        " AS f (kind text, object_id uuid, occurred_at timestamptz, day date, details jsonb)"
        " ON CONFLICT DO NOTHING RETURNING day",
        member_id,
        now,
        _document(facts),
    )
    return [row["day"] for row in found]


async def move_facts(member_id: UUID, facts: Iterable[NewFact]) -> list[date]:
    """Give known facts the moments given here; the days that lost or gained one. What already is there stays."""
    found = await rows(
        "UPDATE facts f SET occurred_at = m.occurred_at, day = m.day"
        " FROM facts before, jsonb_to_recordset($2::jsonb)"
        " AS m (kind text, object_id uuid, occurred_at timestamptz, day date)"
        " WHERE before.member_id = $1 AND before.kind = m.kind AND before.object_id = m.object_id AND f.id = before.id"
        " AND before.occurred_at <> m.occurred_at RETURNING before.day AS old, f.day AS new",
        member_id,
        _document(facts),
    )
    return [day for row in found for day in (row["old"], row["new"])]


async def facts_on(member_id: UUID, days: Sequence[date]) -> list[StoredFact]:
    """All facts of these Shanghai days, in no order."""
    found = await rows(
        "SELECT kind, object_id, occurred_at, details FROM facts WHERE member_id = $1 AND day = ANY($2::date[])",
        member_id,
        list(days),
    )
    return [
        StoredFact(row["kind"], row["object_id"], row["occurred_at"], orjson.loads(row["details"])) for row in found
    ]


async def awards_on(
    member_id: UUID,
    days: Sequence[date],
    rules: Sequence[str],
    object_ids: Sequence[UUID],
    at_any_time: Sequence[str] = (),
) -> list[StoredAward]:
    """The awards under `rules` for these days, all ever for these objects, and all ever annulled; reversed ones too.

    And all awards ever under the rules `at_any_time`, which are none of `rules`.
    """
    found = await rows(
        "SELECT e.id, rule, object_id, period_key, part, amount, occurred_at, day,"
        " EXISTS (SELECT FROM ledger_entries r WHERE r.reverses_id = e.id) AS reversed,"
        " EXISTS (SELECT FROM corrections c WHERE c.reverses_id = e.id) AS annulled"
        " FROM ledger_entries e WHERE member_id = $1 AND account = 'LIFETIME' AND reverses_id IS NULL"
        " AND (rule = ANY($3::text[]) AND (day = ANY($2::date[]) OR object_id = ANY($4::uuid[])"
        " OR e.id = ANY(ARRAY(SELECT c.reverses_id FROM corrections c WHERE c.member_id = $1)))"
        " OR rule = ANY($5::text[]))",
        member_id,
        list(days),
        list(rules),
        list(object_ids),
        list(at_any_time),
    )
    return [
        StoredAward(
            row["id"],
            row["rule"],
            row["object_id"],
            row["period_key"],
            row["part"],
            row["amount"],
            row["occurred_at"],
            row["day"],
            row["reversed"],
            row["annulled"],
        )
        for row in found
    ]


async def both_entries(member_id: UUID, lifetime_entry_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The lifetime and the balance entry of each of these awards, as rows with the region's `path`, ordered by id."""
    return await rows(
        "SELECT b.*, r.path FROM ledger_entries l JOIN ledger_entries b ON b.member_id = l.member_id"
        " AND b.rule = l.rule AND b.object_id = l.object_id AND b.period_key = l.period_key AND b.part = l.part"
        " AND b.reverses_id IS NULL LEFT JOIN regions r ON r.id = b.region_id"
        " WHERE l.member_id = $1 AND l.id = ANY($2::bigint[]) ORDER BY b.id",
        member_id,
        list(lifetime_entry_ids),
    )


async def append_entries(member_id: UUID, entries: Sequence[Entry]) -> None:
    """Append to the ledger, in this order."""
    await execute(
        "INSERT INTO ledger_entries (member_id, booking_id, account, counter_account, amount, balance_after,"
        " account_version, rule, tariff_version, object_type, object_id, period_key, part, occurred_at, day, booked_at,"
        " outlet_id, region_id, tier, reverses_id)"
        " SELECT $1, e.* FROM jsonb_to_recordset($2::jsonb)"
        " AS e (booking_id uuid, account text, counter_account text, amount int, balance_after int,"
        " account_version int, rule text, tariff_version int, object_type text, object_id uuid, period_key text,"
        " part smallint, occurred_at timestamptz, day date, booked_at timestamptz, outlet_id uuid, region_id uuid,"
        " tier text, reverses_id bigint)",
        member_id,
        _document(entries),
    )


async def learned_on(member_id: UUID, days: Sequence[date]) -> dict[date, DayChange]:
    """The last change of each of these days that was ever learned; amount 1: it is a learned day now."""
    found = await rows(
        "SELECT DISTINCT ON (day) l.day, l.amount, l.occurred_at, l.outlet_id, l.region_id, l.tier, r.path"
        " FROM learned_days l LEFT JOIN regions r ON r.id = l.region_id"
        " WHERE member_id = $1 AND day = ANY($2::date[]) ORDER BY day, l.id DESC",
        member_id,
        list(days),
    )
    return {row["day"]: DayChange(row["day"], row["amount"], row["occurred_at"], placement_of(row)) for row in found}


async def append_learned_days(member_id: UUID, changes: Iterable[DayChange], now: datetime) -> None:
    await execute(
        "INSERT INTO learned_days (member_id, booked_at, day, amount, occurred_at, outlet_id, region_id, tier)"
        " SELECT $1, $2, c.day, c.amount, c.occurred_at, p.outlet_id, p.region_id, p.tier"
        " FROM jsonb_to_recordset($3::jsonb)"
        " AS c (day date, amount smallint, occurred_at timestamptz, placement jsonb),"
        " jsonb_to_record(c.placement) AS p (outlet_id uuid, region_id uuid, tier text)",
        member_id,
        now,
        _document(changes),
    )


async def remember_refused(member_id: UUID, refusals: Iterable[Refusal]) -> None:
    """Remember what was not paid, or how much of it is missing now."""
    await execute(
        "INSERT INTO refused_awards (member_id, rule, object_type, object_id, period_key, points_missing, reason,"
        " occurred_at, day) SELECT $1, r.* FROM jsonb_to_recordset($2::jsonb) AS r (rule text,"
        " object_type text, object_id uuid, period_key text, points_missing int, reason text,"
        " occurred_at timestamptz, day date) ON CONFLICT (member_id, rule, object_id, period_key)"
        " DO UPDATE SET points_missing = excluded.points_missing, occurred_at = excluded.occurred_at,"
        " day = excluded.day WHERE (refused_awards.points_missing, refused_awards.occurred_at)"
        " <> (excluded.points_missing, excluded.occurred_at)",
        member_id,
        _document(refusals),
    )


async def forget_refused(member_id: UUID, days: Sequence[date]) -> None:
    """Forget what was refused on these days; `remember_refused` then tells what still is."""
    await execute("DELETE FROM refused_awards WHERE member_id = $1 AND day = ANY($2::date[])", member_id, list(days))


async def spending_of(member_id: UUID, rule: str, object_id: UUID) -> LedgerEntryRow:
    """The entry that spent points of the balance on this object."""
    return await LedgerEntryRow.get(
        member_id=member_id, account=PointAccount.BALANCE, rule=rule, object_id=object_id, reverses_id=None
    )


def placement_of(row: dict[str, Any]) -> Placement | None:
    """The place in a row with outlet_id, region_id, tier and the region's path."""
    if row["outlet_id"] is None:
        return None
    return Placement(row["outlet_id"], row["region_id"], row["path"], OutletTier(row["tier"]))


def _document(values: Iterable[Any]) -> str:
    # `default`: asyncpg gives ids of a UUID class of its own
    return orjson.dumps(list(values), default=str).decode()
