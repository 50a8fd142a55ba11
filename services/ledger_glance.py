"""Whether one member's books are in order, seen at a glance: columns added up and compared whole.

A year of a city is seven million entries, and hardly ever is one of them wrong. So nothing is named here; what is rare,
reversals, prizes, corrections, is left to the plain checks. Whoever is not found in order is looked at in the plain way
(`services/ledger_checks.py`), which has the last word: this one may be too strict, but never overlook what that names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate
from typing import Any

from gamification.corrections import CORRECTED
from gamification.facts import Recorded
from gamification.levels import level_for
from gamification.prizes import TITLES as PRIZES
from gamification.rules import CODES
from gamification.streaks import first_learning, marks_of, walk
from gamification.tariff import Tariff
from kit.db import Line
from kit.words import BoardMetric, PointAccount
from models.books import Book
from services import ledger_checks as plain
from services.ledger_checks import Comparison, annulled_by, facts_of, worth_of

_AWARDS = frozenset(CODES)
_LIFETIME, _BALANCE = PointAccount.LIFETIME.value, PointAccount.BALANCE.value
_METRICS = BoardMetric.POINTS.value, BoardMetric.STREAK_DAYS.value
_BY_OTHERS = frozenset({*PRIZES, CORRECTED})
"""What is booked under these rules has something of its own to be compared with."""


def book_in_order(book: Book, tariff: Tariff) -> bool:
    """True only if `verify_book` finds no difference."""
    lifetime = _Entries([line for line in book.entries if line[1] == _LIFETIME])
    balance = _Entries([line for line in book.entries if line[1] == _BALANCE])
    _, points, version, spendable, spendable_version, top_level = book.account
    return (
        len(lifetime.lines) + len(balance.lines) == len(book.entries)
        and lifetime.add_up_to(points, version)
        and balance.add_up_to(spendable, spendable_version)
        and level_for(max(lifetime.highest(), 0)).number == top_level
        and _mirrored(lifetime, balance)
        and (not (lifetime.reverse or balance.reverse) or _hold(plain.reversals(book)))
        and ((not book.prizes and not book.corrections and _BY_OTHERS.isdisjoint((*lifetime.rules, *balance.rules)))
             or (_hold(plain.prizes(book)) and _hold(plain.corrections(book))))
        and _learned_and_paid(book, lifetime, tariff)
        and _counted(book, lifetime)
    )  # fmt: skip


class _Entries:
    """Those of one account, in order of version; by column, as far as columns are compared."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        columns: Sequence[Sequence[Any]] = tuple(zip(*lines, strict=True)) if lines else ((),) * 18
        self.bookings, self.rules, objects, periods, parts, self.amounts, moments, tariffs = columns[3:11]
        self.versions, self.balances, self.days, *place = columns[11:17]
        self.cells = zip(self.days, *place, strict=True)
        self.reverse = columns[17].count(None) < len(lines)
        self.awards: Sequence[tuple[Any, ...]]
        """(booking, rule, object, period, part, amount, moment, version of the tariff)"""
        if not self.reverse and _AWARDS.issuperset(self.rules):
            self.awards = list(
                zip(self.bookings, self.rules, objects, periods, parts, self.amounts, moments, tariffs, strict=True)
            )
        else:
            self.awards = [line[3:11] for line in lines if line[17] is None and line[4] in _AWARDS]

    def add_up_to(self, points: int, version: int) -> bool:
        """And each follows the one before it."""
        return (
            self.versions == tuple(range(1, version + 1))
            and self.balances == tuple(accumulate(self.amounts))
            and points == (self.balances[-1] if self.balances else 0)
        )

    def highest(self) -> int:
        """The highest balance that a booking left."""
        return max(dict(zip(self.bookings, self.balances, strict=True)).values(), default=0)


def _mirrored(lifetime: _Entries, balance: _Entries) -> bool:
    ours, theirs = ([award[:6] for award in entries.awards] for entries in (lifetime, balance))
    return ours == theirs or sorted(ours) == sorted(theirs)


def _learned_and_paid(book: Book, lifetime: _Entries, tariff: Tariff) -> bool:
    facts = facts_of(book)
    first = first_learning(facts)
    once = {day: at for _, day, amount, at, *_ in book.learned if amount == 1}
    if (once != first or len(once) < len(book.learned)) and not _hold(plain.learned_days(book)):
        return False
    runs = list(walk(sorted(first)))
    marks = [(run.day, run.days, run.in_row, run.cards, run.best_days) for run in marks_of(runs)]
    return sorted(line[1:] for line in book.marks) == marks and _paid(book, lifetime, facts, first, tariff)


def _paid(
    book: Book, lifetime: _Entries, facts: Sequence[Recorded], first: Mapping[date, datetime], tariff: Tariff
) -> bool:
    awards = lifetime.awards
    if lifetime.reverse:
        undone = {line[17] for line in book.entries}
        if not all(tariff.has(award[1], award[7]) for award in awards):
            return False
        awards = [
            line[3:11] for line in lifetime.lines if line[17] is None and line[4] in _AWARDS and line[2] not in undone
        ]
    paid = {award[1:4]: award[5:] for award in awards}
    worth = worth_of(book.account[0], facts, first, annulled_by(book), tariff)
    return len(paid) == len(awards) and paid == worth


def _counted(book: Book, lifetime: _Entries) -> bool:
    points, days = ({line[2:6]: line[6] for line in book.counted if line[1] == metric} for metric in _METRICS)
    return (
        len(points) + len(days) == len(book.counted)
        and points == _by_cell(zip(lifetime.cells, lifetime.amounts, strict=True))
        and days == _by_cell(((day, *place), amount) for _, day, amount, _, *place in book.learned)
    )


def _by_cell(lines: Iterable[tuple[tuple[Any, ...], int]]) -> dict[tuple[Any, ...], int]:
    cells: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for cell, amount in lines:
        cells[cell] += amount
    return {cell: amount for cell, amount in cells.items() if amount and cell[1] is not None}


def _hold(comparisons: Iterable[Comparison]) -> bool:
    return all(kept == found for _, kept, found in comparisons)
