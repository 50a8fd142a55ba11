"""The audit of one member's points, the plain way: every sum added up and every award worked out, each by its name.

`services/ledger_glance.py` sees at a glance whether all of it is in order; here whoever is not is told why.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from operator import itemgetter
from uuid import UUID

import orjson

from gamification.caps import AwardKey
from gamification.corrections import CORRECTED
from gamification.facts import Recorded, recorded
from gamification.levels import level_for
from gamification.prizes import TITLES as PRIZE_CODES
from gamification.rules import CODES, claims_of
from gamification.streaks import Run, first_learning, full_weeks, marks_of, streaks_reached, walk
from gamification.tariff import Tariff
from kit.db import Line
from kit.words import BoardMetric, PointAccount
from models.books import Book

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


def verify_book(book: Book, tariff: Tariff) -> list[Difference]:
    """The differences in the books of one member."""
    member_id = book.account["member_id"]
    found = [
        *account(book),
        *chains(book),
        *reversals(book),
        *awards(member_id, book, tariff),
        *mirrors(book),
        *prizes(book),
        *corrections(book),
        *learned_days(book),
        *streaks(book),
        *counted(book),
    ]
    return [Difference(member_id, what, kept, recomputed) for what, kept, recomputed in found if kept != recomputed]


Comparison = tuple[str, object, object]
"""(what, kept, found)"""


def account(book: Book) -> Iterator[Comparison]:
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


def chains(book: Book) -> Iterator[Comparison]:
    """Each entry follows the one before it, without a gap."""
    for kind in PointAccount:
        balance = 0
        for version, entry in enumerate((e for e in book.entries if e["account"] == kind), start=1):
            balance += entry["amount"]
            yield f"version of {kind} entry {entry['id']}", entry["account_version"], version
            yield f"balance after {kind} entry {entry['id']}", entry["balance_after"], balance


def reversals(book: Book) -> Iterator[Comparison]:
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
            yield f"what entry {entry['id']} reverses", _identity(entry, rule), _identity(undone, undone["rule"])
            whole = entry["account"] == PointAccount.LIFETIME
            amount = -undone["amount"] if whole else max(-undone["amount"], entry["amount"])
            yield f"amount of reversal {entry['id']}", entry["amount"], amount


def _identity(entry: Line, rule: str) -> tuple[object, ...]:
    names = ("account", "object_id", "period_key", "part", "occurred_at", "outlet_id", "region_id", "tier")
    return (rule, *(entry[name] for name in names))


def awards(member_id: UUID, book: Book, tariff: Tariff) -> Iterator[Comparison]:
    """The awards that stand against what the facts of each day are worth under its caps: points, moment, version."""
    facts = facts_of(book)
    worth = worth_of(member_id, facts, first_learning(facts), annulled_by(book), tariff)
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
        found = [worth[key]] if key in worth else []
        yield f"award for {rule} of {object_id} {period_key}".rstrip(), paid[key], found


def facts_of(book: Book) -> list[Recorded]:
    member_id = book.account["member_id"]
    return [
        recorded(kind, member_id, object_id, at, orjson.loads(details))
        for _, kind, object_id, at, details in book.facts
    ]


def annulled_by(book: Book) -> set[AwardKey]:
    """The keys of what was taken back by hand."""
    by_id = {entry["id"]: entry for entry in book.entries} if book.corrections else {}
    return {_key(by_id[row["reverses_id"]]) for row in book.corrections if row["reverses_id"] in by_id}


def worth_of(
    member_id: UUID,
    facts: Sequence[Recorded],
    first: Mapping[date, datetime],
    annulled: Collection[AwardKey],
    tariff: Tariff,
) -> dict[AwardKey, Standing]:
    """What should stand of the awards that these facts, all of the member's, have a right to.

    `first`: `first_learning` of them.
    """
    claims = claims_of([*facts, *full_weeks(member_id, first), *streaks_reached(member_id, first)])
    keyed = [(claim.occurred_at, claim.key, claim) for claim in claims]
    seen: set[AwardKey] = set()
    worth: dict[AwardKey, Standing] = {}
    spent: defaultdict[tuple[str, date], int] = defaultdict(int)
    for at, key, claim in sorted(keyed, key=itemgetter(0, 1)):
        if key in seen:
            continue
        rate = tariff.rate(claim.rule, at)
        if rate is None:
            continue
        seen.add(key)
        points = rate.pays(claim)
        if rate.daily_cap is not None:
            day = claim.rule, claim.day
            points = max(0, min(points, rate.daily_cap - spent[day]))
            spent[day] += points
        if points > 0 and key not in annulled:
            worth[key] = (points, at, rate.version)
    return worth


def _key(entry: Line) -> AwardKey:
    return entry["rule"], entry["object_id"], entry["period_key"]


def mirrors(book: Book) -> Iterator[Comparison]:
    """An award is the same on both accounts."""
    mirrored: defaultdict[tuple[UUID, str, UUID, str, int], int] = defaultdict(int)
    for entry in book.entries:
        if entry["rule"] in CODES and entry["reverses_id"] is None:
            sign = 1 if entry["account"] == PointAccount.LIFETIME else -1
            key = (entry["booking_id"], entry["rule"], entry["object_id"], entry["period_key"], entry["part"])
            mirrored[key] += sign * entry["amount"]
    for (booking_id, rule, *_), difference in mirrored.items():
        yield f"lifetime less balance of an award for {rule} in booking {booking_id}", difference, 0


def prizes(book: Book) -> Iterator[Comparison]:
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


def corrections(book: Book) -> Iterator[Comparison]:
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


def learned_days(book: Book) -> Iterator[Comparison]:
    kept: defaultdict[date, int] = defaultdict(int)
    since: dict[date, datetime] = {}
    for row in book.learned:
        kept[row["day"]] += row["amount"]
        since[row["day"]] = row["occurred_at"]
    found = first_learning(facts_of(book))
    for day in sorted(kept.keys() | found.keys()):
        yield f"learned day {day}", kept[day], int(day in found)
        if day in found:
            yield f"first learning of {day}", since.get(day), found[day]


def streaks(book: Book) -> Iterator[Comparison]:
    """The marks along the learned days against the days themselves, from the first one on."""
    kept: defaultdict[date, int] = defaultdict(int)
    for row in book.learned:
        kept[row["day"]] += row["amount"]
    found = {run.day: asdict(run) for run in marks_of(list(walk(sorted(day for day in kept if kept[day] > 0))))}
    names = [field.name for field in fields(Run)]
    marks = {mark["day"]: {name: mark[name] for name in names} for mark in book.marks}
    for day in sorted(marks.keys() | found.keys()):
        yield f"streak at the end of {day}", marks.get(day), found.get(day)


def counted(book: Book) -> Iterator[Comparison]:
    """What boards count, by day and place, against the entries and learned days behind it."""
    lifetime = (entry for entry in book.entries if entry["account"] == PointAccount.LIFETIME)
    for metric, behind in ((BoardMetric.POINTS, lifetime), (BoardMetric.STREAK_DAYS, book.learned)):
        kept = _by_cell(row for row in book.counted if row["metric"] == metric)
        found = _by_cell(behind)
        for cell in sorted(kept.keys() | found.keys(), key=lambda cell: tuple(map(str, cell))):
            yield f"{metric} counted on {cell[0]} in outlet {cell[1]}", kept[cell], found[cell]


def _by_cell(lines: Iterable[Line]) -> defaultdict[Cell, int]:
    cells: defaultdict[Cell, int] = defaultdict(int)
    for line in lines:
        if line["outlet_id"] is not None:
            cells[line["day"], line["outlet_id"], line["region_id"], line["tier"]] += line["amount"]
    return cells
