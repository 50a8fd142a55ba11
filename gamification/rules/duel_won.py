from gamification.facts import DuelWon, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "duel.won"
FACT = DuelWon
TITLE = Title("赢得对战", "Duel won")
ONCE_PER = OncePer.DUEL
LIMITS = Limits(100, 500)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, DuelWon):
        return None
    return Claim(CODE, "Duel", fact.duel_id, "", fact.occurred_at)
