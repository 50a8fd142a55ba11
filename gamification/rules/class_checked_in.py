from gamification.facts import ClassCheckedIn, Fact
from gamification.rules.claim import Claim
from gamification.titles import Title
from kit.words import OncePer

CODE = "class.checked_in"
TITLE = Title("线下课签到", "Checked in at a class")
ONCE_PER = OncePer.CLASS


def claim(fact: Fact) -> Claim | None:
    if not isinstance(fact, ClassCheckedIn):
        return None
    return Claim(CODE, "OfflineClass", fact.class_id, "", fact.occurred_at)
