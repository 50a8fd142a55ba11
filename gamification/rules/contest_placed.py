from gamification.facts import ContestPlaced, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "contest.placed"
FACT = ContestPlaced
TITLE = Title("竞赛获奖", "Placed in a contest")
ONCE_PER = OncePer.CONTEST
LIMITS = Limits(5_000)


PLACES = 3


def claim(fact: Fact) -> Claim | None:
    """The first three alike; what a contest gives beyond that are its prizes."""
    if not isinstance(fact, ContestPlaced) or fact.place > PLACES:
        return None
    return Claim(CODE, "Contest", fact.contest_id, "", fact.occurred_at)
