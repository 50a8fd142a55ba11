"""The audit of the points: everything that is kept as a sum is added up again and compared."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from gamification.caps import AwardKey
from gamification.corrections import CORRECTED
from gamification.facts import recorded
from gamification.levels import level_for
from gamification.prizes import TITLES as PRIZE_CODES
from gamification.rules import CODES, claims_of
from gamification.streaks import first_learning, full_weeks, marks_of, streaks_reached, walk
from gamification.tariff import Tariff
from kit.db import transaction
from kit.memory import no_collection
from kit.words import BoardMetric, PointAccount
from models import books
from models.books import Book
from services.tariff import whole_tariff

MEMBERS_AT_ONCE = 200

Cell = tuple[date, UUID, UUID, str]
"""(day, outlet, region, tier)"""
Standing = tuple[int, datetime, int]
"""(points, moment, version of the tariff) of an award that is not undone"""


@dataclass(frozen=True, slots=True)
class Difference:
    """`kept` is what a table says about the member, `found` what follows from the rows behind it."""

    member_id: UUID
    what: str
    kept: object
    found: object

    def __str__(self) -> str:
        return f"{self.member_id}: {self.what}: kept {self.kept}, found {self.found}"


async def ledger_verify(progress: Callable[[int, int], None] | None = None) -> list[Difference]:
    """Recompute all points from facts and entries; every difference, by member. Changes nothing, stops nobody.

    Compared are balances, versions, awards with their caps and their lines of the tariff, reversals, prizes,
    corrections, learned days, highest levels, and the days that boards count. `progress` is told (members done, members
    in all); each stretch of members is read in one snapshot.
    """
    total = await books.count_accounts()
    differences = [
        Difference(member_id, f"account of a row in {table}", None, "a row")
        for table, member_id in await books.rows_without_account()
    ]
    done, after = 0, None
    while member_ids := await books.next_accounts(after, MEMBERS_AT_ONCE):
        with no_collection():
            found = await _read(member_ids)
            tariff = await whole_tariff()  # after the books, so that it has every version they name
            for book in found:
                differences += verify_book(book, tariff)
        done, after = done + len(member_ids), member_ids[-1]
        if progress is not None:
            progress(done, max(done, total))
    return differences


def verify_book(book: Book, tariff: Tariff) -> list[Difference]:
    """The differences in the books of one member."""
    member_id = book.account["member_id"]
    found = [
        *_account(book),
        *_chains(book),
        *_reversals(book),
        *_awards(member_id, book, tariff),
        *_mirrors(book),
        *_prizes(book),
        *_corrections(book),
        *_learned_days(member_id, book),
        *_streaks(book),
        *_counted(book),
    ]
    return [Difference(member_id, what, kept, recomputed) for what, kept, recomputed in found if kept != recomputed]


Comparison = tuple[str, object, object]
"""(what, kept, found)"""


async def _read(member_ids: list[UUID]) -> list[Book]:
    async def work() -> list[Book]:
        await books.read_one_snapshot()
        return await books.books_of(member_ids)

    return await transaction(work)


def _account(book: Book) -> Iterator[Comparison]:
    """Totals, versions and the highest level against the entries."""
    account = book.account
    for kind in PointAccount:
        entries = [entry for entry in book.entries if entry["account"] == kind]
        name = kind.lower()
        yield f"{name} points", account[name], sum(entry["amount"] for entry in entries)
        yield f"{name} version", account[f"{name}_version"], len(entries)
    after_booking: dict[UUID, int] = {}
    for entry in book.entries:
        if entry["account"] == PointAccount.LIFETIME:
            after_booking[entry["booking_id"]] = entry["balance_after"]
    highest = max(after_booking.values(), default=0)
    yield "highest level", account["top_level"], level_for(max(highest, 0)).number


def _chains(book: Book) -> Iterator[Comparison]:
    """Each entry follows the one before it, without a gap."""
    for kind in PointAccount:
        balance = 0
        for version, entry in enumerate((e for e in book.entries if e["account"] == kind), start=1):
            balance += entry["amount"]
            yield f"version of {kind} entry {entry['id']}", entry["account_version"], version
            yield f"balance after {kind} entry {entry['id']}", entry["balance_after"], balance


def _reversals(book: Book) -> Iterator[Comparison]:
    """A reversal undoes an earlier award of the same account under the same key and at the same place.

    By hand it does so under a rule of its own.
    """
    by_id = {entry["id"]: entry for entry in book.entries}
    for entry in book.entries:
        if entry["reverses_id"] is None:
            continue
        undone = by_id.get(entry["reverses_id"])
        yield f"entry reversed by entry {entry['id']}", undone is not None, True
        if undone is not None:
            rule = undone["rule"] if entry["rule"] == CORRECTED else entry["rule"]
            yield f"what entry {entry['id']} reverses", _identity(entry | {"rule": rule}), _identity(undone)
            whole = entry["account"] == PointAccount.LIFETIME
            amount = -undone["amount"] if whole else max(-undone["amount"], entry["amount"])
            yield f"amount of reversal {entry['id']}", entry["amount"], amount


def _identity(entry: dict[str, Any]) -> tuple[object, ...]:
    return tuple(
        entry[name]
        for name in (
            "account",
            "rule",
            "object_id",
            "period_key",
            "part",
            "occurred_at",
            "outlet_id",
            "region_id",
            "tier",
        )
    )


def _awards(member_id: UUID, book: Book, tariff: Tariff) -> Iterator[Comparison]:
    """The awards that stand against what the facts of each day are worth under its caps: points, moment, version."""
    facts = [recorded(row.kind, member_id, row.object_id, row.occurred_at, row.details) for row in book.facts]
    first = first_learning(facts)
    claims = claims_of([*facts, *full_weeks(member_id, first), *streaks_reached(member_id, first)])
    by_id = {entry["id"]: entry for entry in book.entries}
    annulled = {_key(by_id[row["reverses_id"]]) for row in book.corrections if row["reverses_id"] in by_id}
    worth: dict[AwardKey, list[Standing]] = {}
    spent: defaultdict[tuple[str, date], int] = defaultdict(int)
    for claim in sorted(claims, key=lambda claim: (claim.occurred_at, claim.key)):
        rate = tariff.rate(claim.rule, claim.occurred_at)
        if claim.key in worth or rate is None:
            continue
        points = rate.pays(claim)
        if rate.daily_cap is not None:
            points = max(0, min(points, rate.daily_cap - spent[claim.rule, claim.day]))
            spent[claim.rule, claim.day] += points
        stands = points > 0 and claim.key not in annulled
        worth[claim.key] = [(points, claim.occurred_at, rate.version)] if stands else []

    paid: defaultdict[AwardKey, list[Standing]] = defaultdict(list)
    undone = {entry["reverses_id"] for entry in book.entries}
    for entry in book.entries:
        if entry["rule"] in CODES and entry["account"] == PointAccount.LIFETIME and entry["reverses_id"] is None:
            yield f"line of the tariff of entry {entry['id']}", tariff.has(entry["rule"], entry["tariff_version"]), True
            standing = paid[_key(entry)]
            if entry["id"] not in undone:
                standing.append((entry["amount"], entry["occurred_at"], entry["tariff_version"]))
    for key in sorted(worth.keys() | paid.keys()):
        rule, object_id, period_key = key
        yield f"award for {rule} of {object_id} {period_key}".rstrip(), paid[key], worth.get(key, [])


def _key(entry: dict[str, Any]) -> AwardKey:
    return entry["rule"], entry["object_id"], entry["period_key"]


def _mirrors(book: Book) -> Iterator[Comparison]:
    """An award is the same on both accounts."""
    mirrored: defaultdict[tuple[UUID, str, UUID, str, int], int] = defaultdict(int)
    for entry in book.entries:
        if entry["rule"] in CODES and entry["reverses_id"] is None:
            sign = 1 if entry["account"] == PointAccount.LIFETIME else -1
            key = (entry["booking_id"], entry["rule"], entry["object_id"], entry["period_key"], entry["part"])
            mirrored[key] += sign * entry["amount"]
    for (booking_id, rule, *_), difference in mirrored.items():
        yield f"lifetime less balance of an award for {rule} in booking {booking_id}", difference, 0


def _prizes(book: Book) -> Iterator[Comparison]:
    """A paid prize is one entry of the balance, whole; one that is not paid, and one that nobody won, is none."""
    booked: defaultdict[tuple[str, UUID], list[tuple[str, int]]] = defaultdict(list)
    for entry in book.entries:
        if entry["rule"] in PRIZE_CODES and entry["reverses_id"] is None:
            booked[entry["rule"], entry["object_id"]].append((entry["account"], entry["amount"]))
    won = {
        (prize["kind"], prize["source_id"]): [(PointAccount.BALANCE.value, prize["points"])] if prize["paid"] else []
        for prize in book.prizes
    }
    for kind, source_id in sorted(booked.keys() | won.keys()):
        yield f"entries of {kind} of {source_id}", booked[kind, source_id], won.get((kind, source_id), [])


def _corrections(book: Book) -> Iterator[Comparison]:
    """A correction and the entries of its booking: the same amount, and what the balance lacked was written off."""
    booked: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for entry in book.entries:
        if entry["rule"] == CORRECTED:
            booked[entry["booking_id"]][entry["account"]] = entry["amount"]
    made = {row["id"]: row for row in book.corrections}
    yield "corrections", sorted(made), sorted(booked)
    by_id = {entry["id"]: entry for entry in book.entries}
    for correction_id, row in made.items():
        undone = by_id.get(row["reverses_id"])
        amounts = booked[correction_id]
        if undone is None or undone["account"] == PointAccount.LIFETIME:
            yield f"amount of correction {correction_id}", row["amount"], amounts.get(PointAccount.LIFETIME)
        if undone is not None:
            yield f"what correction {correction_id} undoes", row["amount"], -undone["amount"]
        left = amounts.get(PointAccount.BALANCE, 0) - row["amount"]
        yield f"written off by correction {correction_id}", row["written_off"], left


def _learned_days(member_id: UUID, book: Book) -> Iterator[Comparison]:
    kept: defaultdict[date, int] = defaultdict(int)
    since: dict[date, datetime] = {}
    for row in book.learned:
        kept[row["day"]] += row["amount"]
        since[row["day"]] = row["occurred_at"]
    facts = (recorded(row.kind, member_id, row.object_id, row.occurred_at, row.details) for row in book.facts)
    found = first_learning(facts)
    for day in sorted(kept.keys() | found.keys()):
        yield f"learned day {day}", kept[day], int(day in found)
        if day in found:
            yield f"first learning of {day}", since.get(day), found[day]


def _streaks(book: Book) -> Iterator[Comparison]:
    """The marks along the learned days against the days themselves, from the first one on."""
    kept: defaultdict[date, int] = defaultdict(int)
    for row in book.learned:
        kept[row["day"]] += row["amount"]
    found = {run.day: asdict(run) for run in marks_of(list(walk(sorted(day for day in kept if kept[day] > 0))))}
    marks = {mark["day"]: {name: mark[name] for name in found.get(mark["day"], mark)} for mark in book.marks}
    for day in sorted(marks.keys() | found.keys()):
        yield f"streak at the end of {day}", marks.get(day), found.get(day)


def _counted(book: Book) -> Iterator[Comparison]:
    """What boards count, by day and place, against the entries and learned days behind it."""
    lifetime = (entry for entry in book.entries if entry["account"] == PointAccount.LIFETIME)
    for metric, behind in ((BoardMetric.POINTS, lifetime), (BoardMetric.STREAK_DAYS, book.learned)):
        kept = _by_cell(row for row in book.counted if row["metric"] == metric)
        found = _by_cell(behind)
        for cell in sorted(kept.keys() | found.keys()):
            yield f"{metric} counted on {cell[0]} in outlet {cell[1]}", kept[cell], found[cell]


def _by_cell(lines: Iterable[dict[str, Any]]) -> defaultdict[Cell, int]:
    cells: defaultdict[Cell, int] = defaultdict(int)
    for line in lines:
        if line["outlet_id"] is not None:
            cells[line["day"], line["outlet_id"], line["region_id"], line["tier"]] += line["amount"]
    return cells
