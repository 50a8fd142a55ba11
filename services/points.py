"""Rewards: from facts to awards, learned days and levels, inside the transaction that recorded the facts."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID

from gamification.caps import Due, Paid, Settlement, settle
from gamification.facts import Recorded, recorded
from gamification.levels import Level
from gamification.rules import CODES, claims_of, streak_reached
from gamification.streaks import first_learning, full_weeks
from kit.clock import day_of, week_of
from kit.db import require_transaction, transaction
from kit.ids import new_id
from kit.words import BadgeMeasure, BoardMetric, PointAccount
from models import ledger, points
from models.ledger import DayChange, Entry, NewFact, Refusal, StoredAward, placement_of
from models.outlets import Placement, placements_at
from models.points import PointAccountRow
from models.streaks import streak_history
from services.boards import Counted, count_many, hold_open
from services.bookings import add_points, reversal_entry
from services.growth import grow
from services.outbox import announce
from services.ports import Ports
from services.streaks import follow_learned_days
from services.tariff import tariff_of

MEMBERS_AT_ONCE = 200

OF_DAYS = (BadgeMeasure.LEARNED_DAYS, BadgeMeasure.BEST_STREAK_DAYS)

BY_WEEK = tuple(code for code in CODES if code != streak_reached.CODE)
"""The rules that depend on no more than the facts of one week; a streak is as long as it is."""


@dataclass(frozen=True, slots=True)
class Award:
    """Points newly earned, as news for the member. `object_type` is the GraphQL type of the object."""

    rule: str
    points: int
    object_type: str
    object_id: UUID

    @property
    def message(self) -> dict[str, Any]:
        """The award as it is announced; `of_message` reads it."""
        return asdict(self) | {"object_id": str(self.object_id)}

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> Self:
        return cls(message["rule"], message["points"], message["object_type"], UUID(message["object_id"]))


@dataclass(frozen=True, slots=True)
class Reward:
    """What a call of `reward` changed, and the member's points after it. Awards are in order of occurrence."""

    awards: tuple[Award, ...]
    level_ups: tuple[Level, ...]
    lifetime: int
    balance: int


@dataclass(frozen=True, slots=True)
class News:
    """What a change brought its member: awards, and the ids of badges."""

    awards: tuple[Award, ...]
    badge_ids: tuple[UUID, ...]


async def reward(
    ports: Ports, member_id: UUID, facts: Sequence[Recorded], moved: Sequence[tuple[Recorded, Recorded]] = ()
) -> Reward:
    """Pay what these facts earn; call it inside the transaction that recorded them, once for all facts of a batch.

    A fact said again changes nothing. `moved` pairs a fact with itself at its new moment. What comes late and happened
    early, or moved, may reverse awards and pay others in their stead: the outcome is always that of the set of facts,
    whatever their order, splitting and repetition. Writes facts, ledger, account, learned days, refused awards,
    badges and the metrics POINTS and STREAK_DAYS, tells of new levels, and announces the member.
    """
    require_transaction()
    await hold_open(ports, _whole_weeks(day_of(fact.occurred_at) for fact in (*facts, *chain(*moved))))
    account = await ledger.locked_account(member_id)
    now = ports.clock.now()
    touched = await _record(member_id, facts, [after for _, after in moved], now)
    if not touched:
        return Reward((), (), account.lifetime, account.balance)
    return await _settle(ports, account, touched, now, moved=bool(moved))


async def follow_old_streaks(ports: Ports) -> None:
    """A tick: bring in line whose streaks are of a time when nobody kept them; what they reached is paid."""
    while member_ids := await points.streaks_due(MEMBERS_AT_ONCE):
        for member_id in member_ids:
            await transaction(partial(_follow_old_streak, ports, member_id))


async def _follow_old_streak(ports: Ports, member_id: UUID) -> None:
    account = await ledger.locked_account(member_id)
    learned = (await streak_history(member_id, date.min)).learned
    account.streaks_due = False
    if learned:
        first = min(learned)
        await _settle(ports, account, {max(learned)}, ports.clock.now(), streaks_since={first: learned[first]})
    else:
        await ledger.save_account(account)


async def _settle(
    ports: Ports,
    account: PointAccountRow,
    touched: Collection[date],
    now: datetime,
    *,
    moved: bool = False,
    streaks_since: Mapping[date, datetime] = MappingProxyType({}),
) -> Reward:
    """Bring all that follows from the facts in line with them, in the weeks of the days `touched`; streaks also from
    the learned day `streaks_since`, with its first learning, on."""
    member_id = account.member_id
    days = _whole_weeks(touched)
    known = [
        recorded(row.kind, member_id, row.object_id, row.occurred_at, row.details)
        for row in await ledger.facts_on(member_id, days)
    ]
    first = first_learning(known)
    learned = await ledger.learned_on(member_id, days)
    # A day is learned since its first learning: where that moved, the day is taken back and gained anew.
    lost = [change for day, change in learned.items() if change.amount > 0 and first.get(day) != change.occurred_at]
    kept_days = {day for day, change in learned.items() if change.amount > 0} - {change.day for change in lost}
    gained = {day: at for day, at in first.items() if day not in kept_days}
    changed = dict.fromkeys((change.day for change in lost), None) | gained | dict(streaks_since)
    milestones = await follow_learned_days(member_id, changed) if changed else None

    claims = claims_of([*known, *full_weeks(member_id, first), *(milestones.reached if milestones else ())])
    # A move may pay again what was paid on any day before: then all parts of every award in question are needed.
    object_ids = {claim.object_id for claim in claims} - {member_id} if moved else set()
    at_any_time = [streak_reached.CODE] if milestones else []
    paid = [
        _paid(row)
        for row in await ledger.awards_on(member_id, days, BY_WEEK, list(object_ids), at_any_time)
        if row.rule in BY_WEEK or (milestones and streak_reached.days_of(row.period_key) > milestones.settled_days)
    ]
    settlement = settle(claims, paid, await tariff_of({*days, *(claim.day for claim in claims)}))

    moments = sorted({due.claim.occurred_at for due in settlement.dues} | set(gained.values()))
    places = dict(zip(moments, await placements_at(member_id, moments), strict=True)) if moments else {}

    counted = await _book(account, settlement, places, now)
    counted += await _change_learned_days(member_id, gained, lost, places, now)
    await count_many(counted)
    await _remember_refused(member_id, settlement, days if moved else (), now)
    growth = await grow(ports, account, _measures(changed))
    awards = tuple(Award(claim.rule, earned, claim.object_type, claim.object_id) for claim, earned in settlement.news())
    if counted or growth.badge_ids:
        badges = [str(badge_id) for badge_id in growth.badge_ids]
        await announce("member", str(member_id), {"awards": [award.message for award in awards], "badges": badges})
    return Reward(awards, growth.level_ups, account.lifetime, account.balance)


async def changes_of(ports: Ports, member_id: UUID) -> AsyncGenerator[News, None]:
    """Gives nothing new at once, for the present state, then the news after each change of points, days or badges.

    Messages that changed nothing here are passed over; where one may have been lost, the state itself is asked.
    """
    async with ports.bus.listen(f"member:{member_id}") as messages:
        seen = await points.versions_of(member_id)
        yield News((), ())
        async for message in messages:
            awards = tuple(Award.of_message(award) for award in message.get("awards", ()))
            badges = tuple(UUID(badge_id) for badge_id in message.get("badges", ()))
            now = await points.versions_of(member_id)
            if awards or badges or now != seen:
                seen = now
                yield News(awards, badges)


async def purge_refused(ports: Ports) -> None:
    """A tick: refused awards are remembered for 30 days."""
    await points.purge_refused(ports.clock.now())


def _measures(changed: Collection[date]) -> list[BadgeMeasure]:
    """What badges may be earned by now; those of days only where a learned day changed."""
    return [measure for measure in BadgeMeasure if changed or measure not in OF_DAYS]


async def _record(member_id: UUID, facts: Iterable[Recorded], moved: Sequence[Recorded], now: datetime) -> set[date]:
    """Store the facts and move those that moved; the days whose set of facts changed."""
    everything = [*facts, *moved]
    if any(fact.member_id != member_id for fact in everything):
        raise ValueError("facts of another member")
    if not everything:
        return set()
    touched = await ledger.record_facts(member_id, [_stored(fact) for fact in everything], now)
    if moved:
        touched += await ledger.move_facts(member_id, [_stored(fact) for fact in moved])
    return set(touched)


def _stored(fact: Recorded) -> NewFact:
    return NewFact(fact.KIND, fact.object_id, fact.occurred_at, day_of(fact.occurred_at), fact.details)


def _paid(row: StoredAward) -> Paid:
    key = (row.rule, row.object_id, row.period_key)
    return Paid(row.entry_id, key, row.part, row.amount, row.occurred_at, row.day, row.reversed, row.annulled)


def _whole_weeks(days: Iterable[date]) -> list[date]:
    """Every day of every week that has one of `days`: a week is what rules and caps can depend on."""
    mondays = sorted({week_of(day) for day in days})
    return [monday + timedelta(days=step) for monday in mondays for step in range(7)]


async def _book(
    account: PointAccountRow, settlement: Settlement, places: Mapping[datetime, Placement | None], now: datetime
) -> list[Counted]:
    """Append one booking for the settlement and bring `account` up to date, unsaved; what to count for the boards.

    Awards come before reversals, so that a moved award never takes a balance below zero on its way.
    """
    booking_id = new_id()
    entries: list[Entry] = []
    counted: list[Counted] = []
    for due in settlement.dues:
        place = places[due.claim.occurred_at]
        counted.append(Counted(account.member_id, BoardMetric.POINTS, due.points, due.claim.occurred_at, place))
        for kind in PointAccount:
            entries.append(_award_entry(account, kind, due, place, booking_id, now))
    undone = [award.entry_id for award in settlement.reversals]
    for row in await ledger.both_entries(account.member_id, undone) if undone else ():
        kind = PointAccount(row["account"])
        # What was spent meanwhile is written off: lifetime falls in full, the balance by what is there.
        points = row["amount"] if kind is PointAccount.LIFETIME else min(row["amount"], account.balance)
        if kind is PointAccount.LIFETIME:
            place = placement_of(row)
            counted.append(Counted(account.member_id, BoardMetric.POINTS, -points, row["occurred_at"], place))
        if points:
            entries.append(reversal_entry(account, -points, row, booking_id, now, row["rule"]))
    if entries:
        await ledger.append_entries(account.member_id, entries)
    return counted


def _award_entry(
    account: PointAccountRow,
    kind: PointAccount,
    due: Due,
    place: Placement | None,
    booking_id: UUID,
    now: datetime,
) -> Entry:
    claim = due.claim
    balance_after, version = add_points(account, kind, due.points)
    return Entry(
        booking_id=booking_id,
        account=kind,
        counter_account=f"rule:{claim.rule}",
        amount=due.points,
        balance_after=balance_after,
        account_version=version,
        rule=claim.rule,
        tariff_version=due.tariff_version,
        object_type=claim.object_type,
        object_id=claim.object_id,
        period_key=claim.period_key,
        part=due.part,
        occurred_at=claim.occurred_at,
        day=claim.day,
        booked_at=now,
        outlet_id=place.outlet_id if place else None,
        region_id=place.region_id if place else None,
        tier=place.tier if place else None,
    )


async def _change_learned_days(
    member_id: UUID,
    gained: Mapping[date, datetime],
    lost: Iterable[DayChange],
    places: Mapping[datetime, Placement | None],
    now: datetime,
) -> list[Counted]:
    """Record the days that ceased to be or became learned days, in that order; what to count for the boards."""
    changes = [replace(change, amount=-1) for change in lost]
    changes += [DayChange(day, 1, at, places[at]) for day, at in sorted(gained.items())]
    if changes:
        await ledger.append_learned_days(member_id, changes, now)
    return [
        Counted(member_id, BoardMetric.STREAK_DAYS, change.amount, change.occurred_at, change.placement)
        for change in changes
    ]


async def _remember_refused(member_id: UUID, settlement: Settlement, freed: Sequence[date], now: datetime) -> None:
    """Keep what was refused and why. Only a move gives room back: then there are days to forget what was refused on."""
    if freed:
        await ledger.forget_refused(member_id, freed)
    refusals = [
        Refusal(
            refused.claim.rule,
            refused.claim.object_type,
            refused.claim.object_id,
            refused.claim.period_key,
            refused.points_missing,
            refused.reason,
            refused.claim.occurred_at,
            refused.claim.day,
        )
        for refused in settlement.refused
        if refused.claim.occurred_at > now - points.REFUSED_KEPT
    ]
    if refusals:
        await ledger.remember_refused(member_id, refusals)
