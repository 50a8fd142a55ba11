"""One rule over one member's past: what it awarded and what it would have, under another line."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from gamification.caps import AwardKey, Paid, settle
from gamification.rules.claim import Claim
from gamification.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Played:
    """Awards that stand, and their points."""

    awards: int
    points: int


def play(claims: Sequence[Claim], tariff: Tariff, annulled: Collection[AwardKey], days: tuple[date, date]) -> Played:
    """What claims of one rule are worth on the days [first, last). `claims` must be all of those days."""
    undone = [
        Paid(0, claim.key, 0, 0, claim.occurred_at, claim.day, reversed=True, annulled=True)
        for claim in claims
        if claim.key in annulled
    ]
    starts_on, ends_on = days
    paid = [due.points for due in settle(claims, undone, tariff).dues if starts_on <= due.claim.day < ends_on]
    return Played(len(paid), sum(paid))
