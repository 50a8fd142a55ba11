"""From what is claimed and what is booked to what must be booked now.

The ledger is brought into line with the set of facts, whole weeks at a time. What is paid stays paid while its claim
stands; a claim that has gone or has moved in time is reversed; then every claim not paid in full is offered what its
day's cap has left. So the points of a day depend on the set of facts alone: never on their order, their splitting or
their repetition.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from gamification.rules.claim import Claim
from gamification.tariff import Tariff, tariff_on

AwardKey = tuple[str, UUID, str]


@dataclass(frozen=True, slots=True)
class Paid:
    """One award in the ledger. `part` numbers the awards of one key from 0; a reversed one keeps its number."""

    entry_id: int
    key: AwardKey
    part: int
    points: int
    occurred_at: datetime
    day: date
    reversed: bool


@dataclass(frozen=True, slots=True)
class Due:
    """An award to book now. `again`: it takes the place of one reversed in the same breath, so it is no news."""

    claim: Claim
    points: int
    part: int
    tariff_version: int
    again: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """What the day's cap kept from a claim."""

    claim: Claim
    points_missing: int


@dataclass(frozen=True, slots=True)
class Settlement:
    reversals: tuple[Paid, ...]
    dues: tuple[Due, ...]
    refused: tuple[Refused, ...]


def settle(
    claims: Iterable[Claim], paid: Sequence[Paid], tariff_of: Callable[[date], Tariff] = tariff_on
) -> Settlement:
    """What to book so that the ledger agrees with the claims.

    `claims` and `paid` must be everything claimed and paid on the days they touch; `paid` may also hold awards of the
    same keys on other days. Dues and refusals come in order of occurrence.
    """
    wanted = _first_of_each_key(claims)
    reversals = tuple(award for award in paid if not award.reversed and not _stands(award, wanted.get(award.key)))
    gone = {award.entry_id for award in reversals}
    received: defaultdict[AwardKey, int] = defaultdict(int)
    spent: defaultdict[tuple[str, date], int] = defaultdict(int)
    parts: defaultdict[AwardKey, int] = defaultdict(int)
    for award in paid:
        parts[award.key] = max(parts[award.key], award.part + 1)
        if not award.reversed and award.entry_id not in gone:
            received[award.key] += award.points
            spent[award.key[0], award.day] += award.points

    dues: list[Due] = []
    refused: list[Refused] = []
    moved = {award.key for award in reversals}
    for claim in sorted(wanted.values(), key=lambda claim: (claim.occurred_at, claim.key)):
        tariff = tariff_of(claim.day)
        rate = tariff.rates[claim.rule]
        missing = rate.points - received[claim.key]
        room = missing if rate.daily_cap is None else max(0, rate.daily_cap - spent[claim.rule, claim.day])
        points = min(missing, room)
        if points > 0:
            spent[claim.rule, claim.day] += points
            dues.append(Due(claim, points, parts[claim.key], tariff.version, claim.key in moved))
        if missing > max(points, 0):
            refused.append(Refused(claim, missing - points))
    return Settlement(reversals, tuple(dues), tuple(refused))


def _first_of_each_key(claims: Iterable[Claim]) -> dict[AwardKey, Claim]:
    wanted: dict[AwardKey, Claim] = {}
    for claim in claims:
        known = wanted.get(claim.key)
        if known is None or claim.occurred_at < known.occurred_at:
            wanted[claim.key] = claim
    return wanted


def _stands(award: Paid, claim: Claim | None) -> bool:
    """An award for a thing stands at the moment of its claim; one for a day or week stands while anybody claims it."""
    if claim is None:
        return False
    return bool(claim.period_key) or claim.occurred_at == award.occurred_at
