"""The ranking of a photo-story contest: pure, so that anybody can work it out again from what is public.

    score = voteWeight x 100 x votes / most votes of the contest + (100 - voteWeight) x mean of the jury's scores

in hundredths of a point: voteWeight is a percentage, votes are measured by those of the entry that has most, and the
jury's mean is over the jurors who scored this entry. An entry that nobody voted for has 0 from the votes, one that no
juror scored has 0 from the jury. Both parts are rounded once, half up, when they are added.

Of equal scores the one with more votes is ahead; of equal votes the one that was published first; then the one with the
lower id, which is the one that was made first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

WEIGHTS = range(101)
"""Percent of a score that the votes are."""
JURY_SCORES = range(101)
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Contender:
    """A published entry with all that counts for it; `jury` holds one score for each juror who gave one."""

    entry_id: UUID
    votes: int
    jury: tuple[int, ...]
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """`position` 1, 2, 3, ...; `score` in hundredths of a point, 0 to 10,000."""

    entry_id: UUID
    position: int
    score: int


@dataclass(frozen=True, slots=True)
class PrizeLine:
    """`points` for each of the positions from one to the other, both included."""

    from_position: int
    to_position: int
    points: int


def ranking(contenders: Iterable[Contender], vote_weight: int) -> list[Placed]:
    """Everybody's place, the winner first."""
    field = list(contenders)
    most = max((each.votes for each in field), default=0)
    scores = {each.entry_id: score(each.votes, most, each.jury, vote_weight) for each in field}
    field.sort(key=lambda each: (-scores[each.entry_id], -each.votes, each.published_at, each.entry_id))
    return [Placed(each.entry_id, place, scores[each.entry_id]) for place, each in enumerate(field, start=1)]


def score(votes: int, most_votes: int, jury: Sequence[int], vote_weight: int) -> int:
    """The score of one entry in hundredths of a point."""
    by_votes = Fraction(100 * votes, most_votes) if most_votes else Fraction(0)
    by_jury = Fraction(sum(jury), len(jury)) if jury else Fraction(0)
    return int(vote_weight * by_votes + (100 - vote_weight) * by_jury + HALF)


def prize_of(position: int, lines: Iterable[PrizeLine]) -> int:
    """The points that a position wins; 0 where there is no prize."""
    return next((line.points for line in lines if line.from_position <= position <= line.to_position), 0)
