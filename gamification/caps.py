"""From what is claimed and what is booked to what must be booked now.

What a day pays is decided by its facts alone: in order of occurrence each claim gets its rate, up to the day's cap, the
last one in part. The ledger is brought into line with that, whole weeks at a time: an award stands if it is what its
claim should get, at the claim's moment; any other is reversed and, where something is due, booked anew. So neither the
points, nor where and when they count, depend on the order, the splitting or the repetition of the facts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from gamification.rules.claim import Claim
from gamification.tariff import Tariff
from kit.words import RefusalReason

AwardKey = tuple[str, UUID, str]


@dataclass(frozen=True, slots=True)
class Paid:
    """One award in the ledger. `part` numbers the awards of one key from 0; a reversed one keeps its number.

    `annulled`: reversed by hand. Nothing of its key is ever paid again.
    """

    entry_id: int
    key: AwardKey
    part: int
    points: int
    occurred_at: datetime
    day: date
    reversed: bool
    annulled: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """An award to book now, as part `part` of its key."""

    claim: Claim
    points: int
    part: int
    tariff_version: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What was kept from a claim."""

    claim: Claim
    points_missing: int
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Settlement:
    """All in order of occurrence, but the reversals."""

    reversals: tuple[Paid, ...]
    dues: tuple[Due, ...]
    refused: tuple[Refused, ...]

    def news(self) -> list[tuple[Claim, int]]:
        """What is newly earned, with its points: no award in the place of another, by the same claim or another one."""
        again = {award.key for award in self.reversals}
        renewed = {due.claim.key: due.points for due in self.dues}
        displaced: defaultdict[tuple[str, date], int] = defaultdict(int)
        for award in self.reversals:
            displaced[award.key[0], award.day] += max(0, award.points - renewed.get(award.key, 0))
        found: list[tuple[Claim, int]] = []
        for due in self.dues:
            if due.claim.key in again:
                continue
            stead = min(due.points, displaced[due.claim.rule, due.claim.day])
            displaced[due.claim.rule, due.claim.day] -= stead
            if due.points > stead:
                found.append((due.claim, due.points - stead))
        return found


def settle(claims: Iterable[Claim], paid: Sequence[Paid], tariff: Tariff) -> Settlement:
    """What to book so that the ledger agrees with the claims.

    `claims` and `paid` must be everything claimed and paid on the days they touch, and whatever was annulled of the
    same keys on other days; `paid` may also hold other awards of theirs. What is annulled keeps its place under the
    day's cap: taking an award from somebody makes no room for another.
    """
    annulled = {award.key for award in paid if award.annulled}
    payable: dict[AwardKey, Due] = {}
    refused: list[Refused] = []
    parts: defaultdict[AwardKey, int] = defaultdict(int)
    for award in paid:
        parts[award.key] = max(parts[award.key], award.part + 1)
    spent: defaultdict[tuple[str, date], int] = defaultdict(int)
    for claim in _first_of_each_key(claims):
        rate = tariff.rate(claim.rule, claim.occurred_at)
        if rate is None:
            continue
        price, points = rate.price(claim), rate.pays(claim)
        if rate.daily_cap is not None:
            day = (claim.rule, claim.day)
            points = min(points, max(0, rate.daily_cap - spent[day]))
            spent[day] += points
        if claim.key in annulled:
            continue
        if points > 0:
            payable[claim.key] = Due(claim, points, parts[claim.key], rate.version)
        if points < price:
            reason = RefusalReason.DAILY_CAP if rate.enabled else RefusalReason.RULE_DISABLED
            refused.append(Refused(claim, price - points, reason))

    reversals: list[Paid] = []
    standing: set[AwardKey] = set()
    for award in paid:
        if award.reversed:
            continue
        due = payable.get(award.key)
        if due is not None and (due.points, due.claim.occurred_at) == (award.points, award.occurred_at):
            standing.add(award.key)
        else:
            reversals.append(award)
    dues = tuple(due for key, due in payable.items() if key not in standing)
    return Settlement(tuple(reversals), dues, tuple(refused))


def _first_of_each_key(claims: Iterable[Claim]) -> list[Claim]:
    """In order of occurrence; of what happened at one moment, in order of key."""
    found: dict[AwardKey, Claim] = {}
    for claim in sorted(claims, key=lambda claim: (claim.occurred_at, claim.key)):
        found.setdefault(claim.key, claim)
    return list(found.values())
