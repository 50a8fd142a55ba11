"""Points: the facts they were paid for, the append-only ledger, and what its entries add up to.

Whoever writes any of these tables holds the lock of the member's account row (`locked_account`), so one member's
bookings are serial and those of two members never meet. Constraints and triggers are in migration 0006.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from kit.db import execute, rows
from kit.paging import Ask, Page, page_of
from kit.words import OutletTier, PointAccount

REFUSED_KEPT = timedelta(days=30)


class PointAccountRow(Model):
    """What a member's entries add up to. Versions count the entries of each account without gaps.

    `top_level` is the highest level ever reached, so that nobody is congratulated twice. `streaks_due`: the member
    learned before streaks were kept, and nobody has looked at that since.
    """

    member_id = fields.UUIDField(primary_key=True)
    lifetime = fields.IntField(default=0)
    lifetime_version = fields.IntField(default=0)
    balance = fields.IntField(default=0)
    balance_version = fields.IntField(default=0)
    top_level = fields.SmallIntField(default=1)
    streaks_due = fields.BooleanField(default=False)

    class Meta:
        table = "point_accounts"


class FactRow(Model):
    """A fact that points may be paid for, once per (member, kind, object). `occurred_at` may move, nothing else.

    `day` is the Shanghai day of `occurred_at`; `details` what `gamification.facts.recorded` needs beside the columns.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    kind = fields.CharField(40)
    object_id = fields.UUIDField()
    occurred_at = fields.DatetimeField()
    day = fields.DateField()
    details: dict[str, object] = fields.JSONField()
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "facts"


class LedgerEntryRow(Model):
    """One transfer of `amount` from `counter_account` to the member's account. Never updated, never deleted.

    An award books one entry for each of the member's accounts under one `booking_id`. Award key: (member, account,
    rule, object, period, part). A correction names in `reverses_id` the entry it undoes and repeats that entry's key,
    moment and place; `day` is the Shanghai day of `occurred_at`. Place: where the member stood at `occurred_at`.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    booking_id = fields.UUIDField()
    member_id = fields.UUIDField()
    account = fields.CharEnumField(PointAccount, max_length=10)
    counter_account = fields.CharField(60)
    amount = fields.IntField()
    balance_after = fields.IntField()
    account_version = fields.IntField()
    rule = fields.CharField(40)
    tariff_version = fields.IntField()
    object_type = fields.CharField(40)
    object_id = fields.UUIDField()
    period_key = fields.CharField(20)
    part = fields.SmallIntField()
    occurred_at = fields.DatetimeField()
    day = fields.DateField()
    booked_at = fields.DatetimeField()
    outlet_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField(null=True)
    tier = fields.CharEnumField(OutletTier, max_length=10, null=True)
    reverses_id = fields.BigIntField(null=True)

    class Meta:
        table = "ledger_entries"


class RefusedAwardRow(Model):
    """What a claim was not paid and why; gone when it is paid after all, or `REFUSED_KEPT` after it occurred."""

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    rule = fields.CharField(40)
    object_type = fields.CharField(40)
    object_id = fields.UUIDField()
    period_key = fields.CharField(20)
    points_missing = fields.IntField()
    reason = fields.CharField(20)
    occurred_at = fields.DatetimeField()
    day = fields.DateField()

    class Meta:
        table = "refused_awards"


class LearnedDayRow(Model):
    """A day became a learned day (+1) or ceased to be one (-1); the learned days are those whose amounts add up to 1.

    Append-only: these are the rows behind the metric STREAK_DAYS. A -1 repeats moment and place of the +1 it undoes.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    member_id = fields.UUIDField()
    day = fields.DateField()
    amount = fields.SmallIntField()
    occurred_at = fields.DatetimeField()
    outlet_id = fields.UUIDField(null=True)
    region_id = fields.UUIDField(null=True)
    tier = fields.CharEnumField(OutletTier, max_length=10, null=True)
    booked_at = fields.DatetimeField()

    class Meta:
        table = "learned_days"


async def accounts_by_member(member_ids: Sequence[UUID]) -> list[PointAccountRow]:
    """The account of each member, in the order of `member_ids`; an empty one for who has none yet."""
    found = {row.member_id: row for row in await PointAccountRow.filter(member_id__in=list(member_ids))}
    return [found.get(each) or PointAccountRow(member_id=each) for each in member_ids]


async def earned_by_rule(member_id: UUID, days: Sequence[date]) -> list[dict[str, int]]:
    """Lifetime points by rule, nought left out, for each Shanghai day in the order of `days`."""
    found = await rows(
        "SELECT day, rule, sum(amount)::int AS points FROM ledger_entries"
        " WHERE member_id = $1 AND account = 'LIFETIME' AND day = ANY($2::date[])"
        " GROUP BY day, rule HAVING sum(amount) <> 0",
        member_id,
        list(days),
    )
    points: dict[date, dict[str, int]] = {day: {} for day in days}
    for row in found:
        points[row["day"]][row["rule"]] = row["points"]
    return [points[day] for day in days]


async def versions_of(member_id: UUID) -> tuple[int, int, int]:
    """Three numbers of which one rises whenever the member's points or learned days change."""
    [row] = await rows(
        "SELECT coalesce(max(lifetime_version), 0) AS lifetime, coalesce(max(balance_version), 0) AS balance,"
        " (SELECT count(*) FROM learned_days WHERE member_id = $1) AS learned FROM point_accounts WHERE member_id = $1",
        member_id,
    )
    return row["lifetime"], row["balance"], row["learned"]


async def entries_of(member_id: UUID, account: PointAccount, ask: Ask) -> Page[LedgerEntryRow]:
    """The entries of one account, the last booked first. Key: [account_version]."""
    query = LedgerEntryRow.filter(member_id=member_id, account=account)
    if ask.after is not None:
        query = query.filter(account_version__lt=ask.after[0])
    if ask.before is not None:
        query = query.filter(account_version__gt=ask.before[0])
    order = "account_version" if ask.backwards else "-account_version"
    return page_of(await query.order_by(order).limit(ask.limit + 1), ask)


async def count_entries(member_id: UUID, account: PointAccount) -> int:
    return await LedgerEntryRow.filter(member_id=member_id, account=account).count()


async def entries_by_ids(ids: Sequence[int]) -> list[LedgerEntryRow | None]:
    """The entries of these ids, in the order of `ids`."""
    found = {row.id: row for row in await LedgerEntryRow.filter(id__in=list(ids))}
    return [found.get(each) for each in ids]


async def refused_of(member_id: UUID, now: datetime, ask: Ask) -> Page[RefusedAwardRow]:
    """What the member was not paid in the last 30 days, newest first. Key: [occurred_at, id]."""
    query = RefusedAwardRow.filter(member_id=member_id, occurred_at__gt=now - REFUSED_KEPT)
    if ask.after is not None:
        occurred_at, row_id = ask.after
        query = query.filter(Q(occurred_at__lt=occurred_at) | Q(occurred_at=occurred_at, id__lt=row_id))
    if ask.before is not None:
        occurred_at, row_id = ask.before
        query = query.filter(Q(occurred_at__gt=occurred_at) | Q(occurred_at=occurred_at, id__gt=row_id))
    order = ("occurred_at", "id") if ask.backwards else ("-occurred_at", "-id")
    return page_of(await query.order_by(*order).limit(ask.limit + 1), ask)


async def count_refused(member_id: UUID, now: datetime) -> int:
    return await RefusedAwardRow.filter(member_id=member_id, occurred_at__gt=now - REFUSED_KEPT).count()


async def streaks_due(limit: int) -> list[UUID]:
    """Members with streaks of a time when nobody kept them, by id."""
    due = PointAccountRow.filter(streaks_due=True).order_by("member_id").limit(limit)
    return [row[0] for row in await due.values_list("member_id")]


async def purge_refused(now: datetime) -> int:
    """Forget what was refused for what occurred more than 30 days ago; how many."""
    return await execute("DELETE FROM refused_awards WHERE occurred_at <= $1", now - REFUSED_KEPT)
