from gamification.facts import ClassCheckedIn, Fact
from gamification.rules.claim import Claim
from gamification.rules.limits import Limits
from gamification.titles import Title
from kit.words import OncePer

CODE = "class.checked_in"
FACT = ClassCheckedIn
TITLE = Title("线下课签到", "Checked in at a class")
ONCE_PER = OncePer.CLASS
LIMITS = Limits(500)


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, ClassCheckedIn):
        return None
    return Claim(CODE, "OfflineClass", fact.class_id, "", fact.occurred_at)
